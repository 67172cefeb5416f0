/* One Varlink connection to awfd: calls go out in order, replies come back in order. */
#pragma once

#include <stdbool.h>

#include "proto/frame.h"
#include "proto/json-fields.h"

struct client;

struct reply {
	struct json_object *parameters; /* an object */
	bool continues;
};

#define _cleanup_client_ _cleanup_(client_freep)
#define _cleanup_reply_  _cleanup_(reply_clear)

/* Connects. The error says what to do about a missing socket or missing rights. */
int client_open(const char *path, struct client **ret, struct err *e) _must_check_;
void client_free(struct client *c);
DEFINE_CLEANUP(struct client, client_free)

/* Calls a method (its full name) with the struct `in` as parameters; with `more` it may be
 * answered by several replies. Never waits: what the socket does not take now is sent later. */
int client_call(struct client *c, const char *method, const struct field_table *table,
		const void *in, bool more, struct err *e) _must_check_;

/* Has the descriptor (lent until then) go with what is sent next. */
void client_pass_fd(struct client *c, int fd);

/* Sends and receives what is possible without waiting. 1 and the next reply, 0 when there is none
 * yet; an error reply, or the end of the connection, is a negative result. */
int client_receive(struct client *c, struct reply *ret, struct err *e) _must_check_;

/* The next reply, waiting for it: 0, or as client_receive(). */
int client_wait(struct client *c, struct reply *ret, struct err *e) _must_check_;

/* One call and its one reply, read into the struct `out`. */
int client_invoke(struct client *c, const char *method, const struct field_table *in_table,
		  const void *in, const struct field_table *out_table, void *out,
		  struct err *e) _must_check_;

/* Reads a reply's parameters; an answer of another form is an error in awfd's name. */
int reply_read(const struct reply *reply, const struct field_table *table, void *out,
	       struct err *e) _must_check_;
void reply_clear(struct reply *r);

/* Whether the connection itself ended, as when awfd is restarted, and not only a call failed. */
bool client_is_lost(const struct client *c);

/* For poll(2): when there is something to do. */
int client_fd(const struct client *c);
short client_events(const struct client *c);

/* The descriptor that came with a reply: the caller owns it; -EBADF when none came. */
int client_take_fd(struct client *c);
