/* What awf-relay tells of its connections, in lines of its log that awfd reads. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define RELAY_EVENT_LINE_MAX 256
#define RELAY_EVENT_NAME_MAX 16

enum relay_event_kind {
	RELAY_CLOSED,         /* connections that both sides ended */
	RELAY_CLIENT_RESET,   /* that the client broke off */
	RELAY_UPSTREAM_RESET, /* that the upstream broke off */
	RELAY_CUT_OFF,        /* that ended with the relay */
	RELAY_FAILED,         /* that found no upstream */
	RELAY_LIMIT,          /* accepting waits: there may be no more connections */
	RELAY_SHORTAGE,       /* accepting waits: descriptors or memory ran out */
	RELAY_UNTOLD,         /* events that could not be told */
	RELAY_EVENT_KIND_COUNT,
};

/* One event, or several that are alike. */
struct relay_event {
	int64_t time_ms; /* of the last, since the epoch */
	enum relay_event_kind kind;
	char name[RELAY_EVENT_NAME_MAX + 1]; /* of the upstream; empty: it has none */
	uint16_t port;                       /* of the upstream; 0: it is of no certain one */
	int error;                           /* errno of RELAY_FAILED and RELAY_SHORTAGE, else 0 */
	uint64_t count;                      /* how many they are */
	uint64_t sent, received;             /* bytes to the upstream and from it, of all */
	uint64_t duration_ms;                /* of the longest */
};

/* Whether these may be told as one. */
bool relay_event_is_like(const struct relay_event *a, const struct relay_event *b);

/* Counts b in. */
void relay_event_add(struct relay_event *a, const struct relay_event *b);

/* The event as a line with its newline; its length. */
size_t relay_event_format(const struct relay_event *e, char line[RELAY_EVENT_LINE_MAX]);

/* Parses a line without its newline; -EINVAL when it is none. */
int relay_event_parse(const char *line, struct relay_event *ret) _must_check_;
