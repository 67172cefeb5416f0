/* What the parts of the fake engine share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct event_base;
struct http_head;
struct rule;
struct strbuf;

enum action {
	ACTION_PASS,
	ACTION_FAIL,  /* answers with a status and a message of its own */
	ACTION_CLOSE, /* closes the connection instead of passing the call on */
	ACTION_HANG,  /* never answers, and passes nothing on */
	ACTION_LOSE,  /* passes the call on and closes the connection instead of answering */
	ACTION_COUNT,
};

struct fake_engine {
	struct event_base *base;
	const char *upstream;
	struct rule *rules; /* newest first */
	char **calls;       /* "METHOD URI", in the order they came */
};

/* What a rule wants of a call. */
struct verdict {
	enum action action;
	unsigned status;
	const char *message; /* borrowed from the rule */
};

/* fake-engine-rules.c: counts the call and says what to do with it; obeys a command. */
struct verdict fake_engine_judge(struct fake_engine *e, const struct http_head *head);
int fake_engine_obey(const char *command, struct strbuf *answer, void *fake_engine) _must_check_;

/* fake-engine-conn.c: serves an accepted connection. */
void fake_engine_serve(struct fake_engine *e, int fd);
