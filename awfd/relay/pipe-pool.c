#include "awfd/relay/pipe-pool.h"

#include <fcntl.h>
#include <stdbool.h>

#include "common/alloc.h"

/* How many empty pipes are kept, and for how long. Few: what all pipes of a user may hold together
 * is limited (pipe-user-pages-soft, pipe(7)), and all relays are of one user. */
#define KEEP_MAX 8
static const struct timeval keep_time = { .tv_sec = 1 };

/* A smaller pipe, which is what the kernel gives to a user with many, is worse than none. */
#define SMALLEST_PIPE (64 * 1024)

struct pipe_pool {
	struct relay_pipe *free;
	size_t free_count;
	size_t taken;
	size_t max;
	bool used;          /* since the timer was set */
	struct event *trim; /* set while pipes are kept */
};

static void pipe_close(struct relay_pipe *p)
{
	close(p->reader);
	close(p->writer);
	free(p);
}

static void drop_free(struct pipe_pool *pool)
{
	while (pool->free) {
		struct relay_pipe *p = pool->free;

		pool->free = p->next;
		pipe_close(p);
	}
	pool->free_count = 0;
}

/* Keeps the pipes for as long as they are asked for. */
static void on_trim(evutil_socket_t fd, short what, void *userdata)
{
	struct pipe_pool *pool = userdata;

	(void)fd;
	(void)what;
	if (pool->used)
		(void)event_add(pool->trim, &keep_time);
	else
		drop_free(pool);
	pool->used = false;
}

struct pipe_pool *pipe_pool_new(struct event_base *base, size_t max)
{
	struct pipe_pool *pool = xnew(struct pipe_pool);

	pool->max = max;
	pool->trim = evtimer_new(base, on_trim, pool);
	if (!pool->trim)
		abort();
	return pool;
}

static struct relay_pipe *pipe_open(void)
{
	struct relay_pipe *p;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return NULL;
	p = xnew(struct relay_pipe);
	p->reader = fds[0];
	p->writer = fds[1];
	if (fcntl(p->reader, F_SETPIPE_SZ, PIPE_BYTES) < 0 &&
	    fcntl(p->reader, F_GETPIPE_SZ) < SMALLEST_PIPE) {
		pipe_close(p);
		return NULL;
	}
	return p;
}

struct relay_pipe *pipe_pool_take(struct pipe_pool *pool)
{
	struct relay_pipe *p = pool->free;

	if (pool->taken >= pool->max)
		return NULL;
	if (p) {
		pool->free = p->next;
		pool->free_count--;
	} else {
		p = pipe_open();
	}
	if (p)
		pool->taken++;
	return p;
}

static void keep(struct pipe_pool *pool, struct relay_pipe *p)
{
	p->next = pool->free;
	pool->free = p;
	pool->free_count++;
	pool->used = true;
	if (!event_pending(pool->trim, EV_TIMEOUT, NULL))
		(void)event_add(pool->trim, &keep_time);
}

void pipe_pool_give(struct pipe_pool *pool, struct relay_pipe *p, size_t held)
{
	if (!p)
		return;
	pool->taken--;
	if (held > 0 || pool->free_count >= KEEP_MAX)
		pipe_close(p);
	else
		keep(pool, p);
}

void pipe_pool_free(struct pipe_pool *pool)
{
	if (!pool)
		return;
	drop_free(pool);
	event_free(pool->trim);
	free(pool);
}
