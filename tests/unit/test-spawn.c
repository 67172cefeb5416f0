/* Starts this program again through spawn_start(); the child tells what it finds. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "awfd/spawn.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "tests/unit/check.h"

#define SELF   "/proc/self/exe"
#define NOBODY 65534

extern char **environ;

/* --- The child ------------------------------------------------------------------------------- */

static void tell_status(void)
{
	static const char *const wanted[] = { "Uid:",    "Gid:",    "Groups:", "NoNewPrivs:",
					      "SigBlk:", "SigIgn:", "SigCgt:", "CapInh:",
					      "CapPrm:", "CapEff:", "CapAmb:" };
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				fputs(line, stdout);
	if (f)
		fclose(f);
}

/* The open descriptors as "fds: 0 1 2 …". */
static void tell_fds(void)
{
	printf("fds:");
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d%s", fd, fcntl(fd, F_GETFD) & FD_CLOEXEC ? "c" : "");
	printf("\n");
}

static void tell_stderr(void)
{
	char path[64] = "";

	if (readlink("/proc/self/fd/2", path, sizeof(path) - 1) > 0)
		printf("stderr: %s\n", path);
}

static int tell(void)
{
	char directory[64] = "", input[64] = "";
	ssize_t n = read(0, input, sizeof(input) - 1);

	tell_status();
	tell_fds();
	for (char **v = environ; *v; v++)
		printf("env: %s\n", *v);
	printf("cwd: %s\n", getcwd(directory, sizeof(directory)));
	printf("leader: %d\n", getsid(0) == getpid());
	printf("pid: %d\n", getpid());
	printf("stdin: %zd %s\n", n, input);
	tell_stderr();
	fflush(stdout);
	if (fcntl(3, F_GETFD) >= 0)
		(void)!write(3, "three", 5);
	if (fcntl(4, F_GETFD) >= 0)
		(void)!write(4, "four", 4);
	return 42;
}

/* --- Helpers --------------------------------------------------------------------------------- */

static void set_user(struct spawn *s)
{
	s->uid = geteuid() == 0 ? NOBODY : geteuid();
	s->gid = geteuid() == 0 ? NOBODY : getegid();
}

static void make_pipe(int *reader, int *writer)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	*reader = fds[0];
	*writer = fds[1];
}

static char *read_all(int fd)
{
	struct strbuf b = { 0 };
	char buffer[4096];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		strbuf_append(&b, buffer, (size_t)n);
	assert_int_equal(n, 0);
	return strbuf_take(&b);
}

static int await_exit(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	siginfo_t info;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_EXITED);
	return info.si_status;
}

