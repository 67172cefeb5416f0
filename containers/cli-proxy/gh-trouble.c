#include "containers/cli-proxy/gh-trouble.h"

#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

/* In each error of this kind, and in the URL of each request. */
#define PROXY "localhost:"

#define GONE "the DIFC proxy does not answer; gh works again as soon as it does"
#define CHANGED                                                                                    \
	"the DIFC proxy is not the one that this sandbox was started for: a DIFC proxy makes a "   \
	"new CA at each start; start a new sandbox with its current ca.crt"
#define EXPIRED                                                                                    \
	"the DIFC proxy's certificate has expired or is not valid yet; set the clock, or restart " \
	"the DIFC proxy and start a new sandbox with its current ca.crt"
#define BARE "the DIFC proxy was started without a policy, and lets nothing through"

/* Words of gh, of the library that it speaks TLS with, or of the DIFC proxy. The first row counts.
 */
static const struct {
	const char *words;
	const char *advice;
	bool any; /* also where the proxy's address is not shown */
} troubles[] = {
	{ "proxy enforcement not configured", BARE, true },
	{ "x509: certificate has expired", EXPIRED, false },
	{ "x509: ", CHANGED, false },
	{ "connection reset by peer", GONE, false },
	{ "connection refused", GONE, false },
	{ "broken pipe", GONE, false },
	{ "EOF", GONE, false },
	{ "error connecting to " PROXY, GONE, true },
};

void gh_trouble_take(struct gh_trouble *t, const void *data, size_t length)
{
	const char *bytes = data;
	size_t kept;

	if (length > sizeof(t->tail)) {
		bytes += length - sizeof(t->tail);
		length = sizeof(t->tail);
	}
	kept = MIN(t->length, sizeof(t->tail) - length);
	memmove(t->tail, t->tail + t->length - kept, kept);
	memcpy(t->tail + kept, bytes, length);
	t->length = kept + length;
}

static bool says(const struct gh_trouble *t, const char *words)
{
	return memmem(t->tail, t->length, words, strlen(words));
}

const char *gh_trouble_advice(const struct gh_trouble *t)
{
	bool about_proxy = says(t, PROXY);

	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++)
		if ((troubles[i].any || about_proxy) && says(t, troubles[i].words))
			return troubles[i].advice;
	return NULL;
}
