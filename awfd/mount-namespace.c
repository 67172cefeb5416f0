#include "awfd/mount-namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "awfd/spawn.h"
#include "common/fd.h"
#include "common/strbuf.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* unix(7), Linux 6.5 */
#endif

/* What a child ends with; behind it, in the pipe, subject, value and message with their NULs. */
struct result {
	int returned;
	enum err_kind kind;
};

static int connect_to(const char *path, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_system(e, -errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, -ENAMETOOLONG, ERR_SYSTEM, "socket path %s is too long", path);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_system(e, -errno,
				  "cannot connect to the engine at %s (systemctl status docker)",
				  path);
	return TAKE_FD(fd);
}

/* Without the option it is found by its pid, which is its own for as long as it listens. */
static int peer_pidfd(int socket)
{
	struct ucred peer;
	int pidfd = -EBADF;
	socklen_t length = sizeof(pidfd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0)
		return pidfd;
	length = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	pidfd = pidfd_open(peer.pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

int mount_namespace_of_engine(const char *path, struct err *e)
{
	_cleanup_close_ int socket = connect_to(path, e);
	int pidfd;

	if (socket < 0)
		return socket;
	pidfd = peer_pidfd(socket);
	return pidfd < 0 ? err_system(e, pidfd, "cannot tell the engine's process at %s", path)
			 : pidfd;
}

static void append_text(struct strbuf *to, const char *text)
{
	text = text ? text : "";
	strbuf_append(to, text, strlen(text) + 1);
}

static void tell(int fd, int returned, const struct err *e)
{
	_cleanup_strbuf_ struct strbuf all = { 0 };
	struct result result = { .returned = returned, .kind = e->kind };

	strbuf_append(&all, &result, sizeof(result));
	append_text(&all, e->subject);
	append_text(&all, e->value);
	append_text(&all, e->message);
	(void)!fd_write_all(fd, all.data, all.length);
}

__attribute__((noreturn)) static void
run_child(int pidfd, int report, int (*fn)(void *userdata, struct err *e), void *userdata)
{
	struct err e = { 0 };
	int r = setns(pidfd, CLONE_NEWNS) < 0
			? err_system(&e, -errno, "cannot enter the engine's mount namespace")
			: fn(userdata, &e);

	tell(report, r, &e);
	_exit(0);
}

static int read_all(int fd, struct strbuf *to)
{
	char buffer[4096];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			strbuf_append(to, buffer, (size_t)n);
	}
	return 0;
}

/* What is wrong about an argument has field and value; the others have their message alone. */
static int take_result(const struct strbuf *told, struct err *e)
{
	struct result result;
	const char *subject, *value, *message;

	if (told->length < sizeof(result) + 3)
		return err_set(e, -EIO, ERR_SYSTEM,
			       "the child in the engine's mount namespace ended without a word");
	memcpy(&result, told->data, sizeof(result));
	subject = told->data + sizeof(result);
	value = subject + strlen(subject) + 1;
	message = value + strlen(value) + 1;
	if (result.returned >= 0)
		return result.returned;
	if (*subject)
		(void)err_invalid(e, subject, value, "%s", message);
	else
		(void)err_set(e, result.returned, result.kind, "%s", message);
	if (e) {
		e->error = result.returned;
		e->kind = result.kind;
	}
	return result.returned;
}

int mount_namespace_call(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata,
			 struct err *e)
{
	_cleanup_close_ int reader = -EBADF, writer = -EBADF;
	_cleanup_strbuf_ struct strbuf told = { 0 };
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_system(e, -errno, "cannot enter the engine's mount namespace");
	reader = fds[0];
	writer = fds[1];
	pid = spawn_fork();
	if (pid == 0)
		run_child(pidfd, writer, fn, userdata);
	if (pid < 0)
		return err_system(e, -errno, "cannot enter the engine's mount namespace");
	writer = fd_close(writer);
	r = read_all(reader, &told);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? err_system(e, r, "cannot enter the engine's mount namespace")
		     : take_result(&told, e);
}
