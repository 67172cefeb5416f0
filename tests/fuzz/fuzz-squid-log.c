/* Whatever is accepted has its strings, and what was refused nothing. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/squid-log.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_event(const struct squid_event *event)
{
	require(event->client && event->method && event->host);
	require(event->time_ms >= 0 && event->status <= 999);
	require(event->decision < SQUID_DECISION_COUNT);
	require(squid_decision_text(event->decision) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(squid_event_clear) struct squid_event event = { 0 };
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	int r = squid_log_parse(line, &event);

	require(r == 1 || r == 0 || r == -EINVAL);
	if (r == 1)
		check_event(&event);
	else
		require(!event.client && !event.method && !event.host && !event.rule);
	return 0;
}
