#include "awfd/policy.h"

#include "common/strv.h"

#include "tests/unit/check.h"

#define ALICE           1000
#define _cleanup_rules_ _cleanup_(policy_rules_freep)
#define HEX             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Adds one line, as if it stood in line `line` of the file /p. */
static void set(struct policy_rules *r, const char *section, unsigned line, const char *key,
		const char *text)
{
	const struct policy_place place = { section, "/p", line };
	_cleanup_err_ struct err e = { 0 };

	if (policy_rules_set(r, &place, key, text, &e) < 0)
		fail_msg("%s", e.message);
}

static struct policy *policy_of_alice(const struct policy_rules *r)
{
	gid_t groups[] = { 51, 52 };
	const struct peer alice = {
		.uid = ALICE, .gid = 50, .groups = groups, .group_count = 2, .pidfd = -EBADF
	};
	_cleanup_err_ struct err e = { 0 };
	struct policy *p = NULL;

	if (policy_of_peer(r, NULL, &alice, &p, &e) < 0)
		fail_msg("%s", e.message);
	return p;
}

/* What a decision says in one line: "+ WHERE" or "- WHERE". */
static char *say(struct policy_decision d)
{
	_cleanup_free_ char *where = policy_decision_where(&d);

	free(d.value);
	return xasprintf("%c %s", d.allowed ? '+' : '-', where);
}

/* --- Each key: what is allowed, what is refused --- */

static const struct {
	enum policy_key key;
	const char *name;
	const char *text; /* NULL: the default */
	const char *value;
	bool allowed;
} values[] = {
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", NULL, "localhost:18443", true },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", NULL, "localhost:1024", true },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", NULL, "localhost:1023", false },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", NULL, "10.0.0.1:18443", false },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", NULL, "difc.example:18443", false },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", "", "localhost:18443", false },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", "*", "[fd00::1]:1", true },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", "a.example:1, 10.0.0.0/8", "10.2.3.4:99", true },
	{ POLICY_DIFC_ADDRESSES, "DifcAddresses", "*:18443", "a.example:18444", false },
	{ POLICY_IMAGES, "Images", NULL, "host", true },
	{ POLICY_IMAGES, "Images", NULL, "host:latest", false },
	{ POLICY_IMAGES, "Images", NULL, "awf/agent:latest", false },
	{ POLICY_IMAGES, "Images", "awf/agent", "awf/agent:other", false },
	{ POLICY_IMAGES, "Images", "awf/agent", "host", false },
	{ POLICY_IMAGES, "Images", "awf/agent host", "host", true },
	{ POLICY_IMAGES, "Images", "*", "host", true },
	{ POLICY_IMAGES, "Images", "awf/agent", "awf/agent@sha256:" HEX, false },
	{ POLICY_IMAGES, "Images", "awf/agent awf/agent-*:*", "awf/agent-test:1", true },
	{ POLICY_IMAGES, "Images", "awf/*:*", "awf/x/y:latest", false },
	{ POLICY_IMAGES, "Images", "@sha256:" HEX, "any/name@sha256:" HEX, true },
	{ POLICY_IMAGES, "Images", "*", "sha256:" HEX, true },
	{ POLICY_IMAGES, "Images", "", "awf/agent:latest", false },
	{ POLICY_PULL, "Pull", NULL, "ghcr.io/a/b:1", false },
	{ POLICY_PULL, "Pull", NULL, "debian:12", false },
	{ POLICY_PULL, "Pull", "ghcr.io/a docker.io/library", "ghcr.io/a/b:1", true },
	{ POLICY_PULL, "Pull", "ghcr.io/a docker.io/library", "debian:12", true },
	{ POLICY_PULL, "Pull", "ghcr.io/a docker.io/library", "ghcr.io/ab/c:1", false },
	{ POLICY_PULL, "Pull", "*", "localhost:5000/x:1", true },
	{ POLICY_PULL, "Pull", "", "ghcr.io/a/b:1", false },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", NULL, "anything.example", true },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "github.com", "api.github.com", true },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "github.com", "*.github.com", true },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "github.com", "evilgithub.com", false },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "=github.com", "github.com", false },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "https://github.com", "github.com", false },
	{ POLICY_ALLOWED_DOMAINS, "AllowedDomains", "", "github.com", false },
	{ POLICY_PRIVATE_DOMAINS, "PrivateDomains", NULL, "git.corp.example", true },
	{ POLICY_PRIVATE_DOMAINS, "PrivateDomains", "*.corp.example", "git.corp.example", true },
	{ POLICY_PRIVATE_DOMAINS, "PrivateDomains", "*.corp.example", "corp.example", false },
	{ POLICY_DNS_SERVERS, "DnsServers", NULL, "host", true },
	{ POLICY_DNS_SERVERS, "DnsServers", NULL, "8.8.8.8", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "", "host", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "8.8.8.8", "host", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "8.8.8.8", "8.8.8.8", true },
	{ POLICY_DNS_SERVERS, "DnsServers", "8.8.8.8", "8.8.8.80", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "host 10.0.0.0/8", "10.1.2.3", true },
	{ POLICY_DNS_SERVERS, "DnsServers", "host 10.0.0.0/8", "11.1.2.3", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "2001:DB8::53, 8.8.8.8", "2001:db8::53", true },
	{ POLICY_DNS_SERVERS, "DnsServers", "2001:db8::/32", "2001:db9::1", false },
	{ POLICY_DNS_SERVERS, "DnsServers", "*", "2001:db9::1", true },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", NULL, "proxy.example:3128", false },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", NULL, "none", false },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", "proxy.example", "none", false },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", "none", "none", true },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", "proxy.example:3128", "proxy.example:3128",
	  true },
	{ POLICY_UPSTREAM_PROXIES, "UpstreamProxies", "proxy.example:3128", "proxy.example:3129",
	  false },
	{ POLICY_HOST_PORTS, "HostPorts", NULL, "80", false },
	{ POLICY_HOST_PORTS, "HostPorts", "80,443", "443", true },
	{ POLICY_HOST_PORTS, "HostPorts", "3000-3005 3006-3010", "3002-3008", true },
	{ POLICY_HOST_PORTS, "HostPorts", "3000-3005 3007-3010", "3002-3008", false },
	{ POLICY_HOST_PORTS, "HostPorts", "*", "1-65535", true },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/home/alice/work:rw", true },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/home:ro", true },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/etc:ro", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/homely:ro", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/home/../etc:ro", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "/home/..:ro", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", NULL, "home:ro", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", "/srv", "/srv/a:ro", true },
	{ POLICY_MOUNT_ROOTS, "MountRoots", "/srv", "/srv/a:rw", false },
	{ POLICY_MOUNT_ROOTS, "MountRoots", "/srv:ro /srv/b:rw", "/srv/b/c:rw", true },
	{ POLICY_MOUNT_ROOTS, "MountRoots", "/:ro", "/etc:ro", true },
};

