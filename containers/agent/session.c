#include "containers/agent/session.h"

#include <json-c/json.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/stdcopy.h"
#include "common/strbuf.h"
#include "containers/agent/connection.h"

#define STREAM_TYPE "application/vnd.docker.multiplexed-stream"

/* One piece of input; cli-proxy takes up to 1 MiB. */
#define PIECE_SIZE (256 * 1024)

/* Of answers that are not output. */
#define TEXT_LIMIT (64 * 1024)

/* A busy cli-proxy is asked again, ever more slowly, for this long. */
#define BUSY_SECONDS    60
#define BUSY_FIRST_MS   50
#define BUSY_LONGEST_MS 1000

struct session {
	const struct proxy_url *url;
	struct connection exec;
	struct connection input;
	struct sources *sources;
	struct unpack *unpack; /* NULL when nothing is downloaded */
	char *input_path;      /* NULL when gh wants no input, or no more of it */
	bool input_awaited;    /* a piece is on its way */
	struct stdcopy frames;
	struct strbuf text; /* the last frame, or the body of an answer that doesn't stream */
	struct err *err;
};

/* --- Output
 * --------------------------------------------------------------------------------------- */

/* The agent may have given us a descriptor that doesn't block. */
static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (n < 0 && errno == EAGAIN)
			(void)poll(&writable, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		data += MAX(n, 0);
		length -= (size_t)MAX(n, 0);
	}
	return 0;
}

static int keep_text(struct session *s, const void *data, size_t length)
{
	if (s->text.length + length > TEXT_LIMIT)
		return err_set(s->err, -EPROTO, ERR_SYSTEM, "cli-proxy's answer is too long");
	strbuf_append(&s->text, data, length);
	return 0;
}

static int on_frame(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct session *s = userdata;
	int fd = type == STDCOPY_STDERR ? STDERR_FILENO : STDOUT_FILENO;
	int error;

	if (type == STDCOPY_SYSTEM)
		return keep_text(s, data, length);
	if (type == STDCOPY_STDIN && s->unpack)
		return unpack_feed(s->unpack, data, length, s->err);
	error = write_all(fd, data, length);
	if (error < 0)
		return err_system(s->err, error, "cannot write gh's output");
	return 0;
}

static int on_body(const void *data, size_t length, void *userdata)
{
	struct session *s = userdata;
	int error;

	if (s->exec.response.status != 200)
		return keep_text(s, data, length);
	error = stdcopy_feed(&s->frames, data, length, on_frame, s);
	if (error == -EBADMSG)
		return err_set(s->err, -EPROTO, ERR_SYSTEM, "cli-proxy's answer is no stream");
	return error;
}

/* --- Input
 * ---------------------------------------------------------------------------------------- */

static int ignore_body(const void *data _unused_, size_t length _unused_, void *userdata _unused_)
{
	return 0;
}

static void end_input(struct session *s)
{
	connection_close(&s->input);
	free(TAKE_PTR(s->input_path));
	s->input_awaited = false;
}

/* Sends the next piece; an empty one is the end of stdin. */
static int send_input(struct session *s)
{
	static char piece[PIECE_SIZE];
	ssize_t n = sources_read(s->sources, piece, sizeof(piece), s->err);
	int error = 0;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	if (s->input.fd < 0)
		error = connection_open(&s->input, s->url, s->err);
	if (error < 0)
		return error;
	s->input_awaited = true;
	return connection_post(&s->input, s->input_path, "application/octet-stream", NULL, piece,
			       (size_t)n, s->err);
}

/* Anything but 204 means that gh wants no more; why is told by the end of the call. */
static int receive_input_answer(struct session *s)
{
	int n = connection_receive(&s->input, ignore_body, NULL, s->err);

	if (n <= 0)
		return n;
	if (s->input.response.status != 204 || sources_fd(s->sources) < 0)
		end_input(s);
	s->input_awaited = false;
	return 0;
}

/* The head has come: gh runs, or waits for the files. */
static void begin_input(struct session *s)
{
	_cleanup_free_ char *id = http_response_header(&s->exec.response, "Awf-Exec-Id");

	if (id && sources_fd(s->sources) >= 0)
		s->input_path = xasprintf("/exec/%s/stdin", id);
}

