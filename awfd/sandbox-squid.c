/* The files of squid's configuration, made from the grants, which its container mounts. */
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

char *sandbox_squid_directory(const struct sandbox *s)
{
	return xasprintf("%s/squid", s->directory);
}

static char *address_text(const struct sandbox *s, unsigned host)
{
	struct in_addr address = config_address(s->config, host);
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
	return chown(path, SANDBOX_SQUID_ID, SANDBOX_SQUID_ID) < 0
		       ? err_system(e, -errno, "cannot chown %s", path)
		       : 0;
}

/* The pinned names and addresses, in the form that squid's hosts file takes, of which it keeps one
 * address for each name; the upstream proxy is known by its address alone. */
static char *hosts_text(const struct squid_config *config, const struct egress *egress)
{
	struct squid_pin pins[EGRESS_PRIVATE_MAX];
	char addresses[ARRAY_SIZE(pins)][INET6_ADDRSTRLEN];
	size_t n = 0;

	for (unsigned i = 0; i < egress->pin_count; i++) {
		const struct egress_pin *pin = &egress->pins[i];

		if (pin->is_upstream)
			continue;
		resolvers_format(egress_pin_address(pin), addresses[n]);
		pins[n] = (struct squid_pin){ pin->resolved.name, addresses[n] };
		n++;
	}
	return squid_hosts_text(config, pins, n);
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

/* Everything that a configuration is made of: the struct borrows from the rest. */
struct parts {
	struct squid_config config;
	struct squid_upstream upstream;
	struct domain_list redirects, no_proxy;
	char *listen, *agent, *cli_proxy;
	char upstream_address[INET6_ADDRSTRLEN];
};

static void parts_clear(struct parts *p)
{
	domain_list_clear(&p->redirects);
	domain_list_clear(&p->no_proxy);
	free(p->listen);
	free(p->agent);
	free(p->cli_proxy);
}

/* It was pinned last. */
static void fill_upstream(struct parts *p, const struct egress *egress)
{
	const struct egress_pin *pin = &egress->pins[egress->pin_count - 1];

	resolvers_format(egress_pin_address(pin), p->upstream_address);
	p->upstream = (struct squid_upstream){ .address = p->upstream_address,
					       .port = egress->upstream.port,
					       .user = egress->upstream.user,
					       .password = egress->upstream.password,
					       .no_proxy = &p->no_proxy };
	p->config.upstream = &p->upstream;
}

static int fill(struct parts *p, const struct sandbox *s, struct err *e)
{
	const struct egress *egress = &s->egress;

	parse_no_proxy(egress->no_proxy, &p->no_proxy);
	p->listen = address_text(s, SANDBOX_HOST_SQUID);
	p->agent = address_text(s, SANDBOX_HOST_AGENT);
	p->cli_proxy = address_text(s, SANDBOX_HOST_CLI);
	p->config = (struct squid_config){
		.listen = p->listen,
		.agent = p->agent,
		.cli_proxy = sandbox_has_redirects(s) ? p->cli_proxy : NULL,
		.allow = &egress->allow,
		.block = &egress->block,
		.redirect_hosts = &p->redirects,
		.private_names = egress->private_names,
		.dns_servers = egress->dns_servers,
	};
	if (egress->has_upstream)
		fill_upstream(p, egress);
	return domain_list_parse("RedirectHosts", s->config->redirect_hosts, &p->redirects, e);
}

static int write_files(const struct parts *p, const struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *directory = sandbox_squid_directory(s);
	_cleanup_free_ char *config = squid_config_text(&p->config);
	_cleanup_free_ char *hosts = hosts_text(&p->config, &s->egress);
	int r = write_file(directory, "squid.conf", config, e);

	return r < 0 ? r : write_file(directory, "pins", hosts, e);
}

int sandbox_squid_configure(struct sandbox *s, struct err *e)
{
	_cleanup_(parts_clear) struct parts p = { 0 };
	int r = fill(&p, s, e);

	return r < 0 ? r : write_files(&p, s, e);
}
