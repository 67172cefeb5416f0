#include "awfd/server.h"

#include <grp.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "awfd/audit-call.h"
#include "awfd/caller.h"
#include "awfd/config.h"
#include "awfd/conn.h"
#include "awfd/fd-store.h"
#include "awfd/methods.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

#define GROUP "awf"
/* How many may wait to be accepted. Whoever comes waits behind them, so few keep nobody waiting for
 * long whose flood is refused one by one; others wait in connect(2), which awfctl has patience for.
 */
#define BACKLOG 32

/* How many connections are accepted before the loop looks after others, and how many of these are
 * told why they are refused: a flood's others are worth less time. */
#define ACCEPT_MAX 16
#define TOLD_MAX   2

/* How much of the loop's time a user may have at once beside his share. */
#define BURST_US 10000

/* How long accepting pauses when the process or the host is out of descriptors. */
#define ACCEPT_PAUSE_MS 100

struct client {
	struct server *server;
	struct conn *conn;
	LIST_ENTRY(client) entry;
};

struct server {
	struct manager *manager;
	int fd;
	char *path; /* of a socket of our own, to be removed; else NULL */
	struct event *acceptable;
	struct event *resume;
	bool paused; /* and said so */
	struct turns *turns;
	unsigned told; /* refused connections since the loop looked after others */
	LIST_HEAD(, client) clients;
};

static void on_call(struct conn *c _unused_, struct call *call, void *userdata)
{
	struct client *client = userdata;

	methods_dispatch(client->server->manager, call);
}

static void on_refused(struct conn *c, const struct err *e, void *userdata)
{
	struct client *client = userdata;

	audit_refusal(client->server->manager, conn_peer(c), "message", e);
}

static void on_gone(struct conn *c _unused_, void *userdata)
{
	struct client *client = userdata;

	LIST_REMOVE(client, entry);
	free(client);
}

static const struct conn_events conn_events = { .call = on_call,
						.refused = on_refused,
						.gone = on_gone };

static void refused(struct server *s, struct client *client, const struct peer *peer,
		    const struct err *e)
{
	s->told++;
	audit_refusal(s->manager, peer, "connection", e);
	if (e->error != 0)
		log_debug("refused a connection of pid %d (uid %u): %s", peer->pid, peer->uid,
			  e->message);
	free(client);
}

static void add_client(struct server *s, int fd)
{
	struct manager *m = s->manager;
	_cleanup_err_ struct err e = { 0 };
	struct conn_setup setup = { .base = m->base,
				    .turns = s->turns,
				    .quota = m->quota,
				    .patience_ms = m->config->message_seconds * 1000 };
	struct client *client;
	_cleanup_peer_ struct peer peer = PEER_NONE;
	int r = peer_of_socket(fd, &peer);

	if (r < 0) {
		log_warning("refused a connection: cannot tell whose it is: %s", strerror(-r));
		fd_close(fd);
		return;
	}
	setup.limits = quota_limits_of(m, &peer);
	caller_name(m, peer.uid);
	client = xnew(struct client);
	client->server = s;
	client->conn =
		conn_new(&setup, fd, &peer, &conn_events, client, s->told < TOLD_MAX ? &e : NULL);
	if (!client->conn) {
		refused(s, client, &peer, &e);
		return;
	}
	LIST_INSERT_HEAD(&s->clients, client, entry);
	caller_expect(m, conn_peer(client->conn)->uid);
}

/* Out of descriptors or memory: the connection stays in the backlog and the listener rests. */
static void pause_accepting(struct server *s, int error)
{
	struct timeval tv = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };

	if (!s->paused)
		log_warning("cannot accept connections: %s; trying again every %d ms",
			    strerror(error), ACCEPT_PAUSE_MS);
	s->paused = true;
	event_del(s->acceptable);
	event_add(s->resume, &tv);
}

/* Whether there may be more. */
static bool accept_one(struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(s, errno);
		return false;
	}
	if (s->paused)
		log_info("accepting connections again");
	s->paused = false;
	add_client(s, fd);
	return true;
}

static void on_acceptable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct server *s = userdata;

	s->told = 0;
	for (unsigned i = 0; i < ACCEPT_MAX && accept_one(s); i++)
		;
}

static void on_resume(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	server_start(userdata);
}

static int restrict_socket(const char *path, struct err *e)
{
	const struct group *group = getgrnam(GROUP);

	if (!group)
		return err_set(e, -ENOENT, ERR_SYSTEM,
			       "there is no group '" GROUP "': run systemd-sysusers");
	if (chown(path, 0, group->gr_gid) < 0 || chmod(path, 0660) < 0)
		return err_system(e, -errno, "cannot restrict %s to group " GROUP, path);
	return 0;
}

/* Binds with no permissions at all, so that nobody connects before the group is set. */
static int bind_restricted(int fd, const char *path, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, -ENAMETOOLONG, ERR_SYSTEM, "socket path %s is too long", path);
	strcpy(address.sun_path, path);
	(void)unlink(path);
	mask = umask(0777);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return err_system(e, r, "cannot bind %s", path);
	return restrict_socket(path, e);
}

static int listen_at(const char *path, int *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_system(e, -errno, "cannot make a socket");
	r = bind_restricted(fd, path, e);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return err_system(e, -errno, "cannot listen at %s", path);
	*ret = TAKE_FD(fd);
	return 0;
}

/* One socket from systemd, or our own. */
static int get_socket(struct server *s, const char *path, struct err *e)
{
	int r;

	s->fd = fd_store_take_socket(s->manager->fds, e);
	if (s->fd != -EBADF)
		return s->fd < 0 ? s->fd : 0;
	r = listen_at(path, &s->fd, e);
	if (r == 0)
		s->path = xstrdup(path);
	return r;
}

int server_new(struct manager *m, struct server **ret, struct err *e)
{
	struct server *s = xnew(struct server);
	int r;

	*s = (struct server){ .manager = m, .fd = -EBADF };
	LIST_INIT(&s->clients);
	s->turns = turns_new(m->base, BURST_US);
	r = get_socket(s, m->config->socket, e);
	if (r < 0) {
		server_free(s);
		return r;
	}
	s->acceptable = event_new(m->base, s->fd, EV_READ | EV_PERSIST, on_acceptable, s);
	s->resume = evtimer_new(m->base, on_resume, s);
	if (!s->acceptable || !s->resume)
		abort();
	*ret = s;
	return 0;
}

void server_start(struct server *s)
{
	event_add(s->acceptable, NULL);
}

void server_stop(struct server *s)
{
	event_del(s->acceptable);
	event_del(s->resume);
}

void server_free(struct server *s)
{
	struct client *c;

	if (!s)
		return;
	while ((c = LIST_FIRST(&s->clients))) {
		LIST_REMOVE(c, entry);
		conn_finish(c->conn);
		conn_free(c->conn);
		free(c);
	}
	turns_free(s->turns);
	if (s->acceptable)
		event_free(s->acceptable);
	if (s->resume)
		event_free(s->resume);
	if (s->path)
		(void)unlink(s->path);
	free(s->path);
	fd_close(s->fd);
	free(s);
}
