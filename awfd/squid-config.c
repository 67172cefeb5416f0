#include "awfd/squid-config.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "awfd/private-networks.h"
#include "awfd/squid-log.h"
#include "common/alloc.h"
#include "common/strbuf.h"

/* What is the same in every sandbox. No store, no memory of requests, no other protocol, no header
 * that tells of us, no path of a server's taken for squid's own. A name's addresses are kept for
 * negative_dns_ttl at least, so that what the ACLs saw is what is connected to. A tunnel has to
 * begin within request_start_timeout. Without a line `dns_nameservers` squid would ask those of
 * resolv.conf. The helper judges what the client sent, in base64, and not the SNI that squid found
 * there, which squid cuts at a NUL. */
static const char constant_part[] =
	"cache_effective_user squid\n"
	"visible_hostname awf\n"
	"pid_filename none\n"
	"coredump_dir none\n"
	"cache_log stdio:/dev/stderr\n"
	"cache deny all\n"
	"cache_mem 0 bytes\n"
	"memory_pools off\n"
	"icp_port 0\n"
	"htcp_port 0\n"
	"snmp_port 0\n"
	"pinger_enable off\n"
	"digest_generation off\n"
	"global_internal_static off\n"
	"netdb_filename none\n"
	"sslproxy_session_cache_size 0 bytes\n"
	"max_filedescriptors 8192\n"
	"client_ip_max_connections 2048\n"
	"shutdown_lifetime 0 seconds\n"
	"connect_timeout 10 seconds\n"
	"request_start_timeout 30 seconds\n"
	"dns_timeout 10 seconds\n"
	"negative_dns_ttl 10 seconds\n"
	"check_hostnames on\n"
	"allow_underscore on\n"
	"via off\n"
	"forwarded_for delete\n"
	"follow_x_forwarded_for deny all\n"
	"reply_header_access X-Cache deny all\n"
	"reply_header_access X-Cache-Lookup deny all\n"
	"httpd_suppress_version_string on\n"
	"email_err_data off\n"
	"error_directory /usr/share/squid/errors\n"
	"err_page_stylesheet none\n"
	"hosts_file " SQUID_PATH_HOSTS "\n"
	"logformat awf " SQUID_LOG_FORMAT "\n"
	"buffered_logs off\n"
	"access_log stdio:" SQUID_PATH_LOG " logformat=awf\n"
	"external_acl_type sni ttl=0 negative_ttl=0 cache=0 children-startup=1 children-max=1 "
	"concurrency=2048 ipv4 %>rd %>handshake /usr/lib/squid/awf-sni-match\n"
	"\n"
	"acl connect method CONNECT\n"
	"acl unwanted_method method TRACE PURGE\n"
	"acl http proto HTTP\n"
	"acl port_80 port 80\n"
	"acl port_443 port 443\n"
	"acl granted note decision allowed\n"
	"acl sni_is_host external sni\n"
	"acl step_1 at_step SslBump1\n"
	"acl step_2 at_step SslBump2\n";

/* A refused CONNECT is let through http_access, because squid would answer its refusal there inside
 * TLS, with a certificate of its own making. miss_access refuses it in plain HTTP, before anything
 * is resolved. So everything that is not marked as granted ends there. Tunnels are opened when
 * their TLS names the host they were asked for, and never looked into. */
static const char final_part[] = "http_access allow mark_allowed\n"
				 "miss_access allow granted\n"
				 "miss_access deny all\n"
				 "on_unsupported_protocol respond mark_not-tls\n"
				 "ssl_bump splice step_1 !granted\n"
				 "ssl_bump peek step_1\n"
				 "ssl_bump splice step_2 granted sni_is_host\n"
				 "ssl_bump terminate mark_sni-mismatch\n";

/* Who may use a list of domains, and how. */
struct use {
	const char *prefix; /* of the ACLs' names */
	const char *all;    /* the ACL that matches when one of them does */
	const char *when;   /* further ACLs, with a blank in front */
};

static const char *const scheme_acls[] = {
	[DOMAIN_ANY] = "",
	[DOMAIN_HTTP] = " !connect",
	[DOMAIN_HTTPS] = " connect",
};

static void put_regex_text(struct strbuf *b, const char *name)
{
	for (; *name; name++) {
		if (*name == '.')
			strbuf_puts(b, "[.]");
		else if (*name != '*')
			strbuf_appendf(b, "%c", *name);
		else
			strbuf_puts(b, "[a-z0-9_-]*");
	}
}

