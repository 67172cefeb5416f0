#!/bin/bash
# A root for the tests of images: one program, and nothing else, not even a directory for anything.

image=root-static
packages=()
binaries=(tests/witness)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../../../containers/image-lib.sh"

fill() {
	install_ours tests/witness "$2/opt/witness/bin/witness"
}

image_make
