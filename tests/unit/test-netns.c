/* Entering other network namespaces and coming back. Needs root. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "awfd/broker.h"
#include "awfd/netns-enter.h"
#include "awfd/netns.h"
#include "awfd/spawn.h"
#include "common/log.h"
#include "tests/unit/check.h"
#include "tests/unit/namespaces.h"

#define PORT   18443
#define NOBODY 65534

static ino_t namespace_here(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static int tell_namespace(void *userdata, struct err *e)
{
	(void)e;
	*(ino_t *)userdata = namespace_here();
	return 42;
}

static int fail_inside(void *userdata, struct err *e)
{
	(void)userdata;
	return err_set(e, -EDOM, ERR_SYSTEM, "as asked");
}

static void test_call(void **state)
{
	struct place there = place_new();
	_cleanup_err_ struct err e = { 0 };
	ino_t here = namespace_here(), inside = 0;

	(void)state;
	assert_int_equal(netns_enter(there.pidfd, tell_namespace, &inside, &e), 42);
	assert_int_not_equal(inside, here);
	assert_int_equal(namespace_here(), here);

	assert_int_equal(netns_enter(there.pidfd, fail_inside, NULL, &e), -EDOM);
	assert_string_equal(e.message, "as asked");
	assert_int_equal(namespace_here(), here);
	place_end(&there);
}

/* A helper program in another network is there from its first instruction. */
static void test_spawn(void **state)
{
	static char *const argv[] = { "readlink", "/proc/self/ns/net", NULL };
	struct place there = place_new();
	_cleanup_free_ char *path = xasprintf("/proc/%d/ns/net", there.pid);
	_cleanup_err_ struct err e = { 0 };
	char expected[64] = "", output[64] = "";
	int fds[2], pidfd;
	struct spawn s = { .path = "/bin/readlink",
			   .argv = argv,
			   .uid = NOBODY,
			   .gid = NOBODY,
			   .network = there.pidfd,
			   .in = -EBADF };
	pid_t pid;

	(void)state;
	assert_true(readlink(path, expected, sizeof(expected) - 2) > 0);
	strcat(expected, "\n");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s.out = fds[1];
	if (spawn_start(&s, &pid, &pidfd, &e) < 0)
		fail_msg("%s", e.message);
	close(fds[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read(fds[0], output, sizeof(output) - 1) > 0);
	assert_string_equal(output, expected);
	close(fds[0]);
	close(pidfd);

	kill(there.pid, SIGKILL);
	assert_int_equal(waitpid(there.pid, NULL, 0), there.pid);
	s.out = -EBADF;
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -ESRCH);
	assert_text_contains(e.message, "could not enter its network");
	close(there.pidfd);
}

static void test_is_own(void **state)
{
	struct place there = place_new();
	_cleanup_close_ int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	(void)state;
	assert_int_equal(netns_is_own(there.pidfd), 0);
	assert_int_equal(netns_is_own(self), 1);
	place_end(&there);
}

static void test_ended(void **state)
{
	struct sockaddr_storage a = address_of("127.0.0.1", PORT);
	struct place there = place_new();
	_cleanup_close_ int pidfd = dup(there.pidfd);
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	place_end(&there);
	assert_int_equal(netns_enter(pidfd, fail_inside, NULL, &e), -ESRCH);
	assert_non_null(e.message);
	assert_int_equal(netns_open(pidfd, NULL), -ESRCH);
	assert_int_equal(netns_is_own(pidfd), -ESRCH);
	assert_int_equal(netns_socket(pidfd, AF_INET, SOCK_STREAM, 0, NULL), -ESRCH);
	assert_int_equal(netns_listen(pidfd, (void *)&a, address_length(&a), NULL), -ESRCH);
	assert_int_equal(netns_enter(-EBADF, fail_inside, NULL, NULL), -EBADF);
}

static int listen_there(struct place *there, const char *host, struct err *e)
{
	struct sockaddr_storage a = address_of(host, PORT);

	return netns_listen(there->pidfd, (void *)&a, address_length(&a), e);
}