static void test_values(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_rules_ struct policy_rules *r = policy_rules_new();
		_cleanup_(policy_freep) struct policy *p = NULL;
		_cleanup_free_ char *said = NULL, *expected = NULL;

		if (values[i].text)
			set(r, "Policy", 7, values[i].name, values[i].text);
		p = policy_of_alice(r);
		said = say(policy_check(p, values[i].key, "x", values[i].value));
		expected = xasprintf("%c [Policy] %s= %s", values[i].allowed ? '+' : '-',
				     values[i].name, values[i].text ? "(/p:7)" : "(the default)");
		if (!same_text(said, expected))
			fail_msg("%s=%s, %s: %s", values[i].name, values[i].text, values[i].value,
				 said);
	}
}

static const struct {
	enum policy_key key;
	const char *name;
	const char *text;
	uint64_t value;
	bool allowed;
	const char *shown;
} numbers[] = {
	{ POLICY_MEMORY_MAX, "MemoryMax", NULL, UINT64_C(6) << 30, true, "6G" },
	{ POLICY_MEMORY_MAX, "MemoryMax", NULL, (UINT64_C(6) << 30) + 1, false, "6442450945" },
	{ POLICY_MEMORY_MAX, "MemoryMax", "512M", 512 << 20, true, "512M" },
	{ POLICY_MEMORY_MAX, "MemoryMax", "512M", 513 << 20, false, "513M" },
	{ POLICY_MEMORY_MAX, "MemoryMax", "infinity", POLICY_INFINITY, true, "infinity" },
	{ POLICY_CPUS_MAX, "CpusMax", NULL, 64000, true, "64" },
	{ POLICY_CPUS_MAX, "CpusMax", "1.5", 1500, true, "1.5" },
	{ POLICY_CPUS_MAX, "CpusMax", "1.5", 1501, false, "1.501" },
	{ POLICY_CPUS_MAX, "CpusMax", "2", POLICY_INFINITY, false, "infinity" },
	{ POLICY_PIDS_MAX, "PidsMax", NULL, 1000, true, "1000" },
	{ POLICY_PIDS_MAX, "PidsMax", NULL, 1001, false, "1001" },
	{ POLICY_PIDS_MAX, "PidsMax", "5", 6, false, "6" },
	{ POLICY_TIMEOUT_MAX, "TimeoutMax", NULL, 1 << 30, true, "1073741824" },
	{ POLICY_TIMEOUT_MAX, "TimeoutMax", "90m", 5400, true, "5400" },
	{ POLICY_TIMEOUT_MAX, "TimeoutMax", "1h", 3601, false, "3601" },
	{ POLICY_TIMEOUT_MAX, "TimeoutMax", "59", 60, false, "60" },
};

