/* The grammar of the policy's lists and numbers: which word of a list is one, and what it grants.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awfd/domain.h"

/* A list as it was set. */
struct policy_words {
	char **texts;
	struct domain_list domains; /* the same, where they are domains */
};

/* One kind of list. */
struct policy_list {
	bool (*is_word)(const char *word);
	/* Whether one word grants the value, or else all of them together. */
	bool (*matches)(const char *word, const char *value);
	bool (*grants)(const struct policy_words *words, const char *value);
	bool are_domains;
	bool takes_any; /* the word `*` */
};

extern const struct policy_list policy_hosts, policy_proxies, policy_images, policy_origins,
	policy_domains, policy_ports, policy_mounts, policy_resolvers;

/* The word, and the value, that stands for the name servers which the operator has. */
#define POLICY_OWN_RESOLVER "host"

/* One kind of number. */
struct policy_number {
	int (*parse)(const char *text, uint64_t *ret);
	char *(*format)(uint64_t value);
};

extern const struct policy_number policy_size, policy_cpus, policy_count, policy_duration;

/* Whether the words of a list grant the value. */
bool policy_words_grant(const struct policy_list *list, const struct policy_words *words,
			const char *value);

/* Fills words; -EINVAL with the word that is none in *bad, borrowed from what is filled. */
int policy_words_parse(const struct policy_list *list, const char *text, struct policy_words *ret,
		       const char **bad) _must_check_;
void policy_words_clear(struct policy_words *w);
