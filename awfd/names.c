#include "awfd/names.h"

#include <string.h>
#include <sys/queue.h>

#include "awfd/child-output.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/parse.h"

#define OUTPUT_MAX  1024
#define NAME_LENGTH 256
#define ERRNO_MAX   4095 /* of the kernel's */

/* How many answers of a kind are kept: those that were used last. */
#define ENTRIES_MAX 1024

/* How many processes ask at once, of each kind, so that a crowd of users does not keep the policy's
 * names waiting; further questions wait, their time running. */
#define LOOKUPS_MAX 16

/* Keeps: an answer is better than none, however old it is, since no right depends on it. */
static const struct {
	const char *name; /* for awf-names */
	const char *shown;
	const char *database; /* of nsswitch.conf(5) */
	const char *advice;
	bool keeps;
} kinds[NAME_KIND_COUNT] = {
	[NAME_OF_UID] = { "uid", "the name of uid", "passwd", "mend it, or try again later", true },
	[NAME_USER] = { "user", "the uid of user", "passwd",
			"mend it, try again later, or have the uid in awfd.conf", false },
	[NAME_GROUP] = { "group", "the gid of group", "group",
			 "mend it, try again later, or have the gid in awfd.conf", false },
};

/* One question, and what was answered last. */
struct entry {
	struct names *names;
	enum name_kind kind;
	char *text;
	bool asking; /* and waits for its turn as long as it has no process */
	struct child_output *output;
	struct event *late;
	bool known;           /* the rest is */
	bool outdated;        /* whatever its age */
	uint64_t answered_ms; /* by clock_ms() */
	int status;           /* as names_number() */
	char *answer;         /* NULL: there never was one */
	struct err error;
	bool telling; /* the ties of it, so it must stay */
	LIST_HEAD(, tie) ties;
	TAILQ_ENTRY(entry) entry;
};

/* What a wait has to do with one entry. */
struct tie {
	struct names_wait *wait;
	bool tied;
	LIST_ENTRY(tie) entry;
};

struct names_wait {
	struct tie *ties;
	size_t count;
	size_t left; /* that are tied */
	names_fn fn;
	void *userdata;
};

struct names {
	struct event_base *base;
	struct names_spec spec;
	char *program;
	size_t count[NAME_KIND_COUNT], running[NAME_KIND_COUNT];
	TAILQ_HEAD(entries, entry) entries; /* the last used first */
};

/* --- Entries -----------------------------------------------------------------------------------
 */

static void stop(struct entry *x)
{
	if (x->output)
		x->names->running[x->kind]--;
	child_output_free(TAKE_PTR(x->output));
	if (x->late)
		event_free(TAKE_PTR(x->late));
	x->asking = false;
}

static void entry_free(struct entry *x)
{
	stop(x);
	TAILQ_REMOVE(&x->names->entries, x, entry);
	x->names->count[x->kind]--;
	err_clear(&x->error);
	free(x->answer);
	free(x->text);
	free(x);
}

static struct entry *find(const struct names *n, const struct name_key *key)
{
	struct entry *x;

	if (!n)
		return NULL;
	TAILQ_FOREACH (x, &n->entries, entry)
		if (x->kind == key->kind && strcmp(x->text, key->text) == 0)
			return x;
	return NULL;
}

/* Makes room by what was used longest ago; false when all that there is is being asked for. */
static bool make_room(struct names *n, enum name_kind kind)
{
	struct entry *x;

	if (n->count[kind] < ENTRIES_MAX)
		return true;
	TAILQ_FOREACH_REVERSE(x, &n->entries, entries, entry)
	{
		if (x->kind == kind && !x->asking && !x->telling) {
			entry_free(x);
			return true;
		}
	}
	return false;
}

/* The entry, which is a new one if need be, in front of the others; NULL when there is no room. */
static struct entry *use(struct names *n, const struct name_key *key)
{
	struct entry *x = find(n, key);

	if (x) {
		TAILQ_REMOVE(&n->entries, x, entry);
	} else if (make_room(n, key->kind)) {
		x = xnew(struct entry);
		*x = (struct entry){ .names = n, .kind = key->kind, .text = xstrdup(key->text) };
		LIST_INIT(&x->ties);
		n->count[key->kind]++;
	} else {
		return NULL;
	}
	TAILQ_INSERT_HEAD(&n->entries, x, entry);
	return x;
}

