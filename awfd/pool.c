/* What is prepared, and what is not.
 *
 * A prepared sandbox has everything whose making costs time and depends on no request: the
 * containers with their namespaces, sealed, with their rules, and the links between them. It is
 * nobody's and has no grant. Its squid and cli-proxy do not run yet: their containers do, with
 * awf-hold in their place; squid's namespace has no way out by its own table, and no element in the
 * host's. Neither the configuration of squid nor the address, port and CA of a DIFC proxy are
 * there, so what is prepared fits every user and every DIFC proxy.
 *
 * A start takes one whose prepared part is what its own would be: of the same kind, by the
 * configuration that is in force, and from the images that the engine has. Then it has an owner,
 * and the rest of the create plan makes his logs, writes what was granted, changes the rules, and
 * lets the sidecars go on. It is never given back: whatever becomes of the start, the one teardown
 * is its end.
 *
 * The sandboxes themselves are in the list of all of them; here is only when one is made or
 * removed: one at a time, while nobody's start or teardown is under way, and after a while without
 * any. A preparation that a start overtakes is held. After a failure the next one has to wait,
 * longer each time. An awfd that ends destroys what is prepared, and what one left that was killed
 * is destroyed by the next, which knows nothing of it, as any other leftover. */
#include "awfd/pool.h"

#include <string.h>
#include <sys/param.h>

#include "awfd/config.h"
#include "awfd/docker-image.h"
#include "awfd/manager.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

/* For so long nothing must have happened before something is prepared or removed. */
#define QUIET_MS 200

/* How often the engine is asked whether the sidecars' images are still the same. */
#define LOOK_S 10

/* Between a failure and the next attempt: twice as long each time, as long as one follows the other
 * within twice the longest. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS   60000

/* The images of what is prepared. */
enum { PAUSE, SQUID, CLI_PROXY, IMAGE_COUNT };

struct pool {
	struct manager *manager;
	bool started;
	struct event *act;  /* when it was quiet for long enough */
	struct event *look; /* at the images, again */
	struct docker_call *call;
	unsigned looked_at;     /* the image that the call is about */
	char *ids[IMAGE_COUNT]; /* NULL: there is none */
	uint64_t images;        /* how often these have changed; 0: not looked yet */
	bool changed;           /* in this look */
	uint64_t failed_ms;     /* the last time */
	uint64_t backoff_ms;
};

/* --- Kinds, and what fits ------------------------------------------------------------------------
 */

static const struct kind {
	const char *name;
	bool egress, difc;
} kinds[] = {
	{ "plain", false, false },
	{ "egress", true, false },
	{ "difc", false, true },
	{ "egress+difc", true, true },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

bool pool_is_kind(const char *word)
{
	return find_kind(word) != NULL;
}

static bool differs_in_host_ports(const struct pool_part *a, const struct pool_part *b)
{
	return a->host_ports != b->host_ports;
}

static bool differs_in_egress(const struct pool_part *a, const struct pool_part *b)
{
	return a->egress != b->egress;
}

static bool differs_in_difc(const struct pool_part *a, const struct pool_part *b)
{
	return a->difc != b->difc;
}

static bool differs_in_config(const struct pool_part *a, const struct pool_part *b)
{
	return a->config != b->config;
}

static bool differs_in_images(const struct pool_part *a, const struct pool_part *b)
{
	return a->images != b->images;
}

/* What tells the user more comes first. */
static const struct {
	const char *why;
	bool (*differs)(const struct pool_part *prepared, const struct pool_part *wanted);
} differences[] = {
	{ "what is granted ports of the host is not prepared", differs_in_host_ports },
	{ "none of its kind is ready", differs_in_egress },
	{ "none of its kind is ready", differs_in_difc },
	{ "those that are ready are from before the configuration was read again",
	  differs_in_config },
	{ "those that are ready are from other images than the engine has now", differs_in_images },
};

/* The row of the first difference, or the number of rows. */
static size_t first_difference(const struct pool_part *prepared, const struct pool_part *wanted)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(differences) && !differences[i].differs(prepared, wanted))
		i++;
	return i;
}

const char *pool_mismatch(const struct pool_part *prepared, const struct pool_part *wanted)
{
	size_t i = first_difference(prepared, wanted);

	return i < ARRAY_SIZE(differences) ? differences[i].why : NULL;
}

