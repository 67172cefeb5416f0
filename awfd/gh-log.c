#include "awfd/gh-log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "proto/json-fields.h"

#define DEPTH_MAX     4
#define EXIT_CODE_MIN (-1)
#define EXIT_CODE_MAX 255
#define ID_LENGTH     16

/* A line as it is written: whatever event it is. */
struct line {
	char *event;
	struct gh_event call;
	int64_t port, difc_port;
};

static const struct field fields[] = {
	FIELD(struct line, call.time, "timestamp", .type = FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD(struct line, event, "event", .type = FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD(struct line, port, "port", .type = FIELD_INT),
	FIELD(struct line, difc_port, "difcPort", .type = FIELD_INT),
	FIELD(struct line, call.id, "id", .type = FIELD_STRING),
	FIELD(struct line, call.command, "command", .type = FIELD_STRING),
	FIELD(struct line, call.subcommand, "subcommand", .type = FIELD_STRING),
	FIELD(struct line, call.args, "args", .type = FIELD_STRINGS, .max = GH_LOG_LINE_MAX),
	FIELD(struct line, call.reason, "reason", .type = FIELD_STRING),
	FIELD(struct line, call.exit_code, "exitCode", .type = FIELD_INT),
	FIELD(struct line, call.duration_ms, "durationMs", .type = FIELD_INT),
	FIELD(struct line, call.stdin_bytes, "stdinBytes", .type = FIELD_INT),
	FIELD(struct line, call.stdout_bytes, "stdoutBytes", .type = FIELD_INT),
	FIELD(struct line, call.stderr_bytes, "stderrBytes", .type = FIELD_INT),
	FIELD(struct line, call.stderr_preview, "stderrPreview", .type = FIELD_STRING),
	FIELD(struct line, call.stopped, "stopped", .type = FIELD_STRING),
};

static const struct field_table table = FIELD_TABLE(struct line, NULL, fields);

static const char *const names[] = {
	[GH_DENIED] = "exec_denied",
	[GH_START] = "exec_start",
	[GH_DONE] = "exec_done",
};

const char *gh_event_name(enum gh_event_kind kind)
{
	return names[kind];
}

static void line_clear(struct line *line)
{
	fields_clear(&table, line);
}

/* Whether a text is of the form of another: a 0 stands for a digit. */
static bool has_form(const char *text, const char *form)
{
	for (; *form; form++, text++) {
		bool is_digit = *text >= '0' && *text <= '9';

		if (*form == '0' ? !is_digit : *text != *form)
			return false;
	}
	return *text == '\0';
}

static bool is_id(const char *text)
{
	return strlen(text) == ID_LENGTH && strspn(text, "0123456789abcdef") == ID_LENGTH;
}

static bool is_clean(const char *text)
{
	return !text || !escape_is_needed(text);
}

static bool texts_are_clean(const struct gh_event *e)
{
	for (char *const *arg = e->args; arg && *arg; arg++)
		if (!is_clean(*arg))
			return false;
	return is_clean(e->command) && is_clean(e->subcommand) && is_clean(e->reason) &&
	       is_clean(e->stderr_preview) && is_clean(e->stopped);
}

static bool numbers_are_good(const struct gh_event *e)
{
	return e->exit_code >= EXIT_CODE_MIN && e->exit_code <= EXIT_CODE_MAX &&
	       e->duration_ms >= 0 && e->stdin_bytes >= 0 && e->stdout_bytes >= 0 &&
	       e->stderr_bytes >= 0;
}

/* A call that was denied has a reason and no id, any other the other way round. */
static bool is_good(const struct gh_event *e)
{
	bool denied = e->kind == GH_DENIED;

	return has_form(e->time, "0000-00-00T00:00:00.000Z") && !e->reason == !denied &&
	       !e->id == denied && (denied || is_id(e->id)) && texts_are_clean(e) &&
	       numbers_are_good(e);
}

static bool find_kind(const char *name, enum gh_event_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*ret = (enum gh_event_kind)i;
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

int gh_log_parse(const char *line, struct gh_event *ret)
{
	_cleanup_(line_clear) struct line parsed = { 0 };
	size_t length = strnlen(line, GH_LOG_LINE_MAX + 1);

	if (length > GH_LOG_LINE_MAX ||
	    fields_parse_text(&table, line, length, DEPTH_MAX, &parsed) < 0)
		return -EINVAL;
	if (strcmp(parsed.event, "server_start") == 0)
		return 0;
	if (!find_kind(parsed.event, &parsed.call.kind) || !is_good(&parsed.call))
		return -EINVAL;
	*ret = parsed.call;
	parsed.call = (struct gh_event){ 0 };
	return 1;
}

void gh_event_clear(struct gh_event *event)
{
	struct line line = { .call = *event };

	line_clear(&line);
	*event = (struct gh_event){ 0 };
}
