#include "awfd/sandbox-name.h"

#include <string.h>

#include "awfd/sandbox-internal.h"
#include "common/alloc.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* How well a text fits a sandbox; more is better. */
enum fit {
	FIT_NONE,
	FIT_BEGINNING,  /* of its id */
	FIT_ENDED_NAME, /* its name, and that of as many others as have ended */
	FIT_NAME,
	FIT_COUNT,
	FIT_ID = 2 * FIT_COUNT,
};

static bool has_form(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= SANDBOX_NAME_MAX && strchr(LETTERS, *name) &&
	       name[strspn(name, LETTERS "_.-")] == '\0';
}

static bool has_name(const struct sandbox *s, const char *name)
{
	return s->request.name && strcmp(s->request.name, name) == 0;
}

int sandbox_name_check(struct manager *m, uid_t owner, const char *name, struct err *e)
{
	if (!name)
		return 0;
	if (!has_form(name))
		return err_invalid(e, "name", name,
				   "is no name: it has 1 to %d letters, digits, '_', '.' and '-', "
				   "and begins with a letter or digit",
				   SANDBOX_NAME_MAX);
	for (const struct sandbox *s = sandbox_first(m); s; s = LIST_NEXT(s, entry))
		if (s->owner.uid == owner && s->state != SANDBOX_EXITED && has_name(s, name))
			return err_invalid(e, "name", name,
					   "is the name of your sandbox %s already; choose another "
					   "one, or stop that",
					   s->id);
	return 0;
}

static enum fit fit_of(const struct sandbox *s, const char *text)
{
	size_t length = strlen(text);

	if (strcmp(s->id, text) == 0)
		return FIT_ID;
	if (has_name(s, text))
		return s->state == SANDBOX_EXITED ? FIT_ENDED_NAME : FIT_NAME;
	if (length >= SANDBOX_ABBREVIATION_MIN && strncmp(s->id, text, length) == 0)
		return FIT_BEGINNING;
	return FIT_NONE;
}

/* What fits one of the user's own does so better than what fits another's. */
static unsigned rank_of(const struct sandbox *s, uid_t user, const char *text)
{
	enum fit fit = fit_of(s, text);

	if (user != 0 && s->owner.uid != user)
		return FIT_NONE;
	return fit != FIT_NONE && fit != FIT_ID && s->owner.uid == user ? fit + FIT_COUNT : fit;
}

/* Of those of one's own that have ended, the newest has the name; they are listed so. */
static bool is_clear(unsigned rank)
{
	return rank == FIT_ENDED_NAME + FIT_COUNT;
}

int sandbox_lookup(struct manager *m, uid_t user, const char *text, struct sandbox **ret,
		   struct err *e)
{
	struct sandbox *best = NULL;
	unsigned best_rank = FIT_NONE, equals = 0;

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s)) {
		unsigned rank = rank_of(s, user, text);

		equals = rank > best_rank ? 1 : equals + (rank == best_rank);
		if (rank <= best_rank)
			continue;
		best = s;
		best_rank = rank;
	}
	if (!best) {
		(void)err_set(e, -ENOENT, ERR_NOT_FOUND, "no such sandbox");
		e->subject = xstrdup(text);
		return -ENOENT;
	}
	if (equals > 1 && !is_clear(best_rank))
		return err_invalid(e, "id", text, "means %u sandboxes; give the whole id of one",
				   equals);
	*ret = best;
	return 0;
}