static void test_numbers(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_rules_ struct policy_rules *r = policy_rules_new();
		_cleanup_(policy_freep) struct policy *p = NULL;
		struct policy_decision d;

		if (numbers[i].text)
			set(r, "Policy", 7, numbers[i].name, numbers[i].text);
		p = policy_of_alice(r);
		d = policy_check_number(p, numbers[i].key, "x", numbers[i].value);
		assert_row(numbers[i].shown, d.allowed == numbers[i].allowed);
		assert_row(numbers[i].shown, same_text(d.value, numbers[i].shown));
		free(d.value);
	}
}

static void test_mounts(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	_cleanup_(policy_freep) struct policy *p = policy_of_alice(r);
	_cleanup_free_ char *home = say(policy_check_mount(p, "x", "/home/a", true));
	_cleanup_free_ char *odd = say(policy_check_mount(p, "x", "/home/a:ro", true));
	_cleanup_free_ char *etc = say(policy_check_mount(p, "x", "/etc/x:ro", false));

	assert_same_text(home, "+ [Policy] MountRoots= (the default)");
	assert_same_text(odd, "+ [Policy] MountRoots= (the default)");
	assert_same_text(etc, "- [Policy] MountRoots= (the default)");
}

/* --- Which section counts --- */

static const struct {
	const char *what;
	const char *sections[4]; /* the n-th in line n; each sets Images to what follows */
	const char *images[4];
	const char *said;
} precedences[] = {
	{ "nothing", { NULL }, { NULL }, "- [Policy] Images= (the default)" },
	{ "everyone", { "Policy" }, { "a" }, "+ [Policy] Images= (/p:1)" },
	{ "last", { "Policy", "Policy" }, { "a", "b" }, "- [Policy] Images= (/p:2)" },
	{ "user before group before everyone",
	  { "User 1000", "Group 51", "Policy" },
	  { "b", "a", "a" },
	  "- [User 1000] Images= (/p:1)" },
	{ "user grants more",
	  { "Policy", "User 1000" },
	  { "b", "a" },
	  "+ [User 1000] Images= (/p:2)" },
	{ "primary group", { "Group 50", "Policy" }, { "a", "b" }, "+ [Group 50] Images= (/p:1)" },
	{ "group takes away",
	  { "Group 51", "Policy" },
	  { "b", "a" },
	  "- [Group 51] Images= (/p:1)" },
	{ "of two groups each grants",
	  { "Group 51", "Group 52" },
	  { "b", "a" },
	  "+ [Group 52] Images= (/p:2)" },
	{ "of two groups none",
	  { "Group 51", "Group 52" },
	  { "b", "c" },
	  "- [Group 51] Images= (/p:1)" },
	{ "others' sections",
	  { "User 1001", "Group 53" },
	  { "a", "a" },
	  "- [Policy] Images= (the default)" },
	{ "no confusion of users and groups",
	  { "User 50", "Group 1000" },
	  { "a", "a" },
	  "- [Policy] Images= (the default)" },
};

static void test_precedence(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(precedences); i++) {
		_cleanup_rules_ struct policy_rules *r = policy_rules_new();
		_cleanup_(policy_freep) struct policy *p = NULL;
		_cleanup_free_ char *said = NULL;

		for (unsigned n = 0; n < 4 && precedences[i].sections[n]; n++)
			set(r, precedences[i].sections[n], n + 1, "Images",
			    precedences[i].images[n]);
		p = policy_of_alice(r);
		said = say(policy_check(p, POLICY_IMAGES, "image", "a:latest"));
		if (!same_text(said, precedences[i].said))
			fail_msg("%s: %s", precedences[i].what, said);
	}
}

