/* awf-cli-proxy: runs gh for an agent, over HTTP. */
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <sys/prctl.h>
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

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true /* the leak checker traces the process */
#else
#define SANITIZED false
#endif

/* A core file could hold what an agent sent, and a gh has the same uid as this process. */
static int forbid_inspection(struct err *e)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_system(e, -errno, "cannot forbid core files");
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_system(e, -errno, "cannot forbid tracing");
	return 0;
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

/* Where a gh can't be confined the proxy serves nevertheless, to tell every caller why it runs
 * none.
 */
static struct gh_confinement *make_confinement(const struct settings *s, struct err *e)
{
	struct gh_confinement_spec spec = {
		.gh = s->gh,
		.ca_bundle = s->ca_bundle,
		.limits = { s->cpu_seconds, s->gh_memory, s->files_limit },
	};
	struct gh_confinement *confinement = NULL;

	if (gh_confinement_new(&spec, &confinement, e) < 0)
		log_error("%s", e->message);
	return confinement;
}

static int run(struct err *e)
{
	_cleanup_err_ struct err unconfined = { 0 };
	_cleanup_(gh_confinement_freep) struct gh_confinement *confinement = NULL;
	_cleanup_(access_log_closep) struct access_log *log = NULL;
	_cleanup_(base_freep) struct event_base *base = event_base_new();
	_cleanup_(event_freep) struct event *terminate = NULL, *interrupt = NULL;
	_cleanup_(reaper_freep) struct reaper *reaper = NULL;
	_cleanup_(listener_freep) struct listener *listener = NULL;
	_cleanup_(http_freep) struct evhttp *http = NULL;
	_cleanup_(calls_freep) struct calls *calls = NULL;
	struct exec_context context = { 0 };
	struct settings settings;
	struct routes routes;
	int error;

	error = forbid_inspection(e);
	if (error < 0)
		return error;
	error = settings_load(&settings, e);
	if (error < 0)
		return error;
	error = access_log_open(settings.log, &log, e);
	if (error < 0)
		return error;
	reaper = reaper_new(base);
	confinement = make_confinement(&settings, &unconfined);
	context = (struct exec_context){ .base = base,
					 .reaper = reaper,
					 .log = log,
					 .settings = &settings,
					 .confinement = confinement,
					 .unconfined = &unconfined };
	context.budget.limit = (size_t)settings.memory_limit;
	calls = calls_new(&context);
	routes = (struct routes){ calls, log, &settings };
	http = evhttp_new(base);
	routes_install(http, &routes);
	error = listener_start(base, http, &settings, &listener, e);
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
	signal(SIGXFSZ, SIG_IGN); /* a log that is full ends, the proxy goes on */
	if (run(&e) == 0)
		return 0;
	text = err_text(&e);
	log_error("%s", text);
	return 1;
}
