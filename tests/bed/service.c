/* service: starts and stops the daemons of the bed, without systemd but by its protocol: "start"
 * returns when the daemon has said READY=1 (sd_notify(3)), and fails with the end of its log when
 * it exits or stays silent. Of daemons that don't know the protocol (--at) it is enough that they
 * accept a connection. The daemon belongs to the bed's init from then on. */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include <event2/util.h>

#include "common/alloc.h"
#include "tests/bed/process-file.h"

struct service {
	const char *dir; /* holds NAME.pid and NAME.log */
	const char *verb;
	const char *name;
	const char *at; /* where it accepts connections when it is ready, or NULL when it says so */
	char **command;
	int timeout_ms;
	char *pidfile;
	char *logfile;
};

static int usage(void)
{
	fputs("usage: service --dir DIR [--timeout SECONDS] [--at ADDRESS:PORT|PATH] "
	      "start|stop|kill|pid NAME [-- COMMAND...]\n",
	      stderr);
	return -EINVAL;
}

static int parse(int argc, char **argv, struct service *s)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "timeout", required_argument, NULL, 't' },
		{ "at", required_argument, NULL, 'a' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'd')
			s->dir = optarg;
		else if (c == 't')
			s->timeout_ms = atoi(optarg) * 1000;
		else if (c == 'a')
			s->at = optarg;
		else
			return usage();
	}
	if (!s->dir || argc - optind < 2)
		return usage();
	s->verb = argv[optind];
	s->name = argv[optind + 1];
	s->command = argv + optind + 2;
	if (*s->command && strcmp(*s->command, "--") == 0)
		s->command++;
	s->pidfile = xasprintf("%s/%s.pid", s->dir, s->name);
	s->logfile = xasprintf("%s/%s.log", s->dir, s->name);
	return 0;
}

static int fail(const struct service *s, int error, const char *what)
{
	fprintf(stderr, "service %s: %s: %s\n", s->name, what, strerror(-error));
	return error;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* An abstract socket of a name the kernel picks, and that name as NOTIFY_SOCKET wants it. */
static int notify_socket(char **ret_name)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(sa);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &length) < 0)
		return -errno;
	*ret_name = xasprintf("@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
			      sa.sun_path + 1);
	return TAKE_FD(fd);
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
}

static void run_daemon(const struct service *s, int log, const char *notify)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	reset_signals();
	setenv("NOTIFY_SOCKET", notify, 1);
	if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chdir("/") < 0)
		_exit(125);
	execvp(s->command[0], s->command);
	(void)fail(s, -errno, s->command[0]);
	_exit(127);
}

static bool says_ready(int fd)
{
	char message[4096];
	ssize_t n = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);
	char *rest = message, *line;

	message[MAX(n, 0)] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strcmp(line, "READY=1") == 0)
			return true;
	return false;
}

static bool parse_place(const char *text, struct sockaddr_storage *sa, int *length)
{
	struct sockaddr_un *local = (struct sockaddr_un *)sa;

	*length = sizeof(*sa);
	if (*text != '/')
		return evutil_parse_sockaddr_port(text, (struct sockaddr *)sa, length) == 0;
	local->sun_family = AF_UNIX;
	*length = sizeof(*local);
	return strlen(text) < sizeof(local->sun_path) && strcpy(local->sun_path, text);
}

/* The place is on this machine, so the connection stands or fails at once. */
static bool accepts(const char *place)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_storage sa = { 0 };
	int length;

	if (!parse_place(place, &sa, &length))
		return false;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&sa, (socklen_t)length) == 0;
}

static bool is_ready(const struct service *s, int notify)
{
	return s->at ? accepts(s->at) : says_ready(notify);
}

/* Nobody tells when a daemon begins to accept connections, so it is asked again and again. */
enum { ASK_AGAIN_MS = 5 };