/* --- The call
 * ------------------------------------------------------------------------------------- */

/* Moves bytes until the answer is whole. */
static int exchange(struct session *s)
{
	enum { EXEC, INPUT, SOURCE, COUNT };
	bool begun = false;

	for (;;) {
		bool idle = s->input_path && !s->input_awaited;
		struct pollfd fds[COUNT] = {
			[EXEC] = { .fd = s->exec.fd, .events = POLLIN },
			[INPUT] = { .fd = s->input_awaited ? s->input.fd : -1, .events = POLLIN },
			[SOURCE] = { .fd = idle ? sources_fd(s->sources) : -1, .events = POLLIN },
		};
		int n = 0;

		if (poll(fds, COUNT, -1) < 0 && errno != EINTR)
			return err_system(s->err, -errno, "cannot wait for cli-proxy");
		if (fds[EXEC].revents) {
			n = connection_receive(&s->exec, on_body, s, s->err);
			if (n != 0)
				return n;
			if (!begun && s->exec.response.status == 200) {
				begin_input(s);
				begun = true;
			}
		}
		if (fds[INPUT].revents)
			n = receive_input_answer(s);
		else if (fds[SOURCE].revents)
			n = send_input(s);
		if (n < 0)
			return n;
	}
}

static struct json_object *member(struct json_object *o, const char *name, json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static void set_told_error(struct session *s, struct json_object *o)
{
	struct json_object *told = member(o, "error", json_type_string);

	if (told)
		(void)err_set(s->err, -EPROTO, ERR_SYSTEM, "%s", json_object_get_string(told));
	else if (s->exec.response.status == 413)
		(void)err_set(s->err, -EPROTO, ERR_SYSTEM, "the arguments are larger than 1 MiB");
	else
		(void)err_set(s->err, -EPROTO, ERR_SYSTEM,
			      "cli-proxy's answer has no result (HTTP %d)",
			      s->exec.response.status);
}

/* gh's exit code; -EPROTO with the error that was told. */
static int result(struct session *s)
{
	struct json_object *o = json_tokener_parse(s->text.data ? s->text.data : "");
	struct json_object *code = member(o, "exitCode", json_type_int);
	int n = -EPROTO;

	if (s->exec.response.status == 200 && code && !member(o, "error", json_type_string))
		n = json_object_get_int(code) & 0xff;
	else
		set_told_error(s, o);
	json_object_put(o);
	return n;
}

static void session_clear(struct session *s)
{
	connection_close(&s->exec);
	end_input(s);
	strbuf_clear(&s->text);
}

/* One attempt; -EBUSY when cli-proxy has no place for it. */
static int attempt(const struct session_call *call, struct err *e)
{
	_cleanup_(session_clear) struct session s = { .url = call->url,
						      .exec = CONNECTION_NONE,
						      .input = CONNECTION_NONE,
						      .sources = call->sources,
						      .unpack = call->unpack,
						      .err = e };
	int n = connection_open(&s.exec, call->url, e);

	if (n < 0)
		return n;
	n = connection_post(&s.exec, "/exec", "application/json", STREAM_TYPE, call->body,
			    strlen(call->body), e);
	if (n < 0)
		return n;
	n = exchange(&s);
	if (n < 0)
		return n;
	n = result(&s);
	if (s.exec.response.status == 503)
		return -EBUSY;
	return n >= 0 && s.unpack && unpack_end(s.unpack, e) < 0 ? e->error : n;
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int session_run(const struct session_call *call, struct err *e)
{
	time_t until = seconds_now() + BUSY_SECONDS;
	long delay_ms = BUSY_FIRST_MS;

	for (;;) {
		struct timespec delay = { .tv_sec = delay_ms / 1000,
					  .tv_nsec = delay_ms % 1000 * 1000000 };
		int n = attempt(call, e);

		if (n != -EBUSY || seconds_now() >= until)
			return n;
		nanosleep(&delay, NULL);
		delay_ms = MIN(delay_ms * 2, BUSY_LONGEST_MS);
	}
}
