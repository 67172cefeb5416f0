/* Names to addresses, once, as the host's own resolver has them (getent(1)): asked by an
 * unprivileged process, since it is a user who chose the name. */
#pragma once

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

#define RESOLVE_ADDRESSES_MAX 16 /* of one name; further ones are left out */

/* One name and its addresses, without ports. */
struct resolved {
	char *name;
	struct sockaddr_storage addresses[RESOLVE_ADDRESSES_MAX];
	size_t count;
};

struct resolve;

/* Called once, from the loop: e is NULL when the name has at least one address. */
typedef void (*resolve_fn)(const struct resolved *result, const struct err *e, void *userdata);

struct resolve_spec {
	const char *name;  /* checked by the caller: a domain name or an address */
	const char *field; /* what an error of it names */
	uid_t uid;
	gid_t gid;
};

int resolve_start(struct event_base *base, const struct resolve_spec *spec, resolve_fn fn,
		  void *userdata, struct resolve **ret, struct err *e) _must_check_;

/* Gives it up; fn is not called any more. NULL is allowed. */
void resolve_cancel(struct resolve *r);

/* Reads what getent ahosts prints: the distinct addresses of its lines. Pure. */
void resolve_parse(const char *text, struct resolved *to);
