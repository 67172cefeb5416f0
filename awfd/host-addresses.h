/* Addresses of this host, beside its loopback, at which its services may listen: where granted
 * ports of the host lead to, too. Pure. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>

#include "common/cleanup.h"

#define HOST_ADDRESSES_MAX 6 /* with the two of loopback, as many as a relay tries */

struct host_addresses {
	struct sockaddr_storage list[HOST_ADDRESSES_MAX]; /* without a port */
	size_t count;
};

/* Reads addresses with white space or commas between them. -EINVAL when one is none, or none that a
 * host has for itself (loopback, which is always there, included); -E2BIG when there are too many.
 */
int host_addresses_parse(const char *text, struct host_addresses *ret) _must_check_;

/* What a relay is told: "localhost,192.0.2.1,[2001:db8::1]". The caller owns it. */
char *host_addresses_format(const struct host_addresses *addresses) _must_check_;