/* Whether the last answer, or failure, is too old. */
static bool is_due(const struct entry *x)
{
	const struct names_spec *spec = &x->names->spec;

	return !x->asking &&
	       (!x->known || x->outdated ||
		clock_ms() - x->answered_ms >= (x->status < 0 ? spec->retry_ms : spec->fresh_ms));
}

/* --- Answers -----------------------------------------------------------------------------------
 */

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			return false;
	return n > 0 && n <= NAME_LENGTH;
}

static bool is_answer(enum name_kind kind, const char *text)
{
	uint64_t number;

	return kind == NAME_OF_UID ? is_name(text)
				   : parse_uint(text, 0, UINT32_MAX - 1, &number) == 0;
}

static int fail(struct entry *x, int error)
{
	(void)err_set(&x->error, error, ERR_SYSTEM,
		      "the host's name service (%s in nsswitch.conf) does not tell %s '%s': %s: %s",
		      kinds[x->kind].database, kinds[x->kind].shown, x->text, strerror(-error),
		      kinds[x->kind].advice);
	return error;
}

/* Takes what awf-names printed; whatever else came is no answer. */
static int parse(struct entry *x, const char *output)
{
	_cleanup_free_ char *line = xstrdup(output);
	size_t n = strcspn(line, "\n");
	uint64_t error;

	if (strcmp(line + n, "\n") != 0)
		return fail(x, -EPROTO);
	line[n] = '\0';
	if (strcmp(line, "absent") == 0)
		return 0;
	if (strncmp(line, "failed ", 7) == 0 && parse_uint(line + 7, 1, ERRNO_MAX, &error) == 0)
		return fail(x, -(int)error);
	if (strncmp(line, "found ", 6) != 0 || !is_answer(x->kind, line + 6))
		return fail(x, -EPROTO);
	free(x->answer);
	x->answer = xstrdup(line + 6);
	return 1;
}

/* Notes an answer, and ends the waits that had no other left. */
static void settle(struct entry *x, int status)
{
	struct tie *t;

	stop(x);
	x->known = true;
	x->answered_ms = clock_ms();
	x->status = status < 0 && kinds[x->kind].keeps && x->answer ? 1 : status;
	x->telling = true;
	while ((t = LIST_FIRST(&x->ties))) {
		struct names_wait *w = t->wait;
		names_fn fn = w->fn;
		void *userdata = w->userdata;

		LIST_REMOVE(t, entry);
		t->tied = false;
		if (--w->left > 0)
			continue;
		names_cancel(w);
		fn(userdata);
	}
	x->telling = false;
}

/* --- Questions ---------------------------------------------------------------------------------
 */

static void finish(struct entry *x, int status);

static void on_output(const char *text, void *userdata)
{
	struct entry *x = userdata;

	finish(x, parse(x, text));
}

static void on_late(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct entry *x = userdata;

	finish(x, fail(x, -ETIMEDOUT));
}

static int start(struct entry *x)
{
	struct names *n = x->names;
	char *const argv[] = { (char *)"awf-names", (char *)kinds[x->kind].name, x->text, NULL };
	const struct spawn spawn = { .path = n->program,
				     .argv = argv,
				     .uid = n->spec.uid,
				     .gid = n->spec.gid,
				     .network = -EBADF,
				     .in = -EBADF };
	int r = child_output_start(n->base, &spawn, OUTPUT_MAX, on_output, x, &x->output,
				   &x->error);

	if (r == 0)
		n->running[x->kind]++;
	return r;
}

/* The one of a kind that waits longest for its turn. */
static struct entry *next_queued(const struct names *n, enum name_kind kind)
{
	struct entry *x;

	TAILQ_FOREACH_REVERSE(x, &n->entries, entries, entry)
	if (x->kind == kind && x->asking && !x->output)
		return x;
	return NULL;
}

static void finish(struct entry *x, int status)
{
	struct names *n = x->names;
	enum name_kind kind = x->kind;
	struct entry *next;
	int r;

	settle(x, status);
	while (n->running[kind] < LOOKUPS_MAX && (next = next_queued(n, kind))) {
		r = start(next);
		if (r < 0)
			settle(next, r);
	}
}

