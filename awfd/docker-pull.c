#include "awfd/docker-pull.h"

#include <inttypes.h>
#include <string.h>

#include "awfd/docker-internal.h"
#include "common/alloc.h"
#include "common/parse.h"

#define PROGRESS_MS 200

struct docker_pull {
	struct docker *docker;
	struct docker_call *call;
	struct docker_progress *progress;
	const struct docker_pull_events *events;
	void *userdata;
	char *operation;
	uint64_t download_max;
	uint64_t timeout_s;
	struct event *tick;  /* news are told, or what is wrong with them */
	struct event *limit; /* of its time */
};

/* --- What the engine says ----------------------------------------------------------------------
 */

/* Parts of reasons as engines and registries have them, and what mends it. The first that fits
 * counts. */
static const struct {
	const char *part;
	const char *advice;
} advices[] = {
	{ "no space left on device",
	  "make room where the engine keeps its images ('docker system df' shows what they take)" },
	{ "manifest verification failed",
	  "the registry gives something else than it is asked for: tell its operator" },
	{ "no matching manifest",
	  "the registry has it for other processors only; name an image for this one" },
	{ "manifest unknown", "check the name and the tag or digest" },
	{ "not found: ", "check the name and the tag or digest" },
	{ "pull access denied",
	  "check the name; a registry that wants a password is not for awfd, which has none: the "
	  "operator can pull the image with 'docker pull'" },
	{ "unauthorized",
	  "the registry wants a password, and awfd has none: the operator can pull the image with "
	  "'docker pull'" },
	{ "no basic auth credentials",
	  "the registry wants a password, and awfd has none: the operator can pull the image with "
	  "'docker pull'" },
	{ "denied: ", "the registry gives it to nobody without a password, and awfd has none" },
	{ "toomanyrequests",
	  "the registry's limit for this host is reached: try again later, or use a mirror" },
	{ "x509: ",
	  "the engine does not trust the registry's certificate: the operator can put its CA into "
	  "/etc/docker/certs.d/HOST:PORT/ca.crt" },
	{ "tls: ", "the registry's TLS fails: is it the right port, and is the certificate good?" },
	{ "server gave HTTP response to HTTPS client",
	  "the registry has no TLS: the operator can permit that in insecure-registries of the "
	  "engine's daemon.json" },
	{ "no such host", "check the registry's name, and the engine's name servers" },
	{ "server misbehaving", "check the registry's name, and the engine's name servers" },
	{ "connection refused", "is the registry running, and is the port right?" },
	{ "no route to host", "the engine does not reach the registry: check this host's network" },
	{ "i/o timeout", "the engine does not reach the registry: check this host's network, or "
			 "its proxy" },
	{ "Client.Timeout", "the engine does not reach the registry: check this host's network, or "
			    "its proxy" },
	{ "context deadline exceeded", "the registry does not answer: try again later" },
};

char *docker_pull_explain(const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (strstr(reason, advices[i].part))
			return xasprintf("%s; %s", reason, advices[i].advice);
	return xstrdup(reason);
}

/* --- The end ------------------------------------------------------------------------------------
 */

static void pull_free(struct docker_pull *p)
{
	docker_call_cancel(p->call);
	if (p->tick)
		event_free(p->tick);
	if (p->limit)
		event_free(p->limit);
	docker_progress_free(p->progress);
	free(p->operation);
	free(p);
}

void docker_pull_cancel(struct docker_pull *p)
{
	if (p)
		pull_free(p);
}

static void pull_end(struct docker_pull *p, const struct err *e)
{
	const struct docker_pull_events *events = p->events;
	void *userdata = p->userdata;

	pull_free(p);
	events->ended(e, userdata);
}

static void pull_fail(struct docker_pull *p, int error, int status, const char *reason)
{
	_cleanup_free_ char *message = docker_pull_explain(reason);
	_cleanup_err_ struct err e = { 0 };

	(void)err_engine(&e, error, p->operation, status, message);
	pull_end(p, &e);
}

static void on_limit(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_pull *p = userdata;
	_cleanup_free_ char *message = xasprintf("is not complete after %" PRIu64
						 " s, which is the limit; the operator can raise "
						 "[Images] PullSeconds= in awfd.conf",
						 p->timeout_s);

	pull_fail(p, -ETIMEDOUT, 0, message);
}

