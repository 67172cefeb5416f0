/* Sandboxes that outlived an awfd: the next one reads what they are, and goes on with them. */
#include "awfd/sandbox-internal.h"

#include <dirent.h>
#include <string.h>

#include "awfd/config.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/parse.h"

/* --- Loading -------------------------------------------------------------------------------------
 */

/* What is no state of a sandbox that ran is left for the scan for leftovers, which removes it. */
static void load(struct manager *m, const char *id)
{
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s;

	if (!parse_is_sandbox_id(id))
		return;
	if (sandbox_state_load(m, id, &s, &e) < 0)
		log_sandbox(LOG_LEVEL_WARNING, id, "not to be gone on with: %s", e.message);
	else
		sandbox_put_in_order(s);
}

void sandbox_load_all(struct manager *m)
{
	_cleanup_free_ char *path = xasprintf("%s/sandboxes", m->config->state_directory);
	const struct dirent *entry;
	DIR *directory = opendir(path);

	while (directory && (entry = readdir(directory))) {
		_cleanup_free_ char *id = xstrndup(entry->d_name, SANDBOX_ID_LENGTH);

		if (strcmp(entry->d_name + strlen(id), ".json") == 0)
			load(m, id);
	}
	if (directory)
		closedir(directory);
}

/* --- Going on ------------------------------------------------------------------------------------
 */

/* The containers that must run besides the agent. */
static const struct {
	enum docker_role role;
	bool (*wanted)(const struct sandbox *s);
} sidecars[] = {
	{ DOCKER_ROLE_PAUSE, NULL },
	{ DOCKER_ROLE_SQUID, sandbox_has_squid },
	{ DOCKER_ROLE_CLI_PROXY, sandbox_has_cli_proxy },
};

/* The name of a container that ended in the meantime, or NULL. */
static const char *find_ended(const struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(sidecars); i++) {
		const struct container *c = &s->containers[sidecars[i].role];

		if ((!sidecars[i].wanted || sidecars[i].wanted(s)) && c->pidfd < 0)
			return c->name;
	}
	return NULL;
}

static void watch_sidecars(struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(sidecars); i++)
		if (s->containers[sidecars[i].role].pidfd >= 0)
			sandbox_watch_sidecar(s, &s->containers[sidecars[i].role]);
}

/* Why it is not whole any more, or NULL. The caller owns it. */
static char *find_fault(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	const char *ended = find_ended(s);

	if (!s->same_boot)
		return xstrdup("the machine was started again");
	if (ended)
		return xasprintf("container %s ended while awfd was away", ended);
	if (sandbox_bridge_adopt(s, &e) < 0)
		return xasprintf("squid has no way out any more: %s", e.message);
	return NULL;
}

static void go_on_running(struct sandbox *s)
{
	_cleanup_free_ char *fault = find_fault(s);
	bool has_relay = sandbox_relay_adopt(s);

	sandbox_logs_reopen(s);
	sandbox_lease_await(s);
	if (fault)
		sandbox_fail(s, fault);
	else if (!has_relay)
		sandbox_relay_revive(s);
	if (s->state != SANDBOX_RUNNING)
		return;
	watch_sidecars(s);
	if (!sandbox_is_kept(s)) {
		sandbox_start_timeout(s);
		sandbox_memory_watch(s);
		sandbox_wait_for_agent(s);
	}
	sandbox_log(LOG_LEVEL_INFO, s, "goes on: an earlier awfd started it");
}

static void go_on_destroying(struct sandbox *s)
{
	(void)sandbox_relay_adopt(s);
	s->denials_forgotten = s->over; /* its logs are whole */
	if (!s->over)
		sandbox_logs_reopen(s);
	sandbox_lease_await(s);
	sandbox_log(LOG_LEVEL_INFO, s, "goes on being destroyed");
	sandbox_start_destroy_plan(s);
}

static void adopt(struct sandbox *s)
{
	if (s->state != SANDBOX_EXITED)
		sandbox_load_streams(s);
	if (!sandbox_is_over(s))
		sandbox_charge_anyway(s);
	switch (s->state) {
	case SANDBOX_RUNNING:
		go_on_running(s);
		break;
	case SANDBOX_DESTROYING:
		go_on_destroying(s);
		break;
	case SANDBOX_EXITED:
		s->denials_forgotten = true;
		sandbox_lease_await(s);
		break;
	case SANDBOX_CREATING:
	case SANDBOX_PREPARED: /* neither is loaded */
		break;
	}
}

void sandbox_adopt_all(struct manager *m)
{
	for (struct sandbox *s = sandbox_first(m), *next; s; s = next) {
		next = sandbox_next(s);
		adopt(s);
	}
}
