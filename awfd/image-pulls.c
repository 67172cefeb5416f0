#include "awfd/image-pulls.h"

#include <string.h>
#include <sys/queue.h>

#include "awfd/config.h"
#include "awfd/docker-image.h"
#include "awfd/docker-pull.h"
#include "awfd/image-archive.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"
#include "common/log.h"

struct image_pull_wait {
	struct image_pull *pull; /* NULL: it has ended */
	const struct image_pull_events *events;
	void *userdata;
	bool told; /* of the layers */
	LIST_ENTRY(image_pull_wait) entry;
};

LIST_HEAD(waits, image_pull_wait);

struct image_pull {
	struct image_pulls *pulls;
	char *reference;
	uid_t uid; /* who asked first */
	struct image_archive archive;
	bool running;
	struct docker_pull *pull;
	struct docker_call *look; /* at what has come */
	struct waits waits;
	TAILQ_ENTRY(image_pull) entry;
};

struct image_pulls {
	struct manager *manager;
	TAILQ_HEAD(, image_pull) all; /* in the order in which they were asked for */
};

static void start_what_may(struct image_pulls *pulls);

/* --- The end ------------------------------------------------------------------------------------
 */

static void pull_free(struct image_pull *p)
{
	TAILQ_REMOVE(&p->pulls->all, p, entry);
	docker_pull_cancel(p->pull);
	docker_call_cancel(p->look);
	image_archive_clear(&p->archive);
	free(p->reference);
	free(p);
}

/* Those who wait are told when there is no pull any more, so that they may do anything. */
static void pull_end(struct image_pull *p, const char *id, const struct err *e)
{
	struct image_pulls *pulls = p->pulls;
	struct image_pull_wait *w;
	struct waits waits;

	LIST_INIT(&waits);
	while ((w = LIST_FIRST(&p->waits))) {
		LIST_REMOVE(w, entry);
		w->pull = NULL;
		LIST_INSERT_HEAD(&waits, w, entry);
	}
	log_info("image %s: %s", p->reference, e ? e->message : "is there");
	pull_free(p);
	start_what_may(pulls);
	while ((w = LIST_FIRST(&waits))) {
		LIST_REMOVE(w, entry);
		w->events->ended(id, e, w->userdata);
		free(w);
	}
}

/* --- What has come ------------------------------------------------------------------------------
 */

static int take_image(const struct image_pull *p, struct json_object *body,
		      struct docker_image *image, struct err *e)
{
	const char *digest = image_reference_digest(p->reference);

	if (digest && !docker_image_has_digest(body, digest))
		return err_engine(e, -EBADMSG, "pull image", 200,
				  "what came has another digest than was asked for: tell the "
				  "registry's operator");
	return docker_image_parse(body, image, e);
}

static void on_look(int status _unused_, struct json_object *body, const struct err *failure,
		    void *userdata)
{
	struct image_pull *p = userdata;
	struct docker_image image = { 0 };
	_cleanup_err_ struct err e = { 0 };

	p->look = NULL;
	if (failure)
		pull_end(p, NULL, failure);
	else if (take_image(p, body, &image, &e) < 0)
		pull_end(p, NULL, &e);
	else
		pull_end(p, image.id, NULL);
	docker_image_clear(&image);
}

static void on_pulled(const struct err *e, void *userdata)
{
	struct image_pull *p = userdata;

	p->pull = NULL;
	if (e)
		pull_end(p, NULL, e);
	else
		p->look = docker_image_inspect(p->pulls->manager->docker, p->reference, on_look, p);
}

static void on_progress(const struct docker_progress *progress, void *userdata)
{
	struct image_pull *p = userdata;
	struct image_pull_wait *w;

	LIST_FOREACH (w, &p->waits, entry) {
		w->events->progress(progress, !w->told, w->userdata);
		w->told = true;
	}
}

/* --- The beginning ------------------------------------------------------------------------------
 */

