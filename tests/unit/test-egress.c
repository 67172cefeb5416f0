#include "awfd/egress.h"

#include "awfd/config.h"
#include "awfd/resolvers.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define STRV(...)        ((char *[]){ __VA_ARGS__, NULL })
#define _cleanup_egress_ _cleanup_(egress_clear)

/* What an operator has who cares for name servers only. */
static const struct config plain = { .dns_servers = STRV("192.0.2.53") };

static int check(const struct start_request *r, const struct config *c, struct egress *egress,
		 struct err *e)
{
	*egress = (struct egress){ 0 };
	return egress_check(r, c, egress, e);
}

static void test_nothing(void **state _unused_)
{
	_cleanup_egress_ struct egress egress;

	assert_int_equal(check(&(struct start_request){ 0 }, &plain, &egress, NULL), 0);
	assert_false(egress.wanted);
	assert_null(egress.dns_servers);
	assert_int_equal(egress.host_ports.count, 0);
	egress_clear(&egress);
	/* only blocking is no way out */
	assert_int_equal(check(&(struct start_request){ .block_domains = STRV("a.example") },
			       &plain, &egress, NULL),
			 0);
	assert_false(egress.wanted);
}

static void test_domains(void **state _unused_)
{
	const struct start_request r = { .allow_domains =
						 STRV("a.example", "localhost", "*.b.example"),
					 .block_domains = STRV("c.a.example") };
	_cleanup_egress_ struct egress egress;

	assert_int_equal(check(&r, &plain, &egress, NULL), 0);
	assert_true(egress.wanted);
	assert_int_equal(egress.allow.count, 2); /* localhost is the host, not a domain */
	assert_int_equal(egress.block.count, 1);
	assert_same_text(egress.dns_servers[0], "192.0.2.53");
	assert_true(host_ports_has(&egress.host_ports, 3000));
	assert_false(host_ports_has(&egress.host_ports, 80));
}

static void test_resolvers(void **state _unused_)
{
	const struct start_request r = { .allow_domains = STRV("a.example"),
					 .dns_servers = STRV("198.51.100.1") };
	_cleanup_egress_ struct egress egress;

	assert_int_equal(check(&r, &plain, &egress, NULL), 0);
	assert_int_equal(strv_length(egress.dns_servers), 1);
	assert_same_text(egress.dns_servers[0], "198.51.100.1");
}

static void test_host_ports(void **state _unused_)
{
	const struct {
		struct start_request r;
		unsigned count;
		uint16_t one;
	} rows[] = {
		{ { .enable_host_access = true }, 2, 443 },
		{ { .enable_host_access = true, .allow_host_ports = STRV("3000-3010,8080") },
		  12,
		  3010 },
		{ { .allow_host_service_ports = STRV("5432") }, 1, 5432 },
		{ { .enable_host_access = true, .allow_host_service_ports = STRV("5432") },
		  3,
		  5432 },
		{ { .allow_domains = STRV("localhost") }, 12, 9090 },
		{ { .allow_domains = STRV("localhost"), .allow_host_ports = STRV("1234") },
		  1,
		  1234 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_egress_ struct egress egress;
		_cleanup_err_ struct err e = { 0 };

		if (check(&rows[i].r, &plain, &egress, &e) < 0)
			fail_msg("row %zu: %s", i, e.message);
		assert_int_equal(egress.host_ports.count, rows[i].count);
		assert_true(host_ports_has(&egress.host_ports, rows[i].one));
		assert_false(egress.wanted);
	}
}

static const struct {
	struct start_request r;
	const char *field, *value, *reason;
} refusals[] = {
	{ { .allow_domains = STRV("a.example", "*") }, "allowDomains", "*", "" },
	{ { .block_domains = STRV("a b") }, "blockDomains", "a b", "" },
	{ { .allow_private = STRV("*.a.example") }, "allowPrivate", "*.a.example", "exact" },
	{ { .allow_private = STRV("https://a.example") },
	  "allowPrivate",
	  "https://a.example",
	  "exact" },
	{ { .allow_private = STRV("10.0.0.1") }, "allowPrivate", "10.0.0.1", "" },
	{ { .allow_domains = STRV("a.example"), .dns_servers = STRV("127.0.0.1") },
	  "dnsServers",
	  "127.0.0.1",
	  "loopback" },
	{ { .dns_servers = STRV("x") }, "dnsServers", "x", "address" },
	{ { .upstream_proxy = (char *)"https://p" }, "upstreamProxy", "https://p", "http://" },
	{ { .allow_host_ports = STRV("3000") }, "allowHostPorts", NULL, "--enable-host-access" },
	{ { .enable_host_access = true, .allow_host_ports = STRV("22") },
	  "allowHostPorts",
	  "22",
	  "" },
	{ { .allow_host_service_ports = STRV("0") }, "allowHostServicePorts", "0", "" },
};

static void test_refusals(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_egress_ struct egress egress;
		_cleanup_err_ struct err e = { 0 };

		if (check(&refusals[i].r, &plain, &egress, &e) != -EINVAL)
			fail_msg("row %zu was accepted", i);
		assert_same_text(e.subject, refusals[i].field);
		assert_same_text(e.value, refusals[i].value);
		assert_text_contains(e.message, refusals[i].reason);
		assert_null(egress.allow.items);
	}
}