/* Runs the child with the given spec and returns what it wrote to stdout. */
static char *run(struct spawn *s, pid_t *pid)
{
	_cleanup_close_ int reader = -EBADF, writer = -EBADF, pidfd = -EBADF;
	_cleanup_err_ struct err e = { 0 };
	char *text;

	make_pipe(&reader, &writer);
	s->out = writer;
	if (spawn_start(s, pid, &pidfd, &e) < 0)
		fail_msg("%s", e.message);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	writer = fd_close(writer);
	text = read_all(reader);
	assert_int_equal(await_exit(pidfd), 42);
	return text;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static char *const tell_argv[] = { (char *)"awf-test-child", (char *)"tell", NULL };

static void test_privileges(void **state)
{
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	_cleanup_free_ char *text = NULL, *uid = NULL;
	pid_t pid;

	(void)state;
	set_user(&s);
	text = run(&s, &pid);
	uid = xasprintf("Uid:\t%u\t%u\t%u\t%u\n", s.uid, s.uid, s.uid, s.uid);
	assert_text_contains(text, uid);
	assert_text_contains(text, "NoNewPrivs:\t1\n");
	assert_text_contains(text, "CapInh:\t0000000000000000\n");
	assert_text_contains(text, "CapPrm:\t0000000000000000\n");
	assert_text_contains(text, "CapEff:\t0000000000000000\n");
	assert_text_contains(text, "CapAmb:\t0000000000000000\n");
	if (geteuid() == 0)
		assert_text_contains(text, "Groups:\t \n");
}

/* A caller's program has his groups, and nothing of awfd's to write to; root's has no rights. */
static void test_caller(void **state)
{
	const gid_t groups[] = { 70001, 70002 };
	const struct spawn_caller caller = { .groups = groups, .group_count = 2, .mounts = -EBADF };
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	_cleanup_free_ char *text = NULL, *as_root = NULL;
	pid_t pid;

	(void)state;
	s.caller = &caller;
	set_user(&s);
	text = run(&s, &pid);
	assert_text_contains(text, "stderr: /dev/null\n");
	assert_text_contains(text, "CapPrm:\t0000000000000000\n");
	if (geteuid() != 0)
		return;
	assert_text_contains(text, "Groups:\t70001 70002 \n");
	s.uid = 0;
	s.gid = 0;
	as_root = run(&s, &pid);
	assert_text_contains(as_root, "Uid:\t0\t0\t0\t0\n");
	assert_text_contains(as_root, "CapPrm:\t0000000000000000\n");
	assert_text_contains(as_root, "CapEff:\t0000000000000000\n");
}

/* Signals 32 and 33 as bits of /proc/PID/status; sigaction(3) refuses them. */
#define GLIBC_SIGNALS 0x180000000ull

static void on_signal(int sig)
{
	(void)sig;
}

/* Blocked, ignored and caught signals of the parent leave no trace. */
static void test_signals(void **state)
{
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	_cleanup_free_ char *text = NULL;
	sigset_t blocked, before, after;
	unsigned long long ignored;
	pid_t pid;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, on_signal);
	set_user(&s);
	text = run(&s, &pid);
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGTERM) && !sigismember(&after, SIGUSR1));
	assert_text_contains(text, "SigBlk:\t0000000000000000\n");
	/* But the two that glibc keeps for itself: whatever started the tests may ignore them. */
	ignored = strtoull(strstr(text, "SigIgn:") + strlen("SigIgn:"), NULL, 16);
	assert_int_equal(ignored & ~GLIBC_SIGNALS, 0);
}

static void test_environment(void **state)
{
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	_cleanup_free_ char *text = NULL;
	pid_t pid;

	(void)state;
	setenv("GH_TOKEN", "secret", 1);
	setenv("NOTIFY_SOCKET", "/run/notify", 1);
	set_user(&s);
	text = run(&s, &pid);
	assert_text_contains(text,
			     "env: PATH=/usr/sbin:/usr/bin:/sbin:/bin\nenv: LANG=C.UTF-8\ncwd");
	assert_text_contains(text, "cwd: /\n");
	assert_text_contains(text, "leader: 1\n");
	assert_text_contains(text, "stdin: 0 \n");
	assert_text_contains(text, "fds: 0 1 2\n");
}

/* The given descriptors arrive as 3, 4, … even when they lie where others have to go. */
static void test_descriptors(void **state)
{
	_cleanup_close_ int r3 = -EBADF, w3 = -EBADF, r4 = -EBADF, w4 = -EBADF, leak = -EBADF;
	_cleanup_close_ int in = -EBADF, in_writer = -EBADF;
	_cleanup_free_ char *text = NULL, *three = NULL, *four = NULL, *listen_pid = NULL;
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF };
	pid_t pid;

	(void)state;
	make_pipe(&r3, &w3);
	make_pipe(&r4, &w4);
	make_pipe(&in, &in_writer);
	leak = fcntl(r3, F_DUPFD, 100); /* not close-on-exec */
	assert_true(leak >= 100);
	s.in = in;
	s.fds = (const int[]){ w3, w4 };
	s.fd_count = 2;
	s.fd_names = (const char *const[]){ "difc", "host" };
	assert_int_equal(fd_write_all(in_writer, "hello", 5), 0);
	set_user(&s);
	text = run(&s, &pid);
	assert_text_contains(text, "fds: 0 1 2 3 4\n");
	assert_text_contains(text, "stdin: 5 hello\n");
	assert_text_contains(text, "env: LISTEN_FDS=2\n");
	listen_pid = xasprintf("env: LISTEN_PID=%d\nenv: LISTEN_FDNAMES=difc:host\ncwd", pid);
	assert_text_contains(text, listen_pid);
	w3 = fd_close(w3);
	w4 = fd_close(w4);
	three = read_all(r3);
	four = read_all(r4);
	assert_string_equal(three, "three");
	assert_string_equal(four, "four");
}

