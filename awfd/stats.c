#include "awfd/stats.h"

#include "awfd/cgroup-usage.h"
#include "awfd/docker-container.h"
#include "common/alloc.h"
#include "proto/messages.h"

#define INTERVAL_SEC 1 /* with `more` */

/* One sandbox that is asked about. */
struct asked {
	struct gathering *gathering;
	struct docker_call *call; /* NULL: it was answered, or there is nothing to ask */
	struct stats_info *info;  /* borrowed from the reply */
};

/* One call of Stats, until it is answered; with `more`, until its client goes. */
struct gathering {
	struct manager *manager;
	struct call *call;
	stats_wanted_fn wanted;
	struct event *again; /* NULL: one answer is all */
	struct stats_reply reply;
	struct asked *asked;
	size_t count;
	size_t pending;
};

static void forget_round(struct gathering *g)
{
	for (size_t i = 0; i < g->count; i++)
		docker_call_cancel(g->asked[i].call);
	free(TAKE_PTR(g->asked));
	fields_clear(&stats_reply_table, &g->reply);
	g->count = 0;
}

static void gathering_free(struct gathering *g)
{
	forget_round(g);
	if (g->again)
		event_free(g->again);
	free(g);
}

static void gathering_gone(void *userdata)
{
	gathering_free(userdata);
}

/* Nothing of the gathering is touched after the reply, in which its client may be found to be gone.
 */
static void end_round(struct gathering *g)
{
	const struct timeval later = { .tv_sec = INTERVAL_SEC };
	struct stats_reply reply = g->reply;
	struct call *call = g->call;

	g->reply = (struct stats_reply){ 0 };
	if (g->again) {
		forget_round(g);
		(void)event_add(g->again, &later);
		call_reply_continues(call, &stats_reply_table, &reply);
	} else {
		call_on_gone(call, NULL, NULL);
		gathering_free(g);
		call_reply(call, &stats_reply_table, &reply);
	}
	fields_clear(&stats_reply_table, &reply);
}

/* The engine itself has no statistics of the agent, whose network it does not know. */
static bool usage_of(struct json_object *container, struct cgroup_usage *ret)
{
	const char *id = docker_container_parse_id(container);
	struct docker_container_state state;

	return id && docker_container_parse(container, &state, NULL) == 0 && state.running &&
	       cgroup_usage_of_container(state.pid, id, ret);
}

/* What is not known, as of a command that has just ended, is left out. */
static void on_container(int status _unused_, struct json_object *body, const struct err *e,
			 void *userdata)
{
	struct asked *a = userdata;
	struct cgroup_usage usage;

	a->call = NULL;
	if (!e && usage_of(body, &usage)) {
		a->info->cpu_us = usage.cpu_us;
		a->info->memory = usage.memory;
		a->info->pids = usage.pids;
	}
	if (--a->gathering->pending == 0)
		end_round(a->gathering);
}

static void ask(struct gathering *g, struct sandbox *s)
{
	struct asked *a = &g->asked[g->count];

	*a = (struct asked){ .gathering = g, .info = xnew(struct stats_info) };
	sandbox_describe_stats(s, a->info);
	g->reply.stats[g->count++] = a->info;
	a->call = sandbox_ask_container(s, on_container, a);
	g->pending += a->call != NULL;
}

static void begin_round(struct gathering *g)
{
	size_t max = sandbox_count_alive(g->manager);

	g->asked = xcalloc(max + 1, sizeof(*g->asked));
	g->reply.stats = xcalloc(max + 1, sizeof(*g->reply.stats));
	for (struct sandbox *s = sandbox_first(g->manager); s; s = sandbox_next(s))
		if (sandbox_state(s) != SANDBOX_EXITED && g->wanted(g->call, s))
			ask(g, s);
	if (g->pending == 0)
		end_round(g);
}

static void on_again(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	begin_round(userdata);
}

void stats_answer(struct manager *m, struct call *call, stats_wanted_fn wanted)
{
	struct gathering *g = xnew(struct gathering);

	*g = (struct gathering){ .manager = m, .call = call, .wanted = wanted };
	if (call_wants_more(call)) {
		g->again = evtimer_new(m->base, on_again, g);
		if (!g->again)
			abort();
	}
	call_on_gone(call, gathering_gone, g);
	begin_round(g);
}
