#include "awfd/reconcile.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include <json-c/json.h>

#include "awfd/config.h"
#include "awfd/docker-container.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/parse.h"

#define LABEL         "awf.sandbox"
#define RELAY_PROGRAM "awf-relay"
#define RELAY_OPTION  "--sandbox="
#define CMDLINE_MAX   4096

/* How long a killed process is waited for: its listeners are another relay's then. */
#define KILLED_MS 1000

/* Between attempts to ask an engine that does not answer. */
#define RETRY_S 5

/* How long after one look at the engine's containers comes the next: a busy engine may still be
 * making what the earlier awfd had asked for, which is nobody's then. */
static const int again_s[] = { 5, 60 };

struct reconcile {
	struct manager *manager;
	reconcile_done_fn done;
	void *userdata;
	struct docker_call *call;
	struct event *retry;
	size_t looks; /* that the engine answered */
	bool told;    /* done was called */
};

static void destroy_leftover(struct manager *m, const char *id, const char *where)
{
	if (!parse_is_sandbox_id(id) || sandbox_find(m, id))
		return;
	log_sandbox(LOG_LEVEL_WARNING, id, "left by an earlier awfd (%s): destroying it", where);
	sandbox_destroy(sandbox_new_leftover(m, id), "left by an earlier awfd");
}

/* Directory entries are named by the id, state files have ".json" behind it. */
static void scan_directory(struct manager *m, const char *base)
{
	_cleanup_free_ char *path = xasprintf("%s/sandboxes", base);
	const struct dirent *entry;
	DIR *directory = opendir(path);

	while (directory && (entry = readdir(directory))) {
		_cleanup_free_ char *id = xstrndup(entry->d_name, SANDBOX_ID_LENGTH);

		destroy_leftover(m, id, path);
	}
	if (directory)
		closedir(directory);
}

/* The value of --sandbox= in a relay's command line (relay-proc.c), or NULL for other processes. */
static const char *relay_sandbox(const char *cmdline, size_t length)
{
	size_t option = strlen(RELAY_OPTION);

	if (strcmp(cmdline, RELAY_PROGRAM) != 0)
		return NULL;
	for (size_t i = 0; i < length; i += strlen(cmdline + i) + 1)
		if (strncmp(cmdline + i, RELAY_OPTION, option) == 0)
			return cmdline + i + option;
	return NULL;
}

static ssize_t read_cmdline(pid_t pid, char *buffer, size_t size)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (n > 0)
		buffer[n] = '\0';
	return n;
}

/* Whether the process runs as the relay's user: nobody else's look-alike is killed. The owner of
 * its /proc entries does not tell, because relays are not dumpable; "Uid:" in its status does. */
static bool is_relay_user(const struct manager *m, pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", pid);
	_cleanup_file_ FILE *f = fopen(path, "re");
	char line[256];
	unsigned uid;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Uid: %u", &uid) == 1)
			return uid == m->relay_uid;
	return false;
}

/* Nobody's: of no sandbox that there is, or besides the one that its sandbox has. */
static bool is_leftover_relay(struct manager *m, const char *id, pid_t pid)
{
	const struct sandbox *s = parse_is_sandbox_id(id) ? sandbox_find(m, id) : NULL;

	return parse_is_sandbox_id(id) && (!s || sandbox_relay_pid(s) != pid);
}

/* Looks at the process through a pidfd opened first, so that a reused pid is not killed. */
static void kill_leftover_relay(struct manager *m, pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	char cmdline[CMDLINE_MAX];
	const char *id;
	ssize_t n;

	if (pidfd < 0 || !is_relay_user(m, pid))
		return;
	n = read_cmdline(pid, cmdline, sizeof(cmdline));
	id = n > 0 ? relay_sandbox(cmdline, (size_t)n) : NULL;
	if (!id || !is_leftover_relay(m, id, pid))
		return;
	log_sandbox(LOG_LEVEL_WARNING, id, "relay %d was left by an earlier awfd: killing it", pid);
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	(void)poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, KILLED_MS);
}

void reconcile_relays(struct manager *m)
{
	const struct dirent *entry;
	DIR *directory = opendir("/proc");
	uint64_t pid;

	while (directory && (entry = readdir(directory)))
		if (parse_uint(entry->d_name, 2, INT32_MAX, &pid) == 0)
			kill_leftover_relay(m, (pid_t)pid);
	if (directory)
		closedir(directory);
}

/* Whether the container has one of the names of that sandbox: an image may bring our label along,
 * and then a container of somebody else has it. Names come with a slash before them. */
static bool has_our_name(struct json_object *container, const char *id)
{
	struct json_object *names = NULL;
	_cleanup_free_ char *prefix = xasprintf("/awf-%s-", id);

	if (!json_object_object_get_ex(container, "Names", &names) ||
	    !json_object_is_type(names, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (name && strncmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static void scan_containers(struct manager *m, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *labels = NULL, *label = NULL;
		struct json_object *container = json_object_array_get_idx(list, i);
		const char *id;

		if (!json_object_object_get_ex(container, "Labels", &labels) ||
		    !json_object_object_get_ex(labels, LABEL, &label))
			continue;
		id = json_object_get_string(label);
		if (id && has_our_name(container, id))
			destroy_leftover(m, id, "container");
	}
}

static void look_again(struct reconcile *r, bool failed)
{
	struct timeval tv = { .tv_sec = RETRY_S };

	if (!failed && r->looks < ARRAY_SIZE(again_s))
		tv.tv_sec = again_s[r->looks];
	if (failed || r->looks < ARRAY_SIZE(again_s))
		event_add(r->retry, &tv);
	r->looks += !failed;
}

static void on_listed(int status _unused_, struct json_object *body, const struct err *e,
		      void *userdata)
{
	struct reconcile *r = userdata;
	r->call = NULL;
	if (!e && json_object_is_type(body, json_type_array))
		scan_containers(r->manager, body);
	look_again(r, e != NULL);
	if (r->told)
		return;
	r->told = true;
	r->done(e, r->userdata);
}

static void ask_engine(struct reconcile *r)
{
	r->call = docker_container_list(r->manager->docker, LABEL, on_listed, r);
}

static void on_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	ask_engine(userdata);
}

struct reconcile *reconcile_start(struct manager *m, reconcile_done_fn done, void *userdata)
{
	struct reconcile *r = xnew(struct reconcile);

	*r = (struct reconcile){ .manager = m, .done = done, .userdata = userdata };
	r->retry = evtimer_new(m->base, on_retry, r);
	if (!r->retry)
		abort();
	scan_directory(m, m->config->state_directory);
	scan_directory(m, m->config->runtime_directory);
	ask_engine(r);
	return r;
}

void reconcile_free(struct reconcile *r)
{
	if (!r)
		return;
	docker_call_cancel(r->call);
	event_free(r->retry);
	free(r);
}
