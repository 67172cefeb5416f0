#include "awfd/policy-words.h"

#include <inttypes.h>
#include <string.h>

#include "awfd/host-pattern.h"
#include "awfd/image-reference.h"
#include "awfd/network.h"
#include "awfd/resolvers.h"
#include "common/alloc.h"
#include "common/parse.h"
#include "common/strv.h"

#define NONE        "none"
#define ANY         "*"
#define SEPARATORS  " \t,"
#define RW          ":rw"
#define RO          ":ro"
#define MILLI       1000
#define CPUS_MAX    UINT64_C(1000000)
#define SECONDS_MAX (UINT64_C(366) * 24 * 60 * 60)

/* --- Hosts and ports --- */

const struct policy_list policy_hosts = { .is_word = host_pattern_is_valid,
					  .matches = host_pattern_matches,
					  .takes_any = true };

/* `none`: to go without the proxy that the operator has. */
static bool is_proxy(const char *word)
{
	return strcmp(word, NONE) == 0 || host_pattern_is_valid(word);
}

static bool proxy_matches(const char *word, const char *value)
{
	bool same = strcmp(word, value) == 0;

	return same || (strcmp(value, NONE) != 0 && host_pattern_matches(word, value));
}

const struct policy_list policy_proxies = { .is_word = is_proxy,
					    .matches = proxy_matches,
					    .takes_any = true };

static bool is_range(const char *word)
{
	struct port_range r;

	return port_range_parse(word, &r);
}

static bool port_is_granted(char *const *words, unsigned port)
{
	for (; words && *words; words++) {
		struct port_range r;

		if (port_range_parse(*words, &r) && port >= r.low && port <= r.high)
			return true;
	}
	return false;
}

/* Each port of a range, which several words may grant together. */
static bool ports_grant(const struct policy_words *words, const char *value)
{
	struct port_range r;

	if (!port_range_parse(value, &r))
		return false;
	for (unsigned port = r.low; port <= r.high; port++)
		if (!port_is_granted(words->texts, port))
			return false;
	return true;
}

const struct policy_list policy_ports = { .is_word = is_range,
					  .grants = ports_grant,
					  .takes_any = true };

/* --- Images --- */

static bool is_image(const char *word)
{
	return *word != '\0';
}

const struct policy_list policy_images = { .is_word = is_image,
					   .matches = image_reference_matches,
					   .takes_any = true };

const struct policy_list policy_origins = { .is_word = image_reference_is_origin,
					    .matches = image_reference_comes_from,
					    .takes_any = true };

/* --- Domains --- */

static bool is_domain(const char *word)
{
	struct domain d = { 0 };
	bool good = domain_parse(NULL, word, &d, NULL) == 0;

	domain_clear(&d);
	return good;
}

static bool domains_grant(const struct policy_words *words, const char *value)
{
	_cleanup_(domain_clear) struct domain d = { 0 };

	if (domain_parse(NULL, value, &d, NULL) < 0)
		return false;
	for (size_t i = 0; i < words->domains.count; i++)
		if (domain_covers(&words->domains.items[i], &d))
			return true;
	return false;
}

const struct policy_list policy_domains = {
	.is_word = is_domain, .grants = domains_grant, .are_domains = true, .takes_any = true
};

/* --- Name servers: `host`, an address or a network --- */

static bool is_resolver(const char *word)
{
	struct sockaddr_storage address;
	struct network network;

	return strcmp(word, POLICY_OWN_RESOLVER) == 0 ||
	       resolvers_sockaddr(word, 0, &address) == 0 || network_parse(word, &network) == 0;
}

static bool resolver_matches(const char *word, const char *value)
{
	struct sockaddr_storage address, granted;
	struct network network;

	if (strcmp(word, POLICY_OWN_RESOLVER) == 0)
		return strcmp(value, POLICY_OWN_RESOLVER) == 0;
	if (resolvers_sockaddr(value, 0, &address) < 0)
		return false;
	if (network_parse(word, &network) == 0)
		return network_contains(&network, &address);
	return resolvers_sockaddr(word, 0, &granted) == 0 &&
	       memcmp(&address, &granted, sizeof(address)) == 0;
}

const struct policy_list policy_resolvers = { .is_word = is_resolver,
					      .matches = resolver_matches,
					      .takes_any = true };

/* --- Mounts: PATH or PATH:ro, PATH:rw --- */

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && strcmp(text + length - n, end) == 0;
}

