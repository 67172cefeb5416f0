/* One client connection: Varlink calls in, replies out, in order, one call at a time.
 *
 * The next call is taken when the answer was read, and hardly read before, so that a peer costs
 * awfd little more than one message. It reads a little, makes a little of a long message, or takes
 * one call, each time that its user has a turn. What it holds is charged to the user; a peer that
 * is slower than the setup's patience is cut off. A peer that ends its sending side gets the
 * answers that can be given at once; for a longer call it is gone. */
#pragma once

#include <stdbool.h>

#include <event2/event.h>
#include <json-c/json.h>

#include "awfd/peer.h"
#include "awfd/quota.h"
#include "awfd/turns.h"
#include "common/err.h"
#include "proto/json-fields.h"

struct conn;
struct call;

/* What a connection needs of its server. All are called from the loop. */
struct conn_events {
	/* A call arrived. It must be answered once (call_reply(), call_error()), now or later. */
	void (*call)(struct conn *c, struct call *call, void *userdata);
	/* A message, or a call, was refused before it became one that is for `call`; it has been or
	 * will be answered. */
	void (*refused)(struct conn *c, const struct err *e, void *userdata);
	/* The peer is gone or was cut off; the connection is freed afterwards. An unanswered call
	 * and the watches were told first (call_on_gone(), conn_watch()). */
	void (*gone)(struct conn *c, void *userdata);
};

/* What a connection shares with others; borrowed. */
struct conn_setup {
	struct event_base *base;
	struct turns *turns;
	struct quota *quota;
	const struct quota_limits *limits; /* of this peer */
	uint64_t patience_ms; /* for the rest of a message, and for an answer to be read */
};

/* Takes over the connected, non-blocking socket of a peer as peer_of_socket() has it. A connection
 * that the peer's quota has no place for is told so and closed: NULL, and e says why. */
struct conn *conn_new(const struct conn_setup *setup, int fd, struct peer *peer,
		      const struct conn_events *events, void *userdata, struct err *e) _must_check_;

/* Sends of the answers that are due what the peer takes at once: before the end. */
void conn_finish(struct conn *c);

/* Frees at once, without `gone`; a pending call is told. */
void conn_free(struct conn *c);

const struct peer *conn_peer(const struct conn *c);

/* Registers fn to be called when the connection ends; conn_unwatch() frees the handle, before or
 * after. */
struct conn_watch;
struct conn_watch *conn_watch(struct conn *c, void (*fn)(void *userdata),
			      void *userdata) _must_check_;
void conn_unwatch(struct conn_watch *w);

/* --- A call ---------------------------------------------------------------------------------- */

struct conn *call_conn(const struct call *call);
const char *call_method(const struct call *call); /* "io.awf.Sandbox.Start" */
bool call_wants_more(const struct call *call);
struct json_object *call_parameters(const struct call *call); /* borrowed, never NULL */

/* The descriptor that came along, which the caller owns then, or -EBADF. Only root's are taken. */
int call_take_fd(struct call *call) _must_check_;

/* fn is called once if the connection ends before the call was answered; the call is invalid then.
 * NULL takes it back. */
void call_on_gone(struct call *call, void (*fn)(void *userdata), void *userdata);

/* A call that is held has not begun: a peer that sends no more waits for it to be let go. */
void call_hold(struct call *call, bool held);

/* Answers and ends the call. */
void call_reply(struct call *call, const struct field_table *table, const void *parameters);
void call_reply_json(struct call *call, struct json_object *parameters); /* takes it over */
void call_error(struct call *call, const struct err *e);
void call_error_json(struct call *call, const char *name, struct json_object *parameters);

/* Answers with a descriptor passed along (taken over) and ends the call. */
void call_reply_fd(struct call *call, const struct field_table *table, const void *parameters,
		   int fd);

/* One of several replies; the call goes on. Only if call_wants_more(). */
void call_reply_continues(struct call *call, const struct field_table *table,
			  const void *parameters);
