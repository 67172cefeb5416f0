/* What awfd and its broker tell each other, and what the broker refuses. No root: what would enter
 * a namespace is refused by the kernel. */
#include "awfd/broker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/netlink.h>

#include "common/fd.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define BIG (100U << 10) /* bytes: more than a packet has */

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(int fds[2])
{
	fd_close(fds[0]);
	fd_close(fds[1]);
}

static bool same_file(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* What was put in comes out, in its order, whatever packets it takes. */
static void test_message(void **state _unused_)
{
	_cleanup_broker_message_ struct broker_message sent = { .what = -7 }, got = { 0 };
	_cleanup_close_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC), taken = -EBADF;
	_cleanup_free_ char *big = xcalloc(BIG + 1, 1), *text = NULL;
	_cleanup_strv_ char **texts = NULL;
	int fds[2];

	memset(big, 'x', BROKER_TEXT_MAX);
	make_pair(fds);
	broker_put_number(&sent, -1);
	broker_put_text(&sent, NULL);
	broker_put_texts(&sent, (char *const[]){ (char *)"", big, NULL });
	for (int i = 0; i < BROKER_FDS_MAX; i++)
		broker_put_fd(&sent, file);
	broker_put_fd(&sent, -EBADF);
	assert_int_equal(broker_message_send(fds[0], &sent), 0);
	assert_int_equal(broker_message_receive(fds[1], &got), 0);

	assert_int_equal(got.what, -7);
	assert_int_equal(broker_get_number(&got, -5, 5), -1);
	text = broker_get_text(&got);
	assert_null(text);
	texts = broker_get_texts(&got, 2);
	assert_int_equal(strv_length(texts), 2);
	assert_string_equal(texts[0], "");
	assert_string_equal(texts[1], big);
	for (int i = 0; i < BROKER_FDS_MAX - 1; i++)
		assert_true(same_file(broker_get_fd(&got), file));
	assert_int_equal(broker_message_end(&got), -EBADMSG); /* something is left */
	taken = broker_take_fd(&got);
	assert_true(same_file(taken, file));
	assert_true(fcntl(taken, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(broker_get_fd(&got), -EBADF);
	assert_int_equal(broker_message_end(&got), 0);
	assert_int_equal(broker_get_number(&got, 3, 5), 3); /* nothing is left */
	assert_int_equal(broker_message_end(&got), -EBADMSG);
	close_pair(fds);
}

/* Each is put in as it is, and got as something else. */
static void test_bad_contents(void **state _unused_)
{
	_cleanup_broker_message_ struct broker_message m = { 0 };
	_cleanup_free_ char *text = NULL, *missing = NULL;
	const uint32_t length = 4;

	broker_put_number(&m, 6);
	assert_int_equal(broker_get_number(&m, 0, 5), 0);
	assert_true(m.bad);
	broker_message_clear(&m);

	strbuf_append(&m.payload, &length, sizeof(length));
	strbuf_append(&m.payload, "a\0bc", 4);
	text = broker_get_text(&m);
	assert_null(text);
	assert_true(m.bad);
	broker_message_clear(&m);

	strbuf_append(&m.payload, &length, sizeof(length));
	strbuf_append(&m.payload, "abc", 3);
	text = broker_get_text(&m);
	assert_null(text);
	assert_true(m.bad);
	broker_message_clear(&m);

	broker_put_text(&m, NULL);
	missing = broker_get_some_text(&m);
	assert_null(missing);
	assert_true(m.bad);
	broker_message_clear(&m);

	broker_put_number(&m, 1); /* a descriptor that did not come along */
	assert_int_equal(broker_get_fd(&m), -EBADF);
	assert_true(m.bad);
}

static const struct {
	const char *what, *bytes;
	size_t length;
} strangers[] = {
	{ "one byte", "x", 1 },
	{ "another magic", "AWFB\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "another version", "awfb\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "too long", "awfb\1\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0", 20 },
	{ "too many descriptors", "awfb\1\0\0\0\0\0\0\0\0\0\0\0\1\2\0\0", 20 },
	{ "more than was said", "awfb\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0xy", 22 },
	{ "the end of it missing", "awfb\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0xy", 22 },
	{ "its descriptor missing", "awfb\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 20 },
};

static void test_strangers(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		_cleanup_broker_message_ struct broker_message got = { 0 };
		int fds[2];

		make_pair(fds);
		assert_row(strangers[i].what,
			   fd_send(fds[0], strangers[i].bytes, strangers[i].length, -EBADF) ==
				   (ssize_t)strangers[i].length);
		fds[0] = fd_close(fds[0]);
		assert_row(strangers[i].what, broker_message_receive(fds[1], &got) == -EBADMSG);
		assert_row(strangers[i].what, got.fd_count == 0);
		close_pair(fds);
	}
}

/* A descriptor that nobody announced is closed. */
static void test_stray_descriptor(void **state _unused_)
{
	static const char header[] = "awfb\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	_cleanup_broker_message_ struct broker_message got = { 0 };
	int fds[2], pipe_fds[2];
	char byte;

	make_pair(fds);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(fd_send(fds[0], header, sizeof(header), pipe_fds[1]), sizeof(header));
	close(pipe_fds[1]);
	assert_int_equal(broker_message_receive(fds[1], &got), -EBADMSG);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* nobody has the other end */
	close(pipe_fds[0]);
	close_pair(fds);
}

static void test_too_much(void **state _unused_)
{
	_cleanup_broker_message_ struct broker_message m = { 0 };
	int fds[2];

	make_pair(fds);
	for (int i = 0; i < BROKER_FDS_MAX + 1; i++)
		broker_put_fd(&m, fds[0]);
	assert_int_equal(broker_message_send(fds[0], &m), -E2BIG);
	close_pair(fds);
}

/* --- What the broker refuses --------------------------------------------------------------------
 */

static void put_socket(struct broker_message *m)
{
	broker_put_fd(m, STDIN_FILENO);
	broker_put_number(m, AF_PACKET);
	broker_put_number(m, SOCK_RAW);
	broker_put_number(m, 0);
}

static void put_netlink(struct broker_message *m)
{
	broker_put_fd(m, STDIN_FILENO);
	broker_put_number(m, AF_NETLINK);
	broker_put_number(m, SOCK_RAW);
	broker_put_number(m, NETLINK_KOBJECT_UEVENT);
}

static void put_nothing(struct broker_message *m _unused_)
{
}

static void put_two(struct broker_message *m)
{
	broker_put_fd(m, STDIN_FILENO);
	broker_put_fd(m, STDIN_FILENO);
}

static void put_program(struct broker_message *m, const char *name, int network)
{
	broker_put_text(m, name);
	broker_put_texts(m, (char *const[]){ (char *)"x", NULL });
	broker_put_number(m, 1);
	broker_put_number(m, 1);
	broker_put_fd(m, network);
	broker_put_fd(m, -EBADF);
	broker_put_fd(m, -EBADF);
	broker_put_number(m, 0);
	broker_put_number(m, 0);
}

static void put_shell(struct broker_message *m)
{
	put_program(m, "sh", STDIN_FILENO);
}

static void put_path(struct broker_message *m)
{
	put_program(m, "../bin/awf-mount-open", STDIN_FILENO);
}

static void put_here(struct broker_message *m)
{
	put_program(m, "awf-mount-open", -EBADF);
}

static void put_relative(struct broker_message *m)
{
	broker_put_text(m, "run/awfd");
	broker_put_fd(m, STDIN_FILENO);
}

static void put_upwards(struct broker_message *m)
{
	broker_put_text(m, "/run/awfd/../../etc");
	broker_put_fd(m, STDIN_FILENO);
}

static const struct refused {
	const char *what;
	int32_t operation;
	void (*put)(struct broker_message *m);
} refused[] = {
	{ "an operation below", -1, put_nothing },
	{ "an operation above", BROKER_OPERATIONS, put_nothing },
	{ "a network, without any", BROKER_NETWORK, put_nothing },
	{ "a network, and more", BROKER_NETWORK, put_two },
	{ "a packet socket", BROKER_SOCKET, put_socket },
	{ "another netlink socket", BROKER_SOCKET, put_netlink },
	{ "forwarding, without any", BROKER_STOP_FORWARDING, put_nothing },
	{ "a shell", BROKER_SPAWN, put_shell },
	{ "a program elsewhere", BROKER_SPAWN, put_path },
	{ "a program in no namespace", BROKER_SPAWN, put_here },
	{ "a look at nothing", BROKER_LOOK, put_nothing },
	{ "a stage of nothing", BROKER_STAGE, put_nothing },
	{ "a stage that is relative", BROKER_UNSTAGE, put_relative },
	{ "a stage that goes up", BROKER_UNSTAGE, put_upwards },
	{ "masks of nothing", BROKER_COVER, put_nothing },
};

static int ask(int32_t operation, void (*put)(struct broker_message *m), struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };

	put(&request);
	request.what = operation;
	broker_answer("/nowhere", &request, &answer);
	if (answer.what < 0)
		broker_get_err(&answer, answer.what, e);
	return answer.what;
}

static void test_refused(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_err_ struct err e = { 0 };

		assert_row(refused[i].what,
			   ask(refused[i].operation, refused[i].put, &e) == -EBADMSG);
		assert_text_contains(e.message, "asked for nothing that it does");
	}
}

