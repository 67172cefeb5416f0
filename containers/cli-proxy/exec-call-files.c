#include "containers/cli-proxy/exec-call-internal.h"

#include <event2/buffer.h>

#include "common/alloc.h"
#include "common/log.h"
#include "containers/cli-proxy/gh-argv.h"

/* --- The agent's files --- */

/* All calls together have so much room for files. */
bool exec_call_reserve_files(struct exec_call *c)
{
	uint64_t limit = c->context->settings->files_limit, sum = 0;

	for (size_t i = 0; i < c->request->file_count; i++)
		sum += MIN(c->request->files[i], limit + 1);
	if (sum > limit) {
		exec_call_stop(c, 413, "The files are larger than %llu bytes",
			       (unsigned long long)limit);
		return false;
	}
	if (sum > limit - c->context->file_bytes) {
		exec_call_stop(c, 503,
			       "busy: the files of all calls are larger than %llu bytes; try again",
			       (unsigned long long)limit);
		return false;
	}
	c->file_bytes = sum;
	c->context->file_bytes += sum;
	return true;
}

/* Takes what there is of the files; when they are whole gh runs. */
void exec_call_receive_files(struct exec_call *c, struct evbuffer *data)
{
	_cleanup_err_ struct err e = { 0 };
	int r = uploads_take(c->uploads, data, &e);

	if (r < 0) {
		log_error("%s", e.message);
		exec_call_stop(c, 500, "The files cannot be stored: %s", e.message);
	} else if (evbuffer_get_length(data) > 0) {
		exec_call_stop(c, 400, "More bytes came than the files have");
	} else if (r > 0) {
		exec_call_run_gh(c);
	}
}

void exec_call_begin_files(struct exec_call *c)
{
	_cleanup_err_ struct err e = { 0 };
	struct evbuffer *nothing = evbuffer_new();

	c->phase = PHASE_RECEIVING;
	answer_begin(c->answer, c->id);
	if (uploads_new(&c->request->arguments, c->directory, c->request->files, &c->uploads, &e) <
	    0)
		exec_call_stop(c, 500, "%s", e.message);
	else
		exec_call_receive_files(c, nothing);
	evbuffer_free(nothing);
}

/* --- Downloads --- */

static void on_download_piece(const void *data, size_t length, void *userdata)
{
	struct exec_call *c = userdata;

	exec_call_touch(c);
	answer_output(c->answer, STDCOPY_STDIN, data, length);
}

static void on_downloads_done(const struct err *e, void *userdata)
{
	struct exec_call *c = userdata;

	if (e)
		exec_call_stop(c, 500, "%s", e->message);
	else
		exec_call_finish(c, c->exit_code);
}

static const struct downloads_events downloads_events = { on_download_piece, on_downloads_done };

bool exec_call_makes_downloads(const struct exec_call *c)
{
	const struct gh_command *command = c->request->arguments.command;

	return command && command->downloads && c->request->files;
}

void exec_call_send_downloads(struct exec_call *c)
{
	_cleanup_free_ char *path = gh_argv_download_path(c->directory);
	_cleanup_err_ struct err e = { 0 };

	c->phase = PHASE_SENDING;
	if (downloads_start(c->context->base, path, &downloads_events, c, &c->downloads, &e) < 0)
		exec_call_stop(c, 500, "%s", e.message);
	else
		downloads_hold(c->downloads, c->held);
}
