#include "common/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/check.h"

struct pair {
	int a, b;
};

static struct pair pair_new(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	return (struct pair){ fds[0], fds[1] };
}

static void pair_close(struct pair *p)
{
	p->a = fd_close(p->a);
	p->b = fd_close(p->b);
}

#define _cleanup_pair_ _cleanup_(pair_close)

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Makes count descriptors of one file, by which they are known again. */
static void make_fds(int *fds, size_t count)
{
	fds[0] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fds[0] >= 0);
	for (size_t i = 1; i < count; i++)
		fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
}

/* How many descriptors of this process are of the same file. */
static unsigned count_fds(const struct stat *of)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_dev == of->st_dev && st.st_ino == of->st_ino)
			n++;
	}
	return n;
}

/* Sends a byte with `count` descriptors in one control message. */
static void send_fds(int sock, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), 1);
}

static void test_close(void **state _unused_)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = E2BIG;
	assert_int_equal(fd_close(fd), -EBADF);
	assert_int_equal(fd_close(-EBADF), -EBADF);
	assert_int_equal(errno, E2BIG);
	assert_false(is_open(fd));
}

static void test_flags(void **state _unused_)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int on = 1; on >= 0; on--) {
		assert_int_equal(fd_set_nonblock(fd, on), 0);
		assert_int_equal(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), on);
		assert_int_equal(fd_set_cloexec(fd, on), 0);
		assert_int_equal(!!(fcntl(fd, F_GETFD) & FD_CLOEXEC), on);
	}
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
	assert_int_equal(fd_set_cloexec(-1, true), -EBADF);
}

static void test_write_all(void **state _unused_)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_cleanup_pair_ struct pair p = pair_new();
	char text[8] = "";

	assert_int_equal(fd_write_all(p.a, "hello", 5), 0);
	assert_int_equal(fd_write_all(p.a, "", 0), 0);
	assert_int_equal(read(p.b, text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(fd_write_all(full, "x", 1), -ENOSPC);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

static void test_bytes_alone(void **state _unused_)
{
	_cleanup_pair_ struct pair p = pair_new();
	char text[8] = "";
	int passed = 0;

	assert_int_equal(fd_send(p.a, "abc", 3, -EBADF), 3);
	assert_int_equal(fd_receive(p.b, text, sizeof(text), &passed), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(passed, -EBADF);
}

static void test_one_descriptor(void **state _unused_)
{
	_cleanup_pair_ struct pair p = pair_new(), passed_pair = pair_new();
	_cleanup_close_ int passed = -EBADF;
	char text[8] = "";

	assert_int_equal(fd_send(p.a, "abc", 3, passed_pair.a), 3);
	assert_true(is_open(passed_pair.a)); /* sending duplicates it */
	assert_int_equal(fd_receive(p.b, text, 2, &passed), 2);
	assert_true(passed >= 0);
	assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(passed, "!", 1), 1);
	assert_int_equal(read(passed_pair.b, text, 1), 1);
	passed = fd_close(passed);
	assert_int_equal(fd_receive(p.b, text, 2, &passed), 1); /* the rest comes without it */
	assert_int_equal(passed, -EBADF);
}

/* Of several one is kept and nothing leaks, also when there are more than there is room for. */
static void test_more_descriptors(void **state _unused_)
{
	static const size_t counts[] = { 1, 2, 3, 4, 5, 8, 16 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_pair_ struct pair p = pair_new();
		int fds[16], passed = -EBADF;
		struct stat st;
		char byte;

		make_fds(fds, counts[i]);
		assert_int_equal(fstat(fds[0], &st), 0);
		send_fds(p.a, fds, counts[i]);
		assert_int_equal(fd_receive(p.b, &byte, 1, &passed), 1);
		assert_true(is_open(passed));
		assert_int_equal(count_fds(&st), counts[i] + 1);
		for (size_t n = 0; n < counts[i]; n++)
			close(fds[n]);
		close(passed);
		assert_int_equal(count_fds(&st), 0);
	}
}

static void test_ends(void **state _unused_)
{
	_cleanup_pair_ struct pair p = pair_new();
	int passed;
	char byte;

	assert_int_equal(fd_set_nonblock(p.a, true), 0);
	assert_int_equal(fd_receive(p.a, &byte, 1, &passed), -EAGAIN);
	while (fd_send(p.a, "0123456789abcdef", 16, -EBADF) > 0)
		;
	assert_int_equal(fd_send(p.a, "x", 1, -EBADF), -EAGAIN);
	signal(SIGPIPE, SIG_DFL);
	p.b = fd_close(p.b);
	assert_int_equal(fd_send(p.a, "x", 1, -EBADF), -EPIPE); /* and no SIGPIPE */
	/* The other side threw unread bytes away. */
	assert_int_equal(fd_receive(p.a, &byte, 1, &passed), -ECONNRESET);
	assert_int_equal(fd_receive(p.a, &byte, 1, &passed), 0);
	assert_int_equal(passed, -EBADF);
	assert_int_equal(fd_receive(-1, &byte, 1, &passed), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),          cmocka_unit_test(test_flags),
		cmocka_unit_test(test_write_all),      cmocka_unit_test(test_bytes_alone),
		cmocka_unit_test(test_one_descriptor), cmocka_unit_test(test_more_descriptors),
		cmocka_unit_test(test_ends),
	};

	return RUN_TESTS("fd", tests);
}
