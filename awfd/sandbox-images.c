/* The images of a sandbox that its start has brought to the engine, when it is asked to. */
#include "awfd/sandbox-internal.h"

#include "awfd/config.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"

#define FIELD_NAME "image" /* of Start */

int sandbox_images_check(struct sandbox *s, const struct start_request *r, struct err *e)
{
	if (!r->pull || image_when_parse(r->pull, &s->pull) == 0)
		return 0;
	return err_invalid(e, "pull", r->pull, "is none of never, missing and always");
}

bool sandbox_images_refreshed(const struct sandbox *s)
{
	const struct image_need agent = { .reference = s->image };

	return s->pull == IMAGE_ALWAYS && s->owner.uid != 0 && image_need_has_registry(&agent) &&
	       !image_reference_digest(s->image);
}

static struct image_needs needs_of(const struct sandbox *s)
{
	const struct config *c = s->config;
	struct image_needs needs = { 0 };

	image_needs_add(&needs, sandbox_image_of_agent(s),
			s->pull == IMAGE_ALWAYS && !sandbox_has_host_view(s));
	image_needs_add(&needs, c->image_pause, false);
	if (sandbox_has_squid(s))
		image_needs_add(&needs, c->image_squid, false);
	if (sandbox_has_cli_proxy(s))
		image_needs_add(&needs, c->image_cli_proxy, false);
	return needs;
}

/* That it is being brought now is told once; how far that is, Predownload tells. */
static void on_news(const struct image_need *need, const struct docker_progress *p,
		    bool all _unused_, void *userdata)
{
	_cleanup_err_ struct err e = { 0 };

	if (p)
		return;
	(void)err_set(&e, -EAGAIN, ERR_SYSTEM, "image %s, which is being brought to the engine",
		      need->reference);
	sandbox_tell(userdata, SANDBOX_WAITING, &(struct sandbox_news){ .error = &e });
}

static void on_ended(const struct image_needs *needs _unused_, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;

	s->bring = NULL;
	sandbox_images_ended(s, e);
}

void sandbox_images_start(struct sandbox *s)
{
	static const struct image_bring_events events = { on_news, on_ended };
	const struct image_bring_ask ask = { .uid = s->owner.uid,
					     .policy = s->policy,
					     .field = FIELD_NAME };
	struct image_needs needs = needs_of(s);

	s->bring = image_bring_start(s->manager, &ask, &needs, &events, s);
}

void sandbox_images_cancel(struct sandbox *s)
{
	image_bring_cancel(TAKE_PTR(s->bring));
}
