/* Arbitrary bytes on several connections of several users, to the real connections and the real
 * method table. The engine is a stub at the boundary of awfd/docker.h, as are the helpers that awfd
 * would spawn. Whatever was asked: nothing crashes, and when the clients are gone and the engine
 * has answered, no sandbox, no file and no charge is left.
 *
 * The first byte of an input says how the engine behaves. Connections are separated by 0xff, which
 * no message contains; the first byte of each says whose it is. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "awfd/audit-call.h"
#include "awfd/audit.h"
#include "awfd/config.h"
#include "awfd/conn.h"
#include "awfd/difc-probe.h"
#include "awfd/docker-internal.h"
#include "awfd/log-tail.h"
#include "awfd/methods.h"
#include "awfd/metrics.h"
#include "awfd/notify.h"
#include "awfd/resolve.h"
#include "awfd/sandbox.h"
#include "awfd/start-queue.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/log.h"

#define CONNECTIONS_MAX 4
#define SEPARATOR       0xff
#define ROUNDS_MAX      200000 /* of the loop, until all has ended */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* --- The engine --------------------------------------------------------------------------------
 */

enum behaviour {
	ENGINE_REFUSES,   /* to make anything */
	ENGINE_MAKES,     /* containers, which then don't start */
	ENGINE_IS_SILENT, /* until the clients are gone; then it refuses */
	BEHAVIOUR_COUNT,
};

struct docker_call {
	struct docker *docker;
	struct event *answer;
	char *operation;
	bool creates;
	bool looks; /* at an image */
	bool removes;
	docker_reply_fn fn;
	void *userdata;
	LIST_ENTRY(docker_call) entry;
};

struct docker {
	struct event_base *base;
	enum behaviour behaviour;
	LIST_HEAD(, docker_call) calls;
};

static void call_free(struct docker_call *c)
{
	LIST_REMOVE(c, entry);
	event_free(c->answer);
	free(c->operation);
	free(c);
}

/* What is to be removed is not there; what is to be made may be. Every image is there. */
static void on_answer(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct docker_call *c = userdata;
	bool good = c->removes || c->looks || (c->creates && c->docker->behaviour == ENGINE_MAKES);
	struct json_object *body =
		c->looks ? json_tokener_parse("{\"Id\":\"sha256:0\",\"Config\":{}}") : NULL;
	_cleanup_err_ struct err e = { 0 };
	docker_reply_fn fn = c->fn;
	void *fn_userdata = c->userdata;
	int status = c->removes ? 404 : c->creates ? 201 : c->looks ? 200 : 500;

	if (!good)
		(void)err_engine(&e, -EREMOTEIO, c->operation, 500, "no such luck");
	call_free(c);
	fn(good ? status : 500, body, good ? NULL : &e, fn_userdata);
	json_object_put(body);
}

static void answer_soon(struct docker_call *c)
{
	event_active(c->answer, EV_TIMEOUT, 0);
}

struct docker_call *docker_call_start(struct docker *d, const struct docker_request *request,
				      docker_reply_fn fn, void *userdata)
{
	struct docker_call *c = xnew(struct docker_call);

	*c = (struct docker_call){
		.docker = d,
		.operation = xstrdup(request->operation),
		.creates = request->path && strstr(request->path, "/containers/create"),
		.looks = request->path && strstr(request->path, "/images/"),
		.removes = request->method && strcmp(request->method, "DELETE") == 0,
		.fn = fn,
		.userdata = userdata,
	};
	c->answer = evtimer_new(d->base, on_answer, c);
	LIST_INSERT_HEAD(&d->calls, c, entry);
	if (d->behaviour != ENGINE_IS_SILENT)
		answer_soon(c);
	return c;
}

struct docker_call *docker_negotiate(struct docker *d, const char *operation, docker_reply_fn fn,
				     void *userdata)
{
	return docker_call_start(d, &(struct docker_request){ .operation = operation }, fn,
				 userdata);
}

void docker_call_cancel(struct docker_call *c)
{
	if (c)
		call_free(c);
}

static void engine_wakes(struct docker *d)
{
	struct docker_call *c;

	d->behaviour = ENGINE_REFUSES;
	LIST_FOREACH (c, &d->calls, entry)
		answer_soon(c);
}

char *docker_broken(struct docker *d _unused_, int error _unused_, const char *reason)
{
	return xstrdup(reason);
}

uint64_t docker_error_count(const struct docker *d _unused_)
{
	return 0;
}