static void put_right(struct broker_message *m)
{
	put_program(m, "awf-mount-open", STDIN_FILENO);
}

static void put_network(struct broker_message *m)
{
	broker_put_fd(m, STDIN_FILENO);
}

/* What is asked for as awfd asks is tried: a descriptor that is no process's is the kernel's to
 * refuse, and a program that is not there. */
static void test_tried(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	assert_true(ask(BROKER_NETWORK, put_network, &e) < 0);
	assert_text_contains(e.message, "cannot enter the sandbox's network namespace");
	assert_int_equal(ask(BROKER_SPAWN, put_right, &e), -ENOENT);
	assert_text_contains(e.message, "/nowhere/awf-mount-open");
}

/* --- The connection -----------------------------------------------------------------------------
 */

static int call(struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 };

	put_network(&request);
	return broker_call_fd(BROKER_NETWORK, &request, e);
}

/* A broker of its own that is killed is followed by another one. */
static void test_child(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	broker_use(NULL, NULL);
	assert_true(call(&e) < 0);
	assert_text_contains(e.message, "cannot enter the sandbox's network namespace");
	broker_disconnect();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was reaped */
	assert_true(call(&e) < 0);
	assert_text_contains(e.message, "cannot enter the sandbox's network namespace");
	broker_disconnect();
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* Takes one connection after the other, and lets the first `unanswered` of them end at a request.
 */
static pid_t start_broker(int listener, int unanswered)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;) {
		_cleanup_broker_message_ struct broker_message request = { 0 };
		int fd = accept(listener, NULL, NULL);

		if (unanswered-- > 0)
			(void)!broker_message_receive(fd, &request);
		else
			(void)!broker_serve(fd, NULL, NULL);
		close(fd);
	}
}

