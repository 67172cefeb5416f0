/* What the engine alone needs for the containers of sandboxes: engine-load COUNT IMAGE
 * [squid|cli-proxy]... brings up COUNT times at once a pause, these sidecars and an agent by the
 * same calls, specifications and order as awfd, prints the microseconds until the last agent runs,
 * and removes them all. Its sidecars do nothing: they are as those that awfd prepares ahead. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "awfd/cli-proxy-limits.h"
#include "awfd/docker-image.h"
#include "awfd/docker-spec.h"
#include "awfd/docker.h"
#include "awfd/sandbox-container.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/parse.h"

#define ENGINE    "/run/docker.sock"
#define COUNT_MAX 256
#define MEMORY    (32 << 20)
#define PIDS      16

/* The containers of one sandbox, and where it is: all but the agent up, which is created
 * meanwhile and started then. */
struct group {
	struct load *load;
	char id[16];
	struct container containers[DOCKER_ROLE_COUNT];
	struct docker_call *image;
	char *image_id;
	unsigned awaited; /* before the agent is started */
};

struct load {
	struct event_base *base;
	struct docker *docker;
	const char *image;
	bool wanted[DOCKER_ROLE_COUNT];
	char settings[32]; /* of all containers: a directory with empty files, of which one is their
			    * log
			    */
	char log[48];
	char hold[PATH_MAX]; /* awf-hold, which is built beside this program's directory */
	struct group *groups;
	size_t count, pending;
};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "engine-load: %s: %s\n", what, e ? e->message : "cannot");
	exit(EXIT_FAILURE);
}

static void done_one(struct group *g)
{
	if (--g->load->pending == 0)
		(void)event_base_loopbreak(g->load->base);
}

static struct json_object *spec_of(const struct group *g, enum docker_role role)
{
	static char *const command[] = { (char *)"sleep", (char *)"100000", NULL };
	static char *const environment[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	static const struct cli_proxy_limits limits = { 0 };
	const struct docker_spec spec = {
		.id = g->id,
		.uid = 60701,
		.gid = 60701,
		.pause_image = "awf/pause:latest",
		.cli_proxy_image = "awf/cli-proxy:latest",
		.squid_image = "awf/squid:latest",
		.squid_directory = g->load->settings,
		.squid_log = g->load->log,
		.cli_proxy_directory = g->load->settings,
		.agent_directory = g->load->settings,
		.cli_proxy_log = g->load->log,
		.cli_proxy_limits = &limits,
		.hold_path = g->load->hold,
		.agent_image = g->image_id,
		.command = command,
		.environment = environment,
		.memory_bytes = MEMORY,
		.pids = PIDS,
		.home = "/home/alice",
		.ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0,
	};

	return docker_spec_container(&spec, role);
}

static void on_agent_started(void *userdata, unsigned step _unused_, const struct err *e)
{
	if (e)
		die("start agent", e);
	done_one(userdata);
}

/* One of those that the agent waits for is there. */
static void arrived(struct group *g)
{
	if (--g->awaited == 0)
		container_start(&g->containers[DOCKER_ROLE_AGENT], on_agent_started, g, 0);
}

static void on_agent_created(void *userdata, unsigned step _unused_, const struct err *e)
{
	if (e)
		die("create agent", e);
	arrived(userdata);
}

/* The image is looked at while pause starts, as awfd does. */
static void create_agent(struct group *g)
{
	struct json_object *spec;

	if (!g->image_id || g->containers[DOCKER_ROLE_PAUSE].pidfd < 0)
		return;
	spec = spec_of(g, DOCKER_ROLE_AGENT);
	container_up(&g->containers[DOCKER_ROLE_AGENT], spec, false, on_agent_created, g, 0);
	json_object_put(spec);
}

static void on_up(void *userdata, unsigned role, const struct err *e)
{
	struct group *g = userdata;

	if (e)
		die(docker_role_name(role), e);
	if (role == DOCKER_ROLE_PAUSE)
		create_agent(g);
	arrived(g);
}

static void on_image(int status _unused_, struct json_object *body, const struct err *e,
		     void *userdata)
{
	struct group *g = userdata;
	struct docker_image image = { 0 };
	_cleanup_err_ struct err local = { 0 };

	g->image = NULL;
	if (e || docker_image_parse(body, &image, &local) < 0)
		die("look at image", e ? e : &local);
	g->image_id = xstrdup(image.id);
	docker_image_clear(&image);
	create_agent(g);
}

static void begin(struct load *l, size_t number)
{
	struct group *g = &l->groups[number];

	g->load = l;
	g->awaited = 1; /* the agent's creation */
	(void)snprintf(g->id, sizeof(g->id), "bench%05zu", number % 100000);
	g->image = docker_image_inspect(l->docker, l->image, on_image, g);
	for (enum docker_role role = 0; role < DOCKER_ROLE_COUNT; role++) {
		_cleanup_free_ char *name = docker_container_name(g->id, role);
		struct json_object *spec;

		container_init(&g->containers[role], l->docker, name);
		if (!l->wanted[role])
			continue;
		g->awaited++;
		spec = spec_of(g, role);
		container_up(&g->containers[role], spec, true, on_up, g, role);
		json_object_put(spec);
	}
}

static void run(struct load *l)
{
	l->pending = l->count;
	if (event_base_dispatch(l->base) < 0 || l->pending > 0)
		die("the event loop", NULL);
}

/* The next of them, the agent first and pause last, because it is in its network. */
static void remove_next(void *userdata, unsigned role, const struct err *e)
{
	struct group *g = userdata;

	if (e)
		die("remove", e);
	while (role > 0 && !g->load->wanted[role - 1])
		role--;
	if (role > 0)
		container_remove(&g->containers[role - 1], remove_next, g, role - 1);
	else
		done_one(g);
}

static void remove_all(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		container_remove(&l->groups[i].containers[DOCKER_ROLE_AGENT], remove_next,
				 &l->groups[i], DOCKER_ROLE_AGENT);
	run(l);
	for (size_t i = 0; i < l->count; i++) {
		for (enum docker_role role = 0; role < DOCKER_ROLE_COUNT; role++)
			container_clear(&l->groups[i].containers[role]);
		free(l->groups[i].image_id);
	}
}

static const char *const settings_files[] = { "log", DOCKER_SPEC_HOSTS, DOCKER_SPEC_RESOLV_CONF };

static void make_file(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file || fclose(file) != 0)
		die(path, NULL);
}

