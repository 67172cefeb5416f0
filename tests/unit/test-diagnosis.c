/* What the engine's answers, the host's routes and the room on disks mean, as findings. */
#include "awfd/diagnosis-addresses.h"
#include "awfd/diagnosis-engine.h"
#include "awfd/diagnosis-host.h"

#include <string.h>

#include "proto/frame.h"
#include "tests/unit/check.h"

#define INFO(more)                                                                                 \
	"{\"Driver\":\"overlay2\",\"CgroupVersion\":\"2\",\"CgroupDriver\":\"systemd\","           \
	"\"CpuCfsQuota\":true,\"PidsLimit\":true," more "}"
#define SECCOMP "\"SecurityOptions\":[\"name=apparmor\",\"name=seccomp,profile=default\"]"
#define VERSION "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}"

static const struct docker_network_spec spec = { .subnet = "198.18.0.0/20",
						 .subnet6 = "fd61:7766:6567::/64" };

static struct json_object *json(const char *text)
{
	struct json_object *o = json_tokener_parse(text);

	assert_non_null(o);
	return o;
}

/* There is this one finding. */
static void assert_found(struct findings *f, const char *name, enum finding_status status,
			 const char *message, const char *cure)
{
	assert_int_equal(f->count, 1);
	assert_string_equal(f->list[0]->name, name);
	assert_same_text(f->list[0]->status, finding_status_name(status));
	assert_text_contains(f->list[0]->message, message);
	assert_same_text(f->list[0]->cure, cure);
	assert_null(f->list[1]);
	findings_clear(f);
}

/* --- The engine ---------------------------------------------------------------------------------
 */

static void test_engine(void **state _unused_)
{
	_cleanup_json_ struct json_object *version = json(VERSION), *nothing = json("{}"),
					  *info = json(INFO("\"LiveRestoreEnabled\":true"));
	_cleanup_findings_ struct findings f = { 0 };

	diagnosis_engine_itself(&f, "/run/docker.sock", version, info);
	assert_found(&f, "engine", FINDING_OK,
		     "Docker Engine 20.10.24 at /run/docker.sock, API 1.41, storage overlay2, "
		     "cgroups v2 by systemd, with live-restore",
		     NULL);
	diagnosis_engine_itself(&f, "/s", nothing, nothing);
	assert_found(&f, "engine", FINDING_OK,
		     "Docker Engine ? at /s, API ?, storage ?, cgroups v? by ?, without "
		     "live-restore: jobs end when it is restarted",
		     NULL);
}

