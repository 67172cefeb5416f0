/* Ports of the host's bridge, for the files named link*.c. */
#pragma once

#include "awfd/netlink.h"

/* Isolates the port of that index from other isolated ports, if it is not. 0; -ENODEV when there is
 * no such interface or no such bridge, -ENOTCONN when it is no port of that; or another -errno. */
int link_bridge_isolate(struct netlink *host, unsigned index, const char *bridge) _must_check_;
