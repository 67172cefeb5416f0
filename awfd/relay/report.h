/* What a relay writes to its log: events of its connections, each in a line, but of many in a
 * second only the first; the others are summed up, those that are alike in one line. */
#pragma once

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/relay-event.h"

struct report;

/* For a log that is open for appending; borrowed. */
struct report *report_new(struct event_base *base, int fd) _must_check_;

/* Tells the event, whose time this sets. NULL is allowed: nobody wants to know. */
void report_add(struct report *r, const struct relay_event *event);

/* Tells what is not told yet; NULL is allowed. */
void report_free(struct report *r);
