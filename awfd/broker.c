#include "awfd/broker.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

#define CHILD_NAME "awf-namespaces"

/* The one connection of this process. */
static struct {
	char *path, *programs;
	int socket;
	pid_t child, owner;
} broker = { .socket = -EBADF };

/* What is asked for, for an error, and whether it may be asked for twice. */
static const struct {
	const char *what;
	bool again;
} operations[BROKER_OPERATIONS] = {
	[BROKER_NETWORK] = { "open a network namespace", true },
	[BROKER_SOCKET] = { "make a socket in a sandbox", true },
	[BROKER_STOP_FORWARDING] = { "switch forwarding off in a sandbox", true },
	[BROKER_SPAWN] = { "start a program in a namespace", false },
	[BROKER_LOOK] = { "look at the engine's mounts", true },
	[BROKER_STAGE] = { "stage mounts", false },
	[BROKER_UNSTAGE] = { "take a stage of mounts away", true },
	[BROKER_COVER] = { "mask credentials", false },
};

/* --- The connection ------------------------------------------------------------------------------
 */

void broker_use(const char *path, const char *programs)
{
	broker_disconnect();
	free(broker.path);
	free(broker.programs);
	broker.path = xstrdup(path);
	broker.programs = xstrdup(programs);
}

static void end_child(void)
{
	if (broker.child <= 0)
		return;
	(void)kill(broker.child, SIGKILL);
	while (waitpid(broker.child, NULL, 0) < 0 && errno == EINTR)
		;
	broker.child = 0;
}

void broker_disconnect(void)
{
	broker.socket = fd_close(broker.socket);
	if (broker.owner == getpid())
		end_child();
	broker.child = 0;
}

/* A descriptor that a broker's answer or a request is waited for in, no longer than that. */
static int limit_waiting(int fd)
{
	const struct timeval limit = { .tv_sec = BROKER_ANSWER_S };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
			       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0
		       ? -errno
		       : 0;
}

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, -ENAMETOOLONG, ERR_SYSTEM,
			       "--namespaces %s: the path of a socket has %zu bytes at most", path,
			       sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	if (fd < 0 || limit_waiting(fd) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_system(e, -errno,
				  "cannot connect to the broker of namespaces at %s (systemctl "
				  "start awfd-namespaces.socket)",
				  path);
	return TAKE_FD(fd);
}

