#include "awfd/denials.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"

struct denials {
	struct denial *entries; /* most sandboxes have none */
	size_t count;
	uint64_t lost;
};

struct denials *denials_new(void)
{
	return xnew(struct denials);
}

static void free_strings(struct denial *e)
{
	free((char *)e->from);
	free((char *)e->protocol);
	free((char *)e->host);
	free((char *)e->sni);
	free((char *)e->reason);
}

void denials_free(struct denials *d)
{
	for (size_t i = 0; d && i < d->count; i++)
		free_strings(&d->entries[i]);
	if (d)
		free(d->entries);
	free(d);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct denial *a, const struct denial *b)
{
	return a->source == b->source && a->port == b->port && same_text(a->from, b->from) &&
	       same_text(a->protocol, b->protocol) && same_text(a->host, b->host) &&
	       same_text(a->sni, b->sni) && same_text(a->reason, b->reason);
}

static struct denial *find(struct denials *d, const struct denial *attempt)
{
	for (size_t i = 0; i < d->count; i++)
		if (is_same(&d->entries[i], attempt))
			return &d->entries[i];
	return NULL;
}

static struct denial *append(struct denials *d, const struct denial *attempt)
{
	struct denial *entry;

	d->entries = xrealloc(d->entries, d->count + 1, sizeof(*d->entries));
	entry = &d->entries[d->count++];
	*entry = (struct denial){
		.source = attempt->source,
		.from = xstrdup(attempt->from),
		.protocol = xstrdup(attempt->protocol),
		.host = xstrdup(attempt->host),
		.port = attempt->port,
		.sni = xstrdup(attempt->sni),
		.reason = xstrdup(attempt->reason),
	};
	return entry;
}

const struct denial *denials_add(struct denials *d, const struct denial *attempt)
{
	struct denial *entry = find(d, attempt);

	if (!entry && d->count == DENIALS_MAX) {
		d->lost++;
		return NULL;
	}
	if (!entry)
		entry = append(d, attempt);
	entry->time_ms = attempt->time_ms;
	entry->count++;
	return entry;
}

size_t denials_count(const struct denials *d)
{
	return d->count;
}

const struct denial *denials_get(const struct denials *d, size_t i)
{
	return &d->entries[i];
}

uint64_t denials_lost(const struct denials *d)
{
	return d->lost;
}

const char *denial_source_name(enum denial_source source)
{
	static const char *const names[] = {
		[DENIAL_SQUID] = "squid",
		[DENIAL_FIREWALL] = "firewall",
	};

	return names[source];
}

/* Whether it is a name that could be granted: an address never is. */
static bool is_name(const char *host)
{
	const char *last = strrchr(host, '.');

	return last && last[1] >= 'a' && last[1] <= 'z' && strchr(host, ':') == NULL;
}

static bool is_host_itself(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "host.docker.internal") == 0;
}

static char *grant_domain(const struct denial *d)
{
	if (is_host_itself(d->host))
		return xasprintf("--enable-host-access --allow-host-ports %u", d->port);
	return is_name(d->host) ? xasprintf("--allow-domains %s", d->host) : NULL;
}

static char *grant_private(const struct denial *d)
{
	return is_name(d->host) ? xasprintf("--allow-private %s", d->host) : NULL;
}

/* What would grant it, by why it was refused; all other refusals are for good. */
static const struct {
	const char *reason;
	char *(*grant)(const struct denial *d);
} grants[] = {
	{ DENIAL_NOT_ALLOWED, grant_domain },
	{ DENIAL_PRIVATE, grant_private },
};

char *denial_grant(const struct denial *d)
{
	if (strcmp(d->from, "agent") != 0)
		return NULL; /* sidecars have what the operator grants them */
	for (size_t i = 0; i < ARRAY_SIZE(grants); i++)
		if (strcmp(grants[i].reason, d->reason) == 0)
			return grants[i].grant(d);
	return NULL;
}