/* With -n squid matches the name as it was asked for, and never looks up the name of an address. */
static void put_name_acl(struct strbuf *b, const char *acl, const struct domain *d)
{
	switch (d->kind) {
	case DOMAIN_TREE:
		strbuf_appendf(b, "acl %s dstdomain -n .%s\n", acl, d->name);
		return;
	case DOMAIN_EXACT:
		strbuf_appendf(b, "acl %s dstdomain -n %s\n", acl, d->name);
		return;
	case DOMAIN_SUBDOMAINS:
	case DOMAIN_PATTERN:
		strbuf_appendf(b, "acl %s dstdom_regex -n %s", acl,
			       d->kind == DOMAIN_SUBDOMAINS ? "[.]" : "^");
		put_regex_text(b, d->name);
		strbuf_puts(b, "$\n");
		return;
	}
}

static void put_rule(struct strbuf *b, const struct use *use, const struct domain *d, size_t i)
{
	_cleanup_free_ char *name = xasprintf("%s_name_%zu", use->prefix, i);
	_cleanup_free_ char *text = domain_format(d);

	put_name_acl(b, name, d);
	strbuf_appendf(b, "acl %s_mark_%zu annotate_transaction rule=%s\n", use->prefix, i, text);
	strbuf_appendf(b, "acl %s_%zu all-of%s%s %s %s_mark_%zu\n", use->prefix, i, use->when,
		       scheme_acls[d->scheme], name, use->prefix, i);
}

/* The ACL that matches when one of the list's does. */
static void put_any(struct strbuf *b, const char *all, const char *prefix, size_t count)
{
	strbuf_appendf(b, "acl %s any-of", all);
	for (size_t i = 0; i < count; i++)
		strbuf_appendf(b, " \\\n\t%s_%zu", prefix, i);
	strbuf_puts(b, count > 0 ? "\n" : " nothing\n");
}

/* An ACL for each rule, which also notes the rule's text for the log, and one for all of them. */
static void put_rules(struct strbuf *b, const struct use *use, const struct domain_list *list)
{
	size_t count = list ? list->count : 0;

	for (size_t i = 0; i < count; i++)
		put_rule(b, use, &list->items[i], i);
	put_any(b, use->all, use->prefix, count);
}

/* v4-mapped addresses are plain IPv4 for squid, so that prefix would be all of IPv4. */
static bool is_v4_mapped(const struct network *n)
{
	return n->family == AF_INET6 && n->address[10] == 0xff && n->address[0] == 0;
}

static void put_private_networks(struct strbuf *b)
{
	strbuf_puts(b, "acl private dst");
	for (size_t i = 0; i < private_networks_count; i++) {
		_cleanup_free_ char *text = network_format(&private_networks[i]);

		if (!is_v4_mapped(&private_networks[i]))
			strbuf_appendf(b, " \\\n\t%s", text);
	}
	strbuf_puts(b, "\n");
}

static void put_private_names(struct strbuf *b, char *const *names)
{
	strbuf_puts(b, names && *names ? "acl private_name dstdomain -n"
				       : "acl private_name all-of nothing");
	for (char *const *name = names; name && *name; name++)
		strbuf_appendf(b, " %s", *name);
	strbuf_puts(b, "\n");
}

/* squid passes over IPv6 servers where it has no IPv6, and with none left it would ask those of its
 * resolv.conf. So one that is not there comes last, where there is no IPv4 server. */
static void put_dns_servers(struct strbuf *b, char *const *servers)
{
	bool has_ipv4 = false;

	strbuf_puts(b, "dns_nameservers");
	for (char *const *server = servers; server && *server; server++) {
		strbuf_appendf(b, " %s", *server);
		has_ipv4 |= strchr(*server, ':') == NULL;
	}
	strbuf_puts(b, has_ipv4 ? "\n" : " 127.0.0.1\n");
}

static void put_marks(struct strbuf *b)
{
	for (enum squid_decision d = 0; d < SQUID_DECISION_COUNT; d++)
		strbuf_appendf(b, "acl mark_%s annotate_transaction decision=%s\n",
			       squid_decision_token(d), squid_decision_token(d));
}

static void put_request_refusal(struct strbuf *b, const char *conditions,
				enum squid_decision decision)
{
	strbuf_appendf(b, "http_access deny !connect %s mark_%s\n", conditions,
		       squid_decision_token(decision));
}

static void put_connect_refusal(struct strbuf *b, const char *conditions,
				enum squid_decision decision)
{
	strbuf_appendf(b, "http_access allow connect %s mark_%s\n", conditions,
		       squid_decision_token(decision));
}

static void put_refusal(struct strbuf *b, const char *conditions, enum squid_decision decision)
{
	put_request_refusal(b, conditions, decision);
	put_connect_refusal(b, conditions, decision);
}

