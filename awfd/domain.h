/* Domain names as users grant and block them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

#define DOMAINS_MAX 1024 /* in one list */

enum domain_kind {
	DOMAIN_TREE,       /* example.com: it and everything below it */
	DOMAIN_SUBDOMAINS, /* *.example.com: everything below it */
	DOMAIN_EXACT,      /* =example.com: only it */
	DOMAIN_PATTERN,    /* api-*.example.com: `*` is any text within its label */
};

enum domain_scheme { DOMAIN_ANY, DOMAIN_HTTP, DOMAIN_HTTPS };

struct domain {
	enum domain_kind kind;
	enum domain_scheme scheme;
	char *name; /* lower-case A-labels: [a-z0-9_-] and dots, in a pattern `*` too */
};

struct domain_list {
	struct domain *items;
	size_t count;
};

/* Parses one name with an optional scheme (`https://` or `http://`: by that one only). Case and one
 * trailing dot don't matter; internationalized names become A-labels. All else is
 * ERR_INVALID_ARGUMENT of the field, with the text as value and the reason: addresses in whatever
 * spelling, wildcards and trees of a top-level domain, ports, paths, and every character that could
 * be syntax to anybody. */
int domain_parse(const char *field, const char *text, struct domain *ret,
		 struct err *e) _must_check_;
void domain_clear(struct domain *d);

/* As a user would write it; what domain_parse() takes. The caller owns it. */
char *domain_format(const struct domain *d) _must_check_;

/* Whether the host, a lower-case name without a trailing dot, is meant; schemes aside. */
bool domain_matches(const struct domain *d, const char *host);

/* Whether every host that `narrow` means is one that `wide` means, by a scheme of its. Of two
 * patterns only equal ones are known to be. */
bool domain_covers(const struct domain *wide, const struct domain *narrow);

/* Whether the text stands for the runner host: the keyword `localhost`. */
bool domain_is_localhost(const char *text);

/* Parses one name a text; what occurs twice is kept once. texts (strv) may be NULL. */
int domain_list_parse(const char *field, char *const *texts, struct domain_list *ret,
		      struct err *e) _must_check_;
void domain_list_clear(struct domain_list *l);
