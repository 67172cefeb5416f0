/* A sandbox's state file: what one awfd writes is what the next one has, and what it did not write
 * is refused by the field. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "awfd/config.h"
#include "awfd/docker.h"
#include "awfd/fd-store.h"
#include "awfd/notify.h"
#include "awfd/quota.h"
#include "awfd/sandbox-internal.h"
#include "awfd/start-queue.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strv.h"
#include "proto/frame.h"
#include "tests/unit/check.h"

#define ID "abcdefghij"

/* Where the service manager passes descriptors from. */
#define FIRST_PASSED 3

struct world {
	struct manager manager;
	char *directory;
	pid_t relay; /* stands for one: a process that waits to be killed */
	struct json_object *good;
};

/* --- The world ------------------------------------------------------------------------------- */

static pid_t start_relay(void)
{
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static char *process_text(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct process_id id;

	assert_return_code(fd, errno);
	assert_int_equal(process_identify(fd, pid, &id), 0);
	return xasprintf("{\"pid\":%d,\"started\":%llu}", id.pid, (unsigned long long)id.started);
}

/* Every field there is, each with a value of its own. */
static struct json_object *make_good(pid_t relay_pid)
{
	_cleanup_free_ char *self = process_text(getpid()), *relay = process_text(relay_pid),
			    *boot = process_boot_id(), *text = NULL;
	struct json_object *object;

	text = xasprintf(
		"{\"version\":2,\"bootId\":\"%s\",\"phase\":\"running\",\"ownerUid\":60701,"
		"\"ownerGid\":60702,\"client\":%s,"
		"\"request\":{\"command\":[\"sh\",\"-c\",\"/a\\u0001\"],\"image\":\"img\","
		"\"workdir\":\"/w\",\"difcProxyHost\":\"localhost:18443\",\"tty\":true,"
		"\"openStdin\":true,\"attach\":true,\"lease\":true,\"keep\":false,\"mounts\":[\"/a:/b\"],"
		"\"name\":\"n.1\","
		"\"allowDomains\":[\"a.example\"],\"allowHostPorts\":[\"8080\",\"9090\"]},"
		"\"user\":\"alice\",\"home\":\"/home/alice\",\"image\":\"docker.io/library/img\","
		"\"createdAt\":1700000000,\"createdMs\":11,\"deadlineMs\":12,\"memory\":268435456,"
		"\"pids\":13,\"nanoCpus\":14,\"timeoutSeconds\":15,\"difcProxy\":\"localhost:18443\","
		"\"difcTarget\":\"127.0.0.1:18443\",\"masked\":[\"/a/.ssh\"],"
		"\"hostPorts\":[\"8080\",\"9090\"],"
		"\"egress\":true,\"redirects\":true,\"squidAddress\":\"172.31.0.2\","
		"\"squidAddress6\":\"fd77::2\",\"squidDns\":[\"192.0.2.53:53\",\"[2001:db8::53]:53\"],"
		"\"squidGrants\":[\"10.0.0.1:443\"],\"pause\":%s,\"squid\":%s,\"cliProxy\":%s,"
		"\"relay\":%s,\"steps\":[{\"name\":\"start pause\",\"state\":\"done\","
		"\"elapsedUs\":16}],\"exitCode\":17,\"oomKilled\":true,\"timedOut\":true,"
		"\"commandEnded\":true,\"over\":true,\"reason\":\"because\"}",
		boot, self, self, self, self, relay);
	object = json_tokener_parse(text);
	assert_non_null(object);
	return object;
}

static void make_config(struct world *w)
{
	_cleanup_free_ char *path = xasprintf("%s/awfd.conf", w->directory);
	_cleanup_free_ char *text = xasprintf("[Daemon]\nRuntimeDirectory=%s/run\n"
					      "StateDirectory=%s\nLogDirectory=%s/log\n",
					      w->directory, w->directory, w->directory);

	assert_int_equal(file_write_atomic(path, 0600, text, strlen(text), NULL), 0);
	assert_int_equal(config_load(path, &w->manager.config, NULL), 0);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);
	struct manager *m = &w->manager;
	_cleanup_free_ char *states = NULL;

	log_set_level(LOG_LEVEL_ERROR);
	w->directory = scratch_new();
	states = xasprintf("%s/sandboxes", w->directory);
	assert_int_equal(file_mkdir(states, 0700, NULL), 0);
	make_config(w);
	m->base = event_base_new();
	m->notify = notify_new(m->base);
	m->fds = fd_store_new();
	m->sandboxes = sandbox_list_new();
	m->relay_targets = relay_targets_new(NULL);
	m->quota = quota_new(&m->config->quota_host);
	m->starts = start_queue_new(2);
	assert_int_equal(docker_new(m->base, "/nowhere", &m->docker, NULL), 0);
	w->relay = start_relay();
	w->good = make_good(w->relay);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct manager *m = &w->manager;

	sandbox_list_free(m->sandboxes);
	(void)kill(w->relay, SIGKILL);
	(void)waitpid(w->relay, NULL, 0);
	start_queue_free(m->starts);
	quota_free(m->quota);
	relay_targets_free(m->relay_targets);
	docker_free(m->docker);
	fd_store_free(m->fds);
	notify_free(m->notify);
	config_free(m->config);
	event_base_free(m->base);
	json_object_put(w->good);
	scratch_freep(&w->directory);
	free(w);
	return 0;
}

