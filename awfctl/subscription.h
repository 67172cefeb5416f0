/* A call that is answered again and again, and gone on with when awfd is restarted: it is made once
 * more, and answered from the beginning. */
#pragma once

#include "awfctl/comeback.h"

struct subscription {
	const char *socket;
	const char *method;              /* its full name */
	const struct field_table *table; /* of its parameters */
	const void *parameters;          /* borrowed */
	bool more;                       /* whether there may be several replies */
	/* its own: */
	struct client *client;
	struct comeback back;
	bool anew; /* nothing was answered yet */
};

#define _cleanup_subscription_ _cleanup_(subscription_close)

/* Connects and makes the call. */
int subscription_open(struct subscription *s, struct err *e) _must_check_;

/* Waits for the next reply; when the connection is lost, for awfd to be back and to answer again.
 * *anew: it is the first one of an awfd. */
int subscription_next(struct subscription *s, struct reply *ret, bool *anew,
		      struct err *e) _must_check_;

void subscription_close(struct subscription *s);
