#include "awfctl/pump.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/stdcopy.h"

#define BUFFER_SIZE (64 * 1024)

/* What a terminal takes for the end of its input: at the beginning of a line once, within one
 * twice. */
#define TERMINAL_EOF "\x04\x04"

struct pump {
	atomic_int holders; /* the thread, and whoever started it */
	pthread_t thread;
	int ended; /* eventfd */
	int stream;
	bool tty;
	int error;        /* once ended: negative errno */
	const char *what; /* what that is about */
	struct stdcopy frames;
	struct detach_keys keys;
	enum pump_end end;
	bool in_line; /* the last that was sent is no end of a line */
	char buffer[BUFFER_SIZE];
};

/* Where the payload of a frame goes; the engine's own messages (system) are diagnostics too. */
static const int frame_targets[] = {
	[STDCOPY_STDIN] = STDOUT_FILENO,
	[STDCOPY_STDOUT] = STDOUT_FILENO,
	[STDCOPY_STDERR] = STDERR_FILENO,
	[STDCOPY_SYSTEM] = STDERR_FILENO,
};

static const char *const target_names[] = {
	[STDOUT_FILENO] = "cannot write to standard output",
	[STDERR_FILENO] = "cannot write to standard error",
};

/* Waits where a read or write would: on descriptors that somebody else made non-blocking. */
static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	(void)poll(&p, 1, -1);
}

/* Whether a failed read or write is to be tried again. */
static bool again(int fd, short events)
{
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	wait_for(fd, events);
	return true;
}

static int fail(struct pump *p, int error, const char *what)
{
	p->error = error;
	p->what = what;
	return error;
}

static int write_target(struct pump *p, int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && again(fd, POLLOUT))
			continue;
		if (n < 0)
			return fail(p, -errno, target_names[fd]);
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

static int write_frame(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	return write_target(userdata, frame_targets[type], data, length);
}

static int write_output(struct pump *p, size_t length)
{
	int r;

	if (p->tty)
		return write_target(p, STDOUT_FILENO, p->buffer, length);
	r = stdcopy_feed(&p->frames, p->buffer, length, write_frame, p);
	return r == -EBADMSG ? fail(p, r, "the command's output is damaged") : r;
}

/* The engine closes its end with input unread when the command never read it: then the last read
 * here is a reset, after all output, and an end like any other. */
static void run_output(struct pump *p)
{
	for (;;) {
		ssize_t n = recv(p->stream, p->buffer, sizeof(p->buffer), 0);

		if (n < 0 && again(p->stream, POLLIN))
			continue;
		if (n < 0 && errno != ECONNRESET) {
			fail(p, -errno, "cannot read the command's output");
			return;
		}
		if (n <= 0)
			break;
		if (write_output(p, (size_t)n) < 0) {
			(void)shutdown(p->stream, SHUT_RDWR); /* lets nobody wait for us */
			return;
		}
	}
	if (p->frames.header_length > 0)
		fail(p, -ENODATA, "the command's output ended in the middle");
}

static int send_all(int stream, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = send(stream, data, length, MSG_NOSIGNAL);

		if (n < 0 && again(stream, POLLOUT))
			continue;
		if (n < 0)
			return -errno;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

static bool ends_line(char c)
{
	return c == '\r' || c == '\n';
}

/* Whether there is more to send, now or later. */
static bool send_input(struct pump *p, size_t length)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	bool detach = detach_keys_feed(&p->keys, p->buffer, length, &out);

	if (send_all(p->stream, out.data, out.length) < 0)
		return false;
	if (out.length > 0)
		p->in_line = !ends_line(out.data[out.length - 1]);
	if (detach)
		fail(p, -ECANCELED, "detached");
	return !detach;
}

/* poll(2) first: a background job that only might read the terminal is not stopped by SIGTTIN. A
 * command that does not take its input any more is no error. */
static void run_input(struct pump *p)
{
	for (;;) {
		ssize_t n;

		wait_for(STDIN_FILENO, POLLIN);
		n = read(STDIN_FILENO, p->buffer, sizeof(p->buffer));
		if (n < 0 && again(STDIN_FILENO, POLLIN))
			continue;
		if (n < 0)
			fail(p, -errno, "cannot read standard input");
		if (n <= 0 || !send_input(p, (size_t)n))
			break;
	}
}

static void pump_release(struct pump *p)
{
	if (atomic_fetch_sub(&p->holders, 1) > 1)
		return;
	p->ended = fd_close(p->ended);
	p->stream = fd_close(p->stream);
	free(p);
}

static void announce(struct pump *p)
{
	(void)eventfd_write(p->ended, 1);
}

/* Tells the command, in the way that it has for that, that no more input comes. */
static void end_input(struct pump *p)
{
	switch (p->end) {
	case PUMP_END_STREAM:
		(void)shutdown(p->stream, SHUT_WR);
		break;
	case PUMP_END_TERMINAL:
		(void)send_all(p->stream, TERMINAL_EOF, p->in_line ? 2 : 1);
		break;
	case PUMP_END_SILENT:
		break;
	}
}

/* Announced before the command can know: what went wrong is reported even if it ends at once. */
static void *input_thread(void *userdata)
{
	struct pump *p = userdata;

	run_input(p);
	announce(p);
	if (p->error != -ECANCELED)
		end_input(p);
	pump_release(p);
	return NULL;
}

static void *output_thread(void *userdata)
{
	struct pump *p = userdata;

	run_output(p);
	announce(p);
	pump_release(p);
	return NULL;
}

static int start_thread(struct pump *p, void *(*body)(void *))
{
	int r;

	if (p->ended < 0 || p->stream < 0)
		return -errno;
	p->holders++;
	r = pthread_create(&p->thread, NULL, body, p);
	if (r != 0)
		p->holders--;
	return -r;
}

static struct pump *pump_new(void)
{
	struct pump *p = xnew(struct pump);

	p->holders = 1;
	return p;
}

static int pump_start(struct pump *p, int stream, void *(*body)(void *), struct pump **ret,
		      struct err *e)
{
	int r;

	p->ended = eventfd(0, EFD_CLOEXEC);
	p->stream = p->ended < 0 ? -EBADF : fcntl(stream, F_DUPFD_CLOEXEC, 0);
	r = start_thread(p, body);
	if (r < 0) {
		pump_release(p);
		return err_system(e, r, "cannot start a thread");
	}
	*ret = p;
	return 0;
}

int pump_start_input(int stream, const struct detach_keys *keys, enum pump_end end,
		     struct pump **ret, struct err *e)
{
	struct pump *p = pump_new();

	p->keys = *keys;
	p->end = end;
	return pump_start(p, stream, input_thread, ret, e);
}

int pump_start_output(int stream, bool tty, struct pump **ret, struct err *e)
{
	struct pump *p = pump_new();

	p->tty = tty;
	return pump_start(p, stream, output_thread, ret, e);
}

int pump_fd(const struct pump *p)
{
	return p->ended;
}

int pump_end(struct pump *p, struct err *e)
{
	int r;

	(void)pthread_join(p->thread, NULL);
	r = p->error < 0 ? err_system(e, p->error, "%s", p->what) : 0;
	pump_release(p);
	return r;
}

void pump_abandon(struct pump *p)
{
	if (!p)
		return;
	(void)pthread_detach(p->thread);
	pump_release(p);
}
