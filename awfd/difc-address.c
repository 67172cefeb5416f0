#include "awfd/difc-address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/alloc.h"
#include "common/ascii.h"
#include "common/parse.h"
#include "common/strv.h"

#define FIELD            "difcProxyHost"
#define DIFC_HOST_RUNNER "host.docker.internal"
#define DIFC_HOST_LOCAL  "localhost"

#define SCHEME_MAX 16  /* characters before :// */
#define HOST_MAX   253 /* a domain name (RFC 1035, 2.3.4) as text */
#define LABEL_MAX  63
/* The longest text that can be valid: scheme, "://", a name, ":" and a port. */
#define TEXT_MAX (SCHEME_MAX + 3 + HOST_MAX + 6)

#define LOWER    "abcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"
#define HEX      DIGITS "abcdef"
#define ALPHABET LOWER DIGITS

/* What a check found: NULL when nothing is wrong, else the reason. */
typedef const char *reason;

/* Characters that mean something in a URL, but not in an address. */
static const struct {
	char character;
	reason why;
} url_parts[] = {
	{ '@', "user information is not allowed" },
	{ '/', "a path is not allowed" },
	{ '\\', "a path is not allowed" },
	{ '?', "a query is not allowed" },
	{ '#', "a fragment is not allowed" },
	{ '%', "an IPv6 zone or percent-encoding is not allowed" },
};

static reason check_characters(const char *text)
{
	if (strlen(text) > TEXT_MAX)
		return "too long";
	for (const char *p = text; *p; p++) {
		if (*p == ' ')
			return "spaces are not allowed";
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "control characters are not allowed";
		if ((unsigned char)*p >= 0x80)
			return "only ASCII is allowed: write an internationalized name as xn--…";
	}
	return NULL;
}

/* Moves *text behind a "scheme://" (RFC 3986, 3.1). Any scheme will do: what is spoken to a DIFC
 * proxy is always TLS, on the port that is given and not on the one that the scheme stands for. */
static reason skip_scheme(char **text)
{
	char *end = strstr(*text, "://");

	if (!end)
		return NULL;
	if (end == *text)
		return "the scheme is empty";
	if (end - *text > SCHEME_MAX)
		return "the scheme is too long";
	if (!strchr(LOWER, **text) || strspn(*text, ALPHABET "+-.") < (size_t)(end - *text))
		return "this is not a scheme before '://'";
	*text = end + strlen("://");
	return NULL;
}

static reason check_url_parts(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(url_parts); i++)
		if (strchr(text, url_parts[i].character))
			return url_parts[i].why;
	return NULL;
}

/* Splits the text into host and port, without the brackets; *port is NULL when there is none. */
static reason split(char *text, char **host, char **port, bool *bracketed)
{
	char *end;

	*bracketed = text[0] == '[';
	*host = text + *bracketed;
	*port = NULL;
	end = strchr(*host, *bracketed ? ']' : ':');
	if (!end)
		return *bracketed ? "']' is missing" : NULL;
	if (!*bracketed && strchr(end + 1, ':'))
		return "an IPv6 address is written in brackets";
	*end++ = '\0';
	if (!*bracketed) {
		*port = end;
		return NULL;
	}
	if (*end != '\0' && *end != ':')
		return "there is something other than a port after ']'";
	*port = *end == ':' ? end + 1 : NULL;
	return NULL;
}

static reason check_port(const char *text, uint16_t *port)
{
	*port = DIFC_PORT_DEFAULT;
	if (!text)
		return NULL;
	if (*text == '\0')
		return "there is no port after ':'";
	if (strspn(text, DIGITS) != strlen(text))
		return "the port is not a number";
	if (text[0] == '0' && text[1] != '\0')
		return "the port has a leading zero";
	return parse_port(text, port) < 0 ? "the port is not between 1 and 65535" : NULL;
}

/* The name of a thing that has an address, but is no single host one could connect to. */
static reason check_ipv4(uint32_t address)
{
	if (address >> 24 == 0)
		return "0.0.0.0 is not an address to connect to: write localhost";
	if (IN_MULTICAST(address))
		return "a multicast address is not an address to connect to";
	if (address >> 16 == 0xa9fe)
		return "a link-local address is not allowed";
	if (address >> 28 == 0xf)
		return "a reserved or broadcast address is not an address to connect to";
	return NULL;
}

static reason check_ipv6(const struct in6_addr *address)
{
	if (IN6_IS_ADDR_UNSPECIFIED(address))
		return "[::] is not an address to connect to: write localhost";
	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address))
		return "an IPv4 address is written without IPv6";
	if (IN6_IS_ADDR_MULTICAST(address))
		return "a multicast address is not an address to connect to";
	if (IN6_IS_ADDR_LINKLOCAL(address))
		return "a link-local address needs a zone, which is not supported";
	return NULL;
}

