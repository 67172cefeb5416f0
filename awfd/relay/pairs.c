#include "awfd/relay/pairs.h"

#include "common/alloc.h"
#include "awfd/relay/pair.h"

struct pairs {
	struct pairs_config config;
	const struct timeval *connect_timeout; /* of the loop, shared by all (common timeout) */
	struct pipe_pool *pipes;
	LIST_HEAD(, pair) list;
	TAILQ_HEAD(, pair) queue;
	struct shares shares;
	size_t queued;
	struct event *turn; /* serves the queue in the next turn of the loop */
};

/* A timer that is due is served only after the sockets were looked at again. */
static void arm_turn(struct pairs *all)
{
	const struct timeval at_once = { 0 };

	if (!event_pending(all->turn, EV_TIMEOUT, NULL))
		(void)event_add(all->turn, &at_once);
}

/* Gives each pair of the queue one more turn; those that come back wait for the next. */
static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
	struct pairs *all = userdata;

	(void)fd;
	(void)what;
	for (size_t n = all->queued; n > 0; n--) {
		struct pair *p = TAILQ_FIRST(&all->queue);

		if (!p)
			break;
		TAILQ_REMOVE(&all->queue, p, queue);
		p->queued = false;
		all->queued--;
		pair_run(p);
	}
	if (all->queued > 0)
		arm_turn(all);
}

struct pairs *pairs_new(const struct pairs_config *config)
{
	const struct timeval timeout = { .tv_sec = config->connect_timeout_ms / 1000,
					 .tv_usec = config->connect_timeout_ms % 1000 * 1000 };
	struct pairs *all = xnew(struct pairs);

	all->config = *config;
	all->connect_timeout = event_base_init_common_timeout(config->base, &timeout);
	all->pipes = pipe_pool_new(config->base, config->max_pipes);
	all->turn = event_new(config->base, -1, 0, on_turn, all);
	shares_init(&all->shares, config->max, config->upstreams);
	LIST_INIT(&all->list);
	TAILQ_INIT(&all->queue);
	if (!all->connect_timeout || !all->turn)
		abort();
	return all;
}

bool pairs_full(const struct pairs *all, struct upstream *upstream)
{
	return shares_full(&all->shares, upstream_share(upstream));
}

void pairs_insert(struct pairs *all, struct pair *p)
{
	LIST_INSERT_HEAD(&all->list, p, list);
	all->config.counters[RELAY_CONNECTIONS]++;
	all->config.counters[RELAY_CONNECTIONS_OPEN]++;
	shares_take(&all->shares, upstream_share(p->target->upstream));
}

void pairs_remove(struct pairs *all, struct pair *p)
{
	LIST_REMOVE(p, list);
	all->config.counters[RELAY_CONNECTIONS_OPEN]--;
	shares_give(&all->shares, upstream_share(p->target->upstream));
	if (p->queued) {
		TAILQ_REMOVE(&all->queue, p, queue);
		all->queued--;
	}
	if (all->config.room)
		all->config.room(all->config.userdata);
}

void pairs_enqueue(struct pairs *all, struct pair *p)
{
	if (p->queued)
		return;
	p->queued = true;
	TAILQ_INSERT_TAIL(&all->queue, p, queue);
	all->queued++;
	arm_turn(all);
}

const struct pairs_config *pairs_config(const struct pairs *all)
{
	return &all->config;
}

const struct timeval *pairs_connect_timeout(const struct pairs *all)
{
	return all->connect_timeout;
}

struct pipe_pool *pairs_pipes(const struct pairs *all)
{
	return all->pipes;
}

void pairs_free(struct pairs *all)
{
	struct pair *p;

	if (!all)
		return;
	all->config.room = NULL;
	while ((p = LIST_FIRST(&all->list)))
		pair_cut_off(p);
	event_free(all->turn);
	pipe_pool_free(all->pipes);
	free(all);
}
