/* Whatever is accepted is the same again when it is written and read once more. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "common/relay-event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_event(const struct relay_event *event)
{
	char line[RELAY_EVENT_LINE_MAX];
	struct relay_event again;
	size_t length = relay_event_format(event, line);

	require(event->kind < RELAY_EVENT_KIND_COUNT && event->time_ms >= 0 && event->count > 0);
	require(length == strlen(line) && line[length - 1] == '\n');
	line[length - 1] = '\0';
	require(relay_event_parse(line, &again) == 0);
	require(relay_event_is_like(event, &again) && event->count == again.count);
	require(event->sent == again.sent && event->received == again.received);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	struct relay_event event;
	int r = relay_event_parse(line, &event);

	require(r == 0 || r == -EINVAL);
	if (r == 0)
		check_event(&event);
	return 0;
}