/* Without a completion: nothing is tied to it yet. */
static void ask(struct entry *x)
{
	const struct names_spec *spec = &x->names->spec;
	const struct timeval timeout = { .tv_sec = (time_t)(spec->timeout_ms / 1000),
					 .tv_usec = (suseconds_t)(spec->timeout_ms % 1000) * 1000 };
	int r;

	x->asking = true;
	x->outdated = false;
	x->late = evtimer_new(x->names->base, on_late, x);
	if (!x->late || event_add(x->late, &timeout) < 0)
		abort();
	if (x->names->running[x->kind] >= LOOKUPS_MAX)
		return;
	r = start(x);
	if (r < 0)
		settle(x, r);
}

/* --- Waits -------------------------------------------------------------------------------------
 */

static bool is_number(const struct name_key *key)
{
	uint64_t number;

	return key->kind != NAME_OF_UID && parse_uint(key->text, 0, UINT32_MAX - 1, &number) == 0;
}

/* Whether there is something to wait for. */
static bool prepare(struct names *n, const struct name_key *key, struct entry **ret)
{
	struct entry *x = is_number(key) ? NULL : use(n, key);

	*ret = x;
	if (!x)
		return false;
	if (is_due(x))
		ask(x);
	return x->asking && !(kinds[x->kind].keeps && x->answer);
}

static void tie(struct names_wait *w, struct entry *x)
{
	struct tie *t = &w->ties[w->left++];

	*t = (struct tie){ .wait = w, .tied = true };
	LIST_INSERT_HEAD(&x->ties, t, entry);
}

struct names_wait *names_await(struct names *n, const struct name_key *keys, size_t count,
			       names_fn fn, void *userdata)
{
	struct names_wait *w;
	struct entry *x;

	if (!n || count == 0)
		return NULL;
	w = xnew(struct names_wait);
	*w = (struct names_wait){ .ties = xcalloc(count, sizeof(struct tie)),
				  .fn = fn,
				  .userdata = userdata };
	for (size_t i = 0; i < count; i++)
		if (prepare(n, &keys[i], &x))
			tie(w, x);
	w->count = w->left;
	if (w->left > 0)
		return w;
	names_cancel(w);
	return NULL;
}

void names_cancel(struct names_wait *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->ties[i].tied)
			LIST_REMOVE(&w->ties[i], entry);
	free(w->ties);
	free(w);
}

/* --- What is known -----------------------------------------------------------------------------
 */

static int read_answer(const struct names *n, const struct name_key *key, const char **ret,
		       struct err *e)
{
	const struct entry *x = find(n, key);

	if (!x || !x->known)
		return err_set(e, -EAGAIN, ERR_SYSTEM,
			       "%s '%s' is not known yet, since too many names are being looked "
			       "up: try again",
			       kinds[key->kind].shown, key->text);
	if (x->status < 0 && e)
		err_copy(e, &x->error);
	*ret = x->answer;
	return x->status;
}

int names_number(const struct names *n, const struct name_key *key, uint32_t *ret, struct err *e)
{
	const char *answer = key->text;
	uint64_t number = 0;
	int r = is_number(key) ? 1 : read_answer(n, key, &answer, e);

	if (r > 0 && parse_uint(answer, 0, UINT32_MAX - 1, &number) == 0)
		*ret = (uint32_t)number;
	return r;
}

int names_user(const struct names *n, uid_t uid, char **ret, struct err *e)
{
	_cleanup_free_ char *number = xasprintf("%u", uid);
	const char *answer = NULL;
	int r = n ? read_answer(n, &(struct name_key){ NAME_OF_UID, number }, &answer, e) : 0;

	if (r < 0)
		return r;
	*ret = r > 0 ? xstrdup(answer) : TAKE_PTR(number);
	return 0;
}

char *names_shown(const struct names *n, uid_t uid)
{
	char *name;

	return names_user(n, uid, &name, NULL) < 0 ? xasprintf("%u", uid) : name;
}

void names_forget(struct names *n)
{
	struct entry *x;

	TAILQ_FOREACH (x, &n->entries, entry)
		x->outdated = true;
}

struct names *names_new(struct event_base *base, const struct names_spec *spec)
{
	struct names *n = xnew(struct names);

	*n = (struct names){ .base = base, .spec = *spec, .program = xstrdup(spec->program) };
	TAILQ_INIT(&n->entries);
	return n;
}

void names_free(struct names *n)
{
	struct entry *x;

	if (!n)
		return;
	while ((x = TAILQ_FIRST(&n->entries)))
		entry_free(x);
	free(n->program);
	free(n);
}
