#include "containers/cli-proxy/exec-call-internal.h"

#include <string.h>
#include <time.h>

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

void exec_call_log_start(const struct exec_call *c)
{
	access_log_write(c->context->log, "exec_start", log_fields(c));
}

void exec_call_log_done(const struct exec_call *c, int exit_code)
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
