#include "awfd/host-pattern.h"

#include <string.h>

#include "awfd/network.h"
#include "common/alloc.h"
#include "common/ascii.h"
#include "common/parse.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789.-_"
#define HOST_MAX        253 /* of a domain name (RFC 1035, 2.3.4) as text */

/* A pattern or a value, taken apart. */
struct parts {
	char *host; /* without brackets, lower case */
	struct port_range ports;
	bool is_network; /* an address is a network of one */
	struct network network;
};

bool port_range_parse(const char *text, struct port_range *ret)
{
	const char *dash = strchrnul(text, '-');
	_cleanup_free_ char *low = xstrndup(text, (size_t)(dash - text));
	struct port_range r;

	if (parse_port(low, &r.low) < 0 || parse_port(*dash ? dash + 1 : low, &r.high) < 0 ||
	    r.low > r.high)
		return false;
	*ret = r;
	return true;
}

static void parts_clear(struct parts *p)
{
	free(p->host);
}

/* "10.0.0.0/8" or an address. */
static bool parse_network(const char *host, struct network *ret)
{
	_cleanup_free_ char *one = xasprintf("%s/%d", host, strchr(host, ':') ? 128 : 32);

	return network_parse(host, ret) == 0 || network_parse(one, ret) == 0;
}

/* Parts the host from what is behind it, "" or ":PORTS". */
static const char *take_host(const char *text, char **host)
{
	bool bracketed = *text == '[';
	const char *end = bracketed ? strchr(text, ']') : strchrnul(text, ':');

	if (!end)
		return NULL;
	*host = xstrndup(text + bracketed, (size_t)(end - text) - bracketed);
	ascii_lower(*host);
	return end + bracketed;
}

static bool parse(const char *text, struct parts *ret)
{
	struct parts p = { .ports = { 1, UINT16_MAX } };
	const char *rest = take_host(text, &p.host);

	if (!rest || *p.host == '\0' || strlen(p.host) > HOST_MAX ||
	    (*rest && (*rest != ':' || !port_range_parse(rest + 1, &p.ports)))) {
		parts_clear(&p);
		return false;
	}
	p.is_network = parse_network(p.host, &p.network);
	*ret = p;
	return true;
}

/* Whether the text is a name, or `*.` and one. Something like an address is none. */
static bool is_name(const char *text)
{
	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	return text[strspn(text, NAME_CHARACTERS)] == '\0' && *text != '.' && *text &&
	       text[strspn(text, "0123456789.")] != '\0' && !strstr(text, "..");
}

bool host_pattern_is_valid(const char *pattern)
{
	_cleanup_(parts_clear) struct parts p = { 0 };

	if (!parse(pattern, &p))
		return false;
	if (*pattern == '[' || strchr(p.host, ':'))
		return *pattern == '[' && p.is_network && strchr(p.host, ':');
	return p.is_network || strcmp(p.host, "*") == 0 || is_name(p.host);
}

static bool host_matches(const struct parts *pattern, const struct parts *value)
{
	size_t length = strlen(value->host), suffix = strlen(pattern->host) - 1;

	if (strcmp(pattern->host, "*") == 0)
		return true;
	if (pattern->is_network || value->is_network)
		return pattern->is_network && value->is_network &&
		       pattern->network.bits <= value->network.bits &&
		       network_overlaps(&pattern->network, &value->network);
	if (*pattern->host == '*')
		return length > suffix &&
		       strcmp(value->host + length - suffix, pattern->host + 1) == 0;
	return strcmp(pattern->host, value->host) == 0;
}

bool host_pattern_matches(const char *pattern, const char *value)
{
	_cleanup_(parts_clear) struct parts p = { 0 }, v = { 0 };

	return parse(pattern, &p) && parse(value, &v) && host_matches(&p, &v) &&
	       p.ports.low <= v.ports.low && p.ports.high >= v.ports.high;
}
