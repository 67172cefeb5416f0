/* What the broker does, one function an operation: it gets what was asked for out of the request,
 * refuses what is none of it, does it, and puts what came of it, its own now, into the answer. A
 * failure puts nothing there. */
#pragma once

#include "awfd/broker-message.h"

struct broker_work {
	const char *programs; /* where those are that may be started, or NULL: none may */
	struct broker_message *request, *answer;
};

int broker_do_network(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_socket(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_stop_forwarding(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_spawn(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_look(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_stage(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_unstage(const struct broker_work *w, struct err *e) _must_check_;
int broker_do_cover(const struct broker_work *w, struct err *e) _must_check_;

/* Of a request that is none: -EBADMSG. */
int broker_refuse(struct err *e) _must_check_;
