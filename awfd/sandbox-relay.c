/* The relay of a sandbox: its one process for every way to the host. It listens for the DIFC proxy
 * on cli-proxy's loopback, and for granted host ports on an address of the agent's own. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "awfd/config.h"
#include "awfd/fd-store.h"
#include "awfd/netns.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"

/* A relay that keeps ending is of no use: so many times within so long. */
#define RESTARTS_MAX       5
#define RESTARTS_WITHIN_MS 10000

/* --- Listeners: awfd holds them, too, so that they outlive a relay, and the service manager, so
 * that they outlive awfd --- */

static char *stored_name(const struct sandbox *s, size_t i)
{
	return xasprintf("%s-%s-%zu", s->id, s->listener_names[i], i);
}

static void store_listeners(struct sandbox *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		_cleanup_free_ char *name = stored_name(s, i);

		fd_store_keep(s->manager->fds, name, s->listeners[i]);
	}
}

static int add_listener(struct sandbox *s, const char *name, enum docker_role role,
			const void *address, socklen_t length, struct err *e)
{
	int fd = netns_listen(s->containers[role].pidfd, address, length, e);

	if (fd < 0)
		return fd;
	s->listeners[s->listener_count] = fd;
	s->listener_names[s->listener_count++] = name;
	return 0;
}

/* On 127.0.0.1, and on ::1 where the namespace has it. */
static int listen_for_difc(struct sandbox *s, struct err *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(s->difc.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(s->difc.port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int r = add_listener(s, SANDBOX_RELAY_DIFC, DOCKER_ROLE_CLI_PROXY, &v4, sizeof(v4), e);

	if (r < 0)
		return r;
	r = add_listener(s, SANDBOX_RELAY_DIFC, DOCKER_ROLE_CLI_PROXY, &v6, sizeof(v6), e);
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
		sandbox_log(LOG_LEVEL_INFO, s, "no IPv6 in cli-proxy: listening on 127.0.0.1 only");
		err_clear(e);
		r = 0;
	}
	return r;
}

/* The agent's own loopback has the address already; nothing but these sockets answers there. */
static int listen_for_host_ports(struct sandbox *s, struct err *e)
{
	const struct host_ports *ports = &s->egress.host_ports;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = config_address(s->config, SANDBOX_HOST_HOST) };

	for (unsigned port = host_ports_first(ports); port != 0;
	     port = host_ports_next(ports, port)) {
		int r;

		address.sin_port = htons((uint16_t)port);
		r = add_listener(s, SANDBOX_RELAY_HOST, DOCKER_ROLE_PAUSE, &address,
				 sizeof(address), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_listeners(struct sandbox *s, struct err *e)
{
	int r = 0;

	if (s->listener_count > 0)
		return 0;
	if (s->has_difc)
		r = listen_for_difc(s, e);
	if (r == 0)
		r = listen_for_host_ports(s, e);
	if (r == 0)
		store_listeners(s);
	return r;
}

static void alloc_listeners(struct sandbox *s)
{
	size_t max = SANDBOX_DIFC_LISTENERS + s->egress.host_ports.count;

	s->listeners = xcalloc(max, sizeof(*s->listeners));
	s->listener_names = xcalloc(max, sizeof(*s->listener_names));
}

static void load_listener(struct sandbox *s, const char *kind, size_t i)
{
	_cleanup_free_ char *name = xasprintf("%s-%s-%zu", s->id, kind, i);
	int fd = fd_store_take(s->manager->fds, name);

	if (fd < 0)
		return;
	s->listeners[s->listener_count] = fd;
	s->listener_names[s->listener_count++] = kind;
}

static size_t count_listeners(const struct sandbox *s, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < s->listener_count; i++)
		n += strcmp(s->listener_names[i], name) == 0;
	return n;
}

static void drop_listeners(struct sandbox *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		_cleanup_free_ char *name = stored_name(s, i);

		if (!s->manager->leaving)
			fd_store_forget(s->manager->fds, name);
		fd_close(s->listeners[i]);
	}
	s->listener_count = 0;
}

/* Those that an earlier awfd stored. With none, or not all because the store was full, the relay
 * has them alone until it ends; the next one then gets new ones. */
static void load_listeners(struct sandbox *s)
{
	const size_t ports = s->egress.host_ports.count, max = SANDBOX_DIFC_LISTENERS + ports;

	for (size_t i = 0; i < max && s->listener_count == i; i++) {
		load_listener(s, SANDBOX_RELAY_DIFC, i);
		if (s->listener_count == i)
			load_listener(s, SANDBOX_RELAY_HOST, i);
	}
	if (count_listeners(s, SANDBOX_RELAY_HOST) < ports ||
	    (s->has_difc && count_listeners(s, SANDBOX_RELAY_DIFC) == 0))
		drop_listeners(s);
}

static void close_listeners(struct sandbox *s)
{
	drop_listeners(s);
	free(TAKE_PTR(s->listeners));
	free(TAKE_PTR(s->listener_names));
}

/* --- The process --- */

static void restart(struct sandbox *s, const struct err *why);

static void on_relay_ready(struct relay_proc *p, void *userdata)
{
	struct sandbox *s = userdata;

	sandbox_logs_relay_began(s, relay_proc_pid(p));
	(void)sandbox_relay_step_ended(s, NULL);
}

/* What it had open is closed, and what it told is in the log. */
static void relay_gone(struct sandbox *s, const char *reason)
{
	sandbox_logs_relay_ended(s, reason);
	sandbox_relay_end(s);
}

static void on_relay_exited(struct relay_proc *p _unused_, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;

	if (s->destroying) {
		relay_gone(s, s->relay_stopping ? "the sandbox ended" : e->message);
		sandbox_relay_stopped(s);
	} else if (!sandbox_relay_step_ended(s, e)) {
		restart(s, e);
	}
}

/* A log is worth a warning, not the job. */
static int open_log(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	int fd = sandbox_logs_of_relay(s, &e);

	if (fd < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "the relay has no log: %s", e.message);
	return fd < 0 ? -EBADF : fd;
}

static int start_process(struct sandbox *s, struct err *e)
{
	static const struct relay_proc_events events = { on_relay_ready, on_relay_exited };
	struct manager *m = s->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-relay", s->config->helper_directory);
	const struct relay_upstream upstreams[] = {
		{ .name = SANDBOX_RELAY_DIFC, .address = &s->relay_grant.difc },
		{ .name = SANDBOX_RELAY_HOST,
		  .host_ports = true,
		  .host = &s->config->host_addresses },
	};
	const bool has_host = s->relay_grant.ports.count > 0;
	struct relay_proc_spec spec = {
		.path = path,
		.sandbox = s->id,
		.uid = m->relay_uid,
		.gid = m->relay_gid,
		.upstreams = s->has_difc ? &upstreams[0] : &upstreams[1],
		.upstream_count = (size_t)s->has_difc + has_host,
		.listeners = s->listeners,
		.listener_names = s->listener_names,
		.listener_count = s->listener_count,
	};
	_cleanup_close_ int counters = sandbox_counters_of_relay(s, e), log = -EBADF;

	if (counters == -ENOENT)
		err_clear(e); /* of a sandbox of an awfd that counted nothing */
	else if (counters < 0)
		return counters;
	log = open_log(s);
	spec.counters = counters;
	spec.log = log;
	return relay_proc_start(m->base, &spec, &events, s, &s->relay, e);
}

static bool ends_too_often(struct sandbox *s)
{
	uint64_t now = clock_ms();

	if (now - s->relay_restarted_ms > RESTARTS_WITHIN_MS) {
		s->relay_restarted_ms = now;
		s->relay_restarts = 0;
	}
	return ++s->relay_restarts > RESTARTS_MAX;
}

/* With the same listeners: who connects meanwhile waits in their queues. */
static int start_again(struct sandbox *s, struct err *e)
{
	int r;

	relay_proc_free(TAKE_PTR(s->relay));
	r = make_listeners(s, e);
	if (r == 0)
		r = start_process(s, e);
	if (r == 0 && s->state == SANDBOX_RUNNING)
		sandbox_state_update(s); /* it has another pid */
	return r;
}

static void restart(struct sandbox *s, const struct err *why)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *reason = NULL;

	sandbox_logs_relay_ended(s, why->message);
	if (ends_too_often(s)) {
		reason = xasprintf("the relay keeps ending: %s", why->message);
	} else {
		sandbox_log(LOG_LEVEL_WARNING, s, "%s: starting it again", why->message);
		if (start_again(s, &e) < 0)
			reason = xasprintf("the relay cannot be started again: %s", e.message);
	}
	if (reason)
		sandbox_fail(s, reason);
}

