#include "awfd/domain.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <idn2.h>

#include "common/alloc.h"
#include "common/ascii.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "common/utf8.h"

#define TEXT_MAX      1024 /* bytes of a text that can be valid, in UTF-8 */
#define NAME_LENGTH   253  /* a domain name (RFC 1035, 2.3.4) as text */
#define LABEL_MAX     63
#define WILDCARDS_MAX 8 /* of a pattern: each costs whoever matches it */

#define LOWER    "abcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"
#define HEX      DIGITS "abcdef"
#define ALPHABET LOWER DIGITS

/* What a check found: NULL when nothing is wrong, else the reason. */
typedef const char *reason;

#define IS_ADDRESS "an address is not allowed: write the name, because only names are granted"

static const struct {
	enum domain_scheme scheme;
	const char *prefix;
} schemes[] = {
	{ DOMAIN_ANY, "" },
	{ DOMAIN_HTTP, "http://" },
	{ DOMAIN_HTTPS, "https://" },
};

static const char *const kind_prefixes[] = {
	[DOMAIN_TREE] = "",
	[DOMAIN_SUBDOMAINS] = "*.",
	[DOMAIN_EXACT] = "=",
	[DOMAIN_PATTERN] = "",
};

/* Characters that mean something elsewhere, with what to say of them. */
static const struct {
	const char *characters;
	reason why;
} syntax[] = {
	{ "[]", IS_ADDRESS },
	{ "@", "user information is not allowed" },
	{ "/\\?", "a path is not allowed" },
	{ ":", "a port is not allowed: names are granted for 80 (http) and 443 (https)" },
	{ ",;|", "one name only is allowed in each value" },
	{ "\"'`", "quotes are not allowed" },
	{ "#", "a comment is not allowed" },
};

