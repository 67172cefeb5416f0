/* Whether squids may have IPv6: forwarding it is the host's own setting, and a host that learns its
 * default route from router advertisements would lose it when forwarding begins (sysctl
 * net.ipv6.conf.*.accept_ra, "Documentation/networking/ip-sysctl.rst"). */
#pragma once

#include <stdbool.h>

/* Looks at the host: it forwards IPv6 already, or has a default route that was not advertised. */
bool host_ipv6_is_usable(void);

/* Whether a line of /proc/net/ipv6_route is such a default route. Pure. */
bool host_ipv6_is_static_default(const char *line);
