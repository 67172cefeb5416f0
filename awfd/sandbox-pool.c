/* A sandbox that is prepared before anybody asks for one, and how it becomes somebody's. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/environment.h"
#include "common/alloc.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "common/strv.h"

void sandbox_prepare(struct manager *m, const struct pool_part *part)
{
	struct sandbox *s = sandbox_new_ahead(m, part);

	s->egress.wanted = part->egress;
	s->has_difc = part->difc;
	s->has_redirects = part->difc && strv_length(s->config->redirect_hosts) > 0;
	sandbox_log(LOG_LEVEL_DEBUG, s, "preparing it for whoever comes");
	s->plan = sandbox_create_plan(s);
}

const struct pool_part *sandbox_prepared_part(const struct sandbox *s)
{
	return s->ahead ? &s->part : NULL;
}

/* One that has ended is known to the loop a little later. */
bool sandbox_is_ready_to_take(const struct sandbox *s)
{
	if (s->state != SANDBOX_PREPARED)
		return false;
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++)
		if (container_is_ending(&s->containers[role]))
			return false;
	return true;
}

/* Who waited for the prepared one's end waits for the sandbox's. */
static void move_watches(struct sandbox *to, struct sandbox *from)
{
	struct sandbox_watch *w;

	while ((w = LIST_FIRST(&from->watches))) {
		LIST_REMOVE(w, entry);
		w->sandbox = to;
		LIST_INSERT_HEAD(&to->watches, w, entry);
	}
}

static void move_containers(struct sandbox *to, struct sandbox *from)
{
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++) {
		container_move(&to->containers[role], &from->containers[role]);
		if (to->containers[role].pidfd >= 0)
			sandbox_watch_sidecar(to, &to->containers[role]);
	}
}

void sandbox_take(struct sandbox *s, struct sandbox *prepared)
{
	memcpy(s->id, prepared->id, SANDBOX_ID_LENGTH);
	free(s->directory);
	s->directory = TAKE_PTR(prepared->directory);
	move_containers(s, prepared);
	move_watches(s, prepared);
	s->squid = prepared->squid;
	s->squid_port = prepared->squid_port;
	s->squid_is_cut = prepared->squid_is_cut;
	s->taken = true;
	sandbox_free(prepared);
}

void sandbox_hold_preparation(struct sandbox *s, bool held)
{
	if (s->ahead && s->plan && !s->destroying)
		plan_hold(s->plan, held);
}

/* One that waits for its DIFC proxy, or cannot be destroyed for a while, needs nothing meanwhile.
 */
bool sandbox_is_busy(const struct sandbox *s)
{
	if (s->ahead)
		return false;
	if (s->state == SANDBOX_CREATING)
		return !s->waits_for_difc;
	return s->state == SANDBOX_DESTROYING && s->retry_s == 0;
}

struct pool_part sandbox_wanted_part(const struct sandbox *s)
{
	return (struct pool_part){ .egress = sandbox_has_egress(s),
				   .difc = sandbox_has_cli_proxy(s),
				   .host_ports = s->egress.host_ports.count > 0 };
}

void sandbox_set_pool(struct sandbox *s, char *text)
{
	free(s->pool);
	s->pool = text;
	sandbox_log(LOG_LEVEL_INFO, s, "pool: %s", text);
}

/* --- Its sidecars go on --------------------------------------------------------------------------
 */

/* Whole as soon as it is there, for whoever may enter its directory. */
static int write_awaited(const char *directory, char *const *variables, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/" DOCKER_SPEC_AWAITED, directory);
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (; variables && *variables; variables++)
		strbuf_append(&text, *variables, strlen(*variables) + 1);
	return file_write_atomic(path, 0444, text.data ? text.data : "", text.length, e);
}

static char **job_variables(const struct sandbox *s)
{
	return docker_spec_job_variables(&(struct docker_spec){
		.difc_port = s->difc.port,
		.github_repository = environment_repository(s->request.environment),
	});
}

/* When it begins, squid looks whether its parent proxy answers, and lets nobody through before. */
bool sandbox_squid_waits(const struct sandbox *s)
{
	return sandbox_has_squid(s) && (s->taken || s->egress.has_upstream);
}

int sandbox_release(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *squid = sandbox_squid_directory(s);
	_cleanup_free_ char *cli_proxy = sandbox_dirs_cli_proxy(s);
	_cleanup_strv_ char **variables = job_variables(s);
	int r = sandbox_squid_waits(s) ? write_awaited(squid, NULL, e) : 0;

	if (r == 0 && s->taken && sandbox_has_cli_proxy(s))
		r = write_awaited(cli_proxy, variables, e);
	return r;
}