/* The child has nothing of awfd's but the socket, and ends with it. */
__attribute__((noreturn)) static void be_child(int socket)
{
	_cleanup_err_ struct err e = { 0 };

	(void)prctl(PR_SET_NAME, CHILD_NAME);
	(void)setsid();
	if (dup2(socket, STDIN_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(EXIT_FAILURE);
	if (broker_serve(STDIN_FILENO, broker.programs, &e) < 0)
		log_error("%s", e.message);
	_exit(e.error < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int start_child(struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_system(e, -errno, "cannot start the broker of namespaces");
	ours = fds[0];
	theirs = fds[1];
	if (limit_waiting(ours) < 0)
		return err_system(e, -errno, "cannot start the broker of namespaces");
	pid = spawn_fork();
	if (pid == 0)
		be_child(theirs);
	if (pid < 0)
		return err_system(e, -errno, "cannot start the broker of namespaces");
	broker.child = pid;
	return TAKE_FD(ours);
}

int broker_connect(struct err *e)
{
	int fd;

	if (broker.socket >= 0 && broker.owner == getpid())
		return 0;
	broker_disconnect();
	fd = broker.path ? connect_to(broker.path, e) : start_child(e);
	if (fd < 0)
		return fd;
	broker.socket = fd;
	broker.owner = getpid();
	return 0;
}

/* --- Calls ---------------------------------------------------------------------------------------
 */

static int fail(enum broker_operation operation, int r, struct err *e)
{
	const char *unit = broker.path ? " (systemctl status 'awfd-namespaces@*')" : "";

	if (r == -EAGAIN)
		return err_set(e, -ETIMEDOUT, ERR_SYSTEM,
			       "cannot %s: the broker of namespaces has not answered within %d "
			       "s%s",
			       operations[operation].what, BROKER_ANSWER_S, unit);
	if (r == -ENODATA || r == -EPIPE)
		return err_set(e, -ECONNRESET, ERR_SYSTEM,
			       "cannot %s: the broker of namespaces ended without an answer%s",
			       operations[operation].what, unit);
	if (r == -EBADMSG)
		return err_set(e, r, ERR_SYSTEM,
			       "cannot %s: the broker of namespaces is of another version, or "
			       "what it said is no answer%s",
			       operations[operation].what, unit);
	return err_system(e, r, "cannot %s: cannot talk to the broker of namespaces%s",
			  operations[operation].what, unit);
}

/* Whether it may be tried with a new broker: the one before did not get it, or ended over it. */
static bool may_try_again(enum broker_operation operation, int r)
{
	return r == -EPIPE || (r == -ENODATA && operations[operation].again);
}

static int exchange(const struct broker_message *request, struct broker_message *answer)
{
	int r = broker_message_send(broker.socket, request);

	return r < 0 ? r : broker_message_receive(broker.socket, answer);
}

static int exchange_with_some(enum broker_operation operation, const struct broker_message *request,
			      struct broker_message *answer, struct err *e)
{
	for (int tries = 2;; tries--) {
		int r = broker_connect(e);

		if (r < 0)
			return r;
		r = exchange(request, answer);
		if (r == 0 || r == -E2BIG)
			return r < 0 ? fail(operation, r, e) : 0;
		broker_disconnect(); /* a late answer must not be the next one's */
		if (tries == 1 || !may_try_again(operation, r))
			return fail(operation, r, e);
	}
}

int broker_call(enum broker_operation operation, const struct broker_message *request,
		struct broker_message *answer, struct err *e)
{
	struct broker_message numbered = *request;
	int r;

	numbered.what = (int32_t)operation;
	r = exchange_with_some(operation, &numbered, answer, e);
	if (r < 0)
		return r;
	r = answer->what;
	if (r < 0) {
		broker_get_err(answer, r, e);
		broker_message_clear(answer);
	}
	return r;
}

int broker_call_fd(enum broker_operation operation, const struct broker_message *request,
		   struct err *e)
{
	_cleanup_broker_message_ struct broker_message answer = { 0 };
	_cleanup_close_ int fd = -EBADF;
	int r = broker_call(operation, request, &answer, e);

	if (r < 0)
		return r;
	fd = broker_take_fd(&answer);
	if (fd < 0 || broker_message_end(&answer) < 0)
		return fail(operation, -EBADMSG, e);
	return TAKE_FD(fd);
}

static void put_caller(struct broker_message *request, const struct spawn_caller *caller)
{
	broker_put_number(request, caller != NULL);
	if (!caller)
		return;
	broker_put_fd(request, caller->mounts);
	broker_put_number(request, (int64_t)caller->group_count);
	for (size_t i = 0; i < caller->group_count; i++)
		broker_put_number(request, caller->groups[i]);
}

static void put_spawn(struct broker_message *request, const struct spawn *s)
{
	const char *slash = strrchr(s->path, '/');

	broker_put_text(request, slash ? slash + 1 : s->path);
	broker_put_texts(request, s->argv);
	broker_put_number(request, s->uid);
	broker_put_number(request, s->gid);
	broker_put_fd(request, s->network);
	broker_put_fd(request, s->in);
	broker_put_fd(request, s->out);
	broker_put_number(request, (int64_t)s->fd_count);
	for (size_t i = 0; i < s->fd_count; i++)
		broker_put_fd(request, s->fds[i]);
	put_caller(request, s->caller);
}

int broker_spawn(const struct spawn *s, pid_t *pid, int *pidfd, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };
	_cleanup_close_ int fd = -EBADF;
	int64_t number;
	int r;

	put_spawn(&request, s);
	r = broker_call(BROKER_SPAWN, &request, &answer, e);
	if (r < 0)
		return r;
	number = broker_get_number(&answer, 1, INT32_MAX);
	fd = broker_take_fd(&answer);
	if (fd < 0 || broker_message_end(&answer) < 0)
		return fail(BROKER_SPAWN, -EBADMSG, e);
	*pid = (pid_t)number;
	*pidfd = TAKE_FD(fd);
	return 0;
}
