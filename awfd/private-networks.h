/* The addresses that no sandbox reaches without a grant, whatever a name resolves to: one table for
 * squid's ACLs and the firewall's rules, so that the two walls are the same. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct private_network {
	int family;         /* AF_INET or AF_INET6 */
	uint8_t prefix[16]; /* network byte order; IPv4 uses the first four bytes */
	uint8_t bits;       /* length of the prefix */
};

extern const struct private_network private_networks[];
extern const size_t private_networks_count;

/* Whether an address is in one of them. One that is neither IPv4 nor IPv6 is. */
bool private_networks_contain(const struct sockaddr_storage *address);

/* "10.0.0.0/8". The caller owns it. */
char *private_network_format(const struct private_network *n) _must_check_;
