/* What the operator permits to whom: sections [Policy], [Group NAME] and [User NAME] of
 * awfd.conf(5).
 *
 * For each key the most specific section that sets it counts: the user's, else those of his groups,
 * else [Policy], else the default. Of several groups each grants what it grants, so that being in
 * one more group never takes anything away. No I/O: the numbers of users and groups are in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awfd/names.h"
#include "awfd/peer.h"
#include "common/cleanup.h"
#include "common/err.h"

enum policy_key {
	POLICY_DIFC_ADDRESSES,
	POLICY_IMAGES,
	POLICY_PULL,
	POLICY_ALLOWED_DOMAINS,
	POLICY_PRIVATE_DOMAINS,
	POLICY_DNS_SERVERS,
	POLICY_UPSTREAM_PROXIES,
	POLICY_HOST_PORTS,
	POLICY_MOUNT_ROOTS,
	POLICY_MEMORY_MAX,  /* bytes */
	POLICY_CPUS_MAX,    /* thousandths of a processor */
	POLICY_PIDS_MAX,    /* processes and threads */
	POLICY_TIMEOUT_MAX, /* seconds */
	POLICY_KEY_COUNT,
};

/* A number without bound: what `infinity` stands for. */
#define POLICY_INFINITY UINT64_MAX

/* --- What the files say ---------------------------------------------------------------------- */

struct policy_rules;

/* Where a setting stands. */
struct policy_place {
	const char *section; /* "Policy", "Group NAME", "User NAME" */
	const char *file;    /* NULL: nowhere, it is the default */
	unsigned line;
};

/* The rules of an operator who says nothing. */
struct policy_rules *policy_rules_new(void) _must_check_;
void policy_rules_free(struct policy_rules *r);
DEFINE_CLEANUP(struct policy_rules, policy_rules_free)

/* Whether this is the name of a section of rules. */
bool policy_is_section(const char *section);

/* Sets a key; what the section said of it before is replaced. */
int policy_rules_set(struct policy_rules *r, const struct policy_place *place, const char *key,
		     const char *text, struct err *e) _must_check_;

/* Sets what a key means that no section sets. The text is a valid one. */
void policy_rules_set_default(struct policy_rules *r, enum policy_key key, const char *text);

/* The users and groups that sections are about. The caller owns the array, which borrows from the
 * rules. */
struct name_key *policy_rules_names(const struct policy_rules *r, size_t *count) _must_check_;

/* Says of each section that is about nobody, or about whom is not known, what is wrong with it:
 * strv, NULL when there is none. The caller owns it. */
char **policy_rules_doubts(const struct policy_rules *r, const struct names *names) _must_check_;

/* --- What they mean for one user ------------------------------------------------------------- */

struct policy;

/* Borrows from the rules. Fails when it is not known of a section whether it is about the peer. */
int policy_of_peer(const struct policy_rules *r, const struct names *names, const struct peer *p,
		   struct policy **ret, struct err *e) _must_check_;
void policy_free(struct policy *p);
DEFINE_CLEANUP(struct policy, policy_free)

/* Whether one value may be had, and what decides that. */
struct policy_decision {
	bool allowed;
	enum policy_key key;
	const char *field; /* of Start */
	char *value;
	struct policy_place place; /* borrowed from the rules */
};

struct policy_decisions {
	struct policy_decision *items;
	size_t count;
};

/* A value of a list's key, in the form that its matcher takes: an image's normal reference
 * (awfd/image-reference.h), "host:port", a domain (awfd/domain.h), "80" or "3000-3010", an address.
 */
struct policy_decision policy_check(const struct policy *p, enum policy_key key, const char *field,
				    const char *value) _must_check_;

/* A number in the key's unit; more than is permitted is refused, not cut. */
struct policy_decision policy_check_number(const struct policy *p, enum policy_key key,
					   const char *field, uint64_t value) _must_check_;

/* The largest number that is permitted; POLICY_INFINITY when there is no bound. */
uint64_t policy_largest(const struct policy *p, enum policy_key key);

/* An absolute path without symbolic links, `.`, `..` and doubled slashes. */
struct policy_decision policy_check_mount(const struct policy *p, const char *field,
					  const char *path, bool writable) _must_check_;

/* Adds the decision, which is taken over. */
void policy_decisions_add(struct policy_decisions *d, struct policy_decision decision);
void policy_decisions_clear(struct policy_decisions *d);

/* "[User alice] Images= (/etc/awfd/awfd.conf:12)". The caller owns it. */
char *policy_decision_where(const struct policy_decision *d) _must_check_;

/* 0, or ERR_PERMISSION_DENIED of the first value that is refused: it names the field, the value,
 * the line that decides, and what the operator could write. */
int policy_decisions_result(const struct policy_decisions *d, struct err *e) _must_check_;
