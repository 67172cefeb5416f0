/* What the service manager is told of awfd (sd_notify(3)): that it is ready, reads its
 * configuration again or stops, that its loop still turns (the watchdog), and in one line how many
 * sandboxes there are and what is wrong. Without a service manager nothing is told to anybody. */
#pragma once

#include <stdbool.h>

#include <event2/event.h>

#include "common/cleanup.h"

/* What may be wrong while awfd runs on: one text of each kind at most. */
enum notify_problem {
	NOTIFY_ENGINE,   /* the Docker Engine does not answer */
	NOTIFY_EGRESS,   /* there is no network for squids */
	NOTIFY_FIREWALL, /* others change the host's table again and again */
	NOTIFY_CONFIG,   /* the configuration cannot be used: the old one is in force */
	NOTIFY_PROBLEMS
};

struct notify;

/* Pings the watchdog from the loop if the service manager has one (sd_watchdog_enabled(3)). */
struct notify *notify_new(struct event_base *base) _must_check_;
void notify_free(struct notify *n);

void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);
void notify_reloaded(struct notify *n);
void notify_stopping(struct notify *n);

void notify_sandboxes(struct notify *n, unsigned count);

/* Something is wrong, in words that need not be harmless, or with NULL no longer. Logged when it
 * changes, and part of the status until it is over. */
void notify_problem(struct notify *n, enum notify_problem kind, const char *text);

bool notify_has_problem(const struct notify *n, enum notify_problem kind);

/* What is wrong, without control characters, and since when; NULL: nothing. The caller owns it. */
char *notify_problem_text(const struct notify *n, enum notify_problem kind) _must_check_;
