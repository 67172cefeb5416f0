/* The store, with a socket of the test's own where the service manager's would be. */
#include "awfd/fd-store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/fd.h"
#include "tests/unit/check.h"

struct fixture {
	char *directory, *path;
	int manager;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	f->directory = scratch_new();
	f->path = xasprintf("%s/notify", f->directory);
	f->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, f->path);
	assert_int_equal(bind(f->manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", f->path, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unsetenv("NOTIFY_SOCKET");
	f->manager = fd_close(f->manager);
	scratch_freep(&f->directory);
	free(f->path);
	free(f);
	return 0;
}

/* What the service manager was told, and the descriptor that came with it. */
static void assert_told(const struct fixture *f, const char *text, int *fd)
{
	char buffer[512];
	int passed = -EBADF;
	ssize_t n = fd_receive(f->manager, buffer, sizeof(buffer) - 1, &passed);

	assert_true(n > 0);
	buffer[n] = '\0';
	assert_same_text(buffer, text);
	if (fd)
		*fd = passed;
	else
		assert_int_equal(passed, -EBADF);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

static void test_keeps_and_forgets(void **state)
{
	const struct fixture *f = *state;
	struct fd_store *store = fd_store_new();
	_cleanup_close_ int kept = -EBADF;

	fd_store_keep(store, "abcdefghij-difc-0", f->manager);
	assert_told(f, "FDSTORE=1\nFDPOLL=0\nFDNAME=awf-abcdefghij-difc-0", &kept);
	assert_true(same_file(kept, f->manager));
	fd_store_forget(store, "abcdefghij-difc-0");
	assert_told(f, "FDSTOREREMOVE=1\nFDNAME=awf-abcdefghij-difc-0", NULL);
	fd_store_free(store);
}

static int listen_at(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/awfd", f->directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Runs fn in a child whose descriptors are passed as a service manager does: from 3 on, by names.
 */
static void with_passed(const struct fixture *f, int count, const char *names,
			int (*fn)(const struct fixture *f, const int fds[]))
{
	pid_t pid = fork();
	int status, fds[3];

	assert_true(pid >= 0);
	if (pid == 0) {
		char number[16];

		fds[0] = listen_at(f);
		for (int i = 1; i < count; i++)
			fds[i] = open("/dev/null", O_RDWR);
		for (int i = 0; i < count; i++)
			fds[i] = fcntl(fds[i], F_DUPFD, 100);
		for (int i = 0; i < count; i++)
			(void)dup2(fds[i], SD_LISTEN_FDS_START + i);
		(void)snprintf(number, sizeof(number), "%d", getpid());
		setenv("LISTEN_PID", number, 1);
		(void)snprintf(number, sizeof(number), "%d", count);
		setenv("LISTEN_FDS", number, 1);
		setenv("LISTEN_FDNAMES", names, 1);
		_exit(fn(f, fds));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Each check has its own exit code, so that a failure says which. */
static int take_all(const struct fixture *f _unused_, const int fds[])
{
	struct fd_store *store = fd_store_new();
	int fd;

	if (fd_store_take(store, "awfd.socket") != -EBADF)
		return 1;
	fd = fd_store_take_socket(store, NULL);
	if (fd != SD_LISTEN_FDS_START || !same_file(fd, fds[0]))
		return 2;
	if (fd_store_take_socket(store, NULL) != -EBADF)
		return 3;
	fd = fd_store_take(store, "abcdefghij-difc-0");
	if (fd != SD_LISTEN_FDS_START + 1)
		return 4;
	if (fd_store_take(store, "abcdefghij-difc-0") != -EBADF)
		return 5;
	fd_store_forget_rest(store);
	fd_store_free(store);
	/* What was taken is open, what was not is closed. */
	return fcntl(SD_LISTEN_FDS_START + 1, F_GETFD) < 0    ? 6
	       : fcntl(SD_LISTEN_FDS_START + 2, F_GETFD) >= 0 ? 7
							      : 0;
}

static void test_takes_what_was_passed(void **state)
{
	const struct fixture *f = *state;

	with_passed(f, 3, "awfd.socket:awf-abcdefghij-difc-0:awf-klmnopqrst-host-2", take_all);
	assert_told(f, "FDSTOREREMOVE=1\nFDNAME=awf-klmnopqrst-host-2", NULL);
	assert_int_equal(recv(f->manager, &(char){ 0 }, 1, 0), -1); /* and nothing else */
}

static int take_several(const struct fixture *f _unused_, const int fds[] _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	struct fd_store *store = fd_store_new();
	int r = fd_store_take_socket(store, &e);

	fd_store_free(store);
	return r == -EINVAL && strstr(e.message, "several sockets") ? 0 : 1;
}

static void test_several_sockets(void **state)
{
	with_passed(*state, 2, "awfd.socket:other.socket", take_several);
}

static int take_no_socket(const struct fixture *f _unused_, const int fds[] _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	struct fd_store *store = fd_store_new();
	int kept = fd_store_take(store, "x"), r = fd_store_take_socket(store, &e);

	fd_store_free(store);
	return kept >= 0 && r == -EINVAL && strstr(e.message, "something else") ? 0 : 1;
}

static void test_something_else_than_a_socket(void **state)
{
	with_passed(*state, 2, "awf-x:awfd.socket", take_no_socket);
}

/* Without a service manager nothing is kept, and nothing fails. */
static void test_without_a_service_manager(void **state)
{
	const struct fixture *f = *state;
	struct fd_store *store = fd_store_new();

	unsetenv("NOTIFY_SOCKET");
	fd_store_keep(store, "x", f->manager);
	fd_store_forget(store, "x");
	assert_int_equal(fd_store_take(store, "x"), -EBADF);
	assert_int_equal(fd_store_take_socket(store, NULL), -EBADF);
	fd_store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keeps_and_forgets),         TEST(test_takes_what_was_passed),
		TEST(test_several_sockets),           TEST(test_something_else_than_a_socket),
		TEST(test_without_a_service_manager),
	};

	return RUN_TESTS("fd-store", tests);
}