/* A key that the more specific section does not set is not touched by it. */
static void test_keys_are_apart(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *ports = NULL, *image = NULL, *other = NULL;

	set(r, "Policy", 1, "HostPorts", "80");
	set(r, "User 1000", 2, "Images", "a");
	p = policy_of_alice(r);
	ports = say(policy_check(p, POLICY_HOST_PORTS, "x", "80"));
	image = say(policy_check(p, POLICY_IMAGES, "x", "a:latest"));
	assert_same_text(ports, "+ [Policy] HostPorts= (/p:1)");
	assert_same_text(image, "+ [User 1000] Images= (/p:2)");
	policy_rules_set_default(r, POLICY_PIDS_MAX, "7");
	policy_free(TAKE_PTR(p));
	p = policy_of_alice(r);
	other = say(policy_check_number(p, POLICY_PIDS_MAX, "x", 8));
	assert_same_text(other, "- [Policy] PidsMax= (the default)");
}

/* Being in several groups: of numbers the largest counts. */
static void test_largest_number(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *enough = NULL, *too_much = NULL;

	set(r, "Group 51", 1, "PidsMax", "10");
	set(r, "Group 52", 2, "PidsMax", "20");
	p = policy_of_alice(r);
	enough = say(policy_check_number(p, POLICY_PIDS_MAX, "x", 20));
	too_much = say(policy_check_number(p, POLICY_PIDS_MAX, "x", 21));
	assert_same_text(enough, "+ [Group 52] PidsMax= (/p:2)");
	assert_same_text(too_much, "- [Group 51] PidsMax= (/p:1)");
}

/* --- The message --- */

static void test_refusal(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(policy_decisions_clear) struct policy_decisions d = { 0 };
	_cleanup_err_ struct err e = { 0 };

	set(r, "User 1000", 12, "Images", "a b");
	set(r, "Policy", 3, "PidsMax", "10");
	p = policy_of_alice(r);
	policy_decisions_add(&d, policy_check(p, POLICY_IMAGES, "image", "a:latest"));
	assert_int_equal(policy_decisions_result(&d, &e), 0);
	policy_decisions_add(&d, policy_check(p, POLICY_IMAGES, "image", "evil:latest"));
	policy_decisions_add(&d, policy_check_number(p, POLICY_PIDS_MAX, "pidsLimit", 11));
	assert_int_equal(policy_decisions_result(&d, &e), -EACCES);
	assert_int_equal(e.kind, ERR_PERMISSION_DENIED);
	assert_same_text(e.subject, "image");
	assert_same_text(e.value, "evil:latest");
	assert_same_text(e.message, "is not permitted by [User 1000] Images= (/p:12); the operator "
				    "of this host can add it in awfd.conf");
	d.items[1].allowed = true;
	assert_int_equal(policy_decisions_result(&d, &e), -EACCES);
	assert_same_text(e.subject, "pidsLimit");
	assert_same_text(e.message, "is not permitted by [Policy] PidsMax= (/p:3); the operator of "
				    "this host can raise that in awfd.conf");
}

/* --- What is no policy --- */

