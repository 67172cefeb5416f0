#!/bin/bash
# The default image of agents: what scripts usually ask for, for any user id.

image=agent
packages=(
	base-files bash bzip2 ca-certificates coreutils curl dash debianutils diffutils findutils
	git grep gzip hostname iproute2 jq less libc-bin mawk ncurses-base netcat-openbsd openssl patch
	procps python3 sed tar unzip util-linux xz-utils
)
binaries=()

# What only maintainer scripts and rare commands of git want, and manuals.
left_out='git-man|perl|perl-modules-[0-9.]+|libperl[0-9.]+|liberror-perl|libgdbm[^_]*|dpkg|debconf'

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

# What maintainer scripts would have made, as NAME=TARGET below /usr/bin.
readonly links=(sh=dash awk=mawk which=which.debianutils nc=nc.openbsd pager=less)

# Documents, translations, and what runs at installation only.
readonly dropped=(
	usr/share/{doc,man,info,locale,lintian,doc-base,bash-completion,zsh,pixmaps,applications,bug}
	usr/share/ca-certificates usr/share/perl5 usr/lib/systemd etc/{cron.d,cron.daily,init.d,systemd}
)

fill() {
	local root=$1 tree=$2 link
	make_skeleton "$tree"
	write_ca_certificates "$root" "$tree"
	write_package_database "$root" "$tree"
	# shellcheck disable=SC2068 # patterns
	(cd "$root" && rm -rf ${dropped[@]})
	cp -a --link --force "$root/." "$tree/"
	for link in "${links[@]}"; do
		ln -sf "${link#*=}" "$tree/usr/bin/${link%%=*}"
	done
	printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/bin/false\n' \
		>"$tree/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
	printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$tree/etc/nsswitch.conf"
}

image_make
