#!/bin/bash
# The image of squid: Debian's build with OpenSSL (the other one can't look at SNI), our helper, and
# the libraries they need. No shell.

image=squid
packages=(squid-openssl openssl)
binaries=(awf-sni-match)

# Only maintainer scripts and the service want them.
left_out='perl|perl-base|perl-modules-[0-9.]+|libperl[0-9.]+|libdbi-perl|debconf|logrotate|cron|adduser'

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../image-lib.sh"

fill() {
	cp -a "$1" /tmp/squid-root-x
	exit 1
}

image_make