static void test_swapped_descriptors(void **state)
{
	_cleanup_close_ int r3 = -EBADF, w3 = -EBADF, r4 = -EBADF, w4 = -EBADF;
	_cleanup_free_ char *text = NULL, *three = NULL, *four = NULL;
	struct spawn s = { .path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	int low[2];
	pid_t pid;

	(void)state;
	make_pipe(&r3, &w3);
	make_pipe(&r4, &w4);
	low[0] = fcntl(w4, F_DUPFD_CLOEXEC, 3);
	low[1] = fcntl(w3, F_DUPFD_CLOEXEC, 3);
	s.fds = (const int[]){ MAX(low[0], low[1]), MIN(low[0], low[1]) };
	s.fd_count = 2;
	set_user(&s);
	text = run(&s, &pid);
	assert_text_contains(text, "fds: 0 1 2 3 4\n");
	fd_close(low[0]);
	fd_close(low[1]);
	w3 = fd_close(w3);
	w4 = fd_close(w4);
	three = read_all(r3);
	four = read_all(r4);
	assert_string_equal(three, low[0] > low[1] ? "four" : "three");
	assert_string_equal(four, low[0] > low[1] ? "three" : "four");
}

/* The program may lie where its user can't go. */
static void test_private_directory(void **state)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/child", directory), *text = NULL;
	_cleanup_close_ int from = open(SELF, O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct spawn s = { .path = path, .argv = tell_argv, .network = -EBADF, .in = -EBADF };
	pid_t pid;

	(void)state;
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(to);
	set_user(&s);
	text = run(&s, &pid);
	assert_text_contains(text, "fds: 0 1 2\n");
}

static void test_failures(void **state)
{
	_cleanup_free_ char *not_a_program = xstrdup("/tmp/test-spawn-XXXXXX");
	_cleanup_err_ struct err e = { 0 };
	struct spawn s = { .argv = tell_argv, .network = -EBADF, .in = -EBADF, .out = -EBADF };
	int fd, pidfd = -1;
	pid_t pid = -1;

	(void)state;
	set_user(&s);
	s.path = "/nonexistent/program";
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -ENOENT);
	assert_string_equal(e.message, "/nonexistent/program: No such file or directory");

	fd = mkstemp(not_a_program);
	assert_true(fd >= 0);
	close(fd);
	s.path = not_a_program;
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -EACCES);
	assert_text_contains(e.message, ": could not be executed: Permission denied");
	(void)chmod(not_a_program, 0755);
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -ENOEXEC);
	unlink(not_a_program);

	assert_int_equal(pid, -1);
	assert_int_equal(pidfd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_never_root(void **state)
{
	struct spawn s = {
		.path = SELF, .argv = tell_argv, .network = -EBADF, .in = -EBADF, .out = -EBADF
	};
	_cleanup_err_ struct err e = { 0 };
	int pidfd;
	pid_t pid;

	(void)state;
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -EPERM);
	s.uid = NOBODY;
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -EPERM);
	if (geteuid() == 0)
		return;
	s.gid = NOBODY;
	assert_int_equal(spawn_start(&s, &pid, &pidfd, &e), -EPERM);
	assert_text_contains(e.message, "could not become its user");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_swapped_descriptors),
		cmocka_unit_test(test_private_directory),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_never_root),
	};

	(void)argv;
	if (argc > 1)
		return tell();
	return RUN_TESTS("spawn", tests);
}
