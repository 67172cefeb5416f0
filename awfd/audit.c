#include "awfd/audit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/strv.h"

/* Records of one user: at once, and then a second. */
#define BUDGET_BURST      500
#define BUDGET_PER_SECOND 5

#define MESSAGE_ID "MESSAGE_ID=6a9c3c0f5d1b4be6a7b1f0f5c2e4d893"

struct budget {
	uid_t uid;
	uint64_t left_ms; /* records it has room for, in the time that one takes to come back */
	uint64_t seen_ms;
	uint64_t omitted;
};

#define RECORD_MS (1000 / BUDGET_PER_SECOND)
#define FULL_MS   ((uint64_t)BUDGET_BURST * RECORD_MS)

struct audit {
	char *path;
	int fd;
	int64_t size, max;
	bool failed;            /* and that was told */
	struct budget *budgets; /* of every user who ever asked */
	size_t budget_count;
};

/* --- The file --- */

static int open_file(struct audit *a, struct err *e)
{
	struct stat st;

	a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
		     0600);
	if (a->fd < 0)
		return err_system(e, -errno, "cannot open the audit log %s", a->path);
	if (fstat(a->fd, &st) < 0)
		return err_system(e, -errno, "cannot look at the audit log %s", a->path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(e, -EPERM, ERR_SYSTEM,
			       "the audit log %s has to be a regular file that only its owner, "
			       "who awfd runs as, can read: remove it, or give it mode 0600",
			       a->path);
	a->size = st.st_size;
	return 0;
}

int audit_open(const char *directory, int64_t max, struct audit **ret, struct err *e)
{
	struct audit *a = xnew(struct audit);
	int r;

	*a = (struct audit){ .path = xasprintf("%s/audit.jsonl", directory), .max = max };
	r = open_file(a, e);
	if (r < 0)
		audit_free(a);
	else
		*ret = a;
	return r;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	fd_close(a->fd);
	free(a->budgets);
	free(a->path);
	free(a);
}

static int rotate(struct audit *a, struct err *e)
{
	_cleanup_free_ char *old = xasprintf("%s.1", a->path);

	if (rename(a->path, old) < 0)
		return err_system(e, -errno, "cannot rename the audit log to %s", old);
	a->fd = fd_close(a->fd);
	return open_file(a, e);
}

static int append(struct audit *a, const char *line, size_t length, struct err *e)
{
	int r = 0;

	if (a->fd < 0)
		r = open_file(a, e);
	else if (a->size > 0 && a->size + (int64_t)length > a->max)
		r = rotate(a, e);
	if (r < 0)
		return r;
	errno = ENOSPC; /* why only a part of it is written */
	if (write(a->fd, line, length) != (ssize_t)length) {
		r = -errno;
		(void)!ftruncate(a->fd, a->size);
		return err_system(e, r, "cannot write to the audit log %s", a->path);
	}
	a->size += (int64_t)length;
	return 0;
}

/* --- Budgets --- */

static struct budget *budget_of(struct audit *a, uid_t uid, uint64_t now_ms)
{
	for (size_t i = 0; i < a->budget_count; i++)
		if (a->budgets[i].uid == uid)
			return &a->budgets[i];
	a->budgets = xrealloc(a->budgets, a->budget_count + 1, sizeof(*a->budgets));
	a->budgets[a->budget_count] =
		(struct budget){ .uid = uid, .left_ms = FULL_MS, .seen_ms = now_ms };
	return &a->budgets[a->budget_count++];
}

bool audit_admit(struct audit *a, uid_t uid, uint64_t now_ms, uint64_t *omitted)
{
	struct budget *b = budget_of(a, uid, now_ms);

	b->left_ms = MIN(b->left_ms + (now_ms - b->seen_ms), FULL_MS);
	b->seen_ms = now_ms;
	if (b->left_ms < RECORD_MS) {
		b->omitted++;
		return false;
	}
	b->left_ms -= RECORD_MS;
	*omitted = b->omitted;
	b->omitted = 0;
	return true;
}

void audit_omit(struct audit *a, uid_t uid, uint64_t now_ms)
{
	budget_of(a, uid, now_ms)->omitted++;
}

/* --- The journal --- */

static const char *member(struct json_object *record, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(record, key, &value) ? json_object_get_string(value)
							      : NULL;
}

static const struct {
	const char *key;
	const char *field; /* of the journal */
} fields[] = {
	{ "event", "AWF_EVENT" },       { "uid", "AWF_UID" },       { "method", "AWF_METHOD" },
	{ "decision", "AWF_DECISION" }, { "reason", "AWF_REASON" },
};

/* Where nothing was decided. */
static const char *what_happened(const char *event)
{
	return strcmp(event, "masks") == 0 ? "credentials in the mounts" : "ended";
}

static char *journal_text(struct json_object *record)
{
	const char *user = member(record, "user"), *reason = member(record, "reason");
	const char *message = member(record, "message"), *method = member(record, "method");
	const char *decision = member(record, "decision");
	struct strbuf text = { 0 };

	strbuf_appendf(&text, "audit: %s", user ? user : "nobody known");
	if (decision)
		strbuf_appendf(&text, ": %s %s", method ? method : member(record, "event"),
			       decision);
	else
		strbuf_appendf(&text, ": %s", what_happened(member(record, "event")));
	if (member(record, "exitCode"))
		strbuf_appendf(&text, ", exit code %s", member(record, "exitCode"));
	if (reason)
		strbuf_appendf(&text, ": %s", reason);
	if (message)
		strbuf_appendf(&text, ": %s", message);
	return strbuf_take(&text);
}

static void tell_journal(struct json_object *record, const char *line)
{
	_cleanup_free_ char *text = journal_text(record);
	_cleanup_strv_ char **more = NULL;

	strv_append(&more, MESSAGE_ID);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (member(record, fields[i].key))
			strv_appendf(&more, "%s=%s", fields[i].field,
				     member(record, fields[i].key));
	strv_appendf(&more, "AWF_AUDIT=%s", line);
	log_write(LOG_LEVEL_INFO,
		  &(struct log_fields){ .sandbox = member(record, "sandbox"), .more = more }, "%s",
		  text);
}

void audit_write(struct audit *a, struct json_object *record)
{
	const char *line = json_object_to_json_string_ext(
		record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	_cleanup_free_ char *whole = xasprintf("%s\n", line);
	_cleanup_err_ struct err e = { 0 };
	int r = append(a, whole, strlen(whole), &e);

	if (r < 0 && !a->failed)
		log_error("%s; what is missing there is in the journal", e.message);
	a->failed = r < 0;
	tell_journal(record, line);
}
