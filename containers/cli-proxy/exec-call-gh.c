#include "containers/cli-proxy/exec-call-internal.h"

#include <event2/buffer.h>
#include <string.h>

#include "common/alloc.h"
#include "common/log.h"
#include "common/strv.h"
#include "containers/cli-proxy/gh-argv.h"
#include "containers/cli-proxy/gh-env.h"

static void on_output(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct exec_call *c = userdata;
	bool is_error = type == STDCOPY_STDERR;

	c->output_bytes[is_error] += length;
	if (is_error && c->preview.length < EXEC_CALL_PREVIEW)
		strbuf_append(&c->preview, data,
			      MIN(length, EXEC_CALL_PREVIEW - c->preview.length));
	if (is_error)
		gh_trouble_take(&c->trouble, data, length);
	exec_call_touch(c);
	answer_output(c->answer, type, data, length);
}

static void on_input_done(int error, void *userdata)
{
	exec_call_touch(userdata);
	exec_call_answer_piece(userdata, error);
}

/* What is told of a gh that a limit of its resources ended. */
static void tell_limit(struct exec_call *c, enum gh_limit limit)
{
	const struct settings *s = c->context->settings;

	switch (limit) {
	case GH_LIMIT_NONE:
		return;
	case GH_LIMIT_CPU:
		exec_call_stop(c, 504, "gh was stopped: it used more than %llu s of CPU time",
			       (unsigned long long)s->cpu_seconds);
		return;
	case GH_LIMIT_MEMORY:
		exec_call_stop(c, 500, "gh was stopped: it needs more than %llu bytes of memory",
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

static void on_ended(const struct gh_end *end, void *userdata)
{
	struct exec_call *c = userdata;
	const struct gh_limits *limits = gh_confinement_limits(c->context->confinement);

	c->exit_code = end->exit_code;
	if (end->exit_code != 0 && c->stop.status == 0)
		explain_trouble(c);
	tell_limit(c, gh_limits_exceeded(limits, end, c->preview.data, c->preview.length));
	if (c->stop.status == 0 && exec_call_makes_downloads(c))
		exec_call_send_downloads(c);
	else
		exec_call_finish(c, end->exit_code);
}

static const struct gh_process_events process_events = { on_output, on_input_done, on_ended };

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
					.directory = c->directory,
					.company = c->company };

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

void exec_call_run_gh(struct exec_call *c)
{
	_cleanup_err_ struct err e = { 0 };

	if (start_gh(c, &e) < 0) {
		log_error("%s", e.message);
		exec_call_stop(c, 500, "%s", e.message);
		return;
	}
	c->phase = PHASE_RUNNING;
	start_input(c);
}