static void end_broker(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int look(struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };

	return broker_call(BROKER_STAGE, &request, &answer, e);
}

/* What can be done twice is asked for again when the broker ends over it, what cannot is not. */
static void test_ends_without_answer(void **state _unused_)
{
	_cleanup_(scratch_freep) char *scratch = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/socket", scratch);
	_cleanup_close_ int listener = listen_at(path);
	_cleanup_err_ struct err e = { 0 };
	pid_t pid = start_broker(listener, 1);

	broker_use(path, NULL);
	assert_true(call(&e) < 0);
	assert_text_contains(e.message, "cannot enter the sandbox's network namespace");
	broker_disconnect();
	end_broker(pid);

	pid = start_broker(listener, 1);
	assert_int_equal(look(&e), -ECONNRESET);
	assert_text_contains(e.message, "cannot stage mounts: the broker of namespaces ended "
					"without an answer (systemctl status 'awfd-namespaces@*')");
	assert_int_equal(look(&e), -EBADMSG); /* the next one answers */
	assert_text_contains(e.message, "asked for nothing that it does");
	end_broker(pid);

	listener = fd_close(listener);
	assert_true(look(&e) < 0);
	assert_text_contains(e.message, "(systemctl start awfd-namespaces.socket)");
	broker_use(NULL, NULL);
}

static void test_no_socket(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };
	char path[200];

	broker_use("/nowhere/namespaces.sock", NULL);
	assert_int_equal(broker_connect(&e), -ENOENT);
	assert_text_contains(e.message, "/nowhere/namespaces.sock (systemctl start "
					"awfd-namespaces.socket)");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	broker_use(path, NULL);
	assert_int_equal(broker_connect(&e), -ENAMETOOLONG);
	assert_text_contains(e.message, "107 bytes at most");
	broker_use(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_bad_contents),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_stray_descriptor),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tried),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_ends_without_answer),
		cmocka_unit_test(test_no_socket),
	};

	return RUN_TESTS("broker", tests);
}