/* In this order: form, who asks, names, and last, because that asks the DNS, addresses. */
static void put_access(struct strbuf *b)
{
	put_request_refusal(b, "unwanted_method", SQUID_METHOD);
	put_request_refusal(b, "!http", SQUID_SCHEME);
	put_request_refusal(b, "!port_80", SQUID_PORT);
	put_connect_refusal(b, "!port_443", SQUID_PORT);
	put_refusal(b, "blocked", SQUID_BLOCKED);
	put_refusal(b, "!allowed !redirect", SQUID_NOT_ALLOWED);
	put_refusal(b, "direct !private_name private", SQUID_PRIVATE);
}

/* Percent-encodes what isn't plainly harmless: squid decodes it. */
static void put_encoded(struct strbuf *b, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text))
			strbuf_appendf(b, "%c", *text);
		else
			strbuf_appendf(b, "%%%02x", (unsigned char)*text);
	}
}

static void put_login(struct strbuf *b, const struct squid_upstream *u)
{
	if (!u->user)
		return;
	strbuf_puts(b, " login=");
	put_encoded(b, u->user);
	strbuf_puts(b, ":");
	put_encoded(b, u->password ? u->password : "");
}

/* Names only: a scheme doesn't matter, and the log has the rule that granted. */
static void put_no_proxy(struct strbuf *b, const struct domain_list *list)
{
	size_t count = list ? list->count : 0;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *name = xasprintf("no_proxy_%zu", i);

		put_name_acl(b, name, &list->items[i]);
	}
	put_any(b, "no_proxy", "no_proxy", count);
}

/* What goes through the proxy above is resolved by that one, not by us, so the addresses can't be
 * checked here; what has a pinned address goes there directly. */
static void put_upstream(struct strbuf *b, const struct squid_upstream *u)
{
	if (!u) {
		strbuf_puts(b, "acl direct all-of all\nalways_direct allow all\n");
		return;
	}
	put_no_proxy(b, u->no_proxy);
	strbuf_puts(b, "acl direct any-of private_name no_proxy\n");
	strbuf_appendf(b,
		       "cache_peer %s parent %u 0 name=upstream no-query no-digest "
		       "no-netdb-exchange default connect-timeout=10",
		       u->address, (unsigned)u->port);
	put_login(b, u);
	strbuf_puts(b, "\nalways_direct allow direct\nnever_direct allow all\n");
}

static void put_clients(struct strbuf *b, const struct squid_config *c)
{
	strbuf_appendf(b, "acl from_agent src %s\n", c->agent);
	strbuf_appendf(b, "acl from_cli_proxy %s %s\n", c->cli_proxy ? "src" : "all-of",
		       c->cli_proxy ? c->cli_proxy : "nothing");
}

char *squid_config_text(const struct squid_config *c)
{
	static const struct use allow = { "allow", "allowed", " from_agent" };
	static const struct use redirect = { "redirect", "redirect", " from_cli_proxy connect" };
	static const struct use block = { "block", "blocked", "" };
	_cleanup_strbuf_ struct strbuf b = { 0 };

	strbuf_appendf(&b,
		       "http_port %s:%d ssl-bump tls-cert=/usr/share/squid/bump.pem "
		       "generate-host-certificates=off\n",
		       c->listen, SQUID_PORT_NUMBER);
	put_dns_servers(&b, c->dns_servers);
	strbuf_puts(&b, constant_part);
	put_marks(&b);
	strbuf_puts(&b, "acl nothing all-of !all\n");
	put_clients(&b, c);
	put_private_networks(&b);
	put_private_names(&b, c->private_names);
	strbuf_puts(&b, "\n");
	put_rules(&b, &block, c->block);
	put_rules(&b, &allow, c->allow);
	put_rules(&b, &redirect, c->redirect_hosts);
	strbuf_puts(&b, "\n");
	put_upstream(&b, c->upstream);
	strbuf_puts(&b, "\n");
	put_access(&b);
	strbuf_puts(&b, final_part);
	return strbuf_take(&b);
}

/* squid looks up the names of its clients, whatever the log wants of them: found here, nobody is
 * asked. As grants these names mean nothing. */
char *squid_hosts_text(const struct squid_config *c, const struct squid_pin *pins, size_t count)
{
	_cleanup_strbuf_ struct strbuf b = { 0 };

	strbuf_appendf(&b, "%s agent.invalid\n", c->agent);
	if (c->cli_proxy)
		strbuf_appendf(&b, "%s cli-proxy.invalid\n", c->cli_proxy);
	for (size_t i = 0; i < count; i++)
		strbuf_appendf(&b, "%s %s\n", pins[i].address, pins[i].name);
	return strbuf_take(&b);
}
