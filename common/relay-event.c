#include "common/relay-event.h"

#include <inttypes.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

#define NO_NAME   "-"
#define ERROR_MAX 4095

static const struct {
	const char *token;
	bool has_error;
} kinds[] = {
	[RELAY_CLOSED] = { "closed", false },
	[RELAY_CLIENT_RESET] = { "client-reset", false },
	[RELAY_UPSTREAM_RESET] = { "upstream-reset", false },
	[RELAY_CUT_OFF] = { "cut-off", false },
	[RELAY_FAILED] = { "failed", true },
	[RELAY_LIMIT] = { "limit", false },
	[RELAY_SHORTAGE] = { "shortage", true },
	[RELAY_UNTOLD] = { "untold", false },
};

/* The words of a line. */
enum word { TIME, KIND, NAME, PORT, ERROR, COUNT, SENT, RECEIVED, DURATION, WORD_COUNT };

bool relay_event_is_like(const struct relay_event *a, const struct relay_event *b)
{
	return a->kind == b->kind && a->port == b->port && a->error == b->error &&
	       strcmp(a->name, b->name) == 0;
}

void relay_event_add(struct relay_event *a, const struct relay_event *b)
{
	a->time_ms = b->time_ms;
	a->count += b->count;
	a->sent += b->sent;
	a->received += b->received;
	a->duration_ms = MAX(a->duration_ms, b->duration_ms);
}

size_t relay_event_format(const struct relay_event *e, char line[RELAY_EVENT_LINE_MAX])
{
	int n = snprintf(
		line, RELAY_EVENT_LINE_MAX,
		"%" PRId64 " %s %s %u %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		e->time_ms, kinds[e->kind].token, *e->name ? e->name : NO_NAME, (unsigned)e->port,
		e->error, e->count, e->sent, e->received, e->duration_ms);

	return (size_t)n;
}

/* --- Parsing ------------------------------------------------------------------------------------
 */

/* Splits at single spaces into exactly the words there are, none of them empty. */
static int split(char *line, char *words[WORD_COUNT])
{
	char *rest = line;

	for (size_t i = 0; i < WORD_COUNT; i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i] || !*words[i])
			return -EINVAL;
	}
	return rest ? -EINVAL : 0;
}

static int take_kind(const char *word, enum relay_event_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		*ret = (enum relay_event_kind)i;
		if (strcmp(word, kinds[i].token) == 0)
			return 0;
	}
	return -EINVAL;
}

static int take_name(const char *word, char ret[RELAY_EVENT_NAME_MAX + 1])
{
	size_t length = strlen(word);

	if (strcmp(word, NO_NAME) == 0)
		return 0;
	if (length > RELAY_EVENT_NAME_MAX || strspn(word, "abcdefghijklmnopqrstuvwxyz") != length)
		return -EINVAL;
	memcpy(ret, word, length + 1);
	return 0;
}

static int take_numbers(char *const words[WORD_COUNT], struct relay_event *e)
{
	uint64_t time, port, error;

	if (parse_uint(words[TIME], 0, INT64_MAX, &time) < 0 ||
	    parse_uint(words[PORT], 0, UINT16_MAX, &port) < 0 ||
	    parse_uint(words[ERROR], 0, ERROR_MAX, &error) < 0 ||
	    parse_uint(words[COUNT], 1, INT64_MAX, &e->count) < 0 ||
	    parse_uint(words[SENT], 0, INT64_MAX, &e->sent) < 0 ||
	    parse_uint(words[RECEIVED], 0, INT64_MAX, &e->received) < 0 ||
	    parse_uint(words[DURATION], 0, INT64_MAX, &e->duration_ms) < 0)
		return -EINVAL;
	e->time_ms = (int64_t)time;
	e->port = (uint16_t)port;
	e->error = (int)error;
	return 0;
}

int relay_event_parse(const char *line, struct relay_event *ret)
{
	_cleanup_free_ char *copy = NULL;
	struct relay_event e = { 0 };
	char *words[WORD_COUNT];

	if (strnlen(line, RELAY_EVENT_LINE_MAX) == RELAY_EVENT_LINE_MAX)
		return -EINVAL;
	copy = xstrdup(line);
	if (split(copy, words) < 0 || take_kind(words[KIND], &e.kind) < 0 ||
	    take_name(words[NAME], e.name) < 0 || take_numbers(words, &e) < 0 ||
	    kinds[e.kind].has_error != (e.error != 0))
		return -EINVAL;
	*ret = e;
	return 0;
}
