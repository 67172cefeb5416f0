#include "awfd/socket-address.h"

#include <netdb.h>
#include <string.h>

#include <event2/util.h>

#include "common/alloc.h"

#define ADDRESS_TEXT_MAX 64 /* of an IPv6 address with a zone */
#define PORT_TEXT_MAX    8

char *socket_address_format(const struct sockaddr_storage *address)
{
	char host[ADDRESS_TEXT_MAX], port[PORT_TEXT_MAX];

	if (address->ss_family != AF_INET && address->ss_family != AF_INET6)
		return NULL;
	if (getnameinfo((const struct sockaddr *)address, sizeof(*address), host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	return xasprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int socket_address_parse(const char *text, struct sockaddr_storage *ret)
{
	int length = sizeof(*ret);

	*ret = (struct sockaddr_storage){ 0 };
	return evutil_parse_sockaddr_port(text, (struct sockaddr *)ret, &length) == 0 ? 0 : -EINVAL;
}
