#include "awfd/relay/upstream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/parse.h"
#include "awfd/relay/socket.h"

#define ADDRESSES_MAX 8 /* of one name; more are not looked at */

struct upstream {
	char *text;
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	socklen_t lengths[ADDRESSES_MAX];
	size_t count;
	size_t preferred; /* the address of attempt 0 */
};

/* Splits HOST:PORT at its last colon, in place, and takes the brackets off an IPv6 address. */
static int split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');
	uint16_t number;

	if (!colon || colon == text || parse_port(colon + 1, &number) < 0)
		return -EINVAL;
	*colon = '\0';
	*host = text;
	*port = colon + 1;
	if (text[0] != '[')
		return strchr(text, ':') ? -EINVAL : 0;
	if (colon - text < 3 || colon[-1] != ']')
		return -EINVAL;
	colon[-1] = '\0';
	*host = text + 1;
	return 0;
}

static void keep_addresses(struct upstream *u, const struct addrinfo *list)
{
	for (; list && u->count < ADDRESSES_MAX; list = list->ai_next) {
		memcpy(&u->addresses[u->count], list->ai_addr, list->ai_addrlen);
		u->lengths[u->count++] = list->ai_addrlen;
	}
}

int upstream_new(const char *text, struct upstream **ret, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	_cleanup_(upstream_freep) struct upstream *u = xnew(struct upstream);
	_cleanup_free_ char *copy = xstrdup(text);
	struct addrinfo *list;
	char *host, *port;
	int r;

	if (split(copy, &host, &port) < 0)
		return err_invalid(e, "--upstream", text, "this is not HOST:PORT or [V6]:PORT");
	r = getaddrinfo(host, port, &hints, &list);
	if (r != 0)
		return err_set(e, -EHOSTUNREACH, ERR_SYSTEM, "%s: %s", text, gai_strerror(r));
	keep_addresses(u, list);
	freeaddrinfo(list);
	u->text = xstrdup(text);
	*ret = TAKE_PTR(u);
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

size_t upstream_count(const struct upstream *u)
{
	return u->count;
}

int upstream_connect(const struct upstream *u, size_t attempt)
{
	size_t i = (u->preferred + attempt) % u->count;
	const struct sockaddr *address = (const struct sockaddr *)&u->addresses[i];
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	socket_prepare(fd, is_loopback(address) ? SOCKET_LOCAL : SOCKET_REMOTE);
	if (connect(fd, address, u->lengths[i]) == 0 || errno == EINPROGRESS)
		return fd;
	error = -errno;
	fd_close(fd);
	return error;
}

void upstream_prefer(struct upstream *u, size_t attempt)
{
	u->preferred = (u->preferred + attempt) % u->count;
}

const char *upstream_text(const struct upstream *u)
{
	return u->text;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	free(u->text);
	free(u);
}
