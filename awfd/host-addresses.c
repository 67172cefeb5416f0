#include "awfd/host-addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define SEPARATORS " \t,"

static bool is_own4(struct in_addr address)
{
	const in_addr_t a = ntohl(address.s_addr);

	return a >> IN_CLASSA_NSHIFT != 0 && a >> IN_CLASSA_NSHIFT != IN_LOOPBACKNET &&
	       !IN_MULTICAST(a) && !IN_BADCLASS(a);
}

/* A link-local one would need its interface's name. */
static bool is_own6(const struct in6_addr *a)
{
	return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_LOOPBACK(a) &&
	       !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_LINKLOCAL(a) && !IN6_IS_ADDR_V4MAPPED(a);
}

static int parse_one(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	*ret = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1 && is_own4(v4.sin_addr)) {
		memcpy(ret, &v4, sizeof(v4));
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 && is_own6(&v6.sin6_addr)) {
		memcpy(ret, &v6, sizeof(v6));
		return 0;
	}
	return -EINVAL;
}

int host_addresses_parse(const char *text, struct host_addresses *ret)
{
	_cleanup_strv_ char **words = strv_split(text, SEPARATORS);
	struct host_addresses parsed = { .count = strv_length(words) };

	if (parsed.count > HOST_ADDRESSES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < parsed.count; i++)
		if (parse_one(words[i], &parsed.list[i]) < 0)
			return -EINVAL;
	*ret = parsed;
	return 0;
}

static void append(struct strbuf *text, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	char shown[INET6_ADDRSTRLEN];

	if (address->ss_family == AF_INET)
		strbuf_appendf(text, ",%s",
			       inet_ntop(AF_INET, &v4->sin_addr, shown, sizeof(shown)));
	else
		strbuf_appendf(text, ",[%s]",
			       inet_ntop(AF_INET6, &v6->sin6_addr, shown, sizeof(shown)));
}

char *host_addresses_format(const struct host_addresses *addresses)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_puts(&text, "localhost");
	for (size_t i = 0; i < addresses->count; i++)
		append(&text, &addresses->list[i]);
	return strbuf_take(&text);
}
