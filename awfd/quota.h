/* Who uses how much of what: one account for each user, one for the host, each with limits. Pure:
 * what is counted is the caller's business, as is the time. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"

enum quota_kind {
	QUOTA_SANDBOXES,
	QUOTA_STARTS, /* of sandboxes, within a minute; never given back */
	QUOTA_MEMORY, /* bytes that running containers may use */
	QUOTA_PIDS,   /* processes and threads that they may have */
	QUOTA_CONNECTIONS,
	QUOTA_CALLS,    /* that have not been answered */
	QUOTA_MESSAGES, /* bytes of messages that came or wait to be sent */
	QUOTA_KIND_COUNT,
};

/* What may be used at once, or in a minute. */
struct quota_limits {
	uint64_t max[QUOTA_KIND_COUNT];
};

/* How much of each kind. */
struct quota_amounts {
	uint64_t of[QUOTA_KIND_COUNT];
};

struct quota;
struct quota_account;

struct quota *quota_new(const struct quota_limits *host) _must_check_;

/* Gives the host these limits from now on; what is used stays used. */
void quota_set_host_limits(struct quota *q, const struct quota_limits *limits);

/* Frees it and the accounts, which nobody may hold any more. */
void quota_free(struct quota *q);

/* The user's account, with these limits from now on. Root (uid 0) has the host's limits only, and
 * of connections, calls and messages none: it must be able to look and to end things. */
struct quota_account *quota_open(struct quota *q, uid_t uid,
				 const struct quota_limits *limits) _must_check_;
void quota_close(struct quota_account *a);

/* What refusals call the user as long as he has an account; before, by number. */
void quota_set_user_name(struct quota *q, uid_t uid, const char *name);

/* What one thing uses of its owner's account; `{ 0 }` is nothing. It keeps the account open. */
struct quota_charge {
	struct quota_account *account;
	struct quota_amounts amounts;
};

/* Charges all of it, or nothing: -EDQUOT, ERR_QUOTA_EXCEEDED. now_ms is by clock_ms(). */
int quota_charge(struct quota_charge *c, struct quota_account *a,
		 const struct quota_amounts *wanted, uint64_t now_ms, struct err *e) _must_check_;

/* Charges what is used already, as by a sandbox of an earlier awfd, whatever the limits say. */
void quota_charge_anyway(struct quota_charge *c, struct quota_account *a,
			 const struct quota_amounts *used);

/* Makes one kind of it more or less; the account is `a`, always the same. Not for starts. */
int quota_change(struct quota_charge *c, struct quota_account *a, enum quota_kind kind,
		 uint64_t amount, struct err *e) _must_check_;

/* Gives everything back. Idempotent. */
void quota_return(struct quota_charge *c);

/* What the account, or with NULL the host, uses. Starts: those that still count. */
uint64_t quota_used(const struct quota *q, const struct quota_account *a, enum quota_kind kind,
		    uint64_t now_ms);