static void test_engine_away(void **state _unused_)
{
	static const struct {
		int error, status;
		const char *cure;
	} cases[] = {
		{ -ENOENT, 0, "sudo systemctl start docker" },
		{ -ECONNREFUSED, 0, "sudo systemctl start docker" },
		{ -ETIMEDOUT, 0, "sudo systemctl restart docker" },
		{ -EPROTONOSUPPORT, 0, NULL },
		{ -ENOENT, 404, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_err_ struct err e = { 0 };

		(void)err_engine(&e, cases[i].error, "look", cases[i].status, "no answer");
		diagnosis_engine_away(&f, &e);
		assert_found(&f, "engine", FINDING_FAILURE, "no answer", cases[i].cure);
	}
}

static void test_confinement(void **state _unused_)
{
	static const struct {
		const char *info;
		enum finding_status status;
		const char *message;
	} cases[] = {
		{ INFO("\"MemoryLimit\":true," SECCOMP), FINDING_OK, "can be bounded" },
		{ INFO("\"MemoryLimit\":false," SECCOMP), FINDING_FAILURE,
		  "cannot bound memory: " },
		{ INFO("\"MemoryLimit\":true,\"SecurityOptions\":[\"name=selinux\",7]"),
		  FINDING_FAILURE, "cannot bound system calls: " },
		{ "{}", FINDING_FAILURE,
		  "cannot bound memory, processes, processors' time, system calls: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *info = json(cases[i].info);
		_cleanup_findings_ struct findings f = { 0 };

		diagnosis_engine_confinement(&f, info);
		assert_found(&f, "confinement", cases[i].status, cases[i].message, NULL);
	}
}

static void test_images(void **state _unused_)
{
	_cleanup_json_ struct json_object *image = json("{\"Id\":\"sha256:0123456789abcdef\"}");
	_cleanup_findings_ struct findings f = { 0 };

	diagnosis_engine_image(&f, "awf/squid", NULL, image);
	assert_found(&f, "image", FINDING_OK, "awf/squid:latest is sha256:0123456789ab", NULL);
	diagnosis_engine_image(&f, "awf/pause:latest", NULL, NULL);
	assert_found(&f, "image", FINDING_FAILURE, "does not have awf/pause:latest, which every",
		     "awfctl predownload --difc-proxy");
	diagnosis_engine_image(&f, "ghcr.io/x/agent:1", "a sandbox needs", NULL);
	assert_found(&f, "image", FINDING_WARNING, "ghcr.io/x/agent:1, which a sandbox needs",
		     "sudo awfctl predownload --difc-proxy");
}

static void test_network(void **state _unused_)
{
	struct json_object *ours = docker_network_body(&spec);
	_cleanup_json_ struct json_object *list = json("[{\"Name\":\"bridge\"},{},7]");
	_cleanup_findings_ struct findings f = { 0 };

	diagnosis_engine_network(&f, &spec, list);
	assert_found(&f, "network", FINDING_OK, "no network awf-egress yet", NULL);
	json_object_array_add(list, ours);
	diagnosis_engine_network(&f, &spec, list);
	assert_found(&f, "network", FINDING_OK, "awf-egress is there, with 198.18.0.0/20", NULL);
	json_object_object_add(ours, "Driver", json_object_new_string("macvlan"));
	diagnosis_engine_network(&f, &spec, list);
	assert_found(&f, "network", FINDING_FAILURE, "driver macvlan, not bridge",
		     "sudo docker network rm awf-egress && sudo systemctl restart awfd");
}

/* --- Addresses ----------------------------------------------------------------------------------
 */

#define ZERO " 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 1 0 "

static void test_routes(void **state _unused_)
{
	static const struct {
		bool (*parse)(const char *line, struct taken_network *ret);
		const char *line;
		const char *network; /* NULL: it does not count */
	} cases[] = {
		{ diagnosis_addresses_parse_route,
		  "eth0\t000A0A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "10.10.10.0/24" },
		{ diagnosis_addresses_parse_route,
		  "wg0\t000012C6\t0100000A\t0003\t0\t0\t0\t0000FEFF\t0\t0\t0\n", "198.18.0.0/15" },
		{ diagnosis_addresses_parse_route,
		  "wg0\t000012C6\t0100000A\t0002\t0\t0\t0\t0000FEFF\t0\t0\t0\n", NULL },
		{ diagnosis_addresses_parse_route,
		  "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", NULL },
		{ diagnosis_addresses_parse_route,
		  "tun0\t00000080\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", NULL },
		{ diagnosis_addresses_parse_route,
		  "awf-egress\t000012C6\t0\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n", NULL },
		{ diagnosis_addresses_parse_route,
		  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n", NULL },
		{ diagnosis_addresses_parse_route, "", NULL },
		{ diagnosis_addresses_parse_route6,
		  "fd617766656700000000000000000000 40" ZERO "00000001 eth0\n",
		  "fd61:7766:6567::/64" },
		{ diagnosis_addresses_parse_route6,
		  "fd617766656700000000000000000000 40" ZERO "00000001 lo\n", NULL },
		{ diagnosis_addresses_parse_route6,
		  "fe800000000000000000000000000000 40" ZERO "00000001 eth0\n", NULL },
		{ diagnosis_addresses_parse_route6,
		  "ff000000000000000000000000000000 08" ZERO "00000001 eth0\n", NULL },
		{ diagnosis_addresses_parse_route6,
		  "00000000000000000000000000000000 00" ZERO "00000003 eth0\n", NULL },
		{ diagnosis_addresses_parse_route6, "short 40" ZERO "00000001 eth0\n", NULL },
		{ diagnosis_addresses_parse_route6, "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct taken_networks t = { .list = xnew(struct taken_network), .count = 1 };
		_cleanup_free_ char *text = NULL;
		bool counts = cases[i].parse(cases[i].line, t.list);

		assert_row(cases[i].line, counts == (cases[i].network != NULL));
		text = counts ? network_format(&t.list[0].network) : NULL;
		assert_same_text(text, cases[i].network);
		taken_networks_clear(&t);
	}
}

static struct taken_networks taken(const char *text, bool route)
{
	struct taken_networks t = { .list = xnew(struct taken_network), .count = 1 };

	assert_int_equal(network_parse(text, &t.list[0].network), 0);
	t.list[0].by = xstrdup("wg0");
	t.list[0].route = route;
	return t;
}

#define CURE(subnet)                                                                               \
	"sudo mkdir -p /d && { echo '[Egress]'; echo Subnet=" subnet "; } | sudo tee "             \
	"/d/egress.conf && sudo docker network rm awf-egress; sudo systemctl restart awfd"

static void test_addresses(void **state _unused_)
{
	static const struct {
		const char *network;
		bool route;
		enum finding_status status;
		const char *message;
		const char *cure;
	} cases[] = {
		{ "10.0.0.0/8", true, FINDING_OK, "nothing else of this host", NULL },
		{ "198.18.16.1/32", false, FINDING_OK, "198.18.0.0/20 or fd61:7766:6567::/64",
		  NULL },
		{ "198.18.5.1/32", false, FINDING_FAILURE,
		  "198.18.0.0/20 of awf-egress and 198.18.5.1/32 (wg0) have addresses in common",
		  CURE("198.18.64.0/20") },
		{ "198.18.0.0/20", true, FINDING_FAILURE, "addresses in common",
		  CURE("198.18.64.0/20") },
		{ "198.18.0.0/15", true, FINDING_WARNING,
		  "198.18.0.0/20 of awf-egress lies in 198.18.0.0/15 (wg0)",
		  CURE("172.29.0.0/20") },
		{ "198.18.0.0/15", false, FINDING_FAILURE, "addresses in common",
		  CURE("172.29.0.0/20") },
		{ "fd61:7766:6567::5/128", false, FINDING_FAILURE, "fd61:7766:6567::5/128 (wg0)",
		  NULL },
		{ "0.0.0.0/0", false, FINDING_FAILURE, "addresses in common", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct taken_networks t = taken(cases[i].network, cases[i].route);
		_cleanup_findings_ struct findings f = { 0 };

		diagnosis_addresses(&f, &spec, &t, "/d");
		assert_found(&f, "addresses", cases[i].status, cases[i].message, cases[i].cure);
		taken_networks_clear(&t);
	}
}

/* What was not looked at is not said to be well. */
static void test_many_routes(void **state _unused_)
{
	struct taken_networks t = taken("10.0.0.0/8", true);
	_cleanup_findings_ struct findings f = { 0 };

	t.cut = true;
	diagnosis_addresses(&f, &spec, &t, "/d");
	assert_found(&f, "addresses", FINDING_UNKNOWN, "has more routes than the 4096", NULL);
	taken_networks_clear(&t);
}

static void test_addresses_of_engine(void **state _unused_)
{
	_cleanup_json_ struct json_object *networks =
		json("[{\"Name\":\"awf-egress\",\"IPAM\":{\"Config\":[{\"Subnet\":"
		     "\"198.18.0.0/20\"}]}},{\"Name\":\"none\",\"IPAM\":{\"Config\":[]}},"
		     "{\"Name\":\"other\",\"IPAM\":{\"Config\":[{\"Subnet\":\"fd00::/64\"},"
		     "{\"Subnet\":\"198.18.8.0/24\"},{\"Subnet\":\"x\"}]}},{\"Name\":7},8]");
	_cleanup_findings_ struct findings f = { 0 };
	struct taken_networks t = { 0 };

	diagnosis_addresses_of_engine(&t, networks);
	assert_int_equal(t.count, 2);
	diagnosis_addresses(&f, &spec, &t, "/d");
	assert_found(&f, "addresses", FINDING_FAILURE, "198.18.8.0/24 (the engine's network other)",
		     CURE("198.18.64.0/20"));
	taken_networks_clear(&t);
}

/* --- Disks --------------------------------------------------------------------------------------
 */

#define MIB (UINT64_C(1) << 20)
#define DU  "sudo du -xh --max-depth=2 /d"

static void test_room(void **state _unused_)
{
	static const struct disk_need need = { "x", 100 * MIB, 10 * MIB };
	static const struct {
		struct disk_room room;
		enum finding_status status;
		const char *message;
		const char *cure;
	} cases[] = {
		{ { 100 * MIB, 1000, 1 }, FINDING_OK, "/d has 100.0 MiB left for x", NULL },
		{ { 5120 * MIB, 0, 0 }, FINDING_OK, "/d has 5.0 GiB left for x", NULL },
		{ { 100 * MIB - 1, 1000, 1 }, FINDING_WARNING, "remove what nobody needs", DU },
		{ { 10 * MIB - 1, 1000, 1 }, FINDING_FAILURE, "/d has 10.0 MiB left for x: ", DU },
		{ { 0, 1000, 1 }, FINDING_FAILURE, "/d has 0 bytes left for x: ", DU },
		{ { 100 * MIB, 999, 1 }, FINDING_WARNING, "/d has place for 999 more files", DU },
		{ { 99 * MIB, 99, 1 }, FINDING_FAILURE, "/d has place for 99 more files", DU },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		diagnosis_host_room(&f, "/d", &need, &cases[i].room);
		assert_found(&f, "disk", cases[i].status, cases[i].message, cases[i].cure);
	}
}

static void test_disk(void **state _unused_)
{
	_cleanup_findings_ struct findings f = { 0 };

	diagnosis_host_disk(&f, "/proc/self/none", &disk_need_logs);
	assert_found(&f, "disk", FINDING_UNKNOWN, "/proc/self/none: No such file or directory",
		     NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_engine_away),
		cmocka_unit_test(test_confinement),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_many_routes),
		cmocka_unit_test(test_addresses_of_engine),
	};

	return RUN_TESTS("diagnosis", tests);
}