/* --- Progress -----------------------------------------------------------------------------------
 */

static bool is_too_large(const struct docker_pull *p)
{
	return docker_progress_download(p->progress) > p->download_max;
}

static void fail_too_large(struct docker_pull *p)
{
	_cleanup_free_ char *max = parse_format_size(p->download_max);
	_cleanup_free_ char *message = xasprintf(
		"more than %s would have to be downloaded, which is the limit; the operator can "
		"raise [Images] PullSizeMax= in awfd.conf",
		max);

	pull_fail(p, -EFBIG, 0, message);
}

static void on_tick(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_pull *p = userdata;
	const char *error = docker_progress_error(p->progress);

	if (error) {
		pull_fail(p, -EREMOTEIO, 0, error);
	} else if (is_too_large(p)) {
		fail_too_large(p);
	} else {
		p->events->progress(p->progress, p->userdata);
		docker_progress_settle(p->progress);
	}
}

/* The transfer cannot be ended from here. */
static void on_data(const char *data, size_t length, void *userdata)
{
	static const struct timeval pause = { 0, PROGRESS_MS * 1000 };
	struct docker_pull *p = userdata;

	if (docker_progress_feed(p->progress, data, length) < 0 || is_too_large(p))
		event_active(p->tick, EV_TIMEOUT, 0);
	else if (!evtimer_pending(p->tick, NULL))
		event_add(p->tick, &pause);
}

static void on_reply(_unused_ int status, _unused_ struct json_object *body, const struct err *e,
		     void *userdata)
{
	struct docker_pull *p = userdata;
	int r;

	p->call = NULL;
	if (e) {
		pull_fail(p, e->error, e->status, e->message);
		return;
	}
	r = docker_progress_end(p->progress);
	if (r < 0) {
		pull_fail(p, r, 0, docker_progress_error(p->progress));
		return;
	}
	if (evtimer_pending(p->tick, NULL))
		p->events->progress(p->progress, p->userdata);
	pull_end(p, NULL);
}

/* --- The request --------------------------------------------------------------------------------
 */

static char *path_of(const struct docker_pull_spec *s)
{
	_cleanup_free_ char *reference = s->reference ? docker_http_encode(s->reference) : NULL;
	_cleanup_free_ char *change = s->label ? xasprintf("LABEL %s", s->label) : NULL;
	_cleanup_free_ char *encoded = change ? docker_http_encode(change) : NULL;

	if (!reference)
		return xstrdup("/images/load?quiet=0");
	if (!s->file)
		return xasprintf("/images/create?fromImage=%s", reference);
	return xasprintf("/images/create?fromSrc=-&repo=%s%s%s", reference,
			 encoded ? "&changes=" : "", encoded ? encoded : "");
}

static char *operation_of(const struct docker_pull_spec *s)
{
	if (!s->reference)
		return xstrdup("load images");
	return xasprintf("%s image %s", s->file ? "import" : "pull", s->reference);
}

static void add_timers(struct docker_pull *p)
{
	struct timeval limit = { .tv_sec = (time_t)p->timeout_s };

	p->tick = evtimer_new(docker_event_base(p->docker), on_tick, p);
	p->limit = evtimer_new(docker_event_base(p->docker), on_limit, p);
	if (!p->tick || !p->limit || event_add(p->limit, &limit) < 0)
		abort(); /* out of memory */
}

struct docker_pull *docker_pull_start(struct docker *d, const struct docker_pull_spec *spec,
				      const struct docker_pull_events *events, void *userdata)
{
	struct docker_pull *p = xnew(struct docker_pull);
	_cleanup_free_ char *path = path_of(spec);

	*p = (struct docker_pull){
		.docker = d,
		.progress = docker_progress_new(),
		.events = events,
		.userdata = userdata,
		.operation = operation_of(spec),
		.download_max = spec->download_max,
		.timeout_s = spec->timeout_s,
	};
	add_timers(p);
	p->call = docker_call_start(d,
				    &(struct docker_request){
					    .operation = p->operation,
					    .method = "POST",
					    .path = path,
					    .file = spec->file,
					    .data = on_data,
				    },
				    on_reply, p);
	return p;
}
