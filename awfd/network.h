/* Networks in CIDR notation (RFC 4632, RFC 4291): "10.0.0.0/8", "fd00::/8". Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct network {
	int family;          /* AF_INET or AF_INET6 */
	uint8_t address[16]; /* network byte order; IPv4 uses the first four bytes */
	unsigned bits;
};

/* -EINVAL when it is none, or has bits set beyond its prefix. */
int network_parse(const char *text, struct network *ret) _must_check_;

/* "10.0.0.0/8". The caller owns it. */
char *network_format(const struct network *n) _must_check_;

/* The network of `bits` bits, no fewer than its own, that begins where it begins. */
struct network network_first(const struct network *n, unsigned bits) _must_check_;

/* Its address of that number, counted from its own, which is 0. The number must be inside. */
struct network network_host(const struct network *n, uint32_t number) _must_check_;

/* Whether the address is inside; one that is neither IPv4 nor IPv6 never is. */
bool network_contains(const struct network *n, const struct sockaddr_storage *address);

/* Whether the two have addresses in common. */
bool network_overlaps(const struct network *a, const struct network *b);
