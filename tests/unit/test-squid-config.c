#include "awfd/squid-config.h"
#include "common/strv.h"
#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static struct domain_list domains(const char *const *texts)
{
	struct domain_list list = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (domain_list_parse("domains", (char *const *)texts, &list, &e) < 0)
		fail_msg("%s", e.message);
	return list;
}

static char *const dns_servers[] = { (char *)"203.0.113.53", (char *)"2001:db8::53", NULL };

static void test_nothing_granted(void **state)
{
	const struct squid_config c = {
		.listen = "172.30.0.10",
		.agent = "172.30.0.20",
		.dns_servers = dns_servers,
	};
	_cleanup_free_ char *text = squid_config_text(&c);
	_cleanup_free_ char *hosts = squid_hosts_text(&c, NULL, 0);

	(void)state;
	golden_assert("squid-nothing.conf", text);
	assert_string_equal(hosts, "172.30.0.20 agent.invalid\n");
}

static void test_everything(void **state)
{
	static const char *const allow_texts[] = { "github.com",          "*.example.com",
						   "=exact.example",      "api-*.pattern.example",
						   "https://tls.example", "http://*.plain.example",
						   "nexus.corp.example",  NULL },
				 *const block_texts[] = { "gist.github.com", "https://*.x.example",
							  NULL },
				 *const redirect_texts[] = { "=blobs.example", NULL },
				 *const no_proxy_texts[] = { "corp.example", "*.direct.example",
							     NULL };
	static char *const private_names[] = { (char *)"nexus.corp.example", NULL };
	static const struct squid_pin pins[] = {
		{ "nexus.corp.example", "10.1.2.3" },
		{ "proxy.corp.example", "2001:db8::3" },
	};
	_cleanup_(domain_list_clear) struct domain_list allow = domains(allow_texts);
	_cleanup_(domain_list_clear) struct domain_list block = domains(block_texts);
	_cleanup_(domain_list_clear) struct domain_list redirect = domains(redirect_texts);
	_cleanup_(domain_list_clear) struct domain_list no_proxy = domains(no_proxy_texts);
	const struct squid_upstream upstream = {
		.address = "2001:db8::3",
		.port = 8080,
		.user = "us er",
		.password = "p%a:\"#\n",
		.no_proxy = &no_proxy,
	};
	const struct squid_config c = {
		.listen = "172.30.0.10",
		.agent = "172.30.0.20",
		.cli_proxy = "172.30.0.50",
		.allow = &allow,
		.block = &block,
		.redirect_hosts = &redirect,
		.private_names = private_names,
		.dns_servers = dns_servers,
		.upstream = &upstream,
	};
	_cleanup_free_ char *text = squid_config_text(&c);
	_cleanup_free_ char *hosts = squid_hosts_text(&c, pins, ARRAY_SIZE(pins));

	(void)state;
	golden_assert("squid-everything.conf", text);
	golden_assert("squid-everything.hosts", hosts);
}

/* With none, or none that it can reach, squid would ask those of its container's resolv.conf. */
static void test_servers_are_always_named(void **state)
{
	static char *const ipv6[] = { (char *)"2001:db8::53", NULL };
	const struct squid_config none = { .listen = "172.30.0.10", .agent = "172.30.0.20" };
	const struct squid_config only_ipv6 = {
		.listen = "172.30.0.10",
		.agent = "172.30.0.20",
		.dns_servers = ipv6,
	};
	_cleanup_free_ char *text = squid_config_text(&none);
	_cleanup_free_ char *text_ipv6 = squid_config_text(&only_ipv6);

	(void)state;
	assert_text_contains(text, "\ndns_nameservers 127.0.0.1\n");
	assert_text_contains(text_ipv6, "\ndns_nameservers 2001:db8::53 127.0.0.1\n");
}

/* The prefix of v4-mapped addresses would be all of IPv4 for squid. */
static void test_no_mapped_prefix(void **state)
{
	const struct squid_config c = { .listen = "172.30.0.10", .agent = "172.30.0.20" };
	_cleanup_free_ char *text = squid_config_text(&c);

	(void)state;
	assert_null(strstr(text, "::ffff"));
	assert_text_contains(text, "\t::/96 \\\n");
	assert_text_contains(text, "\t169.254.0.0/16 \\\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_granted),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_servers_are_always_named),
		cmocka_unit_test(test_no_mapped_prefix),
	};

	return RUN_TESTS("squid-config", tests);
}