static reason set_ipv6(const char *text, struct difc_address *a)
{
	char canonical[INET6_ADDRSTRLEN];
	struct in6_addr address;
	reason why;

	if (inet_pton(AF_INET6, text, &address) != 1)
		return "there is no IPv6 address between the brackets";
	a->is_host = IN6_IS_ADDR_LOOPBACK(&address);
	why = a->is_host ? NULL : check_ipv6(&address);
	if (why)
		return why;
	a->host = xstrdup(inet_ntop(AF_INET6, &address, canonical, sizeof(canonical)));
	return NULL;
}

static reason set_ipv4(const char *text, struct difc_address *a)
{
	struct in_addr address;
	reason why;

	if (inet_pton(AF_INET, text, &address) != 1)
		return "this is not an IPv4 address: write four decimal numbers";
	why = check_ipv4(ntohl(address.s_addr));
	if (why)
		return why;
	a->is_host = ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
	a->host = xstrdup(text);
	return NULL;
}

/* Resolvers take a text whose last label is a number for an IPv4 address in one of its many
 * spellings (127.1, 0x7f000001, 017700000001), so such a text is never a name here. */
static bool ends_in_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *label = dot ? dot + 1 : host;

	if (label[0] == '0' && label[1] == 'x')
		return strspn(label + 2, HEX) == strlen(label + 2);
	return *label != '\0' && strspn(label, DIGITS) == strlen(label);
}

static reason check_label(const char *label, size_t length)
{
	if (length == 0)
		return "the name has an empty label";
	if (length > LABEL_MAX)
		return "the name has a label of more than 63 characters";
	if (strspn(label, ALPHABET "-_") < length)
		return "the name has a character other than letters, digits, '-', '_' and '.'";
	if (label[0] == '-' || label[length - 1] == '-')
		return "the name has a label that begins or ends with '-'";
	return NULL;
}

static reason set_name(const char *text, struct difc_address *a)
{
	const char *label = text;

	if (strlen(text) > HOST_MAX)
		return "the name is too long";
	for (;;) {
		size_t length = strcspn(label, ".");
		reason why = check_label(label, length);

		if (why)
			return why;
		if (label[length] == '\0')
			break;
		label += length + 1;
	}
	a->is_host = strcmp(text, DIFC_HOST_LOCAL) == 0 || strcmp(text, DIFC_HOST_RUNNER) == 0;
	a->host = xstrdup(text);
	return NULL;
}

static reason set_host(const char *text, bool bracketed, struct difc_address *a)
{
	if (*text == '\0')
		return "there is no host";
	if (bracketed)
		return set_ipv6(text, a);
	return ends_in_number(text) ? set_ipv4(text, a) : set_name(text, a);
}

/* Parses a text that is not empty, which is overwritten. */
static reason parse(char *text, struct difc_address *a)
{
	bool bracketed;
	char *host, *port;
	reason why;

	ascii_lower(text);
	if ((why = skip_scheme(&text)) || (why = check_url_parts(text)) ||
	    (why = split(text, &host, &port, &bracketed)) || (why = check_port(port, &a->port)))
		return why;
	return set_host(host, bracketed, a);
}

int difc_address_parse(const char *text, struct difc_address *ret, struct err *e)
{
	_cleanup_(difc_address_clear) struct difc_address a = { 0 };
	_cleanup_free_ char *copy = NULL;
	reason why = check_characters(text);

	if (!why) {
		copy = xstrdup(*text ? text : DIFC_HOST_RUNNER);
		why = parse(copy, &a);
	}
	if (why)
		return err_invalid(e, FIELD, strlen(text) > TEXT_MAX ? NULL : text, "%s", why);
	*ret = a;
	a = (struct difc_address){ 0 };
	return 0;
}

char *difc_address_format(const struct difc_address *a)
{
	return xasprintf(strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host, (unsigned)a->port);
}

char **difc_address_candidates(const struct difc_address *a)
{
	char **candidates = NULL;

	if (strcmp(a->host, DIFC_HOST_LOCAL) == 0 || strcmp(a->host, DIFC_HOST_RUNNER) == 0) {
		strv_append(&candidates, "127.0.0.1");
		strv_append(&candidates, "::1");
	} else {
		strv_append(&candidates, a->host);
	}
	return candidates;
}

void difc_address_clear(struct difc_address *a)
{
	free(a->host);
	*a = (struct difc_address){ 0 };
}
