#include "awfd/image-bring.h"

#include <string.h>

#include "awfd/docker-image.h"
#include "awfd/image-pulls.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"

struct image_bring {
	struct manager *manager;
	struct image_bring_ask ask;
	char *field;
	struct image_needs needs;
	size_t at; /* which one it is about now */
	struct docker_call *look;
	struct image_pull_wait *wait;
	struct event *step; /* the beginning and the end come from the loop */
	bool settled;
	struct err failure;
	const struct image_bring_events *events;
	void *userdata;
};

/* --- What is needed -----------------------------------------------------------------------------
 */

int image_when_parse(const char *text, enum image_when *ret)
{
	static const char *const words[] = { "never", "missing", "always" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = (enum image_when)i;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *const origins[] = {
	[IMAGE_WAS_THERE] = "present",
	[IMAGE_IMPORTED] = "imported",
	[IMAGE_PULLED] = "pulled",
	[IMAGE_LOADED] = "loaded",
};

const char *image_origin_name(enum image_origin origin)
{
	return origins[origin];
}

bool image_need_has_registry(const struct image_need *need)
{
	return !image_reference_is_own(need->reference) &&
	       image_reference_is_pullable(need->reference);
}

void image_needs_add(struct image_needs *needs, const char *reference, bool refresh)
{
	_cleanup_free_ char *normal = image_reference_normalize(reference);

	for (size_t i = 0; i < needs->count; i++)
		if (strcmp(needs->list[i].reference, normal) == 0)
			return;
	needs->list = xrealloc(needs->list, needs->count + 1, sizeof(*needs->list));
	needs->list[needs->count++] =
		(struct image_need){ .reference = TAKE_PTR(normal), .refresh = refresh };
}

void image_needs_clear(struct image_needs *needs)
{
	for (size_t i = 0; i < needs->count; i++) {
		free(needs->list[i].reference);
		free(needs->list[i].id);
	}
	free(needs->list);
	*needs = (struct image_needs){ 0 };
}

/* --- The end ------------------------------------------------------------------------------------
 */

static void bring_free(struct image_bring *b)
{
	docker_call_cancel(b->look);
	image_pulls_leave(b->wait);
	event_free(b->step);
	image_needs_clear(&b->needs);
	err_clear(&b->failure);
	free(b->field);
	free(b);
}

void image_bring_cancel(struct image_bring *b)
{
	if (b)
		bring_free(b);
}

/* Who is told has nothing to do with it any more. */
static void end(struct image_bring *b)
{
	struct image_needs needs = b->needs;
	const struct image_bring_events *events = b->events;
	void *events_userdata = b->userdata;
	_cleanup_err_ struct err e = { 0 };

	b->needs = (struct image_needs){ 0 };
	if (b->failure.error)
		err_copy(&e, &b->failure);
	bring_free(b);
	events->ended(&needs, e.error ? &e : NULL, events_userdata);
	image_needs_clear(&needs);
}

static void settle(struct image_bring *b, const struct err *e)
{
	if (e)
		err_copy(&b->failure, e);
	b->settled = true;
	event_active(b->step, EV_TIMEOUT, 0);
}

/* --- One after the other ------------------------------------------------------------------------
 */

static void begin(struct image_bring *b);

static struct image_need *current(struct image_bring *b)
{
	return &b->needs.list[b->at];
}

static void have(struct image_bring *b, enum image_origin origin, const char *id)
{
	current(b)->origin = origin;
	current(b)->id = xstrdup(id);
	b->at++;
	begin(b);
}

static void on_progress(const struct docker_progress *p, bool all, void *userdata)
{
	struct image_bring *b = userdata;

	b->events->news(current(b), p, all, b->userdata);
}

static void on_brought(const char *id, const struct err *e, void *userdata)
{
	struct image_bring *b = userdata;

	b->wait = NULL;
	if (e)
		settle(b, e);
	else
		have(b,
		     image_reference_is_own(current(b)->reference) ? IMAGE_IMPORTED : IMAGE_PULLED,
		     id);
}

/* What awfd came with is everybody's; root may ask any registry. */
static int check(struct image_bring *b, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };

	if (b->ask.uid == 0 || !image_need_has_registry(current(b)))
		return 0;
	policy_decisions_add(&decisions, policy_check(b->ask.policy, POLICY_PULL, b->field,
						      current(b)->reference));
	return policy_decisions_result(&decisions, e);
}

static void bring(struct image_bring *b)
{
	static const struct image_pull_events events = { on_progress, on_brought };
	_cleanup_err_ struct err e = { 0 };
	int r = check(b, &e);

	if (r == 0)
		r = image_pulls_join(b->manager->image_pulls, current(b)->reference, b->ask.uid,
				     &events, b, &b->wait, &e);
	if (r < 0)
		settle(b, &e);
	else
		b->events->news(current(b), NULL, false, b->userdata);
}

static void on_look(int status _unused_, struct json_object *body, const struct err *failure,
		    void *userdata)
{
	struct image_bring *b = userdata;
	struct docker_image image = { 0 };
	_cleanup_err_ struct err e = { 0 };

	b->look = NULL;
	if (failure && failure->status == 404)
		bring(b);
	else if (failure)
		settle(b, failure);
	else if (docker_image_parse(body, &image, &e) < 0)
		settle(b, &e);
	else
		have(b, IMAGE_WAS_THERE, image.id);
	docker_image_clear(&image);
}

/* What has a digest is as it was. */
static bool is_to_be_refreshed(const struct image_need *need)
{
	return need->refresh && image_need_has_registry(need) &&
	       !image_reference_digest(need->reference);
}

static void begin(struct image_bring *b)
{
	if (b->at == b->needs.count)
		settle(b, NULL);
	else if (is_to_be_refreshed(current(b)))
		bring(b);
	else
		b->look =
			docker_image_inspect(b->manager->docker, current(b)->reference, on_look, b);
}

static void on_step(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct image_bring *b = userdata;

	if (b->settled)
		end(b);
	else
		begin(b);
}

struct image_bring *image_bring_start(struct manager *m, const struct image_bring_ask *ask,
				      struct image_needs *needs,
				      const struct image_bring_events *events, void *userdata)
{
	struct image_bring *b = xnew(struct image_bring);

	*b = (struct image_bring){ .manager = m,
				   .ask = *ask,
				   .field = xstrdup(ask->field),
				   .needs = *needs,
				   .events = events,
				   .userdata = userdata };
	*needs = (struct image_needs){ 0 };
	b->step = evtimer_new(m->base, on_step, b);
	if (!b->step)
		abort(); /* out of memory */
	event_active(b->step, EV_TIMEOUT, 0);
	return b;
}