int64_t docker_away_since(const struct docker *d _unused_)
{
	return 0;
}

const char *docker_api_version(const struct docker *d _unused_)
{
	return "1.41";
}

const char *docker_socket_path(const struct docker *d _unused_)
{
	return "/nowhere";
}

struct docker_http *docker_transport(const struct docker *d _unused_)
{
	abort(); /* no agent gets as far as its stream */
}

struct event_base *docker_event_base(const struct docker *d)
{
	return d->base;
}

void docker_watch(struct docker *d _unused_, docker_watch_fn fn _unused_, void *userdata _unused_)
{
}

int docker_new(struct event_base *base, const char *socket_path _unused_, struct docker **ret,
	       struct err *e _unused_)
{
	struct docker *d = xnew(struct docker);

	d->base = base;
	LIST_INIT(&d->calls);
	*ret = d;
	return 0;
}

void docker_free(struct docker *d)
{
	free(d);
}

/* --- What would be spawned: it can't be --------------------------------------------------------
 */

int difc_probe_start(struct event_base *base _unused_, const struct difc_probe_spec *spec _unused_,
		     difc_probe_waiting_fn waiting _unused_, difc_probe_fn fn _unused_,
		     void *userdata _unused_, struct difc_probe **ret _unused_, struct err *e)
{
	return err_difc(e, "nowhere", "refused", "nobody is there");
}

void difc_probe_cancel(struct difc_probe *p)
{
	require(!p);
}

int resolve_start(struct event_base *base _unused_, const struct resolve_spec *spec,
		  resolve_fn fn _unused_, void *userdata _unused_, struct resolve **ret _unused_,
		  struct err *e)
{
	return err_invalid(e, spec->field, spec->name, "has no address");
}

void resolve_cancel(struct resolve *r)
{
	require(!r);
}

void resolve_parse(const char *text _unused_, struct resolved *to _unused_)
{
	abort();
}

/* --- awfd --------------------------------------------------------------------------------------
 */

struct world {
	struct manager manager;
	struct turns *turns;
	char *directory;
	int clients[CONNECTIONS_MAX];
	size_t client_count;
};

static struct world world;

static const char *const directories[] = { "run", "run/sandboxes", "state", "state/sandboxes",
					   "log" };

static void make_config(struct world *w)
{
	_cleanup_free_ char *path = xasprintf("%s/awfd.conf", w->directory),
			    *text = xasprintf("[Daemon]\nRuntimeDirectory=%s/run\n"
					      "StateDirectory=%s/state\nLogDirectory=%s/log\n"
					      "[Difc]\nSystemCABundle=\n"
					      "[Quota]\nSandboxes=2\nCalls=3\nConnections=3\n"
					      "MessageMemory=64K\nStartsPerMinute=100000\n"
					      "HostStartsPerMinute=100000\n"
					      "[Policy]\nImages=*\nDifcAddresses=*\n"
					      "UpstreamProxies=*\nDnsServers=*\nHostPorts=1-65535\n"
					      "MountRoots=/:rw\n",
					      w->directory, w->directory, w->directory);

	require(file_write_atomic(path, 0600, text, strlen(text), NULL) == 0);
	require(config_load(path, &w->manager.config, NULL) == 0);
}

static void make_directories(const struct world *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", w->directory, directories[i]);

		require(file_mkdir(path, 0700, NULL) == 0);
	}
}

static void open_audit(struct world *w)
{
	_cleanup_free_ char *log = xasprintf("%s/log", w->directory);

	require(audit_open(log, AUDIT_MAX, &w->manager.audit, NULL) == 0);
}

/* Logs are to stay; of all else nothing may. */
static void remove_directories(const struct world *w)
{
	_cleanup_free_ char *log = xasprintf("%s/log", w->directory);

	require(file_remove_tree(log, NULL) == 0);
	for (size_t i = ARRAY_SIZE(directories) - 1; i-- > 0;) {
		_cleanup_free_ char *path = xasprintf("%s/%s", w->directory, directories[i]);

		require(rmdir(path) == 0);
	}
}

/* When the program ends. */
static void remove_world(void)
{
	_cleanup_free_ char *config = xasprintf("%s/awfd.conf", world.directory);

	(void)unlink(config);
	(void)rmdir(world.directory);
}