static void test_listen(void **state)
{
	struct place there = place_new();
	_cleanup_close_ int fd4 = -EBADF, fd6 = -EBADF;

	(void)state;
	assert_int_equal(shell(there.pidfd, "ip link set lo up"), 0);
	assert_false(tcp_reaches(there.pidfd, "127.0.0.1", PORT));
	fd4 = listen_there(&there, "127.0.0.1", NULL);
	fd6 = listen_there(&there, "::1", NULL);
	assert_true(fd4 >= 0);
	assert_true(fd6 >= 0);
	assert_true(tcp_reaches(there.pidfd, "127.0.0.1", PORT));
	assert_true(tcp_reaches(there.pidfd, "::1", PORT));
	assert_false(tcp_reaches(OWN, "127.0.0.1", PORT));
	assert_false(tcp_reaches(OWN, "::1", PORT));

	assert_true(fcntl(fd4, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd4, F_GETFL) & O_NONBLOCK);
	place_end(&there);
}

/* An IPv6 listener takes nothing of IPv4 with it, whatever the namespace's default is. */
static void test_listen_any(void **state)
{
	struct place there = place_new();
	_cleanup_close_ int fd6 = -EBADF, fd4 = -EBADF;

	(void)state;
	assert_int_equal(shell(there.pidfd, "ip link set lo up"), 0);
	fd6 = listen_there(&there, "::", NULL);
	assert_true(fd6 >= 0);
	assert_false(tcp_reaches(there.pidfd, "127.0.0.1", PORT));
	fd4 = listen_there(&there, "0.0.0.0", NULL);
	assert_true(fd4 >= 0);
	place_end(&there);
}

static void test_listen_refused(void **state)
{
	struct place there = place_new();
	_cleanup_close_ int fd = -EBADF;
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	assert_int_equal(shell(there.pidfd, "ip link set lo up"), 0);
	fd = listen_there(&there, "127.0.0.1", NULL);
	assert_true(fd >= 0);
	assert_int_equal(listen_there(&there, "127.0.0.1", &e), -EADDRINUSE);
	assert_string_equal(e.message, "cannot listen on 127.0.0.1 port 18443 in the sandbox: "
				       "Address already in use");
	assert_int_equal(listen_there(&there, "192.0.2.1", &e), -EADDRNOTAVAIL);

	assert_int_equal(shell(there.pidfd, "echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6"), 0);
	assert_int_equal(listen_there(&there, "::1", &e), -EADDRNOTAVAIL);
	place_end(&there);
}

static int nested(void *userdata, struct err *e)
{
	return netns_enter(*(int *)userdata, fail_inside, NULL, e);
}

static int call_nested(void *userdata)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	return netns_enter(*(int *)userdata, nested, userdata, NULL);
}

static int lose_rights(void *userdata, struct err *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)userdata;
	(void)e;
	return (int)syscall(SYS_capset, &header, none);
}

static void no_log(enum log_level level, const struct log_fields *fields, const char *text)
{
	(void)level;
	(void)fields;
	(void)text;
}

static int call_without_return(void *userdata)
{
	struct rlimit none = { 0 };

	log_set_sink(no_log);
	setrlimit(RLIMIT_CORE, &none);
	return netns_enter(*(int *)userdata, lose_rights, NULL, NULL);
}

/* Rather no awfd than one in the wrong namespace. */
static void test_aborts(void **state)
{
	struct place there = place_new();

	(void)state;
	assert_int_equal(in_child(call_nested, &there.pidfd), -SIGABRT);
	assert_int_equal(in_child(call_without_return, &there.pidfd), -SIGABRT);
	place_end(&there);
}

static void test_no_leaks(void **state)
{
	struct place there = place_new();
	ino_t inside;
	int before;

	(void)state;
	assert_int_equal(shell(there.pidfd, "ip link set lo up"), 0);
	(void)!netns_enter(there.pidfd, tell_namespace, &inside, NULL); /* keeps the way back */
	assert_int_equal(broker_connect(NULL), 0);
	before = open_descriptors();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(netns_enter(there.pidfd, fail_inside, NULL, NULL), -EDOM);
		assert_int_equal(netns_is_own(there.pidfd), 0);
		assert_int_equal(listen_there(&there, "192.0.2.1", NULL), -EADDRNOTAVAIL);
		assert_true(netns_socket(there.pidfd, AF_INET, 99, 0, NULL) < 0);
	}
	assert_int_equal(open_descriptors(), before);
	place_end(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),           cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_is_own),         cmocka_unit_test(test_ended),
		cmocka_unit_test(test_listen),         cmocka_unit_test(test_listen_any),
		cmocka_unit_test(test_listen_refused), cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_no_leaks),
	};

	if (!namespaces_begin())
		return 0;
	return RUN_TESTS("netns", tests);
}
