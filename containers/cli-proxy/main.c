/* awf-cli-proxy: runs gh for an agent, over HTTP. */
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <sys/resource.h>

#include "common/log.h"
#include "containers/cli-proxy/listener.h"
#include "containers/cli-proxy/routes.h"

static void base_freep(struct event_base **base)
{
	if (*base)
		event_base_free(*base);
}

static void http_freep(struct evhttp **http)
{
	if (*http)
		evhttp_free(*http);
}

static void event_freep(struct event **event)
{
	if (*event)
		event_free(*event);
}

/* A core file could hold what an agent sent. */
static void forbid_core_files(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}

static void on_terminate(evutil_socket_t signal _unused_, short what _unused_, void *base)
{
	event_base_loopbreak(base);
}

static void log_start(struct access_log *log, const struct settings *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "port", json_object_new_int((int)s->port));
	json_object_object_add(o, "difcPort", json_object_new_int((int)s->difc_port));
	access_log_write(log, "server_start", o);
}

static int run(struct err *e)
{
	_cleanup_(access_log_closep) struct access_log *log = NULL;
	_cleanup_(base_freep) struct event_base *base = event_base_new();
	_cleanup_(event_freep) struct event *terminate = NULL, *interrupt = NULL;
	_cleanup_(reaper_freep) struct reaper *reaper = NULL;
	_cleanup_(http_freep) struct evhttp *http = NULL;
	_cleanup_(calls_freep) struct calls *calls = NULL;
	struct exec_context context = { 0 };
	struct settings settings;
	struct routes routes;
	int error;

	error = settings_load(&settings, e);
	if (error < 0)
		return error;
	error = access_log_open(settings.log, &log, e);
	if (error < 0)
		return error;
	reaper = reaper_new(base);
	context = (struct exec_context){
		.base = base, .reaper = reaper, .log = log, .settings = &settings
	};
	context.budget.limit = (size_t)settings.memory_limit;
	calls = calls_new(&context);
	routes = (struct routes){ calls, log, &settings };
	http = evhttp_new(base);
	routes_install(http, &routes);
	error = listener_start(base, http, (uint16_t)settings.port, e);
	if (error < 0)
		return error;
	terminate = evsignal_new(base, SIGTERM, on_terminate, base);
	interrupt = evsignal_new(base, SIGINT, on_terminate, base);
	event_add(terminate, NULL);
	event_add(interrupt, NULL);
	log_start(log, &settings);
	return event_base_dispatch(base) < 0 ? err_system(e, -EIO, "the event loop failed") : 0;
}

int main(void)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *text = NULL;

	signal(SIGPIPE, SIG_IGN);
	forbid_core_files();
	if (run(&e) == 0)
		return 0;
	text = err_text(&e);
	log_error("%s", text);
	return 1;
}
