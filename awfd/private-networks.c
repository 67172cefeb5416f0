#include "awfd/private-networks.h"

#include "common/alloc.h"

/* The special-purpose registries of IANA, less what is for documentation (203.0.113.0/24,
 * 2001:db8::/32 and their like), which nobody routes. What embeds an IPv4 address (v4-compatible,
 * v4-mapped, NAT64, Teredo, 6to4) is here as a whole, because it may embed a private one. */
const struct network private_networks[] = {
	{ AF_INET, { 0 }, 8 },                        /* this network */
	{ AF_INET, { 10 }, 8 },                       /* private (RFC 1918) */
	{ AF_INET, { 100, 64 }, 10 },                 /* carrier-grade NAT */
	{ AF_INET, { 127 }, 8 },                      /* loopback */
	{ AF_INET, { 169, 254 }, 16 },                /* link-local, metadata services */
	{ AF_INET, { 172, 16 }, 12 },                 /* private */
	{ AF_INET, { 192, 0, 0 }, 24 },               /* protocol assignments */
	{ AF_INET, { 192, 168 }, 16 },                /* private */
	{ AF_INET, { 198, 18 }, 15 },                 /* benchmarking; awf-egress is in it */
	{ AF_INET, { 224 }, 4 },                      /* multicast */
	{ AF_INET, { 240 }, 4 },                      /* reserved, broadcast */
	{ AF_INET6, { 0 }, 96 },                      /* unspecified, loopback, v4-compatible */
	{ AF_INET6, { [10] = 0xff, 0xff }, 96 },      /* v4-mapped */
	{ AF_INET6, { 0x00, 0x64, 0xff, 0x9b }, 96 }, /* NAT64 */
	{ AF_INET6, { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 }, /* local NAT64 */
	{ AF_INET6, { 0x20, 0x01 }, 32 },                         /* Teredo */
	{ AF_INET6, { 0x20, 0x02 }, 16 },                         /* 6to4 */
	{ AF_INET6, { 0xfc }, 7 },                                /* unique local */
	{ AF_INET6, { 0xfe, 0x80 }, 10 },                         /* link-local */
	{ AF_INET6, { 0xfe, 0xc0 }, 10 },                         /* site-local */
	{ AF_INET6, { 0xff }, 8 },                                /* multicast */
};

const size_t private_networks_count = ARRAY_SIZE(private_networks);

bool private_networks_contain(const struct sockaddr_storage *address)
{
	if (address->ss_family != AF_INET && address->ss_family != AF_INET6)
		return true;
	for (size_t i = 0; i < private_networks_count; i++)
		if (network_contains(&private_networks[i], address))
			return true;
	return false;
}
