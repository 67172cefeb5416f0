#!/bin/bash
# A root for the tests of images: busybox, its commands, and not so much as a list of users.

image=root-busybox
packages=(busybox-static)
binaries=(tests/witness)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../../../containers/image-lib.sh"

fill() {
	local root=$1 tree=$2 command
	install -D -m 755 "$root/usr/bin/busybox" "$tree/bin/busybox"
	"$tree/bin/busybox" --list | while read -r command; do
		[[ $command == busybox ]] || ln -s busybox "$tree/bin/$command"
	done
	install_ours tests/witness "$tree/opt/witness/bin/witness"
}

image_make