static void write_state(struct world *w, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/sandboxes/%s", w->directory, name);

	assert_int_equal(file_write_atomic(path, 0600, text, strlen(text), NULL), 0);
}

static struct json_object *read_state(const struct world *w)
{
	_cleanup_free_ char *path = xasprintf("%s/sandboxes/" ID ".json", w->directory);
	_cleanup_free_ char *text = NULL;
	struct json_object *object;

	assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
	object = json_tokener_parse(text);
	assert_non_null(object);
	return object;
}

static int load(struct world *w, struct json_object *object, struct sandbox **ret, struct err *e)
{
	write_state(w, ID ".json", json_object_to_json_string(object));
	return sandbox_state_load(&w->manager, ID, ret, e);
}

static struct sandbox *load_well(struct world *w, struct json_object *object)
{
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s = NULL;

	if (load(w, object, &s, &e) < 0)
		fail_msg("%s", e.message);
	return s;
}

/* The good one with one field changed, or gone when there is no text. */
static struct json_object *changed(const struct world *w, const char *field, const char *value)
{
	struct json_object *copy = NULL;

	assert_int_equal(json_object_deep_copy(w->good, &copy, NULL), 0);
	if (value)
		json_object_object_add(copy, field, json_tokener_parse(value));
	else
		json_object_object_del(copy, field);
	return copy;
}

/* --- Round trip ------------------------------------------------------------------------------ */

/* Whatever the first has, the second has, too. */
static void assert_within(const char *name, struct json_object *part, struct json_object *whole)
{
	if (!json_object_is_type(part, json_type_object)) {
		assert_row(name, json_object_equal(part, whole));
		return;
	}
	json_object_object_foreach (part, key, value) {
		struct json_object *other = NULL;

		assert_row(key, json_object_object_get_ex(whole, key, &other));
		assert_within(key, value, other);
	}
}

/* Saved by one awfd, loaded by the next, saved by that, and loaded once more. */
static void test_round_trip(void **state)
{
	struct world *w = *state;
	_cleanup_json_ struct json_object *first = NULL, *second = NULL, *bare = NULL;
	struct sandbox *s = load_well(w, w->good);

	assert_true(sandbox_relay_adopt(s));
	assert_int_equal(sandbox_relay_pid(s), w->relay);
	sandbox_state_update(s);
	first = read_state(w);
	bare = changed(w, "steps", NULL); /* of those there are more */
	assert_within("all", bare, first);
	w->manager.leaving = true;
	sandbox_free(s);
	w->manager.leaving = false;
	s = load_well(w, first);
	assert_true(sandbox_relay_adopt(s));
	sandbox_state_update(s);
	second = read_state(w);
	assert_true(json_object_equal(first, second));
}