/* --- Serving -------------------------------------------------------------------------------------
 */

static bool is_kept(const struct config *c, const struct pool_part *part)
{
	for (char *const *name = c->pool_kinds; name && *name; name++) {
		const struct kind *k = find_kind(*name);

		if (k->egress == part->egress && k->difc == part->difc)
			return true;
	}
	return false;
}

/* The first that fits, or NULL and why there is none: of those that do not fit, the nearest. */
static struct sandbox *find_fitting(struct pool *p, const struct pool_part *wanted,
				    const char **why)
{
	size_t nearest = 0;

	*why = wanted->host_ports ? differences[0].why : "none is ready";
	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s)) {
		const struct pool_part *part = sandbox_prepared_part(s);
		size_t i;

		if (!part || !sandbox_is_ready_to_take(s))
			continue;
		i = first_difference(part, wanted);
		if (i == ARRAY_SIZE(differences))
			return s;
		if (i >= nearest)
			*why = differences[i].why;
		nearest = MAX(i, nearest);
	}
	return NULL;
}

void pool_serve(struct pool *p, struct sandbox *s)
{
	struct pool_part wanted;
	struct sandbox *prepared;
	const char *why;

	if (!p || p->manager->config->pool_size == 0)
		return;
	wanted = sandbox_wanted_part(s);
	wanted.config = p->manager->config;
	wanted.images = p->images;
	prepared = find_fitting(p, &wanted, &why);
	if (!prepared && !wanted.host_ports && !is_kept(wanted.config, &wanted))
		why = "its kind is not one of Kinds= in [Pool]";
	if (!prepared) {
		sandbox_set_pool(s, xasprintf("miss: %s", why));
		return;
	}
	p->backoff_ms = 0;
	sandbox_take(s, prepared);
	sandbox_set_pool(s, xstrdup("hit"));
}

/* --- Filling -------------------------------------------------------------------------------------
 */

static struct pool_part part_of(const struct pool *p, const char *kind)
{
	const struct kind *k = find_kind(kind);

	return (struct pool_part){ .config = p->manager->config,
				   .images = p->images,
				   .egress = k->egress,
				   .difc = k->difc };
}

static uint64_t count_of(struct pool *p, const struct pool_part *wanted)
{
	uint64_t n = 0;

	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s)) {
		const struct pool_part *part = sandbox_prepared_part(s);

		n += part && !pool_mismatch(part, wanted);
	}
	return n;
}

/* One that no start would take, or that there is one too many of. */
static struct sandbox *find_unwanted(struct pool *p)
{
	const struct config *c = p->manager->config;

	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s)) {
		const struct pool_part *part = sandbox_prepared_part(s);
		struct pool_part wanted;

		if (!part)
			continue;
		wanted = *part;
		wanted.config = c;
		wanted.images = p->images;
		if (pool_mismatch(part, &wanted) || !is_kept(c, part) ||
		    count_of(p, part) > c->pool_size)
			return s;
	}
	return NULL;
}

/* Whether there is a kind of which there are too few, and what that has. */
static bool find_missing(struct pool *p, struct pool_part *ret)
{
	const struct config *c = p->manager->config;

	for (char *const *name = c->pool_kinds; name && *name; name++) {
		*ret = part_of(p, *name);
		if (count_of(p, ret) < c->pool_size)
			return true;
	}
	return false;
}

static bool somebody_is_busy(struct pool *p)
{
	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s))
		if (sandbox_is_busy(s))
			return true;
	return false;
}

/* Another one is being prepared or removed; its end wakes. */
static bool is_at_work(struct pool *p)
{
	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s))
		if (sandbox_prepared_part(s) && sandbox_state(s) != SANDBOX_PREPARED)
			return true;
	return false;
}

static void hold(struct pool *p, bool held)
{
	for (struct sandbox *s = sandbox_first(p->manager); s; s = sandbox_next(s))
		sandbox_hold_preparation(s, held);
}

static uint64_t backoff_left(const struct pool *p)
{
	uint64_t end = p->failed_ms + p->backoff_ms, now = clock_ms();

	return p->backoff_ms > 0 && end > now ? end - now : 0;
}

static void act_after(struct pool *p, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	event_add(p->act, &tv);
}

