/* The lease of a sandbox: it ends with the connection of the client that asked for it. A client
 * outlives an awfd that is replaced, and has a while to come back to the next one. */
#include "awfd/sandbox-internal.h"

#include "awfd/config.h"
#include "common/fd.h"

/* An awfd that leaves closes its connections itself: whether their clients are there is for the
 * next one to find out. */
static void on_lease_lost(void *userdata)
{
	struct sandbox *s = userdata;

	if (s->manager->leaving)
		return;
	sandbox_lease_end(s);
	if (s->state == SANDBOX_EXITED)
		sandbox_free(s);
	else
		sandbox_destroy(s, "client gone");
}

static void on_lease_timer(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	on_lease_lost(userdata);
}

void sandbox_lease_init(struct sandbox *s)
{
	s->lease_timer = evtimer_new(s->manager->base, on_lease_timer, s);
	if (!s->lease_timer)
		abort();
}

void sandbox_lease_clear(struct sandbox *s)
{
	conn_unwatch(TAKE_PTR(s->lease));
	event_free(s->lease_timer);
}

void sandbox_lease_give(struct sandbox *s, struct conn *client)
{
	const struct peer *peer = conn_peer(client);

	event_del(s->lease_timer);
	s->leased = true;
	s->lease = conn_watch(client, on_lease_lost, s);
	if (peer->pidfd < 0 || process_identify(peer->pidfd, peer->pid, &s->client) < 0)
		s->client = (struct process_id){ 0 };
}

void sandbox_lease_end(struct sandbox *s)
{
	s->leased = false;
	conn_unwatch(TAKE_PTR(s->lease));
	event_del(s->lease_timer);
}

int sandbox_lease_renew(struct sandbox *s, struct conn *client, struct err *e)
{
	if (!s->request.lease)
		return err_invalid(e, "lease", "true", "%s was started without a lease", s->id);
	if (s->lease)
		return err_invalid(e, "lease", "true",
				   "%s is leased to another connection, which is open", s->id);
	if (!s->leased)
		return err_invalid(e, "lease", "true", "the lease of %s is over", s->id);
	sandbox_lease_give(s, client);
	if (s->state != SANDBOX_DESTROYING)
		sandbox_state_update(s);
	return 0;
}

/* A client that is known and gone does not come back. */
static bool is_gone(const struct process_id *client)
{
	_cleanup_close_ int fd = client->pid > 0 ? process_open(client) : -EBADF;

	return fd == -ESRCH;
}

void sandbox_lease_await(struct sandbox *s)
{
	struct timeval tv = { .tv_sec = (time_t)s->config->lease_seconds };

	if (!s->request.lease || sandbox_is_kept(s))
		return;
	s->leased = true;
	if (is_gone(&s->client))
		tv.tv_sec = 0;
	event_add(s->lease_timer, &tv);
}
