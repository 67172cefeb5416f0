#!/bin/bash
# The image of sandboxes that have the host's own programs: directories to mount things at, and the first
# process.

image=host
packages=()
binaries=(awf-init)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

# A mount point that is not in a sandbox stays as it is: empty.
readonly points=(usr bin sbin lib lib32 lib64 libx32 opt etc home root mnt srv tmp dev proc sys var)

fill() {
	local tree=$2 point
	for point in "${points[@]}"; do
		mkdir "$tree/$point"
	done
	ln -s /tmp "$tree/var/tmp"
	ln -s /run "$tree/var/run"
	install_ours awf-init "$tree/run/awf/init"
}

image_make
