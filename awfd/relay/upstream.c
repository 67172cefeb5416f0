#include "awfd/relay/upstream.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/log.h"
#include "common/parse.h"

#define ADDRESSES_MAX 8   /* of one upstream; more are not looked at */
#define ANY_PORT      "*" /* the one that the connection came in on */
#define LOCALHOST     "localhost"

/* An unreachable upstream is told of at most once in so many seconds: clients may try often. */
#define WARN_SECONDS 10

struct upstream {
	char *name;    /* NULL: for all other sockets */
	char *host;    /* or hosts, as given, with commas and brackets */
	uint16_t port; /* 0: the one that the connection came in on */
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	socklen_t lengths[ADDRESSES_MAX];
	size_t count;
	struct share share;
	time_t warned_at;  /* by the monotonic clock */
	unsigned unwarned; /* failures since then */
};

/* Takes NAME= off the text; without one, the upstream has no name. */
static int take_name(const char **text, struct upstream *u)
{
	const char *end = strchr(*text, '=');

	if (!end)
		return 0;
	if (end == *text || memchr(*text, ':', (size_t)(end - *text)))
		return -EINVAL;
	u->name = xstrndup(*text, (size_t)(end - *text));
	*text = end + 1;
	return 0;
}

/* Splits HOST:PORT at its last colon. */
static int split(const char *text, struct upstream *u)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon == text)
		return -EINVAL;
	if (strcmp(colon + 1, ANY_PORT) != 0 && parse_port(colon + 1, &u->port) < 0)
		return -EINVAL;
	u->host = xstrndup(text, (size_t)(colon - text));
	return 0;
}

/* The host without the brackets of an IPv6 address, or NULL. The caller owns it. */
static char *bare_host(const char *host)
{
	size_t length = strlen(host);

	if (host[0] != '[')
		return strchr(host, ':') ? NULL : xstrdup(host);
	if (length < 3 || host[length - 1] != ']')
		return NULL;
	return xstrndup(host + 1, length - 2);
}

static void keep_address(struct upstream *u, const void *address, socklen_t length)
{
	if (u->count == ADDRESSES_MAX)
		return;
	memcpy(&u->addresses[u->count], address, length);
	u->lengths[u->count++] = length;
}

static void keep_localhost(struct upstream *u)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	keep_address(u, &v4, sizeof(v4));
	keep_address(u, &v6, sizeof(v6));
}

static int look_up(struct upstream *u, const char *host, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int r;

	if (strcasecmp(host, LOCALHOST) == 0) {
		keep_localhost(u);
		return 0;
	}
	r = getaddrinfo(host, NULL, &hints, &list);
	if (r != 0)
		return err_set(e, -EHOSTUNREACH, ERR_SYSTEM, "%s: %s", host, gai_strerror(r));
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		keep_address(u, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

static int not_upstream(const char *text, struct err *e)
{
	return err_invalid(e, "--upstream", text,
			   "this is not [NAME=]HOST[,HOST...]:PORT, an IPv6 HOST in brackets");
}

/* Each host of the list, in its order. */
static int look_up_all(struct upstream *u, const char *text, struct err *e)
{
	_cleanup_free_ char *list = xstrdup(u->host);
	char *rest = list, *word;

	while ((word = strsep(&rest, ","))) {
		_cleanup_free_ char *host = bare_host(word);
		int r = host && *host ? look_up(u, host, e) : not_upstream(text, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int upstream_new(const char *text, struct upstream **ret, struct err *e)
{
	_cleanup_(upstream_freep) struct upstream *u = xnew(struct upstream);
	const char *rest = text;
	int r;

	if (take_name(&rest, u) < 0 || split(rest, u) < 0)
		return not_upstream(text, e);
	r = look_up_all(u, text, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(u);
	return 0;
}

const char *upstream_name(const struct upstream *u)
{
	return u->name;
}

size_t upstream_count(const struct upstream *u)
{
	return u->count;
}

static uint16_t effective_port(const struct upstream *u, uint16_t port)
{
	return u->port ? u->port : port;
}

socklen_t upstream_address(const struct upstream *u, size_t i, uint16_t port,
			   struct sockaddr_storage *ret)
{
	in_port_t number = htons(effective_port(u, port));

	*ret = u->addresses[i];
	if (ret->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ret)->sin6_port = number;
	else
		((struct sockaddr_in *)ret)->sin_port = number;
	return u->lengths[i];
}

void upstream_complain(struct upstream *u, uint16_t port, const char *sandbox, int error)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (u->warned_at != 0 && now.tv_sec - u->warned_at < WARN_SECONDS) {
		u->unwarned++;
		return;
	}
	log_sandbox(LOG_LEVEL_WARNING, sandbox,
		    "cannot connect to %s:%u: %s (%u more since the last warning)", u->host,
		    (unsigned)effective_port(u, port), strerror(-error), u->unwarned);
	u->warned_at = now.tv_sec;
	u->unwarned = 0;
}

struct relay_event upstream_event(const struct upstream *u, uint16_t port,
				  enum relay_event_kind kind, int error)
{
	struct relay_event e = { .kind = kind,
				 .port = effective_port(u, port),
				 .error = error < 0 ? -error : error,
				 .count = 1 };

	snprintf(e.name, sizeof(e.name), "%s", u->name ? u->name : "");
	return e;
}

struct share *upstream_share(struct upstream *u)
{
	return &u->share;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	free(u->name);
	free(u->host);
	free(u);
}