static void test_what_is_loaded(void **state)
{
	struct world *w = *state;
	struct sandbox *s = load_well(w, w->good);
	size_t targets;
	struct sockaddr_storage *list;

	assert_int_equal(sandbox_state(s), SANDBOX_RUNNING);
	assert_int_equal(sandbox_owner(s), 60701);
	assert_true(s->same_boot);
	assert_int_equal(s->client.pid, getpid());
	assert_int_equal(s->relay_id.pid, w->relay);
	assert_true(s->containers[DOCKER_ROLE_PAUSE].pidfd >= 0);
	assert_true(s->containers[DOCKER_ROLE_CLI_PROXY].pidfd >= 0);
	assert_ptr_equal(sandbox_squid(s), &s->squid);
	assert_int_equal(s->squid.dns_count, 2);
	assert_int_equal(s->squid.grant_count, 1);
	assert_true(s->squid.has_v6);
	assert_int_equal(s->deadline_ms, 12);
	assert_int_equal(s->exit_code, 17);
	assert_string_equal(s->reason, "because");
	assert_string_equal(s->steps[0].name, sandbox_create_plan_step(0));
	list = relay_targets_list(w->manager.relay_targets, &targets);
	assert_int_equal(targets, 5); /* the DIFC proxy's; two ports, each in both families */
	free(list);
}

/* What a request has that is secret is not written, whoever put it there. */
static void test_no_secrets(void **state)
{
	struct world *w = *state;
	_cleanup_json_ struct json_object *object = changed(
		w, "request",
		"{\"command\":[\"x\"],\"environment\":{\"A\":\"secret-1\"},"
		"\"difcProxyCaCert\":\"secret-2\",\"upstreamProxy\":\"http://u:secret-3@h:1\"}");
	_cleanup_json_ struct json_object *saved = NULL;
	struct sandbox *s = load_well(w, object);

	assert_non_null(s->request.environment);
	sandbox_state_update(s);
	saved = read_state(w);
	assert_null(strstr(json_object_to_json_string(saved), "secret"));
}

/* --- What does not run any more -------------------------------------------------------------- */

static void assert_nothing_runs(struct world *w, const char *field, const char *value)
{
	_cleanup_json_ struct json_object *object = changed(w, field, value);
	struct sandbox *s = load_well(w, object);
	size_t targets;

	assert_false(s->same_boot);
	assert_int_equal(s->client.pid, 0);
	assert_int_equal(s->relay_id.pid, 0);
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++)
		assert_int_equal(s->containers[role].pidfd, -EBADF);
	assert_null(sandbox_squid(s));
	assert_false(s->relay_granted);
	free(relay_targets_list(w->manager.relay_targets, &targets));
	assert_int_equal(targets, 0);
	sandbox_free(s);
}

static void test_another_boot(void **state)
{
	assert_nothing_runs(*state, "bootId", "\"00000000-0000-0000-0000-000000000000\"");
	assert_nothing_runs(*state, "bootId", NULL);
}

/* The same pid, but not the same process; and then its address may be another's. */
static void test_another_process(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *other = xasprintf("{\"pid\":%d,\"started\":1}", getpid());
	_cleanup_json_ struct json_object *object = changed(w, "squid", other);
	struct sandbox *s = load_well(w, object);

	assert_int_equal(s->containers[DOCKER_ROLE_SQUID].pidfd, -EBADF);
	assert_null(sandbox_squid(s));
	assert_true(s->containers[DOCKER_ROLE_PAUSE].pidfd >= 0);
}

static void test_exited(void **state)
{
	struct world *w = *state;
	_cleanup_json_ struct json_object *object = changed(w, "phase", "\"exited\"");
	_cleanup_free_ char *path = xasprintf("%s/sandboxes/" ID ".json", w->directory);
	struct sandbox *s = load_well(w, object);
	size_t targets;

	assert_int_equal(sandbox_state(s), SANDBOX_EXITED);
	assert_null(sandbox_squid(s));
	free(relay_targets_list(w->manager.relay_targets, &targets));
	assert_int_equal(targets, 0);
	assert_int_equal(access(path, F_OK), 0);
	sandbox_free(s); /* its record goes with it */
	assert_int_equal(access(path, F_OK), -1);
}

/* --- Refusals -------------------------------------------------------------------------------- */

#define PID(text) "{\"pid\":" text ",\"started\":1}"

