/* Rulesets of domains, in YAML:
 *
 *     version: 1
 *     rules:
 *       - domain: github.com
 *         subdomains: false    # true when it is left out
 */
#pragma once

#include "awfctl/word-list.h"
#include "common/err.h"

/* Adds the domains of the rules; one without its subdomains as "=NAME", behind its scheme if it has
 * one. Whatever else there is, a key that is not known, an anchor, an alias, a tag or a second
 * document included, is refused. The error begins with "name:line: ". */
int ruleset_parse(const char *name, const char *text, size_t length, struct word_list *to,
		  struct err *e) _must_check_;
