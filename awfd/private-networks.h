/* The addresses that no sandbox reaches without a grant, whatever a name resolves to: one table for
 * squid's ACLs and the firewall's rules, so that the two walls are the same. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "awfd/network.h"

extern const struct network private_networks[];
extern const size_t private_networks_count;

/* Whether an address is in one of them. One that is neither IPv4 nor IPv6 is. */
bool private_networks_contain(const struct sockaddr_storage *address);
