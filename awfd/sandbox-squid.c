/* The files that squid's container mounts: its configuration, made from the grants, and the log that
 * it appends to and awfd follows. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "awfd/config.h"
#include "awfd/resolvers.h"
#include "awfd/squid-config.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/strv.h"

/* Whom squid runs as in its image. */
#define SQUID_ID 65533

char *sandbox_squid_directory(const struct sandbox *s)
{
	return xasprintf("%s/squid", s->directory);
}

char *sandbox_squid_log(const struct sandbox *s)
{
	return xasprintf("%s/access.log", s->directory);
}

static char *address_text(const struct sandbox *s, unsigned host)
{
	struct in_addr address = config_address(s->manager->config, host);
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	return xstrdup(text);
}

char *sandbox_squid_url(const struct sandbox *s)
{
	_cleanup_free_ char *address = address_text(s, SANDBOX_HOST_SQUID);

	return xasprintf("http://%s:%d", address, SANDBOX_SQUID_PORT);
}

/* For squid alone: an upstream proxy's password may be in there. */
static int write_file(const char *directory, const char *name, const char *text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	int r = file_write_atomic(path, 0400, text, strlen(text), e);

	if (r < 0)
		return r;
	return chown(path, SQUID_ID, SQUID_ID) < 0 ? err_system(e, -errno, "cannot chown %s", path)
						   : 0;
}

static int make_log(const char *path, struct err *e)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fchown(fd, SQUID_ID, SQUID_ID) < 0)
		return err_system(e, -errno, "cannot make %s", path);
	return 0;
}

/* The pinned names and addresses, in the form that squid's hosts file takes. */
static char *hosts_text(const struct egress *egress)
{
	struct squid_pin pins[(EGRESS_PRIVATE_MAX + 1) * RESOLVE_ADDRESSES_MAX];
	char addresses[ARRAY_SIZE(pins)][INET6_ADDRSTRLEN];
	size_t n = 0;

	for (unsigned i = 0; i < egress->pin_count; i++) {
		const struct resolved *r = &egress->pins[i].resolved;

		for (size_t j = 0; j < r->count; j++, n++) {
			resolvers_format(&r->addresses[j], addresses[n]);
			pins[n] = (struct squid_pin){ r->name, addresses[n] };
		}
	}
	return squid_hosts_text(pins, n);
}

/* As the environment has them: ".corp.example" is "corp.example" with all below it, and what is no
 * domain (an address, a network, "*") cannot be reached here anyway. */
static void parse_no_proxy(char *const *words, struct domain_list *ret)
{
	_cleanup_strv_ char **names = NULL;

	for (; words && *words; words++) {
		const char *text = **words == '.' ? *words + 1 : *words;
		_cleanup_(domain_clear) struct domain d = { 0 };

		if (domain_parse("NoProxy", text, &d, NULL) == 0)
			strv_append(&names, text);
	}
	(void)!domain_list_parse("NoProxy", names, ret, NULL);
}

static char *config_text(struct sandbox *s, const struct domain_list *redirects,
			 const struct domain_list *no_proxy)
{
	const struct egress *egress = &s->egress;
	_cleanup_free_ char *listen = address_text(s, SANDBOX_HOST_SQUID);
	_cleanup_free_ char *agent = address_text(s, SANDBOX_HOST_AGENT);
	_cleanup_free_ char *cli = address_text(s, SANDBOX_HOST_CLI);
	const struct squid_upstream upstream = { .host = egress->upstream.host,
						 .port = egress->upstream.port,
						 .user = egress->upstream.user,
						 .password = egress->upstream.password,
						 .no_proxy = no_proxy };
	const struct squid_config config = {
		.listen = listen,
		.agent = agent,
		.cli_proxy = sandbox_has_redirects(s) ? cli : NULL,
		.allow = &egress->allow,
		.block = &egress->block,
		.redirect_hosts = redirects,
		.private_names = egress->private_names,
		.dns_servers = egress->dns_servers,
		.upstream = egress->has_upstream ? &upstream : NULL,
	};

	return squid_config_text(&config);
}

int sandbox_squid_configure(struct sandbox *s, struct err *e)
{
	_cleanup_(domain_list_clear) struct domain_list redirects = { 0 }, no_proxy = { 0 };
	_cleanup_free_ char *directory = sandbox_squid_directory(s);
	_cleanup_free_ char *log = sandbox_squid_log(s);
	_cleanup_free_ char *hosts = hosts_text(&s->egress);
	_cleanup_free_ char *config = NULL;
	int r = domain_list_parse("RedirectHosts", s->manager->config->redirect_hosts, &redirects,
				  e);

	parse_no_proxy(s->egress.no_proxy, &no_proxy);
	config = config_text(s, &redirects, &no_proxy);
	if (r == 0)
		r = file_mkdir(directory, 0755, e);
	if (r == 0)
		r = write_file(directory, "squid.conf", config, e);
	if (r == 0)
		r = write_file(directory, "hosts", hosts, e);
	if (r == 0)
		r = make_log(log, e);
	return r < 0 ? r : sandbox_logs_follow_squid(s, log, e);
}
