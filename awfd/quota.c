#include "awfd/quota.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include "common/alloc.h"
#include "common/log.h"

#define MIB (UINT64_C(1) << 20)

/* Starts are counted in parts, of which each millisecond forgets as many as a minute may have. */
#define START_PARTS 60000

static const struct {
	const char *name;
	const char *key; /* in [Quota] of awfd.conf(5) */
	uint64_t parts;  /* of one, that are counted */
	uint64_t unit;   /* of sizes, in which they are told */
	const char *unit_name;
	bool spares_root; /* also of the host's limit */
	const char *advice;
} kinds[] = {
	[QUOTA_SANDBOXES] = { "sandboxes", "Sandboxes", 1, 1, "", false,
			      "end some (awfctl list, awfctl stop)" },
	[QUOTA_STARTS] = { "starts per minute", "StartsPerMinute", START_PARTS, 1, "", false,
			   "start fewer" },
	[QUOTA_MEMORY] = { "memory", "Memory", 1, MIB, "M", false,
			   "end some sandboxes (awfctl list, awfctl stop)" },
	[QUOTA_PIDS] = { "pids", "Pids", 1, 1, "", false,
			 "end some sandboxes (awfctl list, awfctl stop)" },
	[QUOTA_CONNECTIONS] = { "connections", "Connections", 1, 1, "", true, "close some" },
	[QUOTA_CALLS] = { "calls", "Calls", 1, 1, "", true, "end some clients" },
	[QUOTA_MESSAGES] = { "messages", "MessageMemory", 1, MIB, "M", true,
			     "send fewer large requests at once" },
};

static_assert(ARRAY_SIZE(kinds) == QUOTA_KIND_COUNT, "a row for each kind");

struct usage {
	struct quota_limits limits;
	struct quota_amounts used; /* in parts */
	uint64_t drained_ms;       /* until when starts were forgotten */
};

struct quota_account {
	struct quota *quota;
	uid_t uid;
	unsigned refs;
	char *name; /* the number, until the name is known */
	struct usage usage;
	LIST_ENTRY(quota_account) entry;
};

struct quota {
	struct usage host;
	LIST_HEAD(, quota_account) accounts;
};

/* --- Counting ----------------------------------------------------------------------------------
 */

static uint64_t forgotten_starts(const struct usage *u, uint64_t now_ms)
{
	uint64_t elapsed = now_ms > u->drained_ms ? now_ms - u->drained_ms : 0;

	return MIN(elapsed * u->limits.max[QUOTA_STARTS], u->used.of[QUOTA_STARTS]);
}

static void drain(struct usage *u, uint64_t now_ms)
{
	u->used.of[QUOTA_STARTS] -= forgotten_starts(u, now_ms);
	u->drained_ms = MAX(u->drained_ms, now_ms);
}

static void drain_all(struct quota *q, uint64_t now_ms)
{
	struct quota_account *a;

	drain(&q->host, now_ms);
	LIST_FOREACH (a, &q->accounts, entry)
		drain(&a->usage, now_ms);
}

static bool has_room(const struct usage *u, enum quota_kind kind, uint64_t wanted)
{
	uint64_t max = u->limits.max[kind] * kinds[kind].parts, used = u->used.of[kind];

	return wanted == 0 || (used <= max && wanted * kinds[kind].parts <= max - used);
}

/* The first kind there is no room for; QUOTA_KIND_COUNT when there is for all. */
static enum quota_kind find_full(const struct usage *u, const struct quota_amounts *wanted,
				 bool is_root)
{
	enum quota_kind kind;

	for (kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		if (!(is_root && kinds[kind].spares_root) && !has_room(u, kind, wanted->of[kind]))
			break;
	return kind;
}

static void add(struct usage *u, const struct quota_amounts *amounts)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		u->used.of[kind] += amounts->of[kind] * kinds[kind].parts;
}

/* Starts stay until they are forgotten. */
static void subtract(struct usage *u, const struct quota_amounts *amounts)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++) {
		if (kind == QUOTA_STARTS)
			continue;
		assert(u->used.of[kind] >= amounts->of[kind]);
		u->used.of[kind] -= amounts->of[kind];
	}
}

/* In its unit, what is begun counting as whole. */
static uint64_t shown(enum quota_kind kind, uint64_t parts)
{
	uint64_t unit = kinds[kind].parts * kinds[kind].unit;

	return parts / unit + (parts % unit > 0);
}

uint64_t quota_used(const struct quota *q, const struct quota_account *a, enum quota_kind kind,
		    uint64_t now_ms)
{
	const struct usage *u = a ? &a->usage : &q->host;
	uint64_t parts = u->used.of[kind];

	if (kind == QUOTA_STARTS)
		parts -= forgotten_starts(u, now_ms);
	return parts / kinds[kind].parts + (parts % kinds[kind].parts > 0);
}

/* --- Refusals ----------------------------------------------------------------------------------
 */

/* In its unit, with the unit. The caller owns it. */
static char *amount_text(enum quota_kind kind, uint64_t parts)
{
	return xasprintf("%" PRIu64 "%s", shown(kind, parts), kinds[kind].unit_name);
}

