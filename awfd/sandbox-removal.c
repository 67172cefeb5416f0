/* The removal of a sandbox whose job is over goes on in the background, where it counts in no quota
 * any more. How many of a user's are being removed is bounded: a start waits for its place. */
#include "awfd/sandbox-internal.h"

#include "common/alloc.h"

/* Of one user at once; and for how long a start waits for that. */
#define REMOVALS_MAX 16
#define PLACE_MAX_S  30

void sandbox_over(struct sandbox *s)
{
	s->over = true;
	sandbox_audit_end(s);
	sandbox_logs_close(s);
	quota_return(&s->charge);
	sandbox_state_update(s);
	sandbox_tell(s, SANDBOX_OVER, &(struct sandbox_news){ 0 });
}

const char *sandbox_left(const struct sandbox *s)
{
	return s->left;
}

void sandbox_set_left(struct sandbox *s, const struct err *e)
{
	free(s->left);
	s->left = e ? err_text(e) : NULL;
}

/* --- A place -------------------------------------------------------------------------------------
 */

static unsigned count_removals(struct manager *m, uid_t owner)
{
	unsigned n = 0;

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		n += s->over && s->state == SANDBOX_DESTROYING && s->owner.uid == owner;
	return n;
}

bool sandbox_has_to_wait(const struct sandbox *s)
{
	return !s->ahead && count_removals(s->manager, s->owner.uid) >= REMOVALS_MAX;
}

static void on_waited_too_long(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(
		&e, -EDQUOT, ERR_QUOTA_EXCEEDED,
		"%u sandboxes of %s, whose jobs are over, could not be removed within %d s: see "
		"why (awfctl inspect ID), and start again",
		count_removals(s->manager, s->owner.uid), s->user, PLACE_MAX_S);
	e.subject = xstrdup("sandboxes being removed");
	sandbox_wait_no_more(s);
	sandbox_placed(s, &e);
}

void sandbox_wait_for_place(struct sandbox *s)
{
	const struct timeval tv = { .tv_sec = PLACE_MAX_S };
	_cleanup_err_ struct err e = { 0 };

	s->waiting = evtimer_new(s->manager->base, on_waited_too_long, s);
	if (!s->waiting)
		abort();
	event_add(s->waiting, &tv);
	(void)err_set(&e, -EAGAIN, ERR_SYSTEM,
		      "the removal of earlier sandboxes of %s, whose jobs are over", s->user);
	sandbox_tell(s, SANDBOX_WAITING, &(struct sandbox_news){ .error = &e });
}

void sandbox_wait_no_more(struct sandbox *s)
{
	if (s->waiting)
		event_free(TAKE_PTR(s->waiting));
}

void sandbox_removed(struct manager *m)
{
	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s)) {
		if (!s->waiting || sandbox_has_to_wait(s))
			continue;
		sandbox_wait_no_more(s);
		sandbox_placed(s, NULL);
	}
}
