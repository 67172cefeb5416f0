#include "awfd/relay-targets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/queue.h>

#include "common/alloc.h"

#define PORTS     65536
#define LOOPBACKS 2

/* One DIFC proxy and how many sandboxes have it. */
struct difc_count {
	struct sockaddr_storage address;
	unsigned users;
	LIST_ENTRY(difc_count) entry;
};

struct relay_targets {
	struct nft *nft;
	struct sockaddr_storage host[LOOPBACKS + HOST_ADDRESSES_MAX]; /* without a port */
	size_t host_count;
	LIST_HEAD(, difc_count) difcs;
	unsigned ports[PORTS]; /* how many sandboxes have that port of the host */
};

/* The targets of one transaction. */
struct batch {
	struct sockaddr_storage *list;
	size_t count;
};

static void know_host(struct relay_targets *t, const struct host_addresses *more)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	memcpy(&t->host[t->host_count++], &v4, sizeof(v4));
	memcpy(&t->host[t->host_count++], &v6, sizeof(v6));
	for (size_t i = 0; more && i < more->count; i++)
		t->host[t->host_count++] = more->list[i];
}

struct relay_targets *relay_targets_new(const struct host_addresses *host)
{
	struct relay_targets *t = xnew(struct relay_targets);

	LIST_INIT(&t->difcs);
	know_host(t, host);
	return t;
}

void relay_targets_use(struct relay_targets *t, struct nft *nft)
{
	t->nft = nft;
}

void relay_targets_free(struct relay_targets *t)
{
	struct difc_count *d;

	while (t && (d = LIST_FIRST(&t->difcs))) {
		LIST_REMOVE(d, entry);
		free(d);
	}
	free(t);
}

static struct difc_count *find(struct relay_targets *t, const struct sockaddr_storage *address)
{
	struct difc_count *d;

	LIST_FOREACH (d, &t->difcs, entry)
		if (memcmp(&d->address, address, sizeof(*address)) == 0)
			return d;
	return NULL;
}

/* The address with another port. */
static struct sockaddr_storage with_port(const struct sockaddr_storage *address, uint16_t port)
{
	struct sockaddr_storage ret = *address;

	if (ret.ss_family == AF_INET)
		((struct sockaddr_in *)&ret)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&ret)->sin6_port = htons(port);
	return ret;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	return ntohs(address->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

static void put_host_port(const struct relay_targets *t, struct batch *b, uint16_t port)
{
	for (size_t i = 0; i < t->host_count; i++)
		b->list[b->count++] = with_port(&t->host[i], port);
}

/* The port, if the address is what a granted port of the host leads to; else 0. */
static uint16_t host_port_of(const struct relay_targets *t, const struct sockaddr_storage *address)
{
	const struct sockaddr_storage bare = with_port(address, 0);

	for (size_t i = 0; i < t->host_count; i++)
		if (memcmp(&t->host[i], &bare, sizeof(bare)) == 0)
			return port_of(address);
	return 0;
}

/* As a DIFC proxy or as a port of the host: the firewall knows no difference. */
static bool is_used(struct relay_targets *t, const struct sockaddr_storage *address)
{
	return find(t, address) || t->ports[host_port_of(t, address)] > 0;
}

/* The grant's targets that no sandbox has at the moment. */
static void collect_unused(struct relay_targets *t, const struct relay_grant *grant,
			   struct batch *b)
{
	const size_t max = 1 + t->host_count * grant->ports.count;
	struct batch all = { .list = xcalloc(max, sizeof(*all.list)) };

	b->list = xcalloc(max, sizeof(*b->list));
	if (grant->has_difc)
		all.list[all.count++] = grant->difc;
	for (unsigned port = host_ports_first(&grant->ports); port != 0;
	     port = host_ports_next(&grant->ports, (uint16_t)port))
		put_host_port(t, &all, (uint16_t)port);
	for (size_t i = 0; i < all.count; i++)
		if (!is_used(t, &all.list[i]))
			b->list[b->count++] = all.list[i];
	free(all.list);
}

static struct difc_count *make(struct relay_targets *t, const struct sockaddr_storage *address)
{
	struct difc_count *d = xnew(struct difc_count);

	d->address = *address;
	LIST_INSERT_HEAD(&t->difcs, d, entry);
	return d;
}

static void count_difc(struct relay_targets *t, const struct sockaddr_storage *address, int change)
{
	struct difc_count *d = find(t, address);

	if (!d && change > 0)
		d = make(t, address);
	if (!d)
		return;
	d->users += (unsigned)change;
	if (d->users == 0) {
		LIST_REMOVE(d, entry);
		free(d);
	}
}

static void count(struct relay_targets *t, const struct relay_grant *grant, int change)
{
	if (grant->has_difc)
		count_difc(t, &grant->difc, change);
	for (unsigned port = host_ports_first(&grant->ports); port != 0;
	     port = host_ports_next(&grant->ports, port))
		t->ports[port] += (unsigned)change;
}

void relay_targets_adopt(struct relay_targets *t, const struct relay_grant *grant)
{
	count(t, grant, 1);
}

int relay_targets_add(struct relay_targets *t, const struct relay_grant *grant, struct err *e)
{
	struct batch b = { 0 };
	int r;

	collect_unused(t, grant, &b);
	r = nft_relay_targets_add(t->nft, b.list, b.count, e);
	free(b.list);
	if (r == 0)
		count(t, grant, 1);
	return r;
}

int relay_targets_remove(struct relay_targets *t, const struct relay_grant *grant, struct err *e)
{
	struct batch b = { 0 };
	int r;

	count(t, grant, -1);
	collect_unused(t, grant, &b);
	r = nft_relay_targets_remove(t->nft, b.list, b.count, e);
	free(b.list);
	if (r < 0)
		count(t, grant, 1);
	return r;
}

static size_t count_all(const struct relay_targets *t)
{
	const struct difc_count *d;
	size_t n = 0;

	LIST_FOREACH (d, &t->difcs, entry)
		n++;
	for (size_t port = 0; port < PORTS; port++)
		n += t->ports[port] > 0 ? t->host_count : 0;
	return n;
}

struct sockaddr_storage *relay_targets_list(const struct relay_targets *t, size_t *ret_count)
{
	size_t max = count_all(t);
	struct batch b = { .list = xcalloc(max + 1, sizeof(*b.list)) };
	const struct difc_count *d;

	LIST_FOREACH (d, &t->difcs, entry)
		b.list[b.count++] = d->address;
	for (size_t port = 1; port < PORTS; port++)
		if (t->ports[port] > 0)
			put_host_port(t, &b, (uint16_t)port);
	*ret_count = b.count;
	return b.list;
}