/* Whoever wants no reason, with e NULL, gets none: it takes longer than all the rest. */
static int refuse(struct quota_account *a, const struct usage *u, enum quota_kind kind,
		  uint64_t wanted, struct err *e)
{
	bool of_host = u != &a->usage;
	_cleanup_free_ char *used = NULL, *max = NULL, *more = NULL;

	if (!e)
		return -EDQUOT;
	used = amount_text(kind, u->used.of[kind]);
	max = amount_text(kind, u->limits.max[kind] * kinds[kind].parts);
	more = amount_text(kind, wanted * kinds[kind].parts);
	(void)err_set(e, -EDQUOT, ERR_QUOTA_EXCEEDED,
		      "%s of %s in use by %s%s%s%s: %s or wait, or have [Quota] %s%s= raised", used,
		      max, of_host ? "all users of this host" : a->name, wanted > 1 ? ", " : "",
		      wanted > 1 ? more : "", wanted > 1 ? " more asked for" : "",
		      kinds[kind].advice, of_host ? "Host" : "", kinds[kind].key);
	e->subject = xstrdup(kinds[kind].name);
	return -EDQUOT;
}

/* --- Charges -----------------------------------------------------------------------------------
 */

static int take(struct quota_account *a, const struct quota_amounts *wanted, struct err *e)
{
	bool is_root = a->uid == 0;
	enum quota_kind kind = is_root ? QUOTA_KIND_COUNT : find_full(&a->usage, wanted, false);

	if (kind < QUOTA_KIND_COUNT)
		return refuse(a, &a->usage, kind, wanted->of[kind], e);
	kind = find_full(&a->quota->host, wanted, is_root);
	if (kind < QUOTA_KIND_COUNT)
		return refuse(a, &a->quota->host, kind, wanted->of[kind], e);
	add(&a->usage, wanted);
	add(&a->quota->host, wanted);
	return 0;
}

static void give_back(struct quota_account *a, const struct quota_amounts *amounts)
{
	subtract(&a->usage, amounts);
	subtract(&a->quota->host, amounts);
}

static void hold(struct quota_charge *c, struct quota_account *a)
{
	if (!c->account)
		a->refs++;
	c->account = a;
}

static void note(struct quota_charge *c, struct quota_account *a,
		 const struct quota_amounts *amounts)
{
	hold(c, a);
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		c->amounts.of[kind] += amounts->of[kind];
}

void quota_charge_anyway(struct quota_charge *c, struct quota_account *a,
			 const struct quota_amounts *used)
{
	add(&a->usage, used);
	add(&a->quota->host, used);
	note(c, a, used);
}

int quota_charge(struct quota_charge *c, struct quota_account *a,
		 const struct quota_amounts *wanted, uint64_t now_ms, struct err *e)
{
	int r;

	drain_all(a->quota, now_ms);
	r = take(a, wanted, e);
	if (r < 0)
		return r;
	note(c, a, wanted);
	return 0;
}

int quota_change(struct quota_charge *c, struct quota_account *a, enum quota_kind kind,
		 uint64_t amount, struct err *e)
{
	struct quota_amounts difference = { 0 };
	uint64_t had = c->amounts.of[kind];
	int r;

	if (amount <= had) {
		difference.of[kind] = had - amount;
		give_back(a, &difference);
	} else {
		difference.of[kind] = amount - had;
		r = take(a, &difference, e);
		if (r < 0)
			return r;
	}
	hold(c, a);
	c->amounts.of[kind] = amount;
	return 0;
}

void quota_return(struct quota_charge *c)
{
	if (!c->account)
		return;
	give_back(c->account, &c->amounts);
	quota_close(c->account);
	*c = (struct quota_charge){ 0 };
}

/* --- Accounts ----------------------------------------------------------------------------------
 */

static void account_free(struct quota_account *a)
{
	LIST_REMOVE(a, entry);
	free(a->name);
	free(a);
}

/* Accounts that nobody holds stay until another is needed: their starts still count. */
static void sweep(struct quota *q)
{
	struct quota_account *a, *next;

	for (a = LIST_FIRST(&q->accounts); a; a = next) {
		next = LIST_NEXT(a, entry);
		if (a->refs == 0 && a->usage.used.of[QUOTA_STARTS] == 0)
			account_free(a);
	}
}

static struct quota_account *find_account(struct quota *q, uid_t uid)
{
	struct quota_account *a;

	LIST_FOREACH (a, &q->accounts, entry)
		if (a->uid == uid)
			return a;
	return NULL;
}

void quota_set_user_name(struct quota *q, uid_t uid, const char *name)
{
	struct quota_account *a = find_account(q, uid);

	if (!a || strcmp(a->name, name) == 0)
		return;
	free(a->name);
	a->name = xstrdup(name);
}

struct quota_account *quota_open(struct quota *q, uid_t uid, const struct quota_limits *limits)
{
	struct quota_account *a = find_account(q, uid);

	if (!a) {
		sweep(q);
		a = xnew(struct quota_account);
		a->quota = q;
		a->uid = uid;
		a->name = xasprintf("%u", uid);
		LIST_INSERT_HEAD(&q->accounts, a, entry);
	}
	a->usage.limits = *limits;
	a->refs++;
	return a;
}

void quota_close(struct quota_account *a)
{
	if (a && --a->refs == 0)
		log_debug("uid %u uses nothing any more", a->uid);
}

struct quota *quota_new(const struct quota_limits *host)
{
	struct quota *q = xnew(struct quota);

	q->host.limits = *host;
	LIST_INIT(&q->accounts);
	return q;
}

void quota_set_host_limits(struct quota *q, const struct quota_limits *limits)
{
	q->host.limits = *limits;
}

void quota_free(struct quota *q)
{
	struct quota_account *a;

	if (!q)
		return;
	while ((a = LIST_FIRST(&q->accounts))) {
		assert(a->refs == 0);
		account_free(a);
	}
	free(q);
}
