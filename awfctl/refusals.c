#include "awfctl/refusals.h"

#include <poll.h>
#include <time.h>

#include "awfctl/denial-text.h"
#include "common/alloc.h"
#include "common/log.h"
#include "proto/messages.h"

#define ANSWER_MSEC 2000
#define LINES_MAX   20

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next reply: 0, or what came instead of it in time. */
static int await_reply(struct client *c, int signals, struct reply *ret, struct err *e)
{
	int64_t end = now_msec() + ANSWER_MSEC;

	for (;;) {
		struct pollfd p[2];
		int64_t left = end - now_msec();
		int r = client_receive(c, ret, e);

		if (r != 0)
			return r < 0 ? r : 0;
		p[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = client_fd(c), .events = client_events(c) };
		if (left <= 0)
			return err_set(e, -ETIMEDOUT, ERR_SYSTEM, "awfd does not answer");
		if (poll(p, ARRAY_SIZE(p), (int)left) < 0 && errno != EINTR)
			return err_system(e, -errno, "poll");
		if (p[0].revents)
			return err_set(e, -EINTR, ERR_SYSTEM, "a signal came");
	}
}

static int ask(struct client *c, const char *id, int signals, struct denials_reply *ret,
	       struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	struct id_request request = { .id = (char *)id };
	int r = client_call(c, AWF_INTERFACE ".Denials", &id_request_table, &request, false, e);

	if (r == 0)
		r = await_reply(c, signals, &reply, e);
	if (r == 0)
		r = reply_read(&reply, &denials_reply_table, ret, e);
	return r;
}

/* As errors, because they may well be what made the command fail. */
static void report(struct denial_info *const *denials, const char *id)
{
	size_t count = 0;

	while (denials && denials[count])
		count++;
	if (count == 0)
		return;
	log_error("sandbox %s was refused:", id);
	for (size_t i = 0; i < count && i < LINES_MAX; i++) {
		_cleanup_free_ char *line = denial_line(denials[i]);

		log_error("  %s", line);
	}
	if (count > LINES_MAX)
		log_error("  … and %zu more: see awfctl logs %s", count - LINES_MAX, id);
}

void refusals_report(struct client *c, const char *id, int signals)
{
	_cleanup_err_ struct err e = { 0 };
	struct denials_reply reply = { 0 };

	if (ask(c, id, signals, &reply, &e) < 0) {
		log_debug("what the sandbox was refused is not known: %s", e.message);
		return;
	}
	report(reply.denials, id);
	fields_clear(&denials_reply_table, &reply);
}
