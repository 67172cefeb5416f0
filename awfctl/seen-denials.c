#include "awfctl/seen-denials.h"

#include <inttypes.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"
#include "common/timestamp.h"

struct entry {
	int64_t time_ms; /* of the last attempt */
	int64_t count;
};

struct seen_denials {
	char **keys; /* what was refused */
	struct entry *entries;
};

struct seen_denials *seen_denials_new(void)
{
	return xnew(struct seen_denials);
}

void seen_denials_free(struct seen_denials *s)
{
	if (!s)
		return;
	strv_free(s->keys);
	free(s->entries);
	free(s);
}

/* All that tells one entry of awfd's list from another. */
static char *key_of(const struct denial_info *d)
{
	return xasprintf("%s\n%s\n%s\n%s\n%" PRId64 "\n%s\n%s", d->source, d->from, d->protocol,
			 d->host, d->port, d->sni ? d->sni : "", d->reason);
}

static struct entry *find(struct seen_denials *s, const char *key)
{
	for (size_t i = 0; s->keys && s->keys[i]; i++)
		if (strcmp(s->keys[i], key) == 0)
			return &s->entries[i];
	return NULL;
}

static struct entry *append(struct seen_denials *s, const char *key)
{
	size_t n = strv_length(s->keys);

	strv_append(&s->keys, key);
	s->entries = xrealloc(s->entries, n + 1, sizeof(*s->entries));
	s->entries[n] = (struct entry){ 0 };
	return &s->entries[n];
}

/* An awfd that has read its logs again may count fewer attempts than the one before, but not at a
 * later time. */
bool seen_denials_add(struct seen_denials *s, const struct denial_info *d)
{
	_cleanup_free_ char *key = key_of(d);
	struct entry *e = find(s, key), now = { .count = d->count };
	bool news;

	if (timestamp_parse_ms(d->time, &now.time_ms) < 0)
		now.time_ms = 0;
	news = !e || now.time_ms > e->time_ms || now.count > e->count;
	if (!e)
		e = append(s, key);
	*e = now;
	return news;
}
