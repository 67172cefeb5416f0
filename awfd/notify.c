#include "awfd/notify.h"

#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "common/utf8.h"

#define MESSAGE_ID "MESSAGE_ID=357807ca989042529f3ecdc2fde96736"

/* What the status has room for of one problem; the log has all of it. */
#define TEXT_MAX 200

static const struct {
	const char *name;  /* AWF_PROBLEM= */
	const char *title; /* in the status */
} kinds[] = {
	[NOTIFY_ENGINE] = { "engine", "engine unavailable" },
	[NOTIFY_EGRESS] = { "egress", "no egress" },
	[NOTIFY_FIREWALL] = { "firewall", "firewall" },
	[NOTIFY_CONFIG] = { "config", "configuration not read again" },
};

_Static_assert(ARRAY_SIZE(kinds) == NOTIFY_PROBLEMS, "a kind of problem without a name");

struct problem {
	char *text; /* escaped, or NULL: all is well */
	time_t since;
};

struct notify {
	struct event *watchdog; /* NULL: nobody watches */
	unsigned sandboxes;
	bool ready, stopping;
	struct problem problems[NOTIFY_PROBLEMS];
	char *status; /* as it was told last */
};

static void on_watchdog(evutil_socket_t fd _unused_, short what _unused_, void *userdata _unused_)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

/* Twice in the time after which the service manager gives awfd up. */
static void start_watchdog(struct notify *n, struct event_base *base)
{
	uint64_t usec;
	struct timeval tv;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return;
	usec /= 2;
	tv = (struct timeval){ .tv_sec = (time_t)(usec / 1000000),
			       .tv_usec = (suseconds_t)(usec % 1000000) };
	n->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, n);
	if (!n->watchdog)
		abort();
	event_add(n->watchdog, &tv);
}

struct notify *notify_new(struct event_base *base)
{
	struct notify *n = xnew(struct notify);

	start_watchdog(n, base);
	return n;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	if (n->watchdog)
		event_free(n->watchdog);
	for (size_t i = 0; i < NOTIFY_PROBLEMS; i++)
		free(n->problems[i].text);
	free(n->status);
	free(n);
}

/* "2026-11-26 12:03" */
#define SINCE_SIZE sizeof("2026-11-26 12:03")

static void format_since(char since[SINCE_SIZE], const struct problem *p)
{
	struct tm tm;

	*since = '\0';
	if (localtime_r(&p->since, &tm))
		(void)strftime(since, SINCE_SIZE, "%F %R", &tm);
}

static void append_problem(struct strbuf *to, size_t kind, const struct problem *p)
{
	char since[SINCE_SIZE];

	if (!p->text)
		return;
	format_since(since, p);
	strbuf_appendf(to, "; %s since %s: %.*s", kinds[kind].title, since,
		       (int)utf8_cut(p->text, TEXT_MAX), p->text);
}

static char *status_text(const struct notify *n)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_appendf(&text, "%s%u sandbox%s", n->stopping ? "Stopping, " : "", n->sandboxes,
		       n->sandboxes == 1 ? "" : "es");
	for (size_t i = 0; i < NOTIFY_PROBLEMS; i++)
		append_problem(&text, i, &n->problems[i]);
	return strbuf_take(&text);
}

/* Tells the status if it is another one than last time. */
static void tell_status(struct notify *n)
{
	_cleanup_free_ char *status = status_text(n);

	if (n->status && strcmp(n->status, status) == 0)
		return;
	(void)sd_notifyf(0, "STATUS=%s", status);
	free(n->status);
	n->status = TAKE_PTR(status);
}

void notify_ready(struct notify *n)
{
	if (!n->ready)
		(void)sd_notify(0, "READY=1");
	n->ready = true;
	tell_status(n);
}

void notify_reloading(struct notify *n)
{
	if (n->ready)
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
				 (unsigned long long)clock_us());
}

void notify_reloaded(struct notify *n)
{
	if (n->ready)
		(void)sd_notify(0, "READY=1");
}

void notify_stopping(struct notify *n)
{
	n->stopping = true;
	(void)sd_notify(0, "STOPPING=1");
	tell_status(n);
}

void notify_sandboxes(struct notify *n, unsigned count)
{
	n->sandboxes = count;
	tell_status(n);
}

static void log_problem(enum notify_problem kind, const char *text)
{
	_cleanup_strv_ char **more = NULL;

	strv_append(&more, MESSAGE_ID);
	strv_appendf(&more, "AWF_PROBLEM=%s", kinds[kind].name);
	strv_appendf(&more, "AWF_PROBLEM_STATE=%s", text ? "begun" : "over");
	log_write(text ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, &(struct log_fields){ .more = more },
		  "%s%s%s", kinds[kind].title, text ? ": " : ": no longer", text ? text : "");
}

void notify_problem(struct notify *n, enum notify_problem kind, const char *text)
{
	_cleanup_free_ char *escaped = text ? escape_control(text) : NULL;
	struct problem *p = &n->problems[kind];

	if (!p->text && !escaped)
		return;
	if (p->text && escaped && strcmp(p->text, escaped) == 0)
		return;
	log_problem(kind, text);
	if (!p->text)
		p->since = time(NULL);
	free(p->text);
	p->text = TAKE_PTR(escaped);
	tell_status(n);
}

bool notify_has_problem(const struct notify *n, enum notify_problem kind)
{
	return n->problems[kind].text != NULL;
}

char *notify_problem_text(const struct notify *n, enum notify_problem kind)
{
	const struct problem *p = &n->problems[kind];
	char since[SINCE_SIZE];

	if (!p->text)
		return NULL;
	format_since(since, p);
	return xasprintf("%s since %s: %s", kinds[kind].title, since, p->text);
}