static void pull_start(struct image_pull *p)
{
	static const struct docker_pull_events events = { on_progress, on_pulled };
	const struct manager *m = p->pulls->manager;
	const struct docker_pull_spec spec = {
		.reference = p->reference,
		.file = p->archive.file.fd >= 0 ? &p->archive.file : NULL,
		.label = p->archive.label,
		.download_max = m->config->pull_size_max,
		.timeout_s = m->config->pull_seconds,
	};

	log_info("image %s: %s for uid %u", p->reference, spec.file ? "importing" : "pulling",
		 p->uid);
	p->running = true;
	p->pull = docker_pull_start(m->docker, &spec, &events, p);
}

static bool may_run(const struct image_pull *p)
{
	const struct image_pull *other;
	uint64_t running = 0;

	TAILQ_FOREACH (other, &p->pulls->all, entry) {
		if (other->running && other->uid == p->uid)
			return false;
		running += other->running;
	}
	return running < p->pulls->manager->config->pulls;
}

static void start_what_may(struct image_pulls *pulls)
{
	struct image_pull *p;

	TAILQ_FOREACH (p, &pulls->all, entry)
		if (!p->running && may_run(p))
			pull_start(p);
}

static struct image_pull *find(struct image_pulls *pulls, const char *reference)
{
	struct image_pull *p;

	TAILQ_FOREACH (p, &pulls->all, entry)
		if (strcmp(p->reference, reference) == 0)
			return p;
	return NULL;
}

static int pull_new(struct image_pulls *pulls, const char *reference, uid_t uid,
		    struct image_pull **ret, struct err *e)
{
	struct image_archive archive = IMAGE_ARCHIVE_NONE;
	struct image_pull *p;
	int r = 0;

	if (image_reference_is_own(reference))
		r = image_archive_open(pulls->manager->config->image_archives, reference, &archive,
				       e);
	else if (!image_reference_is_pullable(reference))
		r = err_set(
			e, -EINVAL, ERR_SYSTEM,
			"image %s is not there, and is no name that a registry could have: give "
			"NAME:TAG or NAME@sha256:HEX, with the name in lower case",
			reference);
	if (r < 0)
		return r;
	p = xnew(struct image_pull);
	*p = (struct image_pull){
		.pulls = pulls, .reference = xstrdup(reference), .uid = uid, .archive = archive
	};
	LIST_INIT(&p->waits);
	TAILQ_INSERT_TAIL(&pulls->all, p, entry);
	*ret = p;
	return 0;
}

int image_pulls_join(struct image_pulls *pulls, const char *reference, uid_t uid,
		     const struct image_pull_events *events, void *userdata,
		     struct image_pull_wait **ret, struct err *e)
{
	struct image_pull *p = find(pulls, reference);
	struct image_pull_wait *w;
	int r = p ? 0 : pull_new(pulls, reference, uid, &p, e);

	if (r < 0)
		return r;
	w = xnew(struct image_pull_wait);
	*w = (struct image_pull_wait){ .pull = p, .events = events, .userdata = userdata };
	LIST_INSERT_HEAD(&p->waits, w, entry);
	start_what_may(pulls);
	*ret = w;
	return 0;
}

void image_pulls_leave(struct image_pull_wait *w)
{
	struct image_pull *p;

	if (!w)
		return;
	p = w->pull;
	LIST_REMOVE(w, entry);
	free(w);
	if (p && LIST_EMPTY(&p->waits)) {
		struct image_pulls *pulls = p->pulls;

		log_info("image %s: given up, as nobody waits for it any more", p->reference);
		pull_free(p);
		start_what_may(pulls);
	}
}

struct image_pulls *image_pulls_new(struct manager *m)
{
	struct image_pulls *pulls = xnew(struct image_pulls);

	pulls->manager = m;
	TAILQ_INIT(&pulls->all);
	return pulls;
}

void image_pulls_free(struct image_pulls *pulls)
{
	free(pulls);
}