static void make_settings(struct load *l)
{
	(void)snprintf(l->settings, sizeof(l->settings), "/tmp/engine-load.XXXXXX");
	if (!mkdtemp(l->settings) || chmod(l->settings, 0755) < 0)
		die(l->settings, NULL);
	(void)snprintf(l->log, sizeof(l->log), "%s/%s", l->settings, settings_files[0]);
	for (size_t i = 0; i < ARRAY_SIZE(settings_files); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", l->settings, settings_files[i]);

		make_file(path);
	}
}

static void remove_settings(const struct load *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings_files); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", l->settings, settings_files[i]);

		(void)unlink(path);
	}
	(void)rmdir(l->settings);
}

static void find_hold(struct load *l)
{
	ssize_t n = readlink("/proc/self/exe", l->hold, sizeof(l->hold) - sizeof("awf-hold"));

	for (int up = 0; n > 0 && up < 2; n--)
		up += l->hold[n - 1] == '/';
	if (n <= 0)
		die("/proc/self/exe", NULL);
	memcpy(&l->hold[n], "/awf-hold", sizeof("/awf-hold"));
}

/* "squid", "cli-proxy". */
static bool take_sidecars(struct load *l, char **names)
{
	l->wanted[DOCKER_ROLE_PAUSE] = true;
	for (; *names; names++) {
		enum docker_role role = DOCKER_ROLE_SQUID;

		while (role < DOCKER_ROLE_AGENT && strcmp(docker_role_name(role), *names) != 0)
			role++;
		if (role == DOCKER_ROLE_AGENT)
			return false;
		l->wanted[role] = true;
	}
	return true;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err e = { 0 };
	struct load l = { 0 };
	uint64_t count, begun;

	if (argc < 3 || parse_uint(argv[1], 1, COUNT_MAX, &count) < 0 ||
	    !take_sidecars(&l, argv + 3)) {
		fputs("usage: engine-load COUNT IMAGE [squid|cli-proxy]...\n", stderr);
		return 2;
	}
	l.image = argv[2];
	l.count = count;
	l.groups = xcalloc(count, sizeof(*l.groups));
	l.base = event_base_new();
	if (!l.base || docker_new(l.base, ENGINE, &l.docker, &e) < 0)
		die(ENGINE, &e);
	find_hold(&l);
	make_settings(&l);
	begun = clock_us();
	for (size_t i = 0; i < l.count; i++)
		begin(&l, i);
	run(&l);
	printf("%" PRIu64 "\n", clock_us() - begun);
	remove_all(&l);
	remove_settings(&l);
	docker_free(l.docker);
	event_base_free(l.base);
	free(l.groups);
	return 0;
}
