/* Whatever is accepted consists of harmless characters, is the same again after format and parse,
 * and, unless it has wildcards, matches itself. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/domain.h"
#include "common/alloc.h"

#define FIELD    "allowDomains"
#define HARMLESS "abcdefghijklmnopqrstuvwxyz0123456789-_."

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_name(const struct domain *d)
{
	const char *last = strrchr(d->name, '.');
	bool has_star = strchr(d->name, '*') != NULL;

	last = last ? last + 1 : d->name;
	require(has_star == (d->kind == DOMAIN_PATTERN));
	require(strspn(d->name, HARMLESS "*") == strlen(d->name) && strlen(d->name) <= 253);
	require(*last != '\0' && strspn(last, "0123456789") < strlen(last) && !strchr(last, '*'));
	require(d->name[0] != '.' && d->name[0] != '-' && !strstr(d->name, ".."));
	require(d->kind == DOMAIN_EXACT || strchr(d->name, '.'));
}

static void check_accepted(const struct domain *d)
{
	_cleanup_(domain_clear) struct domain again = { 0 };
	_cleanup_free_ char *formatted = domain_format(d);
	_cleanup_free_ char *below = xasprintf("x.%s", d->name);

	check_name(d);
	require(domain_parse(FIELD, formatted, &again, NULL) == 0);
	require(d->kind == again.kind && d->scheme == again.scheme);
	require(strcmp(d->name, again.name) == 0);
	require(domain_matches(d, d->name) == (d->kind != DOMAIN_SUBDOMAINS));
	require(domain_matches(d, below) ==
			(d->kind == DOMAIN_TREE || d->kind == DOMAIN_SUBDOMAINS) ||
		d->kind == DOMAIN_PATTERN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(domain_clear) struct domain d = { 0 };
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_err_ struct err e = { 0 };

	if (domain_parse(FIELD, text, &d, &e) == 0)
		check_accepted(&d);
	else
		require(e.message && strcmp(e.subject, FIELD) == 0 && !d.name);
	return 0;
}
