#include "containers/agent/proxy-url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

static int address_v4(const char *host, uint16_t port, struct proxy_url *ret)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&ret->address;

	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	ret->length = sizeof(*a);
	return inet_pton(AF_INET, host, &a->sin_addr) == 1 ? 0 : -EINVAL;
}

static int address_v6(const char *host, uint16_t port, struct proxy_url *ret)
{
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&ret->address;
	_cleanup_free_ char *inner = xstrndup(host + 1, strlen(host) - 2);

	a->sin6_family = AF_INET6;
	a->sin6_port = htons(port);
	ret->length = sizeof(*a);
	return inet_pton(AF_INET6, inner, &a->sin6_addr) == 1 ? 0 : -EINVAL;
}

/* ADDRESS:PORT or [ADDRESS]:PORT, into `parsed`. */
static int parse_authority(const char *text, struct proxy_url *parsed)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *host = NULL;
	uint16_t port;

	if (!colon || strlen(text) >= sizeof(parsed->text) || parse_port(colon + 1, &port) < 0)
		return -EINVAL;
	strcpy(parsed->text, text);
	host = xstrndup(text, (size_t)(colon - text));
	if (host[0] == '[' && strlen(host) > 2 && host[strlen(host) - 1] == ']')
		return address_v6(host, port, parsed);
	return address_v4(host, port, parsed);
}

int proxy_url_parse(const char *url, struct proxy_url *ret, struct err *e)
{
	static const char scheme[] = "http://";
	_cleanup_free_ char *authority = NULL;
	struct proxy_url parsed = { 0 };
	size_t length;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return err_invalid(e, "AWF_CLI_PROXY_URL", url, "must begin with http://");
	authority = xstrdup(url + strlen(scheme));
	length = strlen(authority);
	if (length > 0 && authority[length - 1] == '/')
		authority[length - 1] = '\0';
	if (parse_authority(authority, &parsed) < 0)
		return err_invalid(e, "AWF_CLI_PROXY_URL", url, "must be http://ADDRESS:PORT");
	*ret = parsed;
	return 0;
}
