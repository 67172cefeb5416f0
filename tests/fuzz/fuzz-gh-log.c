/* Whatever is accepted can be shown on a terminal and has its numbers; what was refused has
 * nothing. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/gh-log.h"
#include "common/alloc.h"
#include "common/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text)
{
	require(!text || !escape_is_needed(text));
}

static void check_event(const struct gh_event *event)
{
	const char *const texts[] = { event->time,       event->id,     event->command,
				      event->subcommand, event->reason, event->stderr_preview,
				      event->stopped };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(texts[i]);
	for (size_t i = 0; event->args && event->args[i]; i++)
		check_text(event->args[i]);
	require(event->kind < GH_EVENT_KIND_COUNT && gh_event_name(event->kind));
	require((event->kind == GH_DENIED) == (event->id == NULL));
	require(event->duration_ms >= 0 && event->stdin_bytes >= 0 && event->stdout_bytes >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(gh_event_clear) struct gh_event event = { 0 };
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	int r = gh_log_parse(line, &event);

	require(r == 1 || r == 0 || r == -EINVAL);
	if (r == 1)
		check_event(&event);
	else
		require(!event.time && !event.id && !event.args);
	return 0;
}
