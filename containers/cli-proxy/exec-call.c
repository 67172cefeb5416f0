#include "containers/cli-proxy/exec-call.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "containers/cli-proxy/downloads.h"
#include "containers/cli-proxy/gh-argv.h"
#include "containers/cli-proxy/gh-env.h"
#include "containers/cli-proxy/gh-process.h"
#include "containers/cli-proxy/gh-trouble.h"
#include "containers/cli-proxy/reply.h"
#include "containers/cli-proxy/uploads.h"

#define ID_BYTES      8
#define PREVIEW_BYTES 200

/* Why a call doesn't end by itself: what its client and the log are told. */
struct stop {
	int status; /* HTTP; 0 when nothing stopped it */
	char *text;
};

enum phase {
	PHASE_WAITING,   /* for its turn */
	PHASE_RECEIVING, /* the agent's files */
	PHASE_RUNNING,   /* gh */
	PHASE_SENDING,   /* what gh has downloaded */
};

struct exec_call {
	struct exec_context *context;
	struct exec_request *request;
	struct answer *answer;
	enum phase phase;
	struct uploads *uploads;
	struct gh_process *process;
	struct downloads *downloads;
	int exit_code;   /* of a gh that has ended */
	char *directory; /* its own, for HOME and the like */
	char id[ID_BYTES * 2 + 1];
	bool streams;
	bool held; /* the client is slow, gh's output is not read */
	struct stop stop;
	struct event *deadline; /* of the waiting, then of the running */
	struct event *idle;
	struct event *finish; /* ends a call whose gh doesn't run */
	struct evhttp_request *piece;
	uint64_t input_bytes;
	uint64_t file_bytes; /* what it takes of the budget of files */
	uint64_t output_bytes[2];
	struct strbuf preview; /* the beginning of stderr */
	struct gh_trouble trouble;
	struct timespec started;
	exec_call_fn done;
	void *userdata;
};

static void call_stop(struct exec_call *c, int status, const char *fmt, ...) _printf_(3, 4);

/* Ends the call from outside; the first reason counts. */
static void call_stop(struct exec_call *c, int status, const char *fmt, ...)
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

static void touch(struct exec_call *c)
{
	if (c->streams && c->phase != PHASE_WAITING)
		timer_set(c->idle, c->context->settings->idle_seconds);
}

static void on_deadline(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct exec_call *c = userdata;
	const struct settings *s = c->context->settings;

	if (c->phase == PHASE_WAITING)
		call_stop(c, 503, "busy: no gh became free within %llu s; try again",
			  (unsigned long long)s->wait_seconds);
	else
		call_stop(c, 504, "gh was stopped: it did not finish within %llu s",
			  (unsigned long long)(c->streams ? s->stream_seconds : s->seconds));
}

static void on_idle(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct exec_call *c = userdata;

	if (c->held)
		touch(c);
	else
		call_stop(c, 504, "gh was stopped: no input or output for %llu s",
			  (unsigned long long)c->context->settings->idle_seconds);
}

/* --- The answer's events
 * -------------------------------------------------------------------------- */

static void on_lost(void *userdata)
{
	call_stop(userdata, 503, "the client has gone");
}

static void on_overflow(int status, const char *text, void *userdata)
{
	call_stop(userdata, status, "%s", text);
}

static void on_hold(bool hold, void *userdata)
{
	struct exec_call *c = userdata;

	c->held = hold;
	if (c->process)
		gh_process_hold_output(c->process, hold);
	if (c->downloads)
		downloads_hold(c->downloads, hold);
	touch(c);
}

static const struct answer_events answer_events = { on_lost, on_overflow, on_hold };

/* --- The process's events
 * ------------------------------------------------------------------------- */

static void on_output(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct exec_call *c = userdata;
	bool is_error = type == STDCOPY_STDERR;

	c->output_bytes[is_error] += length;
	if (is_error && c->preview.length < PREVIEW_BYTES)
		strbuf_append(&c->preview, data, MIN(length, PREVIEW_BYTES - c->preview.length));
	if (is_error)
		gh_trouble_take(&c->trouble, data, length);
	touch(c);
	answer_output(c->answer, type, data, length);
}

static void answer_piece(struct exec_call *c, int error)
{
	struct evhttp_request *piece = TAKE_PTR(c->piece);

	if (!piece)
		return;
	if (error < 0)
		reply_error(piece, 409, "gh reads no more of its input");
	else
		reply_nothing(piece);
}

static void on_input_done(int error, void *userdata)
{
	touch(userdata);
	answer_piece(userdata, error);
}

static uint64_t milliseconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - then->tv_sec) * 1000 +
			  (now.tv_nsec - then->tv_nsec) / 1000000);
}

