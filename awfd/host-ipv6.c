#include "awfd/host-ipv6.h"

#include <stdio.h>
#include <string.h>

#include <linux/ipv6_route.h>
#include <linux/route.h>

#include "common/cleanup.h"

#define ZERO "00000000000000000000000000000000"

/* "DESTINATION LENGTH SOURCE LENGTH NEXTHOP METRIC REFERENCES USE FLAGS INTERFACE", in hexadecimal.
 */
bool host_ipv6_is_static_default(const char *line)
{
	char destination[33], interface[32];
	unsigned length, flags;

	if (sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %x %31s", destination, &length, &flags,
		   interface) != 4)
		return false;
	return strcmp(destination, ZERO) == 0 && length == 0 && strcmp(interface, "lo") != 0 &&
	       (flags & RTF_UP) && !(flags & (RTF_REJECT | RTF_ADDRCONF));
}

static bool is_forwarding(void)
{
	_cleanup_file_ FILE *f = fopen("/proc/sys/net/ipv6/conf/all/forwarding", "re");

	return f && fgetc(f) == '1';
}

/* A file of /proc has no size to be known before. */
bool host_ipv6_is_usable(void)
{
	_cleanup_file_ FILE *f = fopen("/proc/net/ipv6_route", "re");
	char line[256];

	if (is_forwarding())
		return true;
	while (f && fgets(line, sizeof(line), f))
		if (host_ipv6_is_static_default(line))
			return true;
	return false;
}
