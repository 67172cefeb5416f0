#include "awfd/peer.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <poll.h>

#include "common/fd.h"

#include "tests/unit/check.h"

#define NOBODY 65534

/* A pair of sockets, of which the test is at both ends. */
static struct peer self(int fds[2])
{
	struct peer p;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(peer_of_socket(fds[0], &p), 0);
	assert_int_equal(p.group_count, 0);
	assert_int_equal(p.pidfd, -EBADF);
	assert_int_equal(peer_complete(&p, fds[0]), 0);
	return p;
}

static void test_credentials(void **state _unused_)
{
	int fds[2], count = getgroups(0, NULL);
	_cleanup_free_ gid_t *groups = xcalloc((size_t)count + 1, sizeof(gid_t));
	_cleanup_peer_ struct peer p = self(fds);

	assert_int_equal(getgroups(count, groups), count);
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(p.gid, getegid());
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.group_count, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(p.groups[i], groups[i]);
	fd_close(fds[0]);
	fd_close(fds[1]);
}

/* In a child that is root: as many groups as a process can have arrive. */
static int connect_with_groups(size_t count)
{
	_cleanup_free_ gid_t *groups = xcalloc(count, sizeof(gid_t));
	_cleanup_peer_ struct peer p = PEER_NONE;
	int fds[2];

	for (size_t i = 0; i < count; i++)
		groups[i] = (gid_t)(100000 + i);
	if (setgroups(count, groups) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 2;
	if (peer_of_socket(fds[0], &p) < 0 || peer_complete(&p, fds[0]) < 0 ||
	    p.group_count != count)
		return 3;
	if (memcmp(p.groups, groups, count * sizeof(gid_t)) != 0)
		return 4;
	if (peer_is_in_group(&p, 165535) != (count == 65536))
		return 5;
	return peer_is_in_group(&p, 99999) ? 6 : 0;
}

static void test_many_groups(void **state _unused_)
{
	static const size_t counts[] = { 1, 32, 33, 1000, 65536 };

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(connect_with_groups(counts[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The descriptor is of the process that connected, which lives. */
static void test_pidfd(void **state _unused_)
{
	int fds[2];
	_cleanup_peer_ struct peer p = self(fds);

	if (p.pidfd < 0)
		skip();
	assert_false(has_ended(p.pidfd));
	assert_int_equal(syscall(SYS_pidfd_send_signal, p.pidfd, 0, NULL, 0), 0);
	fd_close(fds[0]);
	fd_close(fds[1]);
}

/* The name of a process is told while it is that process which has the number, and not later. */
static void test_program(void **state _unused_)
{
	_cleanup_free_ char *path = xasprintf("/tmp/test-peer-%d", getpid()), *name = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), hold[2], fd, status;
	_cleanup_peer_ struct peer p = PEER_NONE;
	char byte;
	pid_t pid;

	strcpy(address.sun_path, path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe(hold), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "\x1b]0;child");
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		fd_close(hold[1]);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(peer_of_socket(fd, &p), 0);
	assert_null(peer_program(&p)); /* without a descriptor of the process it is not known */
	assert_int_equal(peer_complete(&p, fd), 0);
	name = peer_program(&p);
	assert_same_text(name, p.pidfd < 0 ? NULL : "\x1b]0;child");
	fd_close(hold[0]);
	fd_close(hold[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	p.pid = getpid(); /* as if the number had been given to another one */
	assert_null(peer_program(&p));
	fd_close(fd);
	fd_close(listener);
}

static void test_copy(void **state _unused_)
{
	gid_t groups[] = { 7, 8 };
	struct peer p = { .uid = 1, .gid = 2, .groups = groups, .group_count = 2, .pidfd = 0 };
	_cleanup_peer_ struct peer copy = peer_copy(&p);

	assert_int_equal(copy.uid, 1);
	assert_int_equal(copy.pidfd, -EBADF);
	assert_ptr_not_equal(copy.groups, groups);
	assert_int_equal(copy.groups[1], 8);
}

static void test_groups(void **state _unused_)
{
	gid_t groups[] = { 0, 4242 };
	const struct peer p = {
		.uid = NOBODY, .gid = 1717, .groups = groups, .group_count = 2, .pidfd = -EBADF
	};

	assert_true(peer_is_in_group(&p, 0));
	assert_true(peer_is_in_group(&p, 4242));
	assert_true(peer_is_in_group(&p, 1717));
	assert_false(peer_is_in_group(&p, NOBODY));
	assert_false(peer_is_in_group(&p, 42));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials), cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_program),     cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_copy),        cmocka_unit_test(test_groups),
	};

	return RUN_TESTS("peer", tests);
}