static const struct {
	const char *key, *text, *message;
} bad[] = {
	{ "NoSuch", "x", "unknown key 'NoSuch' in [Policy]" },
	{ "images", "x", "unknown key 'images' in [Policy]" },
	{ "DifcAddresses", "localhost localhost:0",
	  "DifcAddresses=localhost:0: expected addresses such as localhost:1024-65535 or "
	  "*.example.com" },
	{ "DifcAddresses", "https://x", NULL },
	{ "DifcAddresses", "10.*", NULL },
	{ "AllowedDomains", "a.example,1.2.3.4",
	  "AllowedDomains=1.2.3.4: expected domains as --allow-domains takes them, or *" },
	{ "AllowedDomains", "*.com", NULL },
	{ "PrivateDomains", "a/b", NULL },
	{ "UpstreamProxies", "http://x", NULL },
	{ "DnsServers", "dns.example",
	  "DnsServers=dns.example: expected host, addresses or networks such as 10.0.0.0/8, or *" },
	{ "DnsServers", "10.0.0.1/8", NULL },
	{ "DnsServers", "none", NULL },
	{ "HostPorts", "0", "HostPorts=0: expected ports such as 80 or 3000-3010, or *" },
	{ "HostPorts", "80-79", NULL },
	{ "HostPorts", "65536", NULL },
	{ "HostPorts", "-", NULL },
	{ "MountRoots", "*", NULL },
	{ "MountRoots", "srv", NULL },
	{ "MountRoots", "/srv/", NULL },
	{ "MountRoots", "/srv/../etc", NULL },
	{ "MemoryMax", "", "MemoryMax=: expected a size such as 512M or 6G, or infinity" },
	{ "MemoryMax", "0", NULL },
	{ "MemoryMax", "1 G", NULL },
	{ "CpusMax", "0", "CpusMax=0: expected a number such as 2 or 0.5, or infinity" },
	{ "CpusMax", "1.", NULL },
	{ "CpusMax", ".5", NULL },
	{ "CpusMax", "1.2345", NULL },
	{ "CpusMax", "1.x", NULL },
	{ "PidsMax", "0", "PidsMax=0: expected a number, or infinity" },
	{ "PidsMax", "-1", NULL },
	{ "TimeoutMax", "0", NULL },
	{ "TimeoutMax", "m",
	  "TimeoutMax=m: expected seconds, or a time such as 90m or 6h, or "
	  "infinity" },
	{ "TimeoutMax", "1d", NULL },
};

static void test_bad(void **state _unused_)
{
	const struct policy_place place = { "Policy", "/p", 1 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_rules_ struct policy_rules *r = policy_rules_new();
		_cleanup_err_ struct err e = { 0 };
		int error = policy_rules_set(r, &place, bad[i].key, bad[i].text, &e);

		if (error != -EINVAL || (bad[i].message && !same_text(e.message, bad[i].message)))
			fail_msg("%s=%s: %d %s", bad[i].key, bad[i].text, error, e.message);
	}
}

static const struct {
	const char *name;
	bool is_section;
} sections[] = {
	{ "Policy", true },     { "User alice", true }, { "Group ci-users", true },
	{ "User 1000", true },  { "policy", false },    { "Policy x", false },
	{ "User", false },      { "User ", false },     { "Group  a", false },
	{ "User a b", false },  { "User -x", false },   { "Usera", false },
	{ "Group a:b", false }, { "User a[b", false },
};

static void test_sections(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		assert_row(sections[i].name,
			   policy_is_section(sections[i].name) == sections[i].is_section);
}

/* Each once; a number is one, too. */
static void test_names(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	_cleanup_free_ struct name_key *none = NULL, *names = NULL;
	size_t count;

	set(r, "Policy", 1, "PidsMax", "1");
	none = policy_rules_names(r, &count);
	assert_int_equal(count, 0);
	set(r, "User alice", 2, "PidsMax", "1");
	set(r, "Group alice", 3, "PidsMax", "1");
	set(r, "User alice", 4, "CpusMax", "1");
	set(r, "Group 4711", 5, "PidsMax", "1");
	names = policy_rules_names(r, &count);
	assert_int_equal(count, 3);
	assert_true(names[0].kind == NAME_USER && same_text(names[0].text, "alice"));
	assert_true(names[1].kind == NAME_GROUP && same_text(names[1].text, "alice"));
	assert_true(names[2].kind == NAME_GROUP && same_text(names[2].text, "4711"));
}

/* What is not known is not taken for a section about others. */
static void test_unknown_name(void **state _unused_)
{
	_cleanup_rules_ struct policy_rules *r = policy_rules_new();
	static const struct peer bob = { .uid = 1001, .gid = 1001, .pidfd = -EBADF };
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_err_ struct err e = { 0 };

	set(r, "User 1000", 1, "PidsMax", "1");
	assert_int_equal(policy_of_peer(r, NULL, &bob, &p, &e), 0);
	set(r, "User alice", 2, "PidsMax", "1");
	policy_free(TAKE_PTR(p));
	assert_int_equal(policy_of_peer(r, NULL, &bob, &p, &e), -EAGAIN);
	assert_text_contains(e.message,
			     "section [User alice]: the uid of user 'alice' is not known");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),         cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_mounts),         cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_keys_are_apart), cmocka_unit_test(test_largest_number),
		cmocka_unit_test(test_refusal),        cmocka_unit_test(test_bad),
		cmocka_unit_test(test_sections),       cmocka_unit_test(test_names),
		cmocka_unit_test(test_unknown_name),
	};

	return RUN_TESTS("policy", tests);
}
