/* A start's turn among all starts (start-queue.h), from before anything of it is made until its
 * command runs. */
#include "awfd/sandbox-internal.h"

#include "common/alloc.h"

/* A wait that is shorter is no news. */
#define TELL_AFTER_S 3

static void on_long_wait(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_set(&e, -EAGAIN, ERR_SYSTEM,
		      "its turn: as many others are being started as this host keeps up with");
	sandbox_tell(userdata, SANDBOX_WAITING, &(struct sandbox_news){ .error = &e });
}

static void end_wait(struct sandbox *s)
{
	if (s->turn_wait)
		event_free(TAKE_PTR(s->turn_wait));
}

static void on_turn(void *userdata)
{
	end_wait(userdata);
	sandbox_has_turn(userdata);
}

bool sandbox_take_turn(struct sandbox *s)
{
	const struct timeval tv = { .tv_sec = TELL_AFTER_S };

	if (start_queue_enter(s->manager->starts, &s->turn, s->owner.uid, on_turn, s))
		return true;
	s->turn_wait = evtimer_new(s->manager->base, on_long_wait, s);
	if (!s->turn_wait || event_add(s->turn_wait, &tv) < 0)
		abort();
	return false;
}

void sandbox_turn_over(struct sandbox *s)
{
	end_wait(s);
	start_queue_leave(s->manager->starts, &s->turn);
}
