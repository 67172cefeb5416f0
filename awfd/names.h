/* The names of users and groups, as the host's name services have them (nsswitch.conf(5)): answered
 * from memory, and asked for by unprivileged processes (awf-names), because a directory may be slow
 * or gone. One that cannot be asked differs from a name that nobody has. */
#pragma once

#include <stdint.h>

#include <event2/event.h>

#include "common/cleanup.h"
#include "common/err.h"

enum name_kind {
	NAME_OF_UID, /* the name of a uid, which is given in decimal */
	NAME_USER,   /* the uid of a user's name, or the number that is given as one */
	NAME_GROUP,  /* the same of a group */
	NAME_KIND_COUNT,
};

struct name_key {
	enum name_kind kind;
	const char *text;
};

struct names_spec {
	const char *program; /* of awf-names */
	uid_t uid;
	gid_t gid;
	uint64_t timeout_ms; /* how long an answer may take */
	uint64_t fresh_ms;   /* how long it counts before it is asked for again */
	uint64_t retry_ms;   /* the same of a failure */
};

struct names;
struct names_wait;

/* Called once, from the loop; the handle is gone then. */
typedef void (*names_fn)(void *userdata);

struct names *names_new(struct event_base *base, const struct names_spec *spec) _must_check_;

/* No wait may be left. */
void names_free(struct names *n);

/* Has all these asked for that are not known. NULL: there is nothing to wait for; else fn is called
 * when each was answered, or was not in time. With n NULL only numbers are known. */
struct names_wait *names_await(struct names *n, const struct name_key *keys, size_t count,
			       names_fn fn, void *userdata) _must_check_;

/* fn is not called any more. NULL is allowed. */
void names_cancel(struct names_wait *w);

/* The uid or gid of a name or number, from memory: 1, or 0 when nobody has the name, or -errno when
 * that is not known. */
int names_number(const struct names *n, const struct name_key *key, uint32_t *ret,
		 struct err *e) _must_check_;

/* The user's name, or the number of one without a name, from memory; or -errno when that is not
 * known. The caller owns it. */
int names_user(const struct names *n, uid_t uid, char **ret, struct err *e) _must_check_;

/* The same, but the number when that is not known: for people to read. */
char *names_shown(const struct names *n, uid_t uid) _must_check_;

/* Has everything asked for again before it counts the next time. */
void names_forget(struct names *n);
