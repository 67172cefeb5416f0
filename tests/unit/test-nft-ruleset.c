/* The rules as libnftnl prints them, against golden files: a change of the rules is a change of
 * these, to be read with care. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>

#include "awfd/nft-egress.h"
#include "awfd/nft-namespace.h"
#include "awfd/nft-ruleset.h"
#include "common/strbuf.h"
#include "tests/unit/check.h"
#include "tests/unit/golden.h"

#define TEXT_MAX 4096

/* What nftnl_set_snprintf() leaves out. */
static void print_set(char *text, size_t size, const struct nft_object *o)
{
	uint32_t fields = 0;
	const uint8_t *lengths = nftnl_set_get_data(o->set, NFTNL_SET_DESC_CONCAT, &fields);
	int n = snprintf(text, size, "%s %s id %u flags 0x%x key type 0x%x length %u fields",
			 nftnl_set_get_str(o->set, NFTNL_SET_TABLE),
			 nftnl_set_get_str(o->set, NFTNL_SET_NAME),
			 nftnl_set_get_u32(o->set, NFTNL_SET_ID),
			 nftnl_set_get_u32(o->set, NFTNL_SET_FLAGS),
			 nftnl_set_get_u32(o->set, NFTNL_SET_KEY_TYPE),
			 nftnl_set_get_u32(o->set, NFTNL_SET_KEY_LEN));

	for (uint32_t i = 0; i < fields; i++)
		n += snprintf(text + n, size - (size_t)n, " %u", lengths[i]);
}

static void print_object(char *text, size_t size, const struct nft_object *o)
{
	switch (o->kind) {
	case NFT_OBJECT_KIND_TABLE:
		nftnl_table_snprintf(text, size, o->table, NFTNL_OUTPUT_DEFAULT, 0);
		return;
	case NFT_OBJECT_KIND_SET:
		print_set(text, size, o);
		return;
	case NFT_OBJECT_KIND_CHAIN:
		nftnl_chain_snprintf(text, size, o->chain, NFTNL_OUTPUT_DEFAULT, 0);
		return;
	case NFT_OBJECT_KIND_RULE:
		nftnl_rule_snprintf(text, size, o->rule, NFTNL_OUTPUT_DEFAULT, 0);
		return;
	case NFT_OBJECT_KIND_ELEMENT:
		nftnl_set_snprintf(text, size, o->set, NFTNL_OUTPUT_DEFAULT, 0);
		return;
	case NFT_OBJECT_KIND_COUNT:
		break;
	}
	fail();
}

/* Each object with its place, and then what it says, indented. */
static char *render(const struct nft_objects *list)
{
	static const char *const actions[] = {
		[NFT_ADD] = "add",
		[NFT_CREATE] = "create",
		[NFT_INSERT] = "insert",
		[NFT_DELETE] = "delete",
	};
	struct strbuf b = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		_cleanup_free_ char *place = nft_objects_describe(list, i);
		char text[TEXT_MAX] = "", *line, *rest = text;

		strbuf_appendf(&b, "%s %s\n", actions[list->items[i].action], place);
		print_object(text, sizeof(text), &list->items[i]);
		while ((line = strsep(&rest, "\n")))
			if (line[0] != '\0')
				strbuf_appendf(&b, "\t%s\n", line);
	}
	return strbuf_take(&b);
}

static void assert_renders(const char *name, const struct nft_objects *list)
{
	_cleanup_free_ char *text = render(list);

	golden_assert(name, text);
}

static void test_host(void **state)
{
	const struct nft_config config = { .relay_uid = 998 };
	const uint32_t owned = NFT_RULESET_OWNER | NFT_RULESET_PERSIST;
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	assert_int_equal(nft_ruleset_host(&config, (struct nft_ruleset_flags){ owned, owned }, NULL,
					  &list, NULL),
			 0);
	assert_renders("nft-host.txt", &list);
}

#define BRIDGE                                                                                     \
	.egress_bridge = "awf-egress",                                                             \
	.egress_subnet6 = { { { 0xfd, 0x61, 0x77, 0x66, 0x65, 0x67 } } }, .egress_prefix6 = 64

static void test_host_egress(void **state)
{
	const struct nft_config config = { .relay_uid = 998, BRIDGE };
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	assert_int_equal(
		nft_ruleset_host(&config, (struct nft_ruleset_flags){ 0 }, NULL, &list, NULL), 0);
	assert_renders("nft-host-egress.txt", &list);
}

static void test_bad_bridges(void **state)
{
	const struct nft_config bad[] = {
		{ .relay_uid = 998, .egress_bridge = "" },
		{ .relay_uid = 998, .egress_bridge = "sixteen-letters-" },
		{ .relay_uid = 998, .egress_bridge = "awf-egress", .egress_prefix6 = 129 },
	};
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(nft_ruleset_host(&bad[i], (struct nft_ruleset_flags){ 0 }, NULL,
						  &list, NULL),
				 -EINVAL);
		assert_int_equal(list.count, 0);
	}
}

