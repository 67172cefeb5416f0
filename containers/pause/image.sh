#!/bin/bash
# The image that holds a sandbox's network namespace: one static file.

image=pause
packages=()
binaries=(awf-pause)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

fill() {
	install_ours awf-pause "$2/pause"
}

image_make
