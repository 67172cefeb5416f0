#include "containers/cli-proxy/calls.h"

#include <inttypes.h>
#include <string.h>
#include <sys/queue.h>

#include "common/alloc.h"
#include "containers/cli-proxy/reply.h"

struct entry {
	TAILQ_ENTRY(entry) link;
	struct calls *calls;
	struct exec_call *call;
};

TAILQ_HEAD(entry_list, entry);

struct calls {
	struct exec_context *context;
	struct entry_list list; /* in the order of their coming */
	size_t running;
	size_t waiting;
};

struct calls *calls_new(struct exec_context *context)
{
	struct calls *calls = xnew(struct calls);

	calls->context = context;
	TAILQ_INIT(&calls->list);
	return calls;
}

static void entry_free(struct entry *entry)
{
	TAILQ_REMOVE(&entry->calls->list, entry, link);
	exec_call_free(entry->call);
	free(entry);
}

void calls_free(struct calls *calls)
{
	struct entry *entry;

	if (!calls)
		return;
	while ((entry = TAILQ_FIRST(&calls->list)))
		entry_free(entry);
	free(calls);
}

/* A crowd: more wait than may run; the one to be started is among them. */
static enum gh_company company(const struct calls *calls)
{
	if (calls->running == 0)
		return GH_ALONE;
	return calls->waiting > calls->context->settings->running_limit ? GH_IN_CROWD
									: GH_BESIDE_OTHERS;
}

static void start_call(struct calls *calls, struct entry *entry)
{
	exec_call_start(entry->call, company(calls));
	if (!exec_call_is_running(entry->call))
		return;
	calls->running++;
	calls->waiting--;
}

static void start_waiting(struct calls *calls)
{
	struct entry *entry;

	TAILQ_FOREACH (entry, &calls->list, link) {
		if (calls->running >= calls->context->settings->running_limit)
			return;
		if (!exec_call_is_running(entry->call))
			start_call(calls, entry);
	}
}

static void on_done(struct exec_call *call, void *userdata)
{
	struct entry *entry = userdata;
	struct calls *calls = entry->calls;

	if (exec_call_is_running(call))
		calls->running--;
	else
		calls->waiting--;
	entry_free(entry);
	start_waiting(calls);
}

static void refuse_busy(struct calls *calls, struct evhttp_request *req,
			struct exec_request *request)
{
	const struct settings *s = calls->context->settings;
	_cleanup_free_ char *text = xasprintf("busy: %" PRIu64 " calls of gh run and %" PRIu64
					      " wait, no more may; try again",
					      s->running_limit, s->waiting_limit);

	exec_request_free(request);
	reply_error(req, 503, text);
}

void calls_submit(struct calls *calls, struct evhttp_request *req, struct exec_request *request,
		  bool streams)
{
	const struct settings *s = calls->context->settings;
	struct entry *entry;

	if (calls->running >= s->running_limit && calls->waiting >= s->waiting_limit) {
		refuse_busy(calls, req, request);
		return;
	}
	entry = xnew(struct entry);
	entry->calls = calls;
	entry->call = exec_call_new(calls->context, req, request, streams, on_done, entry);
	TAILQ_INSERT_TAIL(&calls->list, entry, link);
	calls->waiting++;
	start_waiting(calls);
}

struct exec_call *calls_find(struct calls *calls, const char *id)
{
	struct entry *entry;

	TAILQ_FOREACH (entry, &calls->list, link)
		if (strcmp(exec_call_id(entry->call), id) == 0)
			return entry->call;
	return NULL;
}