static const struct {
	const char *field, *value; /* NULL: it is missing */
	const char *subject;       /* that the error names; NULL: another kind of error */
} refusals[] = {
	{ "version", NULL, "version" },
	{ "version", "1", NULL },
	{ "version", "3", NULL },
	{ "phase", NULL, "phase" },
	{ "phase", "\"creating\"", NULL },
	{ "phase", "\"Running\"", NULL },
	{ "unheardOf", "1", "unheardOf" },
	{ "request", NULL, "request" },
	{ "request", "null", "request" },
	{ "request", "{}", "request.command" },
	{ "user", NULL, "user" },
	{ "image", NULL, "image" },
	{ "ownerUid", NULL, "ownerUid" },
	{ "ownerUid", "-1", "ownerUid" },
	{ "ownerUid", "4294967295", "ownerUid" },
	{ "ownerUid", "4294967296", "ownerUid" },
	{ "ownerUid", "\"0\"", "ownerUid" },
	{ "ownerGid", "-1", "ownerGid" },
	{ "ownerGid", "4294967296", "ownerGid" },
	{ "createdAt", "-1", "createdAt" },
	{ "createdAt", "9223372036854775806", "createdAt" },
	{ "createdMs", "-1", "createdMs" },
	{ "deadlineMs", "-1", "deadlineMs" },
	{ "memory", "-1", "memory" },
	{ "memory", "9223372036854775806", "memory" },
	{ "pids", "-1", "pids" },
	{ "nanoCpus", "-1", "nanoCpus" },
	{ "timeoutSeconds", "-1", "timeoutSeconds" },
	{ "timeoutSeconds", "9223372036854775806", "timeoutSeconds" },
	{ "exitCode", "4294967296", "exitCode" },
	{ "client", PID("0"), "client" },
	{ "pause", PID("-1"), "pause" },
	{ "pause", PID("4294967297"), "pause" },
	{ "pause", "{\"pid\":1}", "pause.started" },
	{ "squid", PID("2147483648"), "squid" },
	{ "cliProxy", "{\"pid\":1,\"started\":-1}", "cliProxy" },
	{ "relay", PID("-2147483649"), "relay" },
	{ "squidAddress", "\"172.31.0\"", "squidAddress" },
	{ "squidAddress", "\"fd77::2\"", "squidAddress" },
	{ "squidAddress6", "\"172.31.0.2\"", "squidAddress6" },
	{ "squidDns", "[\"192.0.2.53:53\",\"nobody\"]", "squidDns" },
	{ "squidGrants", "[\"10.0.0.1:70000\"]", "squidGrants" },
	{ "difcProxy", "\"a b\"", "difcProxyHost" },
	{ "difcTarget", "\"localhost\"", "difcTarget" },
	{ "hostPorts", "[\"0\"]", "hostPorts" },
	{ "hostPorts", "[\"65536\"]", "hostPorts" },
	{ "steps", "[{\"name\":\"start pause\"}]", "steps.state" },
	{ "steps", "[1]", "steps" },
	{ "reason", "\"a\\u0000b\"", "reason" },
};

/* Each leaves nothing behind: no sandbox, no target, no charge. */
static void test_refusals(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_free_ char *row =
			xasprintf("%s = %s", refusals[i].field,
				  refusals[i].value ? refusals[i].value : "(none)");
		_cleanup_json_ struct json_object *object =
			changed(w, refusals[i].field, refusals[i].value);
		_cleanup_err_ struct err e = { 0 };
		struct sandbox *s = NULL;
		size_t targets;

		assert_row(row, load(w, object, &s, &e) < 0);
		assert_row(row, e.message && !s && !sandbox_first(&w->manager));
		if (refusals[i].subject)
			assert_same_text(e.subject, refusals[i].subject);
		free(relay_targets_list(w->manager.relay_targets, &targets));
		assert_row(row, targets == 0);
	}
	sandbox_free(load_well(w, w->good));
}

static void test_no_json(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "7", "null", "x", "{\"version\":2" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct sandbox *s = NULL;

		write_state(w, ID ".json", texts[i]);
		assert_row(texts[i], sandbox_state_load(&w->manager, ID, &s, &e) < 0);
		assert_row(texts[i], !s && !sandbox_first(&w->manager));
	}
}

