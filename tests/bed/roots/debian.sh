#!/bin/bash
# A root for the tests of images: a small Debian, with a user of each id that Debian knows and of no other.

image=root-debian
packages=(base-files base-passwd bash coreutils dash findutils grep libc-bin sed)
binaries=(tests/witness)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../../../containers/image-lib.sh"

# As base-passwd and dash do it when they are installed.
fill() {
	local root=$1 tree=$2 file
	rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,i18n}
	cp -a --link "$root/." "$tree/"
	for file in passwd group; do
		cp "$root/usr/share/base-passwd/$file.master" "$tree/etc/$file"
	done
	ln -sf dash "$tree/usr/bin/sh"
	install_ours tests/witness "$tree/opt/witness/bin/witness"
}

image_make
