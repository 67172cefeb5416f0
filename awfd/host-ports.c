#include "awfd/host-ports.h"

#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"

#define DIGITS   "0123456789"
#define WORD     64 /* bits of one element of a set */
#define SPEC_MAX 11 /* characters: 10000-65535 */

/* What a check found: NULL when nothing is wrong, else the reason. The caller owns it. */
typedef char *reason;

struct range {
	uint16_t low, high;
};

char *const host_ports_default[] = { (char *)"80", (char *)"443", NULL };

char *const host_ports_localhost[] = {
	(char *)"3000,3001,4000,4200,5000,5173,8000,8080,8081,8888,9000,9090", NULL
};

/* What nobody opens to an agent by a range, or by guessing. In ascending order. */
static const struct {
	uint16_t port;
	const char *service;
} dangerous[] = {
	{ 22, "SSH" },
	{ 23, "Telnet" },
	{ 25, "SMTP" },
	{ 110, "POP3" },
	{ 143, "IMAP" },
	{ 445, "SMB" },
	{ 1433, "Microsoft SQL Server" },
	{ 1521, "Oracle" },
	{ 3306, "MySQL" },
	{ 3389, "Remote Desktop" },
	{ 5432, "PostgreSQL" },
	{ 5984, "CouchDB" },
	{ 6379, "Redis" },
	{ 6984, "CouchDB over TLS" },
	{ 8086, "InfluxDB" },
	{ 8088, "InfluxDB backup" },
	{ 9200, "Elasticsearch" },
	{ 9300, "Elasticsearch nodes" },
	{ 27017, "MongoDB" },
	{ 27018, "MongoDB shards" },
	{ 28017, "MongoDB status" },
};

bool host_ports_has(const struct host_ports *set, uint16_t port)
{
	return set->bits[port / WORD] >> port % WORD & 1;
}

/* The first port from this one on. */
static uint16_t find(const struct host_ports *set, unsigned port)
{
	while (port <= UINT16_MAX) {
		uint64_t rest = set->bits[port / WORD] >> port % WORD;

		if (rest)
			return (uint16_t)(port + (unsigned)__builtin_ctzll(rest));
		port = (port / WORD + 1) * WORD;
	}
	return 0;
}

uint16_t host_ports_first(const struct host_ports *set)
{
	return find(set, 1);
}

uint16_t host_ports_next(const struct host_ports *set, uint16_t port)
{
	return find(set, port + 1U);
}

static reason parse_number(const char *text, uint16_t *port)
{
	if (*text == '\0')
		return xstrdup("a port is missing");
	if (strspn(text, DIGITS) != strlen(text))
		return xstrdup("this is not a port, or two with '-' between them");
	if (text[0] == '0' && text[1] != '\0')
		return xstrdup("the port has a leading zero");
	if (parse_port(text, port) < 0)
		return xstrdup("the port is not between 1 and 65535");
	return NULL;
}

/* Parses one port, or a range, which is overwritten. */
static reason parse_range(char *text, bool service, struct range *ret)
{
	char *high = strchr(text, '-');
	reason why;

	if (high && service)
		return xstrdup("a range is not allowed: name each port");
	if (high)
		*high++ = '\0';
	if ((why = parse_number(text, &ret->low)) ||
	    (why = parse_number(high ? high : text, &ret->high)))
		return why;
	return ret->low > ret->high ? xstrdup("the range ends before it begins") : NULL;
}

static reason check_dangerous(struct range r)
{
	for (size_t i = 0; i < ARRAY_SIZE(dangerous); i++)
		if (dangerous[i].port >= r.low && dangerous[i].port <= r.high)
			return xasprintf("port %u (%s) is not opened like this: name it as a "
					 "service port",
					 (unsigned)dangerous[i].port, dangerous[i].service);
	return NULL;
}

static reason add_range(struct host_ports *set, struct range r)
{
	for (unsigned port = r.low; port <= r.high; port++) {
		if (host_ports_has(set, (uint16_t)port))
			continue;
		if (set->count >= HOST_PORTS_MAX)
			return xasprintf("there are more than %d ports", HOST_PORTS_MAX);
		set->bits[port / WORD] |= (uint64_t)1 << port % WORD;
		set->count++;
	}
	return NULL;
}

/* Adds what one part of a list says. */
static reason add_spec(struct host_ports *set, const char *text, size_t length, bool service)
{
	char copy[SPEC_MAX + 1] = "";
	struct range r = { 0 };
	reason why;

	if (length > SPEC_MAX)
		return xstrdup("this is not a port, or two with '-' between them");
	memcpy(copy, text, length);
	if ((why = parse_range(copy, service, &r)) || (!service && (why = check_dangerous(r))))
		return why;
	return add_range(set, r);
}

/* Adds a list. Only behind its commas there may be spaces. */
static int add_list(struct host_ports *set, const char *field, const char *list, bool service,
		    struct err *e)
{
	for (;;) {
		size_t length = strcspn(list, ",");
		_cleanup_free_ reason why = add_spec(set, list, length, service);
		_cleanup_free_ char *value = NULL;

		if (why) {
			value = xstrndup(list, MIN(length, (size_t)SPEC_MAX * 2));
			return err_invalid(e, field, value, "%s", why);
		}
		if (list[length] == '\0')
			return 0;
		list += length + 1;
		list += strspn(list, " ");
	}
}

int host_ports_parse(const char *field, char *const *specs, bool service, struct host_ports *set,
		     struct err *e)
{
	struct host_ports wanted = *set;

	for (; specs && *specs; specs++) {
		int r = add_list(&wanted, field, *specs, service, e);

		if (r < 0)
			return r;
	}
	*set = wanted;
	return 0;
}
