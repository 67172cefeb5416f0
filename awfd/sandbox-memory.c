/* Whether the agent has run out of memory, as awfd sees it. */
#include "awfd/sandbox-internal.h"

#include "awfd/cgroup-usage.h"
#include "awfd/oom-watch.h"

/* The engine puts all containers of a sandbox side by side. */
static char *find_group(const struct sandbox *s)
{
	const struct container *pause = &s->containers[DOCKER_ROLE_PAUSE];
	const struct container *agent = &s->containers[DOCKER_ROLE_AGENT];

	return pause->id && agent->id ? cgroup_memory_beside(pause->pid, pause->id, agent->id)
				      : NULL;
}

void sandbox_memory_watch(struct sandbox *s)
{
	sandbox_memory_unwatch(s);
	if (!s->memory_group)
		s->memory_group = find_group(s);
	if (s->memory_group)
		s->oom = oom_watch_new(s->manager->base, s->memory_group);
	if (!s->oom)
		sandbox_log(LOG_LEVEL_DEBUG, s,
			    "the engine alone tells whether it runs out of memory");
}

bool sandbox_memory_ran_out(const struct sandbox *s)
{
	return s->oom && oom_watch_saw(s->oom);
}

void sandbox_memory_unwatch(struct sandbox *s)
{
	oom_watch_free(TAKE_PTR(s->oom));
}
