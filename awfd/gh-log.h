/* Lines of cli-proxy's access log (containers/cli-proxy/access-log.h). Who wrote them sits next to
 * what the agent runs, so nothing is taken over that isn't of that form. Pure. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"

#define GH_LOG_LINE_MAX 16384

enum gh_event_kind {
	GH_DENIED, /* refused; it never ran */
	GH_START,
	GH_DONE,
	GH_EVENT_KIND_COUNT,
};

/* As cli-proxy's log and ours write it: "exec_done". */
const char *gh_event_name(enum gh_event_kind kind);

/* All texts are UTF-8 without control characters. */
struct gh_event {
	char *time; /* RFC 3339, "2026-11-25T20:58:45.123Z" */
	enum gh_event_kind kind;
	char *id;         /* of the call, hexadecimal; NULL when it was denied */
	char *command;    /* NULL: gh was called without */
	char *subcommand; /* or NULL */
	char **args;
	char *reason; /* why it was denied, else NULL */

	/* When it is done: */
	int64_t exit_code; /* -1: it never ran */
	int64_t duration_ms;
	int64_t stdin_bytes, stdout_bytes, stderr_bytes;
	char *stderr_preview; /* or NULL */
	char *stopped;        /* why cli-proxy ended it, or NULL */
};

/* Parses a line without its newline. 1: an event. 0: the line tells nothing of a call. -EINVAL: it
 * is not of that form. */
int gh_log_parse(const char *line, struct gh_event *ret) _must_check_;
void gh_event_clear(struct gh_event *event);
