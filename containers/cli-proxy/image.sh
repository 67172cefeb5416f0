#!/bin/bash
# The image of cli-proxy: our program, gh, git, and the libraries they need. No shell.

image=cli-proxy
packages=(ca-certificates coreutils gh git libevent-2.1-7 libjson-c5 libseccomp2)
binaries=(awf-cli-proxy)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

readonly programs=(
	/usr/bin/gh
	/usr/bin/git
	/usr/bin/false
	/usr/lib/git-core/git-remote-http
	awf-cli-proxy=/usr/local/bin/awf-cli-proxy
)

fill() {
	local root=$1 tree=$2
	make_skeleton "$tree"
	copy_closure "$root" "$tree" "${programs[@]}"
	ln -s git-remote-http "$tree/usr/lib/git-core/git-remote-https"
	write_ca_certificates "$root" "$tree"
	write_package_database "$root" "$tree"
	printf 'root:x:0:0:root:/root:/usr/bin/false\n' >"$tree/etc/passwd"
	printf 'cli-proxy:x:65532:65532::/tmp:/usr/bin/false\n' >>"$tree/etc/passwd"
	printf 'root:x:0:\ncli-proxy:x:65532:\n' >"$tree/etc/group"
	printf 'passwd: files\ngroup: files\nhosts: files\n' >"$tree/etc/nsswitch.conf"
	install -D -m 644 /dev/null "$tree/etc/awf/ca-bundle.pem" # what awfd mounts over
	install -D -m 644 /dev/null "$tree/run/awf/access.log"    # likewise
}

image_make
