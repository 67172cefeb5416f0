#!/bin/bash
# A root for the tests of images that is like Alpine's: busybox as its shell, and a program that musl loads.

image=root-musl
packages=(busybox-static musl musl-dev)
binaries=(../../tests/system/witness.c ../../common/cleanup.h)

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../../../containers/image-lib.sh"

# build_witness ROOT PROGRAM: against the musl in ROOT, as musl-gcc does it.
build_witness() {
	local root=$1 program=$2 triplet lib loader
	triplet=$(gcc -dumpmachine)
	triplet=${triplet/gnu/musl}
	lib=$root/usr/lib/$triplet
	loader=$(cd "$root" && echo lib/ld-musl-*.so.1)
	mkdir -p "${program%/*}"
	gcc -std=c17 -O2 -D_GNU_SOURCE -fno-stack-protector -U_FORTIFY_SOURCE -no-pie -fno-pie -nostdinc -nostdlib \
		-isystem "$root/usr/include/$triplet" -I "$here/.." -Wl,-dynamic-linker,"/$loader" -o "$program" \
		"$lib"/crt1.o "$lib"/crti.o "$here/../tests/system/witness.c" -L "$lib" -lc "$lib"/crtn.o
}

fill() {
	local root=$1 tree=$2 command libc
	install -D -m 755 "$root/usr/bin/busybox" "$tree/bin/busybox"
	for command in sh echo cat grep id wget; do
		ln -s busybox "$tree/bin/$command"
	done
	libc=$(realpath "$root"/lib/ld-musl-*.so.1)
	install -D -m 755 "$libc" "$tree/lib/$(cd "$root/lib" && echo ld-musl-*.so.1)"
	build_witness "$root" "$tree/opt/witness/bin/witness"
	printf 'root:x:0:0:root:/root:/bin/sh\n' | install -D -m 644 /dev/stdin "$tree/etc/passwd"
}

image_make
