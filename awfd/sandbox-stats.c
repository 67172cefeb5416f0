/* What a sandbox does, in numbers: what awfd counts, and what its relay counts. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/docker-container.h"
#include "awfd/metrics.h"
#include "common/alloc.h"
#include "common/fd.h"

static char *own_path(const struct sandbox *s)
{
	return xasprintf("%s/counters", s->directory);
}

static char *relay_path(const struct sandbox *s)
{
	return xasprintf("%s/relay-counters", s->directory);
}

static const uint64_t *own_counters(const struct sandbox *s)
{
	static const uint64_t none[COUNTERS_MAX];

	return s->counters ? s->counters : none;
}

/* --- Counting ------------------------------------------------------------------------------------
 */

int sandbox_counters_make(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *own = own_path(s), *relays = relay_path(s);
	_cleanup_close_ int fd = -EBADF, relay_fd = -EBADF;
	int r = counters_make(relays, &relay_fd, e);

	if (r == 0)
		r = counters_make(own, &fd, e);
	return r < 0 ? r : counters_map(fd, &s->counters, e);
}

void sandbox_counters_reopen(struct sandbox *s)
{
	_cleanup_free_ char *own = own_path(s);
	_cleanup_close_ int fd = -EBADF;
	_cleanup_err_ struct err e = { 0 };

	int r = counters_open(own, &fd, &e);

	if (r == 0)
		r = counters_map(fd, &s->counters, &e);
	if (r < 0 && r != -ENOENT)
		sandbox_log(LOG_LEVEL_WARNING, s, "its requests are not counted any more: %s",
			    e.message);
}

int sandbox_counters_of_relay(const struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *relays = relay_path(s);
	int fd = -EBADF;
	int r = counters_open(relays, &fd, e);

	return r < 0 ? r : fd;
}

void sandbox_relay_counters(const struct sandbox *s, uint64_t ret[COUNTERS_MAX])
{
	_cleanup_free_ char *path = relay_path(s);

	counters_read(path, ret);
}

void sandbox_count(struct sandbox *s, enum sandbox_counter which)
{
	if (s->counters)
		s->counters[which]++;
}

void sandbox_counters_close(struct sandbox *s)
{
	counters_unmap(TAKE_PTR(s->counters));
}

void sandbox_counters_settle(struct sandbox *s)
{
	uint64_t relay[COUNTERS_MAX];

	if (s->settled)
		return;
	sandbox_relay_counters(s, relay);
	metrics_gone(s->manager->metrics, own_counters(s), relay);
	s->settled = true;
}

/* --- Telling -------------------------------------------------------------------------------------
 */

void sandbox_describe_stats(const struct sandbox *s, struct stats_info *ret)
{
	const uint64_t *own = own_counters(s);
	uint64_t relay[COUNTERS_MAX];

	sandbox_relay_counters(s, relay);
	*ret = (struct stats_info){
		.id = xstrdup(s->id),
		.owner = xstrdup(s->user),
		.cpu_us = FIELD_INT_ABSENT,
		.memory = FIELD_INT_ABSENT,
		.memory_limit = (int64_t)s->limits.memory,
		.pids = FIELD_INT_ABSENT,
		.pids_limit = (int64_t)s->limits.pids,
		.relay_connections = (int64_t)relay[RELAY_CONNECTIONS],
		.relay_open = (int64_t)relay[RELAY_CONNECTIONS_OPEN],
		.relay_failed = (int64_t)relay[RELAY_CONNECTIONS_FAILED],
		.relay_sent = (int64_t)relay[RELAY_BYTES_SENT],
		.relay_received = (int64_t)relay[RELAY_BYTES_RECEIVED],
		.requests_allowed = (int64_t)own[SANDBOX_REQUESTS_ALLOWED],
		.requests_refused = (int64_t)own[SANDBOX_REQUESTS_REFUSED],
		.gh_allowed = (int64_t)own[SANDBOX_GH_ALLOWED],
		.gh_refused = (int64_t)own[SANDBOX_GH_REFUSED],
		.packets_dropped = (int64_t)own[SANDBOX_PACKETS_DROPPED],
	};
}

void sandbox_add_metrics(const struct sandbox *s, struct metrics_now *now)
{
	static const enum metrics_state states[] = {
		[SANDBOX_CREATING] = METRICS_CREATING,
		[SANDBOX_RUNNING] = METRICS_RUNNING,
		[SANDBOX_DESTROYING] = METRICS_DESTROYING,
		[SANDBOX_EXITED] = METRICS_EXITED,
	};
	const uint64_t *own = own_counters(s);
	uint64_t relay[COUNTERS_MAX];

	now->sandboxes[sandbox_is_kept(s) ? METRICS_KEPT : states[s->state]]++;
	if (s->settled)
		return;
	sandbox_relay_counters(s, relay);
	for (size_t i = 0; i < COUNTERS_MAX; i++) {
		now->own[i] += own[i];
		now->relay[i] += relay[i];
	}
}

struct docker_call *sandbox_ask_container(struct sandbox *s, docker_reply_fn fn, void *userdata)
{
	if (s->state != SANDBOX_RUNNING || s->command_ended)
		return NULL;
	return docker_container_inspect(s->manager->docker, s->containers[DOCKER_ROLE_AGENT].name,
					fn, userdata);
}
