#include "containers/cli-proxy/exec-call-internal.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"
#include "containers/cli-proxy/reply.h"

void exec_call_stop(struct exec_call *c, int status, const char *fmt, ...)
{
	va_list ap;

	if (c->stop.status != 0)
		return;
	c->stop.status = status;
	va_start(ap, fmt);
	c->stop.text = xvasprintf(fmt, ap);
	va_end(ap);
	if (c->phase == PHASE_RUNNING)
		gh_process_kill(c->process);
	else
		event_active(c->finish, EV_TIMEOUT, 0);
}

static void timer_set(struct event *timer, uint64_t seconds)
{
	struct timeval tv = { .tv_sec = (time_t)seconds };

	event_add(timer, &tv);
}

void exec_call_touch(struct exec_call *c)
{
	if (c->streams && c->phase != PHASE_WAITING)
		timer_set(c->idle, c->context->settings->idle_seconds);
}

static void on_deadline(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct exec_call *c = userdata;
	const struct settings *s = c->context->settings;

	if (c->phase == PHASE_WAITING)
		exec_call_stop(c, 503, "busy: no gh became free within %llu s; try again",
			       (unsigned long long)s->wait_seconds);
	else
		exec_call_stop(c, 504, "gh was stopped: it did not finish within %llu s",
			       (unsigned long long)(c->streams ? s->stream_seconds : s->seconds));
}

static void on_idle(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct exec_call *c = userdata;

	if (c->held)
		exec_call_touch(c);
	else
		exec_call_stop(c, 504, "gh was stopped: no input or output for %llu s",
			       (unsigned long long)c->context->settings->idle_seconds);
}

static void on_lost(void *userdata)
{
	exec_call_stop(userdata, 503, "the client has gone");
}

static void on_overflow(int status, const char *text, void *userdata)
{
	exec_call_stop(userdata, status, "%s", text);
}

static void on_hold(bool hold, void *userdata)
{
	struct exec_call *c = userdata;

	c->held = hold;
	if (c->process)
		gh_process_hold_output(c->process, hold);
	if (c->downloads)
		downloads_hold(c->downloads, hold);
	exec_call_touch(c);
}

static const struct answer_events answer_events = { on_lost, on_overflow, on_hold };

void exec_call_answer_piece(struct exec_call *c, int error)
{
	struct evhttp_request *piece = TAKE_PTR(c->piece);

	if (!piece)
		return;
	if (error < 0)
		reply_error(piece, 409, "gh reads no more of its input");
	else
		reply_nothing(piece);
}

void exec_call_finish(struct exec_call *c, int exit_code)
{
	struct answer *answer = TAKE_PTR(c->answer);

	exec_call_answer_piece(c, -EPIPE);
	exec_call_log_done(c, exit_code);
	if (c->stop.status != 0)
		answer_error(answer, c->stop.status, c->stop.text);
	else
		answer_exit(answer, exit_code);
	c->done(c, c->userdata);
}

static void on_finish(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	exec_call_finish(userdata, -1);
}

static void make_id(char id[EXEC_CALL_ID_BYTES * 2 + 1])
{
	unsigned char bytes[EXEC_CALL_ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < EXEC_CALL_ID_BYTES; i++)
		snprintf(id + i * 2, 3, "%02x", bytes[i]);
}

struct exec_call *exec_call_new(struct exec_context *context, struct evhttp_request *req,
				struct exec_request *request, bool streams, exec_call_fn done,
				void *userdata)
{
	const struct settings *s = context->settings;
	struct answer_limits limits = { &context->budget, s->output_limit,
					streams ? s->stream_seconds : s->seconds };
	struct exec_call *c = xnew(struct exec_call);

	c->context = context;
	c->request = request;
	c->streams = streams;
	c->done = done;
	c->userdata = userdata;
	c->deadline = evtimer_new(context->base, on_deadline, c);
	c->idle = evtimer_new(context->base, on_idle, c);
	c->finish = event_new(context->base, -1, 0, on_finish, c);
	c->answer = answer_new(context->base, req, streams, &limits, &answer_events, c);
	clock_gettime(CLOCK_MONOTONIC, &c->started);
	make_id(c->id);
	timer_set(c->deadline, s->wait_seconds);
	return c;
}

static int make_directory(struct exec_call *c, struct err *e)
{
	_cleanup_free_ char *directory = xasprintf("%s/gh-XXXXXX", c->context->settings->temporary);

	if (!mkdtemp(directory))
		return err_system(e, -errno, "cannot make a directory in %s",
				  c->context->settings->temporary);
	c->directory = TAKE_PTR(directory);
	return 0;
}

void exec_call_start(struct exec_call *c, enum gh_company company)
{
	const struct settings *s = c->context->settings;
	_cleanup_err_ struct err e = { 0 };

	if (c->stop.status != 0 || !exec_call_reserve_files(c))
		return;
	if (make_directory(c, &e) < 0) {
		log_error("%s", e.message);
		exec_call_stop(c, 500, "%s", e.message);
		return;
	}
	c->company = company;
	exec_call_log_start(c);
	timer_set(c->deadline, c->streams ? s->stream_seconds : s->seconds);
	if (c->streams)
		exec_call_begin_files(c);
	else
		exec_call_run_gh(c);
	exec_call_touch(c);
}

static void remove_directory(struct exec_call *c)
{
	_cleanup_err_ struct err e = { 0 };

	if (c->directory && file_remove_tree(c->directory, &e) < 0)
		log_warning("%s", e.message);
}

void exec_call_free(struct exec_call *c)
{
	if (!c)
		return;
	if (c->answer)
		answer_error(c->answer, 503, "the proxy ends");
	gh_process_free(c->process);
	uploads_free(c->uploads);
	downloads_free(c->downloads);
	remove_directory(c);
	c->context->file_bytes -= c->file_bytes;
	event_free(c->deadline);
	event_free(c->idle);
	event_free(c->finish);
	exec_request_free(c->request);
	strbuf_clear(&c->preview);
	free(c->directory);
	free(c->stop.text);
	free(c);
}

bool exec_call_is_running(const struct exec_call *c)
{
	return c->phase != PHASE_WAITING;
}

const char *exec_call_id(const struct exec_call *c)
{
	return c->id;
}

/* A piece that comes while gh runs. */
static void write_input(struct exec_call *c, struct evhttp_request *req, struct evbuffer *data)
{
	size_t length = evbuffer_get_length(data);
	int error;

	c->piece = req;
	if (length > 0)
		error = gh_process_write(c->process, data);
	else
		error = gh_process_end_input(c->process);
	if (error < 0)
		exec_call_answer_piece(c, error);
}

void exec_call_input(struct exec_call *c, struct evhttp_request *req)
{
	struct evbuffer *data = evhttp_request_get_input_buffer(req);
	uint64_t limit = c->context->settings->input_limit;
	size_t length = evbuffer_get_length(data);

	exec_call_touch(c);
	if (c->phase == PHASE_RECEIVING && c->stop.status == 0) {
		exec_call_receive_files(c, data);
		reply_nothing(req);
		return;
	}
	if (c->phase != PHASE_RUNNING || !c->request->input_streams || c->piece) {
		reply_error(req, 409, "gh expects no input now");
		return;
	}
	if (c->input_bytes + length > limit) {
		_cleanup_free_ char *text =
			xasprintf("The input is larger than %llu bytes", (unsigned long long)limit);

		reply_error(req, 413, text);
		exec_call_stop(c, 413, "gh was stopped: its input is larger than %llu bytes",
			       (unsigned long long)limit);
		return;
	}
	c->input_bytes += length;
	write_input(c, req, data);
}