static struct json_object *log_fields(const struct exec_call *c)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_string(c->id));
	access_log_add_args(o, c->request->args);
	return o;
}

static void log_done(const struct exec_call *c, int exit_code)
{
	struct json_object *o = log_fields(c);

	json_object_object_add(o, "exitCode", json_object_new_int(exit_code));
	json_object_object_add(o, "durationMs",
			       json_object_new_int64((int64_t)milliseconds_since(&c->started)));
	json_object_object_add(o, "stdinBytes", json_object_new_int64((int64_t)c->input_bytes));
	json_object_object_add(o, "stdoutBytes",
			       json_object_new_int64((int64_t)c->output_bytes[0]));
	json_object_object_add(o, "stderrBytes",
			       json_object_new_int64((int64_t)c->output_bytes[1]));
	if (c->preview.length > 0)
		access_log_add_text(o, "stderrPreview", c->preview.data, c->preview.length);
	if (c->stop.text)
		access_log_add_text(o, "stopped", c->stop.text, strlen(c->stop.text));
	access_log_write(c->context->log, "exec_done", o);
}

/* The one end of every call. */
static void call_finish(struct exec_call *c, int exit_code)
{
	struct answer *answer = TAKE_PTR(c->answer);

	answer_piece(c, -EPIPE);
	log_done(c, exit_code);
	if (c->stop.status != 0)
		answer_error(answer, c->stop.status, c->stop.text);
	else
		answer_exit(answer, exit_code);
	c->done(c, c->userdata);
}

/* What is told of a gh that a limit of its resources ended. */
static void tell_limit(struct exec_call *c, enum gh_limit limit)
{
	const struct settings *s = c->context->settings;

	switch (limit) {
	case GH_LIMIT_NONE:
		return;
	case GH_LIMIT_CPU:
		call_stop(c, 504, "gh was stopped: it used more than %llu s of CPU time",
			  (unsigned long long)s->cpu_seconds);
		return;
	case GH_LIMIT_MEMORY:
		call_stop(c, 500, "gh was stopped: it needs more than %llu bytes of memory",
			  (unsigned long long)s->gh_memory);
		return;
	}
}

/* Says what gh can't know of a DIFC proxy that has failed it. */
static void explain_trouble(struct exec_call *c)
{
	const char *advice = gh_trouble_advice(&c->trouble);
	_cleanup_free_ char *line = NULL;

	if (!advice)
		return;
	line = xasprintf("gh: %s\n", advice);
	on_output(STDCOPY_STDERR, line, strlen(line), c);
}

/* --- Downloads
 * ------------------------------------------------------------------------------------ */

static void on_download_piece(const void *data, size_t length, void *userdata)
{
	struct exec_call *c = userdata;

	touch(c);
	answer_output(c->answer, STDCOPY_STDIN, data, length);
}

static void on_downloads_done(const struct err *e, void *userdata)
{
	struct exec_call *c = userdata;

	if (e)
		call_stop(c, 500, "%s", e->message);
	else
		call_finish(c, c->exit_code);
}

static const struct downloads_events downloads_events = { on_download_piece, on_downloads_done };

static bool makes_downloads(const struct exec_call *c)
{
	const struct gh_command *command = c->request->arguments.command;

	return command && command->downloads && c->request->files;
}

static void send_downloads(struct exec_call *c)
{
	_cleanup_free_ char *path = gh_argv_download_path(c->directory);
	_cleanup_err_ struct err e = { 0 };

	c->phase = PHASE_SENDING;
	if (downloads_start(c->context->base, path, &downloads_events, c, &c->downloads, &e) < 0)
		call_stop(c, 500, "%s", e.message);
	else
		downloads_hold(c->downloads, c->held);
}

static void on_ended(const struct gh_end *end, void *userdata)
{
	struct exec_call *c = userdata;
	const struct gh_limits *limits = gh_confinement_limits(c->context->confinement);

	c->exit_code = end->exit_code;
	if (end->exit_code != 0 && c->stop.status == 0)
		explain_trouble(c);
	tell_limit(c, gh_limits_exceeded(limits, end, c->preview.data, c->preview.length));
	if (c->stop.status == 0 && makes_downloads(c))
		send_downloads(c);
	else
		call_finish(c, end->exit_code);
}

static void on_finish(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	call_finish(userdata, -1);
}

static const struct gh_process_events process_events = { on_output, on_input_done, on_ended };

/* --- Its life
 * ------------------------------------------------------------------------------------- */

static void make_id(char id[ID_BYTES * 2 + 1])
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < ID_BYTES; i++)
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