static void assert_table_flags(const struct nft_object *o, uint32_t flags)
{
	assert_int_equal(o->kind, NFT_OBJECT_KIND_TABLE);
	assert_int_equal(nftnl_table_is_set(o->table, NFTNL_TABLE_FLAGS), flags != 0);
	if (flags != 0)
		assert_int_equal(nftnl_table_get_u32(o->table, NFTNL_TABLE_FLAGS), flags);
}

static void test_host_flags(void **state)
{
	const struct nft_config config = { .relay_uid = 998 };
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	assert_int_equal(nft_ruleset_host(&config,
					  (struct nft_ruleset_flags){ 0, NFT_RULESET_OWNER }, NULL,
					  &list, NULL),
			 0);
	assert_table_flags(&list.items[0], 0);
	assert_table_flags(&list.items[1], 0);
	assert_int_equal(list.items[1].action, NFT_DELETE);
	assert_table_flags(&list.items[2], NFT_RULESET_OWNER);
}

#define AGENT                                                                                      \
	{                                                                                          \
		.s_addr = htonl(0xac1e0014)                                                        \
	} /* 172.30.0.20 */
#define CLI_PROXY                                                                                  \
	{                                                                                          \
		.s_addr = htonl(0xac1e0032)                                                        \
	} /* 172.30.0.50 */
#define SQUID                                                                                      \
	{                                                                                          \
		.s_addr = htonl(0xac1e000a)                                                        \
	} /* 172.30.0.10 */

static void assert_namespace(const char *name, const struct nft_namespace *ns)
{
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	assert_int_equal(nft_namespace_put(ns, false, &list, NULL), 0);
	assert_renders(name, &list);
}

static void assert_grants(const char *name, const struct nft_namespace *ns)
{
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	assert_int_equal(nft_namespace_put_grants(ns, &list, NULL), 0);
	assert_renders(name, &list);
}

static void test_agent(void **state)
{
	const struct nft_flow flows[] = {
		{ .link = "squid", .local = AGENT, .peer = SQUID, .port = 3128 },
		{ .link = "cli-proxy", .local = AGENT, .peer = CLI_PROXY, .port = 11000 },
	};
	const struct nft_namespace ns = { flows, ARRAY_SIZE(flows), .loopback_any = true };

	(void)state;
	assert_namespace("nft-agent.txt", &ns);
}

static void test_cli_proxy(void **state)
{
	const struct nft_flow flows[] = {
		{ .link = "agent",
		  .local = CLI_PROXY,
		  .peer = AGENT,
		  .port = 11000,
		  .serve = true },
	};
	const struct nft_namespace ns = { flows, ARRAY_SIZE(flows), .loopback_port = 18443 };

	(void)state;
	assert_namespace("nft-cli-proxy.txt", &ns);
	assert_grants("nft-cli-proxy-grants.txt", &ns);
}

static void test_nothing(void **state)
{
	const struct nft_namespace ns = { 0 };

	(void)state;
	assert_namespace("nft-nothing.txt", &ns);
}

static void test_bad_flows(void **state)
{
	const struct nft_flow bad[] = {
		{ .link = "", .port = 1 },
		{ .link = "sixteen-letters-", .port = 1 },
		{ .link = "eth0", .port = 0 },
	};
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct nft_namespace ns = { &bad[i], 1, .loopback_any = true };

		assert_int_equal(nft_namespace_put(&ns, false, &list, NULL), -EINVAL);
		assert_int_equal(list.count, 0);
	}
}

static struct sockaddr_storage end_at(int family, const char *host, uint16_t port)
{
	struct sockaddr_storage end = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *in = (void *)&end;
	struct sockaddr_in6 *in6 = (void *)&end;
	void *address = family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr;

	assert_int_equal(inet_pton(family, host, address), 1);
	*(family == AF_INET ? &in->sin_port : &in6->sin6_port) = htons(port);
	return end;
}

static void test_squid(void **state)
{
	const struct sockaddr_storage dns[] = { end_at(AF_INET, "192.0.2.53", 0),
						end_at(AF_INET6, "2001:db8::53", 0) };
	const struct sockaddr_storage grants[] = { end_at(AF_INET, "10.1.2.3", 8443),
						   end_at(AF_INET6, "fd00::7", 443) };
	const struct nft_flow flows[] = {
		{ .link = "agent", .local = SQUID, .peer = AGENT, .port = 3128, .serve = true },
		{ .link = "cli-proxy",
		  .local = SQUID,
		  .peer = CLI_PROXY,
		  .port = 3128,
		  .serve = true },
	};
	const struct nft_egress egress = { "eth0", dns, ARRAY_SIZE(dns), grants,
					   ARRAY_SIZE(grants) };
	const struct nft_namespace ns = { flows, ARRAY_SIZE(flows), .egress = &egress };

	(void)state;
	assert_namespace("nft-squid.txt", &ns);
	assert_grants("nft-squid-grants.txt", &ns);
}

