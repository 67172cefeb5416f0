#include "proto/findings.h"

#include <stdarg.h>
#include <string.h>

#include "common/alloc.h"

static const char *const names[] = {
	[FINDING_OK] = "ok",
	[FINDING_UNKNOWN] = "unknown",
	[FINDING_WARNING] = "warning",
	[FINDING_FAILURE] = "failure",
};

/* With the NULL behind the last one. */
static void append(struct findings *f, struct finding_info *finding)
{
	f->list = xrealloc(f->list, f->count + 2, sizeof(*f->list));
	f->list[f->count++] = finding;
	f->list[f->count] = NULL;
}

void findings_add(struct findings *f, const char *name, enum finding_status status,
		  const char *cure, const char *fmt, ...)
{
	struct finding_info *finding = xnew(struct finding_info);
	va_list ap;

	va_start(ap, fmt);
	*finding = (struct finding_info){ .name = xstrdup(name),
					  .status = xstrdup(names[status]),
					  .message = xvasprintf(fmt, ap),
					  .cure = xstrdup(cure) };
	va_end(ap);
	append(f, finding);
}

void findings_take(struct findings *f, struct diagnose_reply *reply)
{
	for (struct finding_info **next = reply->findings; next && *next; next++)
		append(f, *next);
	free(reply->findings);
	reply->findings = NULL;
}

const char *finding_status_name(enum finding_status status)
{
	return names[status];
}

enum finding_status finding_status_of(const struct finding_info *finding)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], finding->status) == 0)
			return (enum finding_status)i;
	return FINDING_UNKNOWN;
}

void findings_clear(struct findings *f)
{
	struct diagnose_reply reply = { .findings = f->list };

	fields_clear(&diagnose_reply_table, &reply);
	*f = (struct findings){ 0 };
}
