/* The pure parts of awfd, so that their instructions can be counted: pure-load WHAT TIMES does that
 * much of one of them, under valgrind(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "awfd/docker-spec.h"
#include "awfd/domain.h"
#include "awfd/squid-config.h"
#include "common/alloc.h"
#include "common/err.h"
#include "common/parse.h"
#include "proto/messages.h"

#define SANDBOXES 200
#define DOMAINS   100
#define TIMES_MAX 100000

/* The answer to List, as text. */
static void do_list(void)
{
	static char *command[] = { (char *)"make", (char *)"check", NULL };
	static struct sandbox_info info = { .id = (char *)"abcdefghij",
					    .state = (char *)"running",
					    .owner_uid = 1000,
					    .owner = (char *)"alice",
					    .image = (char *)"awf/agent:latest",
					    .command = command,
					    .created_at = (char *)"2026-01-02T03:04:05Z" };
	struct sandbox_info *sandboxes[SANDBOXES + 1] = { NULL };
	struct json_object *object;

	for (size_t i = 0; i < SANDBOXES; i++)
		sandboxes[i] = &info;
	object = fields_build(&list_reply_table, &(struct list_reply){ sandboxes });
	if (strlen(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN)) < SANDBOXES)
		abort();
	json_object_put(object);
}

/* The specifications of a sandbox's containers, as text. */
static void do_specs(void)
{
	static char *const command[] = { (char *)"make", (char *)"check", NULL };
	static char *const environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"CI=1", NULL };
	const struct cli_proxy_limits limits = { 0 };
	const struct docker_spec spec = {
		.id = "abcdefghij",
		.uid = 1000,
		.gid = 1000,
		.pause_image = "awf/pause:latest",
		.cli_proxy_image = "awf/cli-proxy:latest",
		.agent_image = "awf/agent:latest",
		.command = command,
		.environment = environment,
		.memory_bytes = 1 << 30,
		.pids = 100,
		.home = "/home/alice",
		.difc = true,
		.difc_port = 18443,
		.cli_proxy_directory = "/run/awfd/sandboxes/abcdefghij/cli-proxy",
		.agent_directory = "/run/awfd/sandboxes/abcdefghij/agent",
		.gh_path = "/usr/libexec/awfd/awf-gh",
		.cli_proxy_limits = &limits,
		.ipv6 = true,
		.squid_image = "awf/squid:latest",
		.squid_directory = "/run/awfd/sandboxes/abcdefghij/squid",
		.squid_log = "/var/log/awfd/abcdefghij/squid.log",
		.cli_proxy_log = "/var/log/awfd/abcdefghij/gh.log",
	};

	for (enum docker_role role = DOCKER_ROLE_PAUSE; role < DOCKER_ROLE_COUNT; role++) {
		struct json_object *object = docker_spec_container(&spec, role);

		if (!strchr(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), '{'))
			abort();
		json_object_put(object);
	}
}

/* The grants of a job, from what its user says to squid's configuration. */
static void do_squid(void)
{
	static char *const resolvers[] = { (char *)"203.0.113.53", NULL };
	char *texts[DOMAINS + 1] = { NULL };
	struct domain_list allow = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct squid_config config = { .listen = "172.30.0.10",
				       .agent = "172.30.0.20",
				       .allow = &allow,
				       .dns_servers = resolvers };
	char *text;

	for (size_t i = 0; i < DOMAINS; i++)
		texts[i] = xasprintf("host-%zu.granted.example", i);
	if (domain_list_parse("domains", texts, &allow, &e) < 0)
		abort();
	text = squid_config_text(&config);
	free(text);
	domain_list_clear(&allow);
	for (size_t i = 0; i < DOMAINS; i++)
		free(texts[i]);
}

static const struct {
	const char *name;
	void (*work)(void);
} works[] = {
	{ "list", do_list },
	{ "specs", do_specs },
	{ "squid", do_squid },
};

int main(int argc, char **argv)
{
	uint64_t times;

	if (argc == 3 && parse_uint(argv[2], 0, TIMES_MAX, &times) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
			if (strcmp(works[i].name, argv[1]) != 0)
				continue;
			for (; times > 0; times--)
				works[i].work();
			return 0;
		}
	}
	fputs("usage: pure-load list|specs|squid TIMES\n", stderr);
	return 2;
}