/* To have no proxy is a wish where the operator has one. */
static void test_avoided_upstream(void **state _unused_)
{
	const struct config proxied = { .dns_servers = STRV("192.0.2.53"),
					.upstream_proxy = (char *)"http://p.example:3128" };
	const struct {
		const struct config *config;
		const char *url;
		bool has, is_avoided;
	} rows[] = {
		{ &proxied, NULL, true, false },   { &proxied, "", false, true },
		{ &proxied, "none", false, true }, { &proxied, "http://q.example", true, false },
		{ &plain, "", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct start_request r = { .upstream_proxy = (char *)rows[i].url };
		_cleanup_egress_ struct egress egress;

		assert_int_equal(check(&r, rows[i].config, &egress, NULL), 0);
		assert_int_equal(egress.has_upstream, rows[i].has);
		assert_int_equal(egress.upstream_is_avoided, rows[i].is_avoided);
	}
}

static struct resolved at(const char *name, const char *address)
{
	struct resolved r = { .name = (char *)name, .count = 1 };

	assert_int_equal(resolvers_sockaddr(address, 0, &r.addresses[0]), 0);
	return r;
}

/* Names are asked for one after the other, and pinned only where the operator permits it. */
static void test_pins(void **state _unused_)
{
	const struct config c = { .dns_servers = STRV("192.0.2.53"),
				  .private_networks = STRV("10.77.0.0/16") };
	const struct start_request r = { .allow_private = STRV("git.corp.example", "x.example"),
					 .upstream_proxy = (char *)"http://p.corp.example:3128" };
	const struct resolved good = at("git.corp.example", "10.77.0.2"),
			      bad = at("x.example", "192.168.1.1"),
			      open = at("x.example", "203.0.113.1"),
			      metadata = at("p.corp.example", "169.254.169.254"),
			      proxy = at("p.corp.example", "10.77.0.8");
	_cleanup_egress_ struct egress egress;
	_cleanup_err_ struct err e = { 0 };
	const char *field;

	assert_int_equal(check(&r, &c, &egress, NULL), 0);
	assert_true(egress.wanted);
	assert_same_text(egress_next_name(&egress, &field), "git.corp.example");
	assert_same_text(field, "allowPrivate");
	assert_int_equal(egress_pin(&egress, &c, &good, &e), 0);
	assert_same_text(egress_next_name(&egress, &field), "x.example");
	assert_int_equal(egress_pin(&egress, &c, &bad, &e), -EINVAL);
	assert_same_text(e.subject, "allowPrivate");
	assert_text_contains(e.message, "192.168.1.1");
	assert_text_contains(e.message, "PrivateNetworks=");
	assert_int_equal(egress_pin(&egress, &c, &open, NULL), 0);
	assert_same_text(egress_next_name(&egress, &field), "p.corp.example");
	assert_same_text(field, "upstreamProxy");
	assert_int_equal(egress_pin(&egress, &c, &metadata, NULL), -EINVAL);
	assert_int_equal(egress_pin(&egress, &c, &proxy, NULL), 0);
	assert_null(egress_next_name(&egress, &field));
	assert_int_equal(egress.pin_count, 3);
	assert_false(egress.pins[1].is_upstream);
	assert_true(egress.pins[2].is_upstream);
}

/* The operator's own proxy may be anywhere. */
static void test_upstream_of_the_operator(void **state _unused_)
{
	const struct config c = { .dns_servers = STRV("192.0.2.53"),
				  .upstream_proxy = (char *)"http://p.corp.example:3128",
				  .no_proxy = STRV(".corp.example") };
	const struct start_request r = { .allow_domains = STRV("a.example") };
	const struct start_request without = { .allow_domains = STRV("a.example"),
					       .upstream_proxy = (char *)"" };
	const struct resolved proxy = at("p.corp.example", "10.77.0.8");
	_cleanup_egress_ struct egress egress, none;
	const char *field;

	assert_int_equal(check(&r, &c, &egress, NULL), 0);
	assert_true(egress.has_upstream);
	assert_same_text(egress.no_proxy[0], ".corp.example");
	assert_same_text(egress_next_name(&egress, &field), "p.corp.example");
	assert_int_equal(egress_pin(&egress, &c, &proxy, NULL), 0);
	assert_int_equal(check(&without, &c, &none, NULL), 0);
	assert_false(none.has_upstream);
}

/* No squid has the host's loopback: such a proxy would look like one that is down. */
static void test_upstream_on_loopback(void **state _unused_)
{
	const struct config c = { .dns_servers = STRV("192.0.2.53"),
				  .upstream_proxy = (char *)"http://localhost:3128" };
	const struct start_request r = { .allow_domains = STRV("a.example") };
	static const char *const addresses[] = { "127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::" };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		const struct resolved proxy = at("localhost", addresses[i]);
		_cleanup_egress_ struct egress egress;
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(check(&r, &c, &egress, NULL), 0);
		assert_int_equal(egress_pin(&egress, &c, &proxy, &e), -EADDRNOTAVAIL);
		assert_text_contains(e.message, addresses[i]);
		assert_text_contains(e.message, "UpstreamProxy=");
	}
}