/* Once: an awfd with no firewall, no server and no network, which no start gets as far as. */
static void make_world(struct world *w)
{
	struct manager *m = &w->manager;
	char scratch[] = "/tmp/awf-fuzz-XXXXXX";

	log_set_level(LOG_LEVEL_ERROR);
	require(mkdtemp(scratch));
	w->directory = xstrdup(scratch);
	make_config(w);
	m->base = event_base_new();
	m->notify = notify_new(m->base);
	m->sandboxes = sandbox_list_new();
	m->metrics = metrics_new();
	m->quota = quota_new(&m->config->quota_host);
	m->starts = start_queue_new(2);
	w->turns = turns_new(m->base, UINT64_MAX);
	require(docker_new(m->base, NULL, &m->docker, NULL) == 0);
	require(log_tails_new(m->base, &m->log_tails, NULL) == 0);
	require(atexit(remove_world) == 0);
}

/* --- Clients -----------------------------------------------------------------------------------
 */

static void on_call(struct conn *c _unused_, struct call *call, void *userdata)
{
	methods_dispatch(userdata, call);
}

static void on_gone(struct conn *c _unused_, void *userdata _unused_)
{
}

static void on_refused(struct conn *c, const struct err *e, void *userdata)
{
	audit_refusal(userdata, conn_peer(c), "message", e);
}

static const struct conn_events events = { .call = on_call,
					   .refused = on_refused,
					   .gone = on_gone };

static void connect_client(struct world *w, uint8_t whose)
{
	static const uid_t uids[] = { 0, 60701, 60702 };
	struct manager *m = &w->manager;
	struct peer peer = {
		.uid = uids[whose % ARRAY_SIZE(uids)], .gid = 60700, .pid = 1, .pidfd = -EBADF
	};
	const struct conn_setup setup = { .base = m->base,
					  .turns = w->turns,
					  .quota = m->quota,
					  .limits = quota_limits_of(m, &peer),
					  .patience_ms = 60000 };
	_cleanup_err_ struct err e = { 0 };
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	w->clients[w->client_count++] = fds[1];
	require(conn_new(&setup, fds[0], &peer, &events, m, &e) || e.error == -EDQUOT);
}

static void run(struct world *w)
{
	require(event_base_loop(w->manager.base, EVLOOP_NONBLOCK) >= 0);
}

/* Sends as much as is taken, and reads every second answer. */
static void talk(struct world *w, int fd, const uint8_t *data, size_t size)
{
	char buffer[4096];
	unsigned idle = 0;

	for (size_t at = 0; at < size && idle < 20; idle++) {
		ssize_t n = fd_send(fd, data + at, MIN(size - at, 1000), -EBADF);

		if (n > 0)
			at += (size_t)n, idle = 0;
		else if (n != -EAGAIN)
			return;
		run(w);
		if (at % 2 == 0)
			(void)!recv(fd, buffer, sizeof(buffer), 0);
	}
	run(w);
}

static void hang_up_all(struct world *w)
{
	for (size_t i = 0; i < w->client_count; i++)
		fd_close(w->clients[i]);
	w->client_count = 0;
}

static bool is_idle(struct world *w)
{
	return !sandbox_first(&w->manager) && LIST_EMPTY(&w->manager.docker->calls) &&
	       quota_used(w->manager.quota, NULL, QUOTA_CONNECTIONS, 0) == 0;
}

static void require_nothing_used(const struct quota *q)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		if (kind != QUOTA_STARTS)
			require(quota_used(q, NULL, kind, 0) == 0);
}

static void run_clients(struct world *w, const uint8_t *data, size_t size)
{
	while (size > 0 && w->client_count < CONNECTIONS_MAX) {
		const uint8_t *end = memchr(data, SEPARATOR, size);
		size_t length = end ? (size_t)(end - data) : size;

		if (length > 0) {
			connect_client(w, data[0]);
			talk(w, w->clients[w->client_count - 1], data + 1, length - 1);
		}
		length += end != NULL;
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = &world;

	if (size < 2)
		return 0;
	if (!w->directory)
		make_world(w);
	make_directories(w);
	open_audit(w);
	w->manager.docker->behaviour = data[0] % BEHAVIOUR_COUNT;
	run_clients(w, data + 1, size - 1);
	hang_up_all(w);
	run(w);
	engine_wakes(w->manager.docker);
	for (unsigned i = 0; !is_idle(w); i++) {
		require(i < ROUNDS_MAX);
		run(w);
	}
	require_nothing_used(w->manager.quota);
	audit_free(TAKE_PTR(w->manager.audit));
	remove_directories(w);
	return 0;
}