/* Input that came with the request is written at once and ended. */
static void start_input(struct exec_call *c)
{
	struct evbuffer *data;

	if (!c->request->input)
		return;
	data = evbuffer_new();
	evbuffer_add(data, c->request->input, c->request->input_length);
	c->input_bytes += c->request->input_length;
	(void)gh_process_write(c->process, data); /* a gh that ended already needs none */
	(void)gh_process_end_input(c->process);
	evbuffer_free(data);
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

static int start_gh(struct exec_call *c, struct err *e)
{
	const struct settings *s = c->context->settings;
	_cleanup_strv_ char **env = NULL, **argv = NULL;
	const char *repository = strv_env_get(c->request->env, "GH_REPO");
	struct gh_env_base base = { .difc_port = (uint16_t)s->difc_port,
				    .ca_bundle = s->ca_bundle,
				    .repository = s->repository,
				    .redirect_proxy = s->redirect_proxy,
				    .directory = c->directory };
	struct gh_process_spec spec = { .confinement = c->context->confinement,
					.path = s->gh,
					.directory = c->directory };

	if (!spec.confinement) {
		err_copy(e, c->context->unconfined);
		return e->error;
	}
	spec.args = argv = gh_argv_build(&c->request->arguments, c->directory,
					 repository ? repository : s->repository);
	spec.env = env = gh_env_build(&base, c->request->env);
	spec.input = c->request->input || c->request->input_streams;
	return gh_process_spawn(c->context->base, c->context->reaper, &spec, &process_events, c,
				&c->process, e);
}

static void run_gh(struct exec_call *c)
{
	_cleanup_err_ struct err e = { 0 };

	if (start_gh(c, &e) < 0) {
		log_error("%s", e.message);
		call_stop(c, 500, "%s", e.message);
		return;
	}
	c->phase = PHASE_RUNNING;
	start_input(c);
}

/* --- The agent's files
 * ---------------------------------------------------------------------------- */

/* All calls together have so much room for files. */
static bool reserve_files(struct exec_call *c)
{
	uint64_t limit = c->context->settings->files_limit, sum = 0;

	for (size_t i = 0; i < c->request->file_count; i++)
		sum += MIN(c->request->files[i], limit + 1);
	if (sum > limit) {
		call_stop(c, 413, "The files are larger than %llu bytes",
			  (unsigned long long)limit);
		return false;
	}
	if (sum > limit - c->context->file_bytes) {
		call_stop(c, 503,
			  "busy: the files of all calls are larger than %llu bytes; try again",
			  (unsigned long long)limit);
		return false;
	}
	c->file_bytes = sum;
	c->context->file_bytes += sum;
	return true;
}

/* Takes what there is of the files; when they are whole gh runs. */
static void receive_files(struct exec_call *c, struct evbuffer *data)
{
	_cleanup_err_ struct err e = { 0 };
	int r = uploads_take(c->uploads, data, &e);

	if (r < 0) {
		log_error("%s", e.message);
		call_stop(c, 500, "The files cannot be stored: %s", e.message);
	} else if (evbuffer_get_length(data) > 0) {
		call_stop(c, 400, "More bytes came than the files have");
	} else if (r > 0) {
		run_gh(c);
	}
}

static void begin_files(struct exec_call *c)
{
	_cleanup_err_ struct err e = { 0 };
	struct evbuffer *nothing = evbuffer_new();

	c->phase = PHASE_RECEIVING;
	answer_begin(c->answer, c->id);
	if (uploads_new(&c->request->arguments, c->directory, c->request->files, &c->uploads, &e) <
	    0)
		call_stop(c, 500, "%s", e.message);
	else
		receive_files(c, nothing);
	evbuffer_free(nothing);
}

void exec_call_start(struct exec_call *c)
{
	const struct settings *s = c->context->settings;
	_cleanup_err_ struct err e = { 0 };

	if (c->stop.status != 0 || !reserve_files(c))
		return;
	if (make_directory(c, &e) < 0) {
		log_error("%s", e.message);
		call_stop(c, 500, "%s", e.message);
		return;
	}
	access_log_write(c->context->log, "exec_start", log_fields(c));
	timer_set(c->deadline, c->streams ? s->stream_seconds : s->seconds);
	if (c->streams)
		begin_files(c);
	else
		run_gh(c);
	touch(c);
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
		answer_piece(c, error);
}

void exec_call_input(struct exec_call *c, struct evhttp_request *req)
{
	struct evbuffer *data = evhttp_request_get_input_buffer(req);
	uint64_t limit = c->context->settings->input_limit;
	size_t length = evbuffer_get_length(data);

	touch(c);
	if (c->phase == PHASE_RECEIVING && c->stop.status == 0) {
		receive_files(c, data);
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
		call_stop(c, 413, "gh was stopped: its input is larger than %llu bytes",
			  (unsigned long long)limit);
		return;
	}
	c->input_bytes += length;
	write_input(c, req, data);
}