/* Until it is ready, the daemon's exit (-ECHILD) or the time limit. */
static int await_ready(const struct service *s, int notify, int daemon)
{
	long long deadline = now_ms() + s->timeout_ms;
	struct pollfd fds[] = { { .fd = s->at ? -1 : notify, .events = POLLIN },
				{ .fd = daemon, .events = POLLIN } };

	for (;;) {
		long long left = deadline - now_ms();
		int n = poll(fds, ARRAY_SIZE(fds),
			     (int)MAX(s->at ? MIN(left, ASK_AGAIN_MS) : left, 0));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[1].revents)
			return -ECHILD;
		if (is_ready(s, notify))
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

/* The last lines of the log, for whoever has to find out why. */
static void show_log(const struct service *s)
{
	_cleanup_file_ FILE *f = fopen(s->logfile, "re");
	char line[1024];

	if (!f)
		return;
	if (fseek(f, -3000, SEEK_END) < 0)
		rewind(f);
	while (fgets(line, sizeof(line), f))
		fprintf(stderr, "  %s: %s", s->name, line);
}

static bool is_running(const struct service *s)
{
	_cleanup_close_ int fd = -EBADF;
	struct process_id p;

	if (process_load(s->pidfile, &p) < 0)
		return false;
	fd = process_open(&p);
	return fd >= 0;
}

static int start(const struct service *s)
{
	_cleanup_close_ int notify = -EBADF, log = -EBADF, daemon = -EBADF;
	_cleanup_free_ char *name = NULL;
	struct process_id p = { 0 };
	int r;

	if (!*s->command)
		return usage();
	if (is_running(s))
		return 0;
	log = open(s->logfile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0)
		return fail(s, -errno, s->logfile);
	notify = notify_socket(&name);
	if (notify < 0)
		return fail(s, notify, "notify socket");
	p.pid = fork();
	if (p.pid < 0)
		return fail(s, -errno, "fork");
	if (p.pid == 0)
		run_daemon(s, log, name);
	daemon = (int)syscall(SYS_pidfd_open, p.pid, 0);
	if (daemon < 0)
		return fail(s, -errno, "pidfd");
	r = process_identify(daemon, p.pid, &p);
	if (r == 0)
		r = process_save(s->pidfile, &p);
	if (r < 0)
		return fail(s, r, s->pidfile);
	r = await_ready(s, notify, daemon);
	if (r == 0)
		return 0;
	(void)fail(s, r, r == -ECHILD ? "ended before it was ready" : "not ready");
	show_log(s);
	kill(p.pid, SIGKILL);
	unlink(s->pidfile);
	return r;
}

static bool gone_within(int daemon, int timeout_ms)
{
	struct pollfd fd = { .fd = daemon, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) > 0;
}

/* Ends the daemon by sig, and by SIGKILL when that takes longer than the time limit: an error then,
 * because a daemon that does not end when told to is what tests want to hear of. */
static int end(const struct service *s, int sig)
{
	_cleanup_close_ int daemon = -EBADF;
	struct process_id p;
	int r = 0;

	if (process_load(s->pidfile, &p) < 0)
		return 0;
	daemon = process_open(&p);
	if (daemon >= 0) {
		syscall(SYS_pidfd_send_signal, daemon, sig, NULL, 0);
		if (!gone_within(daemon, s->timeout_ms)) {
			r = fail(s, -ETIMEDOUT, "did not end; killed");
			syscall(SYS_pidfd_send_signal, daemon, SIGKILL, NULL, 0);
			(void)gone_within(daemon, -1);
		}
	}
	unlink(s->pidfile);
	return r;
}

static int stop(const struct service *s)
{
	return end(s, SIGTERM);
}

static int kill_it(const struct service *s)
{
	return end(s, SIGKILL);
}

static int print_pid(const struct service *s)
{
	struct process_id p;

	if (!is_running(s) || process_load(s->pidfile, &p) < 0)
		return -ESRCH;
	printf("%d\n", (int)p.pid);
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(const struct service *s);
} verbs[] = {
	{ "start", start },
	{ "stop", stop },
	{ "kill", kill_it },
	{ "pid", print_pid },
};

int main(int argc, char **argv)
{
	struct service s = { .timeout_ms = 10000 };

	if (parse(argc, argv, &s) < 0)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].verb, s.verb) == 0)
			return verbs[i].run(&s) < 0 ? 1 : 0;
	(void)usage();
	return 2;
}
