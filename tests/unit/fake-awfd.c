#include "tests/unit/fake-awfd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"

#define NOBODY           65534
#define WATCHDOG_SECONDS 60 /* a test that hangs is killed */
#define SIGNAL_BASE      1000

void fake_setup(struct fake *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*f = (struct fake){ .listener = -EBADF, .in = -EBADF, .out = -EBADF, .err = -EBADF };
	(void)alarm(WATCHDOG_SECONDS);
	(void)signal(SIGPIPE, SIG_IGN);
	strcpy(f->directory, "/tmp/test-awfctl.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_return_code(chmod(f->directory, 0755), errno);
	snprintf(f->socket, sizeof(f->socket), "%s/awfd.sock", f->directory);
	strcpy(address.sun_path, f->socket);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(f->listener, 8), errno);
}

void fake_teardown(struct fake *f)
{
	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	f->listener = fd_close(f->listener);
	f->in = fd_close(f->in);
	f->out = fd_close(f->out);
	f->err = fd_close(f->err);
	(void)unlink(f->socket);
	(void)rmdir(f->directory);
	(void)alarm(0);
}

int fake_test_setup(void **state)
{
	struct fake *f = xnew(struct fake);

	fake_setup(f);
	*state = f;
	return 0;
}

int fake_test_teardown(void **state)
{
	fake_teardown(*state);
	free(*state);
	return 0;
}

/* Returns the child's end: `given`, or that of a new pipe, whose other end is *ours. */
static int child_end(int given, int *ours, bool child_reads)
{
	int pipe_fds[2];

	if (given > 0)
		return given;
	assert_return_code(pipe2(pipe_fds, O_CLOEXEC), errno);
	*ours = pipe_fds[child_reads ? 1 : 0];
	return pipe_fds[child_reads ? 0 : 1];
}

/* Somebody's home is no workspace, so none is asked for. */
static void leave_projects(void)
{
	_cleanup_free_ char *here = realpath(".", NULL);

	setenv("HOME", here ? here : "/", 1);
	unsetenv("GITHUB_WORKSPACE");
}

static void become_awfctl(struct fake *f, const struct fake_stdio *stdio, const int *fds,
			  const char *const *args)
{
	const char *argv[64] = { "awfctl" };
	_cleanup_free_ char *path = program_path("awfctl");
	int program = open(path, O_PATH | O_CLOEXEC); /* nobody might not find it */

	for (size_t i = 0; args[i] && i < ARRAY_SIZE(argv) - 2; i++)
		argv[i + 1] = args[i];
	for (int i = 0; i < 3; i++)
		(void)dup2(fds[i], i);
	if (stdio->close_in)
		close(STDIN_FILENO);
	(void)signal(SIGPIPE, SIG_DFL);
	setenv("AWFD_SOCKET", f->socket, 1);
	if (!stdio->in_project)
		leave_projects();
	if (stdio->as_nobody && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(99);
	fexecve(program, (char *const *)argv, environ);
	_exit(98);
}

pid_t fake_fork(void)
{
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void fake_spawn(struct fake *f, const struct fake_stdio *stdio, const char *const *args)
{
	int fds[3];

	fds[0] = child_end(stdio->in, &f->in, true);
	fds[1] = child_end(stdio->out, &f->out, false);
	fds[2] = child_end(stdio->err, &f->err, false);
	f->pid = fake_fork();
	if (f->pid == 0)
		become_awfctl(f, stdio, fds, args);
	for (int i = 0; i < 3; i++)
		if (fds[i] != stdio->in && fds[i] != stdio->out && fds[i] != stdio->err)
			close(fds[i]);
}

int fake_wait(struct fake *f)
{
	int status;

	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL_BASE + WTERMSIG(status);
}

void fake_assert_printed(struct fake *f, const char *expected)
{
	size_t length = strlen(expected);
	_cleanup_free_ char *text = xcalloc(length + 1, 1);

	for (size_t have = 0; have < length;) {
		ssize_t n = read(f->out, text + have, length - have);

		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_string_equal(text, expected);
}

char *fake_read_all(int fd, size_t *length)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		strbuf_append(&text, buffer, (size_t)n);
	if (length)
		*length = text.length;
	return strbuf_take(&text);
}

/* Waits for a connection; an awfctl that ends instead fails the test with what it said. */
static void await_connection(struct fake *f)
{
	_cleanup_close_ int process = pidfd_open(f->pid, 0);
	struct pollfd p[] = { { .fd = f->listener, .events = POLLIN },
			      { .fd = process, .events = POLLIN } };
	_cleanup_free_ char *said = NULL;

	assert_return_code(process, errno);
	assert_true(poll(p, ARRAY_SIZE(p), -1) > 0);
	if (p[0].revents)
		return;
	said = fake_read_all(f->err, NULL);
	fail_msg("awfctl ended with %d: %s", fake_wait(f), said);
}

void fake_accept(struct fake *f, struct fake_conn *c)
{
	await_connection(f);
	*c = (struct fake_conn){ .fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC) };
	assert_return_code(c->fd, errno);
}

static struct json_object *next_message(struct fake_conn *c)
{
	struct json_object *message = NULL;
	struct err e = { 0 };

	while (frame_next(&c->in, &message, &e) == 0) {
		char buffer[65536];
		ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

		if (n <= 0)
			return NULL;
		assert_return_code(frame_feed(&c->in, buffer, (size_t)n), 0);
	}
	assert_null(e.message);
	return message;
}

struct json_object *fake_expect(struct fake_conn *c, const char *method)
{
	struct json_object *message = next_message(c), *parameters = NULL;

	assert_non_null(message);
	assert_string_equal(fake_text(message, "method"), method);
	assert_true(json_object_object_get_ex(message, "parameters", &parameters));
	json_object_get(parameters);
	json_object_put(message);
	return parameters;
}

struct json_object *fake_accept_call(struct fake *f, struct fake_conn *c, const char *method)
{
	fake_accept(f, c);
	return fake_expect(c, method);
}

void fake_send(struct fake_conn *c, const char *message, int passed)
{
	size_t length = strlen(message) + 1;

	assert_int_equal(fd_send(c->fd, message, length, passed), length);
}

bool fake_is_closed(struct fake_conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, 0) <= 0;
}

void fake_close(struct fake_conn *c)
{
	c->fd = fd_close(c->fd);
	frame_reader_clear(&c->in);
}

const char *fake_text(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_get_string(value);
}
