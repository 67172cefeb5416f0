#!/bin/bash
# The image of squid: Debian's build with OpenSSL (the other one can't look at a tunnel's SNI), our
# helper, and the libraries they need. No shell.

image=squid
packages=(squid-openssl)
binaries=(awf-sni-match)

# What only the service, maintainer scripts and helpers that are not in the image want.
left_out='perl|perl-base|perl-modules-[0-9.]+|libperl[0-9.]+|libdbi-perl|debconf|logrotate|cron|adduser'

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

# --- The certificate ------------------------------------------------------------------------------

# squid refuses `ssl-bump` on a port without a CA that could sign, even when its rules never bump and
# so never sign. Ours can't do harm: nobody trusts it, and its key is no secret at all, the Ed25519 key
# of a seed of 32 zeros. With that key, whose signatures are deterministic, and with everything else
# fixed, the certificate is the same in every build, no private key is kept in the tree, and none has
# to be made when a sandbox starts.
write_key() {
	{ printf '\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20'; head -c 32 /dev/zero; } |
		openssl pkey -inform DER
}

ca_config() {
	cat <<-END
		[ca]
		default_ca = here
		[here]
		database = $1/index
		serial = $1/serial
		new_certs_dir = $1
		default_md = default
		policy = any
		x509_extensions = authority
		[any]
		commonName = supplied
		[authority]
		basicConstraints = critical,CA:TRUE
		[req]
		distinguished_name = name
		[name]
	END
}

# write_certificate DIRECTORY FILE: key and self-signed certificate.
write_certificate() {
	mkdir "$1"
	ca_config "$1" >"$1/conf"
	: >"$1/index"
	printf '01\n' >"$1/serial"
	write_key >"$1/key"
	openssl req -new -config "$1/conf" -key "$1/key" -subj '/CN=awf signs nothing' -out "$1/request"
	openssl ca -batch -notext -selfsign -config "$1/conf" -keyfile "$1/key" -in "$1/request" \
		-startdate 20000101000000Z -enddate 99991231235959Z -out "$1/certificate" \
		2>"$1/messages" || image_die "$(cat "$1/messages")"
	cat "$1/key" "$1/certificate" >"$2"
}

# --- Error pages ----------------------------------------------------------------------------------

# One line of text for each of Debian's pages: the failure's name, the host asked for, and what awf
# decided by which rule. Nothing of this machine.
write_error_pages() {
	local page errors=$2/usr/share/squid/errors
	mkdir -p "$errors"
	for page in "$1"/usr/share/squid-langpack/templates/ERR_*; do
		printf 'awf: %s for %%H: @Squid{%%{decision}note} (rule: @Squid{%%{rule}note})\n' \
			"${page##*/}" >"$errors/${page##*/}"
	done
	cp "$1/usr/share/squid-langpack/templates/error-details.txt" "$errors/"
}

fill() {
	local root=$1 tree=$2
	make_skeleton "$tree"
	copy_closure "$root" "$tree" /usr/sbin/squid /usr/lib/squid/unlinkd
	install_ours awf-sni-match "$tree/usr/lib/squid/awf-sni-match"
	mkdir -p "$tree/usr/share/squid/icons"
	: >"$tree/usr/share/squid/mime.conf" # for FTP listings, which we don't do
	write_error_pages "$root" "$tree"
	write_certificate "$tree/../ca" "$tree/usr/share/squid/bump.pem"
	write_package_database "$root" "$tree"
	printf 'root:x:0:0:root:/root:/usr/bin/false\n' >"$tree/etc/passwd"
	printf 'squid:x:65533:65533::/:/usr/bin/false\n' >>"$tree/etc/passwd"
	printf 'root:x:0:\nsquid:x:65533:\n' >"$tree/etc/group"
	printf 'passwd: files\ngroup: files\nhosts: files\n' >"$tree/etc/nsswitch.conf"
	mkdir "$tree/etc/awf" "$tree/run/awf" # what awfd mounts over
}

image_make
