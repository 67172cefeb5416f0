/* A place that a relay connects to: one address, or those of one name, for the listening sockets of
 * one name. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/relay-event.h"
#include "awfd/relay/shares.h"

struct upstream;

/* Parses [NAME=]HOST:PORT, [V6] for HOST, more of them with commas between, or `*` for the port,
 * and looks a name up, once and for all; localhost is 127.0.0.1, then ::1, without a look-up. */
int upstream_new(const char *text, struct upstream **ret, struct err *e) _must_check_;

/* The name of the listening sockets that it is for; NULL: of those that no other is for. */
const char *upstream_name(const struct upstream *u);

/* How many addresses there are to try. */
size_t upstream_count(const struct upstream *u);

/* The i-th address, for a connection that came in on a port; its length. */
socklen_t upstream_address(const struct upstream *u, size_t i, uint16_t port,
			   struct sockaddr_storage *ret);

/* Tells that it can't be reached for a connection that came in on a port, but seldom. The sandbox
 * may be NULL. */
void upstream_complain(struct upstream *u, uint16_t port, const char *sandbox, int error);

/* An event of one connection that came in on a port, or of none. */
struct relay_event upstream_event(const struct upstream *u, uint16_t port,
				  enum relay_event_kind kind, int error);

/* Its share of the connections. */
struct share *upstream_share(struct upstream *u);

void upstream_free(struct upstream *u);

DEFINE_CLEANUP(struct upstream, upstream_free)