int sandbox_relay_start(struct sandbox *s, struct err *e)
{
	int r;

	alloc_listeners(s);
	r = make_listeners(s, e);
	if (r < 0)
		return r;
	s->relay_grant.has_difc = s->has_difc;
	s->relay_grant.ports = s->egress.host_ports;
	r = relay_targets_add(s->manager->relay_targets, &s->relay_grant, e);
	s->relay_granted = r == 0;
	return r < 0 ? r : start_process(s, e);
}

bool sandbox_relay_adopt(struct sandbox *s)
{
	static const struct relay_proc_events events = { on_relay_ready, on_relay_exited };

	if (!sandbox_has_relay(s))
		return true;
	alloc_listeners(s);
	load_listeners(s);
	return relay_proc_adopt(s->manager->base, &s->relay_id, &events, s, &s->relay) == 0;
}

void sandbox_relay_revive(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -ESRCH, ERR_SYSTEM, "the relay ended while awfd was away");
	restart(s, &e);
}

pid_t sandbox_relay_pid(const struct sandbox *s)
{
	return s->relay ? relay_proc_pid(s->relay) : s->relay_id.pid;
}

bool sandbox_relay_stop(struct sandbox *s)
{
	s->relay_stopping = s->relay && relay_proc_stop(s->relay);
	if (!s->relay_stopping)
		sandbox_relay_end(s);
	return !s->relay_stopping;
}

void sandbox_relay_end(struct sandbox *s)
{
	relay_proc_free(TAKE_PTR(s->relay));
	close_listeners(s);
}

int sandbox_relay_revoke(struct sandbox *s, struct err *e)
{
	int r = s->relay_granted
			? relay_targets_remove(s->manager->relay_targets, &s->relay_grant, e)
			: 0;

	if (r == 0)
		s->relay_granted = false;
	return r;
}
