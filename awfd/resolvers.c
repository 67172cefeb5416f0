#include "awfd/resolvers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "common/file.h"
#include "common/strv.h"

#define CONF_MAX (64 * 1024)

/* What a check found: NULL when nothing is wrong, else the reason. */
typedef const char *reason;

int resolvers_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	} else {
		return -EINVAL;
	}
	*ret = address;
	return 0;
}

void resolvers_format(const struct sockaddr_storage *address, char *text)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static reason check_ipv4(uint32_t address)
{
	if (address >> 24 == IN_LOOPBACKNET || address >> 24 == 0)
		return "a loopback address would be squid's own: name the server behind it";
	if (address >> 16 == 0xa9fe)
		return "a link-local address is not allowed";
	if (address >> 28 >= 0xe)
		return "a multicast or reserved address is no name server";
	return NULL;
}

static reason check_ipv6(const struct in6_addr *address)
{
	if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address))
		return "a loopback address would be squid's own: name the server behind it";
	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address))
		return "an IPv4 address is written without IPv6";
	if (IN6_IS_ADDR_LINKLOCAL(address))
		return "a link-local address is not allowed";
	if (IN6_IS_ADDR_MULTICAST(address))
		return "a multicast address is no name server";
	return NULL;
}

/* Appends one address in canonical form. */
static reason add(char ***list, const char *text)
{
	struct sockaddr_storage address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
	char canonical[INET6_ADDRSTRLEN];
	reason why;

	if (resolvers_sockaddr(text, 53, &address) < 0)
		return "is no IP address";
	why = address.ss_family == AF_INET ? check_ipv4(ntohl(v4->sin_addr.s_addr))
					   : check_ipv6(&v6->sin6_addr);
	if (why)
		return why;
	if (strv_length(*list) >= RESOLVERS_MAX)
		return "there are more than 8 name servers";
	resolvers_format(&address, canonical);
	strv_append(list, canonical);
	return NULL;
}

static int parse_one(const char *field, const char *text, char ***ret, struct err *e)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		reason why = add(ret, word);

		if (why)
			return err_invalid(e, field, word, "%s", why);
	}
	return 0;
}

int resolvers_parse(const char *field, char *const *texts, char ***ret, struct err *e)
{
	for (; texts && *texts; texts++) {
		int r = parse_one(field, *texts, ret, e);

		if (r < 0)
			return r;
	}
	return 0;
}

char **resolvers_from_conf(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *line;
	char **list = NULL;

	while ((line = strsep(&rest, "\n"))) {
		char *word = strsep(&line, " \t");

		while (line && (*line == ' ' || *line == '\t'))
			line++;
		if (!line || strcmp(word, "nameserver") != 0)
			continue;
		line[strcspn(line, " \t\r#;")] = '\0';
		(void)add(&list, line); /* what squid cannot ask is passed over */
	}
	return list;
}

/* Where upstream servers are written, in this order. */
static const char *const conf_files[] = {
	"/etc/resolv.conf",
	"/run/systemd/resolve/resolv.conf",
};

int resolvers_of_host(const char *root, char ***ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(conf_files); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", root, conf_files[i]);
		_cleanup_free_ char *text = NULL;

		int r = file_read(path, CONF_MAX, &text, NULL, NULL);

		if (r == -EMFILE || r == -ENFILE) /* says nothing about the file */
			return err_system(e, r, "%s", path);
		if (r < 0)
			continue;
		*ret = resolvers_from_conf(text);
		if (*ret)
			return 0;
	}
	return err_set(e, -ENOENT, ERR_SYSTEM,
		       "/etc/resolv.conf names no name server that a sandbox can reach (one on "
		       "loopback is not): set [Egress] DnsServers= in awfd.conf, or use "
		       "--dns-servers");
}
