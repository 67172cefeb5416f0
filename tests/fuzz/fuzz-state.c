/* Arbitrary bytes as the state file of a sandbox, to the real loader and to all that goes on with
 * what it loads. There is no engine. Whatever it was: what is loaded is described and saved as it
 * was, is of another boot, so that no process is its own, and ends; no charge and no target is
 * left.
 */
#include <arpa/inet.h>
#include <string.h>

#include <json-c/json.h>

#include "awfd/audit.h"
#include "awfd/config.h"
#include "awfd/docker.h"
#include "awfd/fd-store.h"
#include "awfd/log-tail.h"
#include "awfd/metrics.h"
#include "awfd/notify.h"
#include "awfd/quota.h"
#include "awfd/sandbox-internal.h"
#include "awfd/start-queue.h"
#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"

#define ID     "abcdefghij"
#define ROUNDS 8 /* of the loop: the steps that need no engine are done by then */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static struct manager manager;
static char *directory, *state_file;

static void make_config(struct manager *m)
{
	_cleanup_free_ char *path = xasprintf("%s/awfd.conf", directory),
			    *text = xasprintf("[Daemon]\nRuntimeDirectory=%s\nStateDirectory=%s\n"
					      "LogDirectory=%s/log\n",
					      directory, directory, directory);

	require(file_write_atomic(path, 0600, text, strlen(text), NULL) == 0);
	require(config_load(path, &m->config, NULL) == 0);
}

/* When the program ends. */
static void remove_world(void)
{
	require(file_remove_tree(directory, NULL) == 0);
}

/* That the engine is away is no news. */
static void drop(enum log_level level _unused_, const struct log_fields *fields _unused_,
		 const char *message _unused_)
{
}

/* Once: an awfd with no engine, no firewall and no server. */
static void make_world(struct manager *m)
{
	char scratch[] = "/tmp/awf-fuzz-XXXXXX";
	_cleanup_free_ char *states = NULL;

	log_set_sink(drop);
	require(mkdtemp(scratch));
	directory = xstrdup(scratch);
	state_file = xasprintf("%s/sandboxes/" ID ".json", directory);
	states = xasprintf("%s/sandboxes", directory);
	require(atexit(remove_world) == 0);
	require(file_mkdir(states, 0700, NULL) == 0);
	make_config(m);
	require(file_mkdir(m->config->log_directory, 0700, NULL) == 0);
	require(audit_open(m->config->log_directory, AUDIT_MAX, &m->audit, NULL) == 0);
	m->base = event_base_new();
	m->notify = notify_new(m->base);
	m->metrics = metrics_new();
	m->fds = fd_store_new();
	m->sandboxes = sandbox_list_new();
	m->relay_targets = relay_targets_new(NULL);
	m->quota = quota_new(&m->config->quota_host);
	m->starts = start_queue_new(2);
	require(docker_new(m->base, "/nowhere", &m->docker, NULL) == 0);
	require(log_tails_new(m->base, &m->log_tails, NULL) == 0);
}

static void write_state(const uint8_t *data, size_t size)
{
	FILE *f = fopen(state_file, "we");

	require(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static struct json_object *describe(const struct sandbox *s)
{
	struct sandbox_info info = { 0 };
	struct json_object *object;

	sandbox_describe(s, &info);
	object = fields_build(&sandbox_info_table, &info);
	fields_clear(&sandbox_info_table, &info);
	return object;
}

static struct sandbox *load(struct manager *m)
{
	struct sandbox *s = NULL;

	if (sandbox_state_load(m, ID, &s, NULL) < 0)
		require(!s && !sandbox_first(m));
	return s;
}

/* As when awfd leaves: its record stays, and what was counted for it goes with awfd. */
static void leave(struct manager *m, struct sandbox *s)
{
	m->leaving = true;
	sandbox_free(s);
	m->leaving = false;
	relay_targets_free(m->relay_targets);
	m->relay_targets = relay_targets_new(NULL);
}

/* What was loaded is saved, and then loaded as it was. */
static void check_saving(struct manager *m)
{
	struct sandbox *s = load(m);
	struct json_object *before, *after;

	if (!s)
		return;
	before = describe(s);
	sandbox_state_update(s);
	leave(m, s);
	s = load(m);
	require(s);
	after = describe(s);
	require(json_object_equal(before, after));
	leave(m, s);
	json_object_put(before);
	json_object_put(after);
}

static void require_nothing_used(struct manager *m)
{
	size_t targets;

	free(relay_targets_list(m->relay_targets, &targets));
	require(targets == 0);
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		require(quota_used(m->quota, NULL, kind, 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manager *m = &manager;
	struct sandbox *s;

	if (!directory)
		make_world(m);
	write_state(data, size);
	check_saving(m);
	write_state(data, size); /* saving makes it one of this boot */
	s = load(m);
	if (s) {
		require(!s->same_boot && !sandbox_squid(s) && !s->relay_granted);
		sandbox_adopt_all(m);
		require(s->state != SANDBOX_RUNNING); /* the machine was started again */
	}
	for (int i = 0; i < ROUNDS; i++)
		require(event_base_loop(m->base, EVLOOP_NONBLOCK) >= 0);
	while ((s = sandbox_first(m)))
		sandbox_free(s);
	require_nothing_used(m);
	return 0;
}