/* The path without its mode. The caller owns it. */
static char *path_of(const char *word)
{
	return xstrndup(word,
			strlen(word) - (ends_in(word, RW) || ends_in(word, RO) ? strlen(RW) : 0));
}

static bool is_plain_path(const char *path)
{
	if (*path != '/' || strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
		return false;
	return strcmp(path, "/") == 0 ||
	       !(ends_in(path, "/") || ends_in(path, "/.") || ends_in(path, "/.."));
}

static bool is_mount(const char *word)
{
	_cleanup_free_ char *path = path_of(word);

	return is_plain_path(path);
}

static bool mount_matches(const char *word, const char *value)
{
	_cleanup_free_ char *root = path_of(word), *path = path_of(value);
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (!is_plain_path(path) || (ends_in(value, RW) && !ends_in(word, RW)))
		return false;
	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const struct policy_list policy_mounts = { .is_word = is_mount, .matches = mount_matches };

/* --- Lists --- */

bool policy_words_grant(const struct policy_list *list, const struct policy_words *words,
			const char *value)
{
	for (char **w = words->texts; w && *w; w++)
		if ((list->takes_any && strcmp(*w, ANY) == 0) ||
		    (list->matches && list->matches(*w, value)))
			return true;
	return list->grants && list->grants(words, value);
}

static int parse_domains(struct policy_words *w)
{
	_cleanup_strv_ char **texts = NULL;

	for (char **t = w->texts; t && *t; t++)
		if (strcmp(*t, ANY) != 0)
			strv_append(&texts, *t);
	return domain_list_parse(NULL, texts, &w->domains, NULL);
}

int policy_words_parse(const struct policy_list *list, const char *text, struct policy_words *ret,
		       const char **bad)
{
	*ret = (struct policy_words){ .texts = strv_split(text, SEPARATORS) };
	for (char **w = ret->texts; w && *w; w++) {
		*bad = *w;
		if (!(list->takes_any && strcmp(*w, ANY) == 0) && !list->is_word(*w))
			return -EINVAL;
	}
	*bad = text;
	return list->are_domains ? parse_domains(ret) : 0;
}

void policy_words_clear(struct policy_words *w)
{
	strv_free(w->texts);
	domain_list_clear(&w->domains);
	*w = (struct policy_words){ 0 };
}

/* --- Numbers --- */

static int parse_bound(const char *text, uint64_t *ret)
{
	return parse_size(text, 1, UINT64_C(1) << 50, ret);
}

const struct policy_number policy_size = { parse_bound, parse_format_size };

/* "2", "0.5", "1.25": up to three digits behind the point. */
static int parse_cpus(const char *text, uint64_t *ret)
{
	const char *point = strchrnul(text, '.'), *digits = *point ? point + 1 : "0";
	_cleanup_free_ char *whole = xstrndup(text, (size_t)(point - text));
	uint64_t value, part = 0;

	if (parse_uint(whole, 0, CPUS_MAX / MILLI, &value) < 0)
		return -EINVAL;
	if (*digits == '\0' || strlen(digits) > 3 || digits[strspn(digits, "0123456789")] != '\0')
		return -EINVAL;
	for (size_t i = 0, n = strlen(digits); i < 3; i++)
		part = part * 10 + (i < n ? (uint64_t)(digits[i] - '0') : 0);
	*ret = value * MILLI + part;
	return *ret > 0 ? 0 : -EINVAL;
}

static char *format_cpus(uint64_t value)
{
	char *text = xasprintf("%" PRIu64 ".%03" PRIu64, value / MILLI, value % MILLI);
	size_t n = strlen(text);

	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	return text;
}

const struct policy_number policy_cpus = { parse_cpus, format_cpus };

static int parse_count(const char *text, uint64_t *ret)
{
	return parse_uint(text, 1, 4194304, ret);
}

static char *format_count(uint64_t value)
{
	return xasprintf("%" PRIu64, value);
}

const struct policy_number policy_count = { parse_count, format_count };

/* Seconds, or with m or h minutes or hours. */
static int parse_duration(const char *text, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	size_t n = strlen(text);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		_cleanup_free_ char *digits = NULL;
		int r;

		if (!ends_in(text, units[i].unit))
			continue;
		digits = xstrndup(text, n - 1);
		r = parse_uint(digits, 1, SECONDS_MAX / units[i].seconds, ret);
		if (r == 0)
			*ret *= units[i].seconds;
		return r;
	}
	return parse_uint(text, 1, SECONDS_MAX, ret);
}

const struct policy_number policy_duration = { parse_duration, format_count };
