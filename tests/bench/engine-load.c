/* What the engine alone needs for the containers of plain sandboxes: engine-load COUNT IMAGE brings
 * up COUNT times at once a pause and an agent beside it by the same calls and specifications as
 * awfd's, prints the microseconds until the last agent runs, and removes them all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

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

/* The containers of one sandbox, and where it is: pause up, agent created, agent started. */
struct pair {
	struct load *load;
	char id[16];
	struct container pause, agent;
	struct docker_call *image;
	char *image_id;
};

struct load {
	struct event_base *base;
	struct docker *docker;
	const char *image;
	struct pair *pairs;
	size_t count, pending;
};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "engine-load: %s: %s\n", what, e ? e->message : "cannot");
	exit(EXIT_FAILURE);
}

static void done_one(struct pair *p)
{
	if (--p->load->pending == 0)
		(void)event_base_loopbreak(p->load->base);
}

static struct json_object *spec_of(const struct pair *p, enum docker_role role)
{
	static char *const command[] = { (char *)"sleep", (char *)"100000", NULL };
	static char *const environment[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	const struct docker_spec spec = {
		.id = p->id,
		.uid = 60701,
		.gid = 60701,
		.pause_image = "awf/pause:latest",
		.agent_image = p->image_id,
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

static void on_agent_created(void *userdata, unsigned step, const struct err *e)
{
	struct pair *p = userdata;

	if (e)
		die("create agent", e);
	container_start(&p->agent, on_agent_started, p, step);
}

/* The image is looked at while pause starts, as awfd does. */
static void create_agent(struct pair *p)
{
	struct json_object *spec;

	if (!p->image_id || p->pause.pidfd < 0)
		return;
	spec = spec_of(p, DOCKER_ROLE_AGENT);
	container_up(&p->agent, spec, false, on_agent_created, p, 0);
	json_object_put(spec);
}

static void on_pause_up(void *userdata, unsigned step _unused_, const struct err *e)
{
	if (e)
		die("start pause", e);
	create_agent(userdata);
}

static void on_image(int status _unused_, struct json_object *body, const struct err *e,
		     void *userdata)
{
	struct pair *p = userdata;
	struct docker_image image = { 0 };
	_cleanup_err_ struct err local = { 0 };

	p->image = NULL;
	if (e || docker_image_parse(body, &image, &local) < 0)
		die("look at image", e ? e : &local);
	p->image_id = xstrdup(image.id);
	docker_image_clear(&image);
	create_agent(p);
}

static void begin(struct load *l, size_t number)
{
	struct pair *p = &l->pairs[number];
	_cleanup_free_ char *pause = NULL, *agent = NULL;
	struct json_object *spec;

	p->load = l;
	(void)snprintf(p->id, sizeof(p->id), "bench%05zu", number % 100000);
	pause = docker_container_name(p->id, DOCKER_ROLE_PAUSE);
	agent = docker_container_name(p->id, DOCKER_ROLE_AGENT);
	container_init(&p->pause, l->docker, pause);
	container_init(&p->agent, l->docker, agent);
	p->image = docker_image_inspect(l->docker, l->image, on_image, p);
	spec = spec_of(p, DOCKER_ROLE_PAUSE);
	container_up(&p->pause, spec, true, on_pause_up, p, 0);
	json_object_put(spec);
}

static void run(struct load *l)
{
	l->pending = l->count;
	if (event_base_dispatch(l->base) < 0 || l->pending > 0)
		die("the event loop", NULL);
}

static void on_removed(void *userdata, unsigned step _unused_, const struct err *e)
{
	if (e)
		die("remove", e);
	done_one(userdata);
}

static void on_agent_removed(void *userdata, unsigned step, const struct err *e)
{
	struct pair *p = userdata;

	if (e)
		die("remove agent", e);
	container_remove(&p->pause, on_removed, p, step);
}

static void remove_all(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		container_remove(&l->pairs[i].agent, on_agent_removed, &l->pairs[i], 0);
	run(l);
	for (size_t i = 0; i < l->count; i++) {
		container_clear(&l->pairs[i].pause);
		container_clear(&l->pairs[i].agent);
		free(l->pairs[i].image_id);
	}
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err e = { 0 };
	struct load l = { 0 };
	uint64_t count, begun;

	if (argc != 3 || parse_uint(argv[1], 1, COUNT_MAX, &count) < 0) {
		fputs("usage: engine-load COUNT IMAGE\n", stderr);
		return 2;
	}
	l.image = argv[2];
	l.count = count;
	l.pairs = xcalloc(count, sizeof(*l.pairs));
	l.base = event_base_new();
	if (!l.base || docker_new(l.base, ENGINE, &l.docker, &e) < 0)
		die(ENGINE, &e);
	begun = clock_us();
	for (size_t i = 0; i < l.count; i++)
		begin(&l, i);
	run(&l);
	printf("%" PRIu64 "\n", clock_us() - begun);
	remove_all(&l);
	docker_free(l.docker);
	event_base_free(l.base);
	free(l.pairs);
	return 0;
}