/* What a host resolves to IPv6 first, a squid without IPv6 still reaches. */
static void test_pin_address(void **state _unused_)
{
	struct egress_pin pin = { 0 };

	resolve_parse("fd77::8 STREAM p\n10.77.0.8 STREAM\n10.77.0.9 STREAM\n", &pin.resolved);
	assert_int_equal(pin.resolved.count, 3);
	assert_ptr_equal(egress_pin_address(&pin), &pin.resolved.addresses[1]);
	pin.resolved.count = 0;
	resolve_parse("fd77::8 STREAM p\nfd77::9 STREAM\n", &pin.resolved);
	assert_ptr_equal(egress_pin_address(&pin), &pin.resolved.addresses[0]);
}

static void test_getent(void **state _unused_)
{
	struct resolved r = { 0 };

	resolve_parse("10.77.0.2       STREAM git.corp.example\n10.77.0.2       DGRAM  \n"
		      "10.77.0.2       RAW    \nfd77::2 STREAM\n\nnonsense\n",
		      &r);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.addresses[0].ss_family, AF_INET);
	assert_int_equal(r.addresses[1].ss_family, AF_INET6);
	r.count = 0;
	resolve_parse("", &r);
	assert_int_equal(r.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_host_ports),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_avoided_upstream),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_upstream_of_the_operator),
		cmocka_unit_test(test_upstream_on_loopback),
		cmocka_unit_test(test_pin_address),
		cmocka_unit_test(test_getent),
	};

	return RUN_TESTS("egress", tests);
}