static reason check_text(const char *text)
{
	if (strlen(text) > TEXT_MAX)
		return "too long";
	for (const char *p = text; *p; p++) {
		if (*p == ' ')
			return "spaces are not allowed";
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "control characters are not allowed";
	}
	return utf8_is_valid(text) ? NULL : "this is not UTF-8";
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static reason take_scheme(char **text, enum domain_scheme *scheme)
{
	*scheme = DOMAIN_ANY;
	if (!strstr(*text, "://"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (schemes[i].scheme == DOMAIN_ANY || !starts_with(*text, schemes[i].prefix))
			continue;
		*scheme = schemes[i].scheme;
		*text += strlen(schemes[i].prefix);
		return NULL;
	}
	return "the scheme is neither https:// nor http://";
}

static bool is_ipv6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

static reason check_syntax(const char *text)
{
	if (is_ipv6(text))
		return IS_ADDRESS;
	for (size_t i = 0; i < ARRAY_SIZE(syntax); i++)
		if (strpbrk(text, syntax[i].characters))
			return syntax[i].why;
	return NULL;
}

/* Moves *text behind what says the kind. */
static reason take_kind(char **text, enum domain_kind *kind)
{
	char *star = strchr(*text, '*');

	if (**text == '=') {
		*kind = DOMAIN_EXACT;
		(*text)++;
		return star ? "an exact name has no wildcard" : NULL;
	}
	if (!star) {
		*kind = DOMAIN_TREE;
		return **text == '.' ? "write *.NAME for the subdomains, NAME with itself" : NULL;
	}
	if (starts_with(*text, "*.") && !strchr(star + 1, '*')) {
		*kind = DOMAIN_SUBDOMAINS;
		*text += strlen("*.");
		return NULL;
	}
	*kind = DOMAIN_PATTERN;
	return is_ascii(*text) ? NULL : "with a wildcard, write an internationalized name as xn--…";
}

/* Sets *name to the A-label form (UTS 46, non-transitional), whatever of ASCII is in it unchecked.
 */
static reason to_ascii(const char *text, char **name)
{
	_cleanup_free_ uint8_t *ascii = NULL;

	if (is_ascii(text)) {
		*name = xstrdup(text);
		return NULL;
	}
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return "this is not an internationalized name";
	*name = xstrdup((const char *)ascii);
	return NULL;
}

static void drop_trailing_dot(char *name)
{
	size_t length = strlen(name);

	if (length > 1 && name[length - 1] == '.')
		name[length - 1] = '\0';
}

static reason check_label(const char *label, size_t length, const char *alphabet)
{
	if (length == 0)
		return "the name has an empty label";
	if (length > LABEL_MAX)
		return "the name has a label of more than 63 characters";
	if (strspn(label, alphabet) < length)
		return "the name has a character other than letters, digits, '-', '_' and '.'";
	if (label[0] == '-' || label[length - 1] == '-')
		return "the name has a label that begins or ends with '-'";
	return NULL;
}

static reason check_labels(const char *name, enum domain_kind kind, size_t *count)
{
	const char *alphabet = kind == DOMAIN_PATTERN ? ALPHABET "-_*" : ALPHABET "-_";
	const char *label = name;

	if (strlen(name) > NAME_LENGTH)
		return "the name is too long";
	for (*count = 1;; ++*count) {
		size_t length = strcspn(label, ".");
		reason why = check_label(label, length, alphabet);

		if (why || label[length] == '\0')
			return why;
		label += length + 1;
	}
}

static reason check_wildcards(const char *name)
{
	size_t count = 0;

	if (strstr(name, "**"))
		return "one '*' is enough";
	for (; *name; name++)
		count += *name == '*';
	return count > WILDCARDS_MAX ? "the name has too many wildcards" : NULL;
}

/* Resolvers take a text whose last label is a number for an IPv4 address in one of its many
 * spellings (127.1, 0x7f000001, 017700000001), so such a text is never a name here. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *label = dot ? dot + 1 : name;

	if (label[0] == '0' && label[1] == 'x')
		return strspn(label + 2, HEX) == strlen(label + 2);
	return strspn(label, DIGITS) == strlen(label);
}

static const char *last_two_labels(const char *name)
{
	const char *p = strrchr(name, '.');

	while (p && p > name && p[-1] != '.')
		p--;
	return p ? p : name;
}

/* Nobody means to grant, or to block, all of a top-level domain. */
static reason check_breadth(enum domain_kind kind, const char *name, size_t labels)
{
	switch (kind) {
	case DOMAIN_EXACT:
		return NULL;
	case DOMAIN_TREE:
		return labels < 2 ? "this is a whole top-level domain" : NULL;
	case DOMAIN_SUBDOMAINS:
		return labels < 2 ? "this is a wildcard over a whole top-level domain" : NULL;
	case DOMAIN_PATTERN:
		return strchr(last_two_labels(name), '*')
			       ? "a wildcard is not allowed in the last two labels"
			       : NULL;
	}
	return "unknown kind";
}

static reason check_name(enum domain_kind kind, const char *name)
{
	size_t labels = 0;
	reason why = check_labels(name, kind, &labels);

	if (why || (why = check_wildcards(name)))
		return why;
	return ends_in_number(name) ? IS_ADDRESS : check_breadth(kind, name, labels);
}

/* Parses a text, which is overwritten. On a refusal, what was set must still be cleared. */
static reason parse(char *text, struct domain *d)
{
	reason why;

	ascii_lower(text);
	if ((why = take_scheme(&text, &d->scheme)) || (why = check_syntax(text)) ||
	    (why = take_kind(&text, &d->kind)))
		return why;
	if (*text == '\0')
		return "there is no name";
	if ((why = to_ascii(text, &d->name)))
		return why;
	drop_trailing_dot(d->name);
	return check_name(d->kind, d->name);
}

int domain_parse(const char *field, const char *text, struct domain *ret, struct err *e)
{
	_cleanup_(domain_clear) struct domain d = { 0 };
	_cleanup_free_ char *copy = NULL;
	reason why = check_text(text);

	if (!why) {
		copy = xstrdup(text);
		why = parse(copy, &d);
	}
	if (why)
		return err_invalid(e, field, strlen(text) > TEXT_MAX ? NULL : text, "%s", why);
	*ret = d;
	d = (struct domain){ 0 };
	return 0;
}

void domain_clear(struct domain *d)
{
	free(d->name);
	*d = (struct domain){ 0 };
}

char *domain_format(const struct domain *d)
{
	return xasprintf("%s%s%s", schemes[d->scheme].prefix, kind_prefixes[d->kind], d->name);
}

static bool is_below(const char *host, const char *name)
{
	size_t length = strlen(host), suffix = strlen(name);

	return length > suffix + 1 && host[length - suffix - 1] == '.' &&
	       strcmp(host + length - suffix, name) == 0;
}

/* One label against its pattern: after a mismatch, the last `*` takes one character more. */
static bool label_matches(const char *pattern, size_t pattern_length, const char *label,
			  size_t length)
{
	size_t p = 0, i = 0, retry = 0;
	bool starred = false;
	size_t after_star = 0;

	while (i < length) {
		if (p < pattern_length && pattern[p] == '*') {
			starred = true;
			after_star = ++p;
			retry = i;
		} else if (p < pattern_length && pattern[p] == label[i]) {
			p++;
			i++;
		} else if (starred) {
			p = after_star;
			i = ++retry;
		} else {
			return false;
		}
	}
	while (p < pattern_length && pattern[p] == '*')
		p++;
	return p == pattern_length;
}

static bool pattern_matches(const char *pattern, const char *host)
{
	for (;;) {
		size_t pattern_length = strcspn(pattern, "."), length = strcspn(host, ".");

		if (length == 0 || !label_matches(pattern, pattern_length, host, length))
			return false;
		if (pattern[pattern_length] == '\0' || host[length] == '\0')
			return pattern[pattern_length] == host[length];
		pattern += pattern_length + 1;
		host += length + 1;
	}
}

bool domain_matches(const struct domain *d, const char *host)
{
	switch (d->kind) {
	case DOMAIN_TREE:
		return strcmp(host, d->name) == 0 || is_below(host, d->name);
	case DOMAIN_SUBDOMAINS:
		return is_below(host, d->name);
	case DOMAIN_EXACT:
		return strcmp(host, d->name) == 0;
	case DOMAIN_PATTERN:
		return pattern_matches(d->name, host);
	}
	return false;
}

/* Whether the name itself is meant, and not only what is below it. */
static bool names_itself(const struct domain *d)
{
	return d->kind == DOMAIN_TREE || d->kind == DOMAIN_EXACT;
}

static bool covers_hosts(const struct domain *wide, const struct domain *narrow)
{
	bool same = strcmp(wide->name, narrow->name) == 0;

	switch (wide->kind) {
	case DOMAIN_TREE:
		return same || is_below(narrow->name, wide->name);
	case DOMAIN_SUBDOMAINS:
		return is_below(narrow->name, wide->name) || (same && !names_itself(narrow));
	case DOMAIN_EXACT:
		return same && narrow->kind == DOMAIN_EXACT;
	case DOMAIN_PATTERN:
		return (same && narrow->kind == DOMAIN_PATTERN) ||
		       (narrow->kind == DOMAIN_EXACT && domain_matches(wide, narrow->name));
	}
	return false;
}

bool domain_covers(const struct domain *wide, const struct domain *narrow)
{
	return (wide->scheme == DOMAIN_ANY || wide->scheme == narrow->scheme) &&
	       covers_hosts(wide, narrow);
}

bool domain_is_localhost(const char *text)
{
	return strcasecmp(text, "localhost") == 0 || strcasecmp(text, "localhost.") == 0;
}

static bool is_same(const struct domain *a, const struct domain *b)
{
	return a->kind == b->kind && a->scheme == b->scheme && a->name && b->name &&
	       strcmp(a->name, b->name) == 0;
}

static bool is_listed(const struct domain_list *l, const struct domain *d)
{
	for (size_t i = 0; i < l->count; i++)
		if (is_same(&l->items[i], d))
			return true;
	return false;
}

int domain_list_parse(const char *field, char *const *texts, struct domain_list *ret, struct err *e)
{
	_cleanup_(domain_list_clear) struct domain_list list = { 0 };
	size_t count = strv_length(texts);

	if (count > DOMAINS_MAX)
		return err_invalid(e, field, NULL, "more than %d names", DOMAINS_MAX);
	list.items = xcalloc(count, sizeof(*list.items));
	for (size_t i = 0; i < count; i++) {
		struct domain *d = &list.items[list.count];
		int r = domain_parse(field, texts[i], d, e);

		if (r < 0)
			return r;
		if (is_listed(&list, d))
			domain_clear(d);
		else
			list.count++;
	}
	*ret = list;
	list = (struct domain_list){ 0 };
	return 0;
}

void domain_list_clear(struct domain_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		domain_clear(&l->items[i]);
	free(l->items);
	*l = (struct domain_list){ 0 };
}
