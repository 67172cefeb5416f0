#include "awfd/engine-watch.h"

#include <string.h>

#include "awfd/docker-internal.h"
#include "common/alloc.h"

/* Between questions to an engine that does not answer. */
#define RETRY_S 5

struct engine_watch {
	struct docker *docker;
	struct notify *notify;
	void (*back)(void *userdata);
	void *userdata;
	struct event *retry;
	struct docker_call *call; /* the question, or NULL */
};

/* What the answer was the watch of the client has told already. */
static void on_answer(int status _unused_, struct json_object *body _unused_,
		      const struct err *e _unused_, void *userdata)
{
	struct engine_watch *w = userdata;

	w->call = NULL;
}

static void on_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct engine_watch *w = userdata;

	if (!w->call)
		w->call = docker_negotiate(w->docker, "ask whether it is back", on_answer, w);
}

static void on_unavailable(struct engine_watch *w, const struct err *e)
{
	struct timeval tv = { .tv_sec = RETRY_S };

	notify_problem(w->notify, NOTIFY_ENGINE, e->message ? e->message : strerror(-e->error));
	event_add(w->retry, &tv);
}

static void on_version(const struct err *e, void *userdata)
{
	struct engine_watch *w = userdata;

	if (e) {
		on_unavailable(w, e);
		return;
	}
	event_del(w->retry);
	if (!notify_has_problem(w->notify, NOTIFY_ENGINE))
		return;
	notify_problem(w->notify, NOTIFY_ENGINE, NULL);
	w->back(w->userdata);
}

struct engine_watch *engine_watch_new(struct event_base *base, struct docker *docker,
				      struct notify *notify, void (*back)(void *userdata),
				      void *userdata)
{
	struct engine_watch *w = xnew(struct engine_watch);

	*w = (struct engine_watch){
		.docker = docker, .notify = notify, .back = back, .userdata = userdata
	};
	w->retry = evtimer_new(base, on_retry, w);
	if (!w->retry)
		abort();
	docker_watch(docker, on_version, w);
	return w;
}

void engine_watch_free(struct engine_watch *w)
{
	if (!w)
		return;
	docker_watch(w->docker, NULL, NULL);
	docker_call_cancel(w->call);
	event_free(w->retry);
	free(w);
}