/* A file is a sandbox's by its whole name, so that no two are the same sandbox. */
static void test_names(void **state)
{
	static const char *const others[] = { ID "k.json",  ID ".json.tmp",   ID,
					      ID ".jso",    ID "..json",      ".json",
					      "short.json", "ABCDEFGHIJ.json" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		write_state(w, others[i], json_object_to_json_string(w->good));
	sandbox_load_all(&w->manager);
	assert_null(sandbox_first(&w->manager));
	write_state(w, ID ".json", json_object_to_json_string(w->good));
	sandbox_load_all(&w->manager);
	assert_non_null(sandbox_first(&w->manager));
	assert_null(sandbox_next(sandbox_first(&w->manager)));
}

/* Written in an order that is neither that of their start nor its reverse. The newest comes first:
 * its name is the newest's. */
static void test_order(void **state)
{
	static const struct {
		const char *file, *seconds, *ms;
	} records[] = {
		{ "bbbbbbbbbb.json", "1000", "70" }, { "dddddddddd.json", "1001", "50" },
		{ "aaaaaaaaaa.json", "1000", "60" }, { "eeeeeeeeee.json", "1002", "10" },
		{ "cccccccccc.json", "1000", "80" },
	};
	struct world *w = *state;
	char last = 'f';

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		_cleanup_json_ struct json_object *object = changed(w, "phase", "\"exited\"");

		json_object_object_add(object, "createdAt", json_tokener_parse(records[i].seconds));
		json_object_object_add(object, "createdMs", json_tokener_parse(records[i].ms));
		write_state(w, records[i].file, json_object_to_json_string(object));
	}
	sandbox_load_all(&w->manager);
	for (struct sandbox *s = sandbox_first(&w->manager); s; s = sandbox_next(s))
		assert_int_equal(sandbox_id(s)[0], --last);
	assert_int_equal(last, 'a');
}

/* --- A relay's listeners, which the service manager kept -------------------------------------- */

/* Has it pass as many of these as there are names. */
static void pass_listeners(const char *names)
{
	_cleanup_free_ char *pid = xasprintf("%d", getpid()), *count = NULL;
	int n = 1;

	for (const char *c = names; *c; c++)
		n += *c == ':';
	for (int i = 0; i < n; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_return_code(fd, errno);
		if (fd == FIRST_PASSED + i)
			continue;
		assert_return_code(dup2(fd, FIRST_PASSED + i), errno);
		close(fd);
	}
	count = xasprintf("%d", n);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void assert_listeners(const char *names, size_t expected)
{
	void *state;
	struct sandbox *s;

	pass_listeners(names);
	setup(&state);
	s = load_well(state, ((struct world *)state)->good);
	assert_true(sandbox_relay_adopt(s));
	if (s->listener_count != expected)
		fail_msg("%s: %zu listeners", names, s->listener_count);
	teardown(&state);
}

#define STORED(rest) "awf-" ID "-" rest

/* With a part of them alone the next relay would serve only that part, and nobody would know. */
static void test_listeners(void **state _unused_)
{
	assert_listeners(
		STORED("difc-0") ":" STORED("difc-1") ":" STORED("host-2") ":" STORED("host-3"), 4);
	assert_listeners(STORED("difc-0") ":" STORED("host-1") ":" STORED("host-2"), 3);
	assert_listeners(STORED("difc-0") ":" STORED("difc-1") ":" STORED("host-2"), 0);
	assert_listeners(STORED("difc-0") ":" STORED("host-2") ":" STORED("host-3"), 0);
	assert_listeners(STORED("host-0") ":" STORED("host-1"), 0);
	assert_listeners("awf-zzzzzzzzzz-difc-0", 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_what_is_loaded),
		TEST(test_no_secrets),
		TEST(test_another_boot),
		TEST(test_another_process),
		TEST(test_exited),
		TEST(test_refusals),
		TEST(test_no_json),
		TEST(test_names),
		TEST(test_order),
		cmocka_unit_test(test_listeners),
	};

	return RUN_TESTS("sandbox-state", tests);
}
