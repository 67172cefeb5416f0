#include "awfd/metrics-file.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/docker.h"
#include "awfd/metrics.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"

struct metrics_file {
	struct manager *manager;
	struct event *timer;
	char *written; /* what the file has; NULL: nothing of ours yet */
	bool failed;   /* which was told */
};

char *manager_metrics(struct manager *m, bool openmetrics)
{
	struct metrics_now now = { .engine_errors = docker_error_count(m->docker) };
	struct strbuf text = { 0 };

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		sandbox_add_metrics(s, &now);
	metrics_append(m->metrics, &now, openmetrics ? METRICS_OPENMETRICS : METRICS_PROMETHEUS,
		       &text);
	return strbuf_take(&text);
}

static void write_text(struct metrics_file *f, char *text)
{
	_cleanup_err_ struct err e = { 0 };
	const char *path = f->manager->config->metrics_file;

	if (file_write_atomic(path, 0644, text, strlen(text), &e) < 0) {
		if (!f->failed)
			log_warning("[Metrics] TextFile=%s is not written: %s", path, e.message);
		f->failed = true;
		free(text);
		return;
	}
	f->failed = false;
	free(f->written);
	f->written = text;
}

static void on_timer(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct metrics_file *f = userdata;
	_cleanup_free_ char *text = manager_metrics(f->manager, false);

	if (!f->written || strcmp(text, f->written) != 0)
		write_text(f, TAKE_PTR(text));
	if (sandbox_count_alive(f->manager) > 0)
		metrics_file_changed(f);
}

void metrics_file_changed(struct metrics_file *f)
{
	struct timeval later = { 0 };

	if (!f || event_pending(f->timer, EV_TIMEOUT, NULL))
		return;
	if (f->written || f->failed)
		later.tv_sec = (time_t)f->manager->config->metrics_interval_s;
	(void)event_add(f->timer, &later);
}

struct metrics_file *metrics_file_new(struct manager *m)
{
	struct metrics_file *f;

	if (!m->config->metrics_file)
		return NULL;
	f = xnew(struct metrics_file);
	f->manager = m;
	f->timer = evtimer_new(m->base, on_timer, f);
	if (!f->timer)
		abort();
	metrics_file_changed(f);
	return f;
}

void metrics_file_free(struct metrics_file *f)
{
	if (!f)
		return;
	event_free(f->timer);
	free(f->written);
	free(f);
}
