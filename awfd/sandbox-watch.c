/* Who wants to know what becomes of a sandbox. */
#include "awfd/sandbox-internal.h"

#include "common/alloc.h"

struct sandbox_watch *sandbox_watch(struct sandbox *s, sandbox_watch_fn fn, void *userdata)
{
	struct sandbox_watch *w = xnew(struct sandbox_watch);

	*w = (struct sandbox_watch){ .sandbox = s, .fn = fn, .userdata = userdata };
	LIST_INSERT_HEAD(&s->watches, w, entry);
	return w;
}

void sandbox_unwatch(struct sandbox_watch *w)
{
	if (!w)
		return;
	w->dead = true;
	if (w->sandbox && w->sandbox->telling)
		return; /* freed when the telling is over */
	if (w->sandbox)
		LIST_REMOVE(w, entry);
	free(w);
}

struct sandbox *sandbox_watched(const struct sandbox_watch *w)
{
	return w->sandbox;
}

void sandbox_watches_drop_dead(struct sandbox *s)
{
	struct sandbox_watch *w, *next;

	for (w = LIST_FIRST(&s->watches); w; w = next) {
		next = LIST_NEXT(w, entry);
		if (w->dead) {
			LIST_REMOVE(w, entry);
			free(w);
		}
	}
}

void sandbox_tell(struct sandbox *s, enum sandbox_event event, const struct sandbox_news *news)
{
	struct sandbox_watch *w;

	s->telling++;
	LIST_FOREACH (w, &s->watches, entry)
		if (!w->dead)
			w->fn(s, event, news, w->userdata);
	if (--s->telling > 0)
		return;
	sandbox_watches_drop_dead(s);
	if (s->free_pending)
		sandbox_free(s);
}

void sandbox_watches_free(struct sandbox *s)
{
	struct sandbox_watch *w, *next;

	for (w = LIST_FIRST(&s->watches); w; w = next) {
		next = LIST_NEXT(w, entry);
		LIST_REMOVE(w, entry);
		w->sandbox = NULL;
		if (w->dead)
			free(w);
	}
}
