/* Names that a sandbox was granted and that are pinned to their addresses before it starts, one
 * after the other: there are a few at most. */
#include "awfd/sandbox-internal.h"

static void resolve_next(struct sandbox *s);

static void on_resolved(const struct resolved *result, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->resolve = NULL;
	if (!e && egress_pin(&s->egress, s->config, result, &local) < 0)
		e = &local;
	if (e)
		sandbox_resolve_ended(s, e);
	else
		resolve_next(s);
}

int sandbox_resolve_start(struct sandbox *s, struct err *e)
{
	struct resolve_spec spec = { .uid = s->manager->probe_uid, .gid = s->manager->probe_gid };

	spec.name = egress_next_name(&s->egress, &spec.field);
	if (!spec.name)
		return PLAN_STEP_DONE;
	if (resolve_start(s->manager->base, &spec, on_resolved, s, &s->resolve, e) < 0)
		return e->error;
	return PLAN_STEP_RUNNING;
}

static void resolve_next(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	int r = sandbox_resolve_start(s, &e);

	if (r != PLAN_STEP_RUNNING)
		sandbox_resolve_ended(s, r < 0 ? &e : NULL);
}

void sandbox_resolve_cancel(struct sandbox *s)
{
	resolve_cancel(TAKE_PTR(s->resolve));
}

bool sandbox_has_names(const struct sandbox *s)
{
	const char *field;

	return sandbox_has_squid(s) && egress_next_name(&s->egress, &field);
}
