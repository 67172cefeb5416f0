#include "awfd/network.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* Whether the first `bits` bits are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* Whether no bit behind the prefix is set. */
static bool is_network_address(const struct network *n)
{
	static const uint8_t zero[16];

	for (unsigned bit = n->bits; bit < family_bits(n->family); bit++)
		if (n->address[bit / 8] & (0x80u >> bit % 8))
			return false;
	return n->bits > 0 || memcmp(n->address, zero, sizeof(zero)) == 0;
}

int network_parse(const char *text, struct network *ret)
{
	const char *slash = strchr(text, '/');
	struct network n = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	_cleanup_free_ char *address = NULL;
	uint64_t bits;

	if (!slash || parse_uint(slash + 1, 0, family_bits(n.family), &bits) < 0)
		return -EINVAL;
	address = xstrndup(text, (size_t)(slash - text));
	n.bits = (unsigned)bits;
	if (inet_pton(n.family, address, n.address) != 1 || !is_network_address(&n))
		return -EINVAL;
	*ret = n;
	return 0;
}

char *network_format(const struct network *n)
{
	char text[INET6_ADDRSTRLEN];

	return xasprintf("%s/%u", inet_ntop(n->family, n->address, text, sizeof(text)), n->bits);
}

struct network network_first(const struct network *n, unsigned bits)
{
	struct network first = *n;

	assert(bits >= n->bits);
	first.bits = bits;
	return first;
}

struct network network_host(const struct network *n, uint32_t number)
{
	struct network host = *n;
	unsigned last = family_bits(n->family) / 8;

	host.bits = family_bits(n->family);
	for (unsigned i = 1; i <= sizeof(number); i++, number >>= 8)
		host.address[last - i] |= (uint8_t)number;
	return host;
}

bool network_contains(const struct network *n, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	const void *bytes =
		n->family == AF_INET ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;

	return n->family == address->ss_family && same_prefix(n->address, bytes, n->bits);
}

bool network_overlaps(const struct network *a, const struct network *b)
{
	return a->family == b->family && same_prefix(a->address, b->address, MIN(a->bits, b->bits));
}