static void fill(struct pool *p)
{
	struct pool_part part;

	if (!find_missing(p, &part))
		return;
	if (backoff_left(p) > 0)
		act_after(p, backoff_left(p));
	else
		sandbox_prepare(p->manager, &part);
}

/* The next thing to do, if there is one. */
static void on_quiet(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct pool *p = userdata;
	struct sandbox *unwanted;

	if (p->manager->stopping || somebody_is_busy(p) || is_at_work(p))
		return;
	unwanted = find_unwanted(p);
	if (unwanted)
		sandbox_destroy(unwanted, "nobody will take it any more");
	else if (p->images > 0)
		fill(p);
}

/* --- Images --------------------------------------------------------------------------------------
 */

static const char *reference_of(const struct config *c, unsigned image)
{
	const char *const references[IMAGE_COUNT] = {
		[PAUSE] = c->image_pause, [SQUID] = c->image_squid, [CLI_PROXY] = c->image_cli_proxy
	};

	return references[image];
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void look_at_next(struct pool *p);

static void look_ended(struct pool *p)
{
	struct timeval tv = { .tv_sec = LOOK_S };

	event_add(p->look, &tv);
	if (!p->changed && p->images > 0)
		return;
	p->images++;
	pool_wake(p);
}

/* Notes what the name stands for now: NULL for nothing. */
static void note_image(struct pool *p, char **known, char *id)
{
	p->changed |= !is_same(*known, id);
	free(*known);
	*known = id;
}

/* That an image is not there is for what is made from it to say, and an engine that does not answer
 * says nothing of its images. */
static void on_image(int status, struct json_object *body, const struct err *e, void *userdata)
{
	struct pool *p = userdata;
	struct docker_image image = { 0 };
	bool known = !e && docker_image_parse(body, &image, NULL) == 0;

	p->call = NULL;
	if (known || status == 404)
		note_image(p, &p->ids[p->looked_at], TAKE_PTR(image.id));
	docker_image_clear(&image);
	if (++p->looked_at < IMAGE_COUNT)
		look_at_next(p);
	else
		look_ended(p);
}

static void look_at_next(struct pool *p)
{
	const struct manager *m = p->manager;

	p->call =
		docker_image_inspect(m->docker, reference_of(m->config, p->looked_at), on_image, p);
}

static bool is_wanted(const struct pool *p)
{
	return p->started && !p->manager->stopping && p->manager->config->pool_size > 0;
}

static void on_look(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct pool *p = userdata;

	if (p->call || !is_wanted(p))
		return;
	p->looked_at = 0;
	p->changed = false;
	look_at_next(p);
}

/* --- The pool ------------------------------------------------------------------------------------
 */

struct pool *pool_new(struct manager *m)
{
	struct pool *p = xnew(struct pool);

	p->manager = m;
	p->act = evtimer_new(m->base, on_quiet, p);
	p->look = evtimer_new(m->base, on_look, p);
	if (!p->act || !p->look)
		abort();
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	docker_call_cancel(p->call);
	event_free(p->act);
	event_free(p->look);
	for (unsigned i = 0; i < IMAGE_COUNT; i++)
		free(p->ids[i]);
	free(p);
}

void pool_start(struct pool *p)
{
	p->started = true;
	pool_wake(p);
}

void pool_wake(struct pool *p)
{
	if (!p || !p->started)
		return;
	hold(p, somebody_is_busy(p));
	act_after(p, QUIET_MS);
	if (is_wanted(p) && !p->call && !event_pending(p->look, EV_TIMEOUT, NULL))
		event_active(p->look, EV_TIMEOUT, 0);
}

void pool_failed(struct pool *p, const char *reason)
{
	uint64_t now = clock_ms();

	if (!p || p->manager->stopping)
		return;
	if (now - p->failed_ms > 2 * BACKOFF_MAX_MS)
		p->backoff_ms = 0;
	p->backoff_ms = MIN(MAX(p->backoff_ms * 2, BACKOFF_FIRST_MS), BACKOFF_MAX_MS);
	p->failed_ms = now;
	log_warning("a sandbox that was prepared ahead failed: %s; the next one is made in %u s",
		    reason, (unsigned)(p->backoff_ms / 1000));
}
