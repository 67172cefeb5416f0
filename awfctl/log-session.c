#include "awfctl/log-session.h"

#include <poll.h>
#include <string.h>

#include "awfctl/client.h"
#include "awfctl/comeback.h"
#include "awfctl/log-set.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "proto/messages.h"

#define METHOD AWF_INTERFACE ".Logs"

/* One reading, while the sandbox may still run. */
struct session {
	const char *socket;
	const char *id;
	struct log_span span;
	struct client *client; /* NULL: nothing more is written */
	struct comeback back;
	char *directory;
	struct log_set *set;
	int grown; /* readable when a log has grown; -EBADF: not followed */
	log_session_fn record;
	int (*pause)(void *userdata);
	void *userdata;
	bool over; /* whom it is read for has enough */
};

static void session_clear(struct session *s)
{
	client_free(s->client);
	log_set_free(s->set);
	free(s->directory);
}

/* --- awfd's part ---------------------------------------------------------------------------------
 */

static int call_logs(struct session *s, struct err *e)
{
	struct id_request request = { .id = (char *)s->id };

	return client_call(s->client, METHOD, &id_request_table, &request, true, e);
}

/* The last reply says that the logs are complete. */
static int take_reply(struct session *s, const struct reply *reply, struct err *e)
{
	struct logs_reply logs = { 0 };
	int r = reply_read(reply, &logs_reply_table, &logs, e);

	if (r < 0)
		return r;
	free(s->directory);
	s->directory = TAKE_PTR(logs.directory);
	fields_clear(&logs_reply_table, &logs);
	if (!reply->continues)
		client_free(TAKE_PTR(s->client));
	return 0;
}

/* An awfd that is restarted goes on with its sandboxes, and with their logs. */
static int come_back(struct session *s, struct err *e)
{
	if (!comeback_helps(&s->back, s->client, e) || !comeback_lost(&s->back, clock_ms()))
		return e->error;
	client_free(TAKE_PTR(s->client));
	err_clear(e);
	if (comeback_wait(&s->back, s->socket, &s->client, e) < 0)
		return e->error;
	return call_logs(s, e);
}

static int listen_to_awfd(struct session *s, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_receive(s->client, &reply, e);

	if (r < 0)
		return come_back(s, e);
	return r > 0 ? take_reply(s, &reply, e) : 0;
}

static int ask_awfd(struct session *s, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_open(s->socket, &s->client, e);

	if (r == 0)
		r = call_logs(s, e);
	if (r == 0)
		r = client_wait(s->client, &reply, e);
	return r < 0 ? r : take_reply(s, &reply, e);
}

int log_session_directory(const struct options *o, const char *id, char **ret, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	struct id_request request = { .id = (char *)id };
	struct logs_reply logs = { 0 };
	int r = comeback_ask(options_socket(o), METHOD, &id_request_table, &request, &reply, e);

	if (r == 0)
		r = reply_read(&reply, &logs_reply_table, &logs, e);
	if (r == 0)
		*ret = TAKE_PTR(logs.directory);
	fields_clear(&logs_reply_table, &logs);
	return r;
}

/* --- Reading -------------------------------------------------------------------------------------
 */

static int read_all(struct session *s, struct err *e)
{
	for (;;) {
		_cleanup_record_ struct log_record record = { 0 };
		int r = log_set_next(s->set, &record, e);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		s->over = s->record(&record, s->userdata) != 0;
		if (s->over)
			return 0;
	}
	s->over = s->pause(s->userdata) != 0;
	return 0;
}

/* Until when to wait, for poll(2); 0: no time is left. */
static int time_left(const struct session *s)
{
	int64_t left;

	if (s->span.until_ms == INT64_MAX)
		return -1;
	left = s->span.until_ms - (int64_t)clock_wall_ms();
	return (int)MIN(MAX(left, 0), INT32_MAX);
}

static int wait_for_more(struct session *s, struct err *e)
{
	struct pollfd p[] = {
		{ .fd = s->grown, .events = POLLIN },
		{ .fd = client_fd(s->client), .events = client_events(s->client) },
	};

	if (poll(p, ARRAY_SIZE(p), time_left(s)) < 0 && errno != EINTR)
		return err_system(e, -errno, "poll");
	log_set_clear(s->set);
	return p[1].revents ? listen_to_awfd(s, e) : 0;
}

/* What was written last is read after awfd has said that it was the last. */
static int read_on(struct session *s, struct err *e)
{
	int r = log_set_watch(s->set, &s->grown, e);

	while (r == 0 && !s->over) {
		bool last = !s->client || time_left(s) == 0;

		r = read_all(s, e);
		if (r < 0 || s->over || last)
			return r;
		r = wait_for_more(s, e);
	}
	return r;
}

static int open_set(struct session *s, struct err *e)
{
	int r = log_set_open(s->directory, &s->span, &s->set, e);

	return r == -ENOENT ? err_wrap(e, "nothing is logged there (yet)") : r;
}

int log_session_read(const struct options *o, const char *id, bool follow, log_session_fn record,
		     int (*pause)(void *userdata), void *userdata, struct err *e)
{
	_cleanup_(session_clear) struct session s = { .socket = options_socket(o),
						      .id = id,
						      .grown = -EBADF,
						      .record = record,
						      .pause = pause,
						      .userdata = userdata };
	int r = log_span_parse(o, (int64_t)clock_wall_ms(), &s.span, e);

	if (r == 0 && id)
		r = ask_awfd(&s, e);
	else if (r == 0)
		s.directory = xstrdup(o->dir);
	if (r == 0)
		r = open_set(&s, e);
	if (r < 0)
		return r;
	return follow ? read_on(&s, e) : read_all(&s, e);
}