static void test_bad_ways_out(void **state)
{
	const struct sockaddr_storage other = { .ss_family = AF_UNIX };
	const struct nft_egress bad[] = {
		{ .link = "" },
		{ .link = "sixteen-letters-" },
		{ .link = "eth0", .dns_servers = &other, .dns_count = 1 },
		{ .link = "eth0", .grants = &other, .grant_count = 1 },
	};
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct nft_namespace ns = { .egress = &bad[i] };

		assert_true(nft_namespace_put(&ns, false, &list, NULL) < 0);
		assert_true(nft_namespace_put_grants(&ns, &list, NULL) < 0);
		assert_int_equal(list.count, 0);
	}
}

/* A squid's elements; without IPv6 those of IPv6 are left out. */
static void test_squid_elements(void **state)
{
	const struct sockaddr_storage dns[] = { end_at(AF_INET, "192.0.2.53", 0),
						end_at(AF_INET6, "2001:db8::53", 0) };
	const struct sockaddr_storage grants[] = { end_at(AF_INET, "10.1.2.3", 8443),
						   end_at(AF_INET6, "fd00::7", 443) };
	const struct sockaddr_storage other = { .ss_family = AF_UNIX };
	struct nft_squid squid = { .address = { htonl(0xc6120005) },
				   .has_v6 = true,
				   .dns_servers = dns,
				   .dns_count = ARRAY_SIZE(dns),
				   .grants = grants,
				   .grant_count = ARRAY_SIZE(grants) };
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "fd61:7766:6567::5", &squid.address6), 1);
	assert_int_equal(nft_egress_squid(NFT_ADD, &squid, &list, NULL), 0);
	squid.has_v6 = false;
	assert_int_equal(nft_egress_squid(NFT_DELETE, &squid, &list, NULL), 0);
	assert_renders("nft-squid-elements.txt", &list);
	squid.grants = &other;
	squid.grant_count = 1;
	assert_int_equal(nft_egress_squid(NFT_ADD, &squid, &list, NULL), -EAFNOSUPPORT);
}

static void append_target(struct nft_objects *list, enum nft_action action, int family,
			  const char *host, uint16_t port)
{
	const struct sockaddr_storage target = end_at(family, host, port);

	assert_int_equal(nft_ruleset_relay_target(action, &target, list, NULL), 0);
}

static void test_targets(void **state)
{
	_cleanup_nft_objects_ struct nft_objects list = { 0 };

	(void)state;
	append_target(&list, NFT_ADD, AF_INET, "127.0.0.1", 18443);
	append_target(&list, NFT_ADD, AF_INET6, "2001:db8::1234", 443);
	append_target(&list, NFT_ADD, AF_INET6, "::ffff:192.0.2.7", 1);
	append_target(&list, NFT_DELETE, AF_INET6, "::1", 65535);
	assert_renders("nft-targets.txt", &list);
}

static void test_other_family(void **state)
{
	const struct sockaddr_storage target = { .ss_family = AF_UNIX };
	_cleanup_nft_objects_ struct nft_objects list = { 0 };
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(nft_ruleset_relay_target(NFT_ADD, &target, &list, &e), -EAFNOSUPPORT);
	assert_int_equal(e.error, -EAFNOSUPPORT);
	assert_int_equal(list.count, 0);
}

/* Every message fits well into the room that nft.c gives it. */
static void test_message_sizes(void **state)
{
	const struct nft_config config = { .relay_uid = UINT32_MAX - 1, BRIDGE };
	_cleanup_nft_objects_ struct nft_objects list = { 0 };
	_Alignas(struct nlmsghdr) char buffer[4096];

	(void)state;
	assert_int_equal(
		nft_ruleset_host(&config, (struct nft_ruleset_flags){ 0 }, NULL, &list, NULL), 0);
	for (size_t i = 0; i < list.count; i++)
		assert_true(nft_object_build(&list.items[i], buffer, 0, 1)->nlmsg_len < 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),           cmocka_unit_test(test_host_flags),
		cmocka_unit_test(test_host_egress),    cmocka_unit_test(test_bad_bridges),
		cmocka_unit_test(test_squid),          cmocka_unit_test(test_bad_ways_out),
		cmocka_unit_test(test_squid_elements), cmocka_unit_test(test_agent),
		cmocka_unit_test(test_cli_proxy),      cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_bad_flows),      cmocka_unit_test(test_targets),
		cmocka_unit_test(test_other_family),   cmocka_unit_test(test_message_sizes),
	};

	return RUN_TESTS("nft-ruleset", tests);
}
