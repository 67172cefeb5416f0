/* Whatever is accepted can be shown on a terminal, and is a denial of that log. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/denial-log.h"
#include "common/alloc.h"
#include "common/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct denial *d)
{
	const char *const texts[] = { d->from, d->protocol, d->host, d->reason };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		require(texts[i] && !escape_is_needed(texts[i]));
	require(!d->sni || !escape_is_needed(d->sni));
	require(d->time_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum denial_source sources[] = { DENIAL_SQUID, DENIAL_FIREWALL };
	_cleanup_free_ char *line = xstrndup((const char *)data, size);

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct denial d;
		int r = denial_log_parse(sources[i], line, &d);

		require(r == 1 || r == 0 || r == -EINVAL);
		if (r < 1)
			continue;
		check(&d);
		require(d.source == sources[i]);
		denial_log_clear(&d);
	}
	return 0;
}
