/* A connection over a socket pair with a real loop. The test is both the server, whose calls it
 * answers by their names (see on_call()), and the peer, which writes and reads bytes. */
#include "awfd/conn.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/strbuf.h"
#include "proto/frame.h"
#include "proto/messages.h"

#include "tests/unit/check.h"

#define PATIENCE 5000 /* rounds of the loop without anything happening */
#define UID      60701

struct world {
	struct event_base *base;
	struct turns *turns;
	struct quota *quota;
	struct quota_limits limits;
	uint64_t patience_ms;
	struct conn *conn;
	int peer;
	int passed;             /* the last descriptor that came with a reply */
	struct frame_reader in; /* of the peer */
	struct call *pending;
	unsigned calls;
	unsigned refused;
	int reply_fd;      /* for test.Fd */
	struct strbuf log; /* what the server saw: names of calls, "lost", "watched", "gone" */
};

static void note(struct world *w, const char *what)
{
	strbuf_appendf(&w->log, "%s%s", w->log.length ? " " : "", what);
}

/* --- The server ------------------------------------------------------------------------------ */

static void on_lost(void *userdata)
{
	struct world *w = userdata;

	w->pending = NULL;
	note(w, "lost");
}

static void on_watched(void *userdata)
{
	note(userdata, "watched");
}

static void answer_echo(struct world *w _unused_, struct call *call)
{
	call_reply_json(call, json_object_get(call_parameters(call)));
}

/* Kept for the test to answer. */
static void answer_later(struct world *w, struct call *call)
{
	assert_null(w->pending);
	w->pending = call;
	call_on_gone(call, on_lost, w);
}

/* The same, and it has not begun. */
static void answer_held(struct world *w, struct call *call)
{
	call_hold(call, true);
	answer_later(w, call);
}

static void answer_fields(struct world *w _unused_, struct call *call)
{
	struct wait_reply reply = { .exit_code = 42,
				    .oom_killed = true,
				    .memory_limit = FIELD_INT_ABSENT };

	call_reply(call, &wait_reply_table, &reply);
}

static void answer_error(struct world *w _unused_, struct call *call)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "image", "A", "is odd");
	call_error(call, &e);
}

static void answer_other_error(struct world *w _unused_, struct call *call)
{
	call_error_json(call, "org.varlink.service.MethodNotFound", json_object_new_object());
}

static void answer_more(struct world *w _unused_, struct call *call)
{
	struct start_reply phase = { .phase = "one", .elapsed_us = 1 }, last = { .id = "id" };

	if (call_wants_more(call)) {
		call_reply_continues(call, &start_reply_table, &phase);
		phase.phase = "two";
		call_reply_continues(call, &start_reply_table, &phase);
	}
	call_reply(call, &start_reply_table, &last);
}

static void answer_fd(struct world *w, struct call *call)
{
	call_reply_fd(call, &attach_reply_table, &(struct attach_reply){ 0 }, TAKE_FD(w->reply_fd));
}

/* More than a message may have. */
static void answer_too_much(struct world *w _unused_, struct call *call)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct json_object *parameters = json_object_new_object();

	while (text.length < FRAME_SIZE_MAX)
		strbuf_puts(&text, "0123456789abcdef");
	json_object_object_add(parameters, "text", json_object_new_string(text.data));
	call_reply_json(call, parameters);
}

static const struct {
	const char *method;
	void (*answer)(struct world *w, struct call *call);
} methods[] = {
	{ "test.Echo", answer_echo },     { "test.Later", answer_later },
	{ "test.Error", answer_error },   { "test.OtherError", answer_other_error },
	{ "test.More", answer_more },     { "test.Fd", answer_fd },
	{ "test.Fields", answer_fields }, { "test.TooMuch", answer_too_much },
	{ "test.Held", answer_held },
};

static void on_call(struct conn *c, struct call *call, void *userdata)
{
	struct world *w = userdata;

	assert_ptr_equal(c, w->conn);
	assert_ptr_equal(call_conn(call), c);
	if (w->calls++ < 10)
		note(w, call_method(call) + strlen("test."));
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].method, call_method(call)) == 0) {
			methods[i].answer(w, call);
			return;
		}
	}
	fail_msg("no such method: %s", call_method(call));
}

static void on_gone(struct conn *c _unused_, void *userdata)
{
	struct world *w = userdata;

	w->conn = NULL;
	note(w, "gone");
}

static void on_refused(struct conn *c, const struct err *e, void *userdata)
{
	struct world *w = userdata;

	assert_ptr_equal(c, w->conn);
	assert_int_not_equal(e->error, 0);
	w->refused++;
}

static const struct conn_events events = { .call = on_call,
					   .refused = on_refused,
					   .gone = on_gone };

/* --- The peer -------------------------------------------------------------------------------- */

static void connect_as(struct world *w, uid_t uid)
{
	struct peer self = { .uid = uid, .gid = 100, .pid = 10, .pidfd = -EBADF };
	const struct conn_setup setup = { .base = w->base,
					  .turns = w->turns,
					  .quota = w->quota,
					  .limits = &w->limits,
					  .patience_ms = w->patience_ms };
	_cleanup_err_ struct err e = { 0 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	w->conn = conn_new(&setup, fds[0], &self, &events, w, &e);
	w->peer = fds[1];
	assert_true(!w->conn == (e.kind == ERR_QUOTA_EXCEEDED));
	if (!w->conn)
		return;
	assert_int_equal(conn_peer(w->conn)->uid, uid);
	assert_int_equal(conn_peer(w->conn)->pid, 10);
}

static void connect_peer(struct world *w)
{
	connect_as(w, UID);
}

static void hang_up(struct world *w)
{
	w->peer = fd_close(w->peer);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	*w = (struct world){ .peer = -EBADF, .passed = -EBADF, .reply_fd = -EBADF };
	w->base = event_base_new();
	w->turns = turns_new(w->base, UINT64_MAX);
	w->limits = (struct quota_limits){ .max = { [QUOTA_CONNECTIONS] = 2,
						    [QUOTA_CALLS] = 2,
						    [QUOTA_MESSAGES] = 8 * FRAME_SIZE_MAX } };
	w->quota = quota_new(&w->limits);
	w->patience_ms = 60000;
	strbuf_puts(&w->log, "");
	connect_peer(w);
	*state = w;
	return 0;
}

static uint64_t used(const struct world *w, enum quota_kind kind)
{
	return quota_used(w->quota, NULL, kind, 0);
}

/* Whatever happened to a connection, what was charged for it was given back. */
static void assert_nothing_used(const struct world *w)
{
	for (enum quota_kind kind = 0; kind < QUOTA_KIND_COUNT; kind++)
		assert_int_equal(quota_used(w->quota, NULL, kind, 0), 0);
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->conn)
		conn_free(w->conn);
	fd_close(w->peer);
	fd_close(w->passed);
	fd_close(w->reply_fd);
	frame_reader_clear(&w->in);
	strbuf_clear(&w->log);
	assert_nothing_used(w);
	quota_free(w->quota);
	turns_free(w->turns);
	event_base_free(w->base);
	free(w);
	return 0;
}

/* One round of the loop. */
static void run_once(struct world *w)
{
	assert_true(event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

/* Until nothing is left to do. */
static void run(struct world *w)
{
	assert_true(event_base_loop(w->base, EVLOOP_NONBLOCK) >= 0);
}

static void expect_log(struct world *w, const char *happened)
{
	run(w);
	assert_same_text(w->log.data, happened);
	strbuf_consume(&w->log, w->log.length);
}

/* Sends bytes, running the loop while the socket is full. */
static void send_bytes(struct world *w, const void *data, size_t length)
{
	const char *p = data;

	for (unsigned idle = 0; length > 0; idle++) {
		ssize_t n = fd_send(w->peer, p, length, -EBADF);

		assert_true(n > 0 || n == -EAGAIN);
		assert_true(idle < PATIENCE);
		if (n > 0)
			p += n, length -= (size_t)n, idle = 0;
		run(w);
	}
}

#define SEND(w, text) send_bytes((w), (text), sizeof(text)) /* with its NUL */

/* Reads the next message: 1, or 0 when the connection has ended. */
static int receive(struct world *w, struct json_object **ret)
{
	for (unsigned idle = 0;; idle++) {
		int r = frame_next(&w->in, ret, NULL);
		char buffer[4096];
		int passed;
		ssize_t n;

		assert_true(r >= 0 && idle < PATIENCE);
		if (r > 0)
			return 1;
		run(w);
		n = fd_receive(w->peer, buffer, sizeof(buffer), &passed);
		if (passed >= 0) {
			fd_close(w->passed);
			w->passed = passed;
		}
		if (n == 0 || n == -ECONNRESET)
			return 0;
		if (n > 0) {
			assert_int_equal(frame_feed(&w->in, buffer, (size_t)n), 0);
			idle = 0;
		}
	}
}

static void expect_reply(struct world *w, const char *text)
{
	_cleanup_json_ struct json_object *o = NULL;

	if (!receive(w, &o))
		fail_msg("the connection ended instead of: %s", text);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), text);
}

static void expect_end(struct world *w)
{
	_cleanup_json_ struct json_object *o = NULL;

	if (receive(w, &o))
		fail_msg("not the end: %s", json_object_to_json_string(o));
}

static void expect_silence(struct world *w)
{
	char byte;

	run(w);
	assert_int_equal(recv(w->peer, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

#define ECHO(n)  "{\"method\":\"test.Echo\",\"parameters\":{\"n\":" #n "}}"
#define REPLY(n) "{\"parameters\":{\"n\":" #n "}}"
#define LATER    "{\"method\":\"test.Later\"}"
#define HELD     "{\"method\":\"test.Held\"}"

/* --- Calls and answers ----------------------------------------------------------------------- */

static const struct {
	const char *call;
	const char *reply;
} exchanges[] = {
	{ ECHO(1), REPLY(1) },
	{ "{\"method\":\"test.Echo\"}", "{\"parameters\":{}}" },
	{ "{\"method\":\"test.Echo\",\"parameters\":null,\"more\":null}", "{\"parameters\":{}}" },
	{ "{\"method\":\"test.Echo\",\"parameters\":{},\"more\":true,\"oneway\":false}",
	  "{\"parameters\":{}}" },
	{ "{\"method\":\"test.Fields\"}", "{\"parameters\":{\"exitCode\":42,\"oomKilled\":true}}" },
	{ "{\"method\":\"test.Error\"}",
	  "{\"error\":\"io.awf.Sandbox.InvalidArgument\","
	  "\"parameters\":{\"field\":\"image\",\"value\":\"A\",\"reason\":\"is odd\"}}" },
	{ "{\"method\":\"test.OtherError\"}",
	  "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}" },
	{ "{\"method\":\"test.More\"}", "{\"parameters\":{\"elapsedUs\":0,\"id\":\"id\"}}" },
};

static void test_answers(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		send_bytes(w, exchanges[i].call, strlen(exchanges[i].call) + 1);
		expect_reply(w, exchanges[i].reply);
	}
	expect_silence(w);
	assert_int_equal(w->calls, ARRAY_SIZE(exchanges));
}

static void test_more(void **state)
{
	struct world *w = *state;

	SEND(w, "{\"method\":\"test.More\",\"more\":true}\0" ECHO(1));
	expect_reply(w, "{\"parameters\":{\"phase\":\"one\",\"elapsedUs\":1},\"continues\":true}");
	expect_reply(w, "{\"parameters\":{\"phase\":\"two\",\"elapsedUs\":1},\"continues\":true}");
	expect_reply(w, "{\"parameters\":{\"elapsedUs\":0,\"id\":\"id\"}}");
	expect_reply(w, REPLY(1));
}

/* Answers nothing, whatever would have been answered. */
static void test_oneway(void **state)
{
	struct world *w = *state;

	w->reply_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	SEND(w, "{\"method\":\"test.Echo\",\"oneway\":true}\0"
		"{\"method\":\"test.More\",\"oneway\":true,\"more\":true}\0"
		"{\"method\":\"test.Error\",\"oneway\":true}\0"
		"{\"method\":\"test.Fd\",\"oneway\":true}\0" ECHO(1));
	expect_log(w, "Echo More Error Fd Echo");
	expect_reply(w, REPLY(1));
	expect_silence(w);
}

static void test_pipelining(void **state)
{
	struct world *w = *state;

	SEND(w, ECHO(1) "\0" LATER "\0" ECHO(2) "\0" LATER "\0" ECHO(3));
	expect_reply(w, REPLY(1));
	expect_log(w, "Echo Later"); /* one at a time */
	expect_silence(w);
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	expect_reply(w, REPLY(2));
	expect_log(w, "Echo Later");
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	expect_reply(w, REPLY(3));
	expect_log(w, "Echo");
}

static void test_byte_by_byte(void **state)
{
	static const char stream[] = ECHO(1) "\0" ECHO(2);
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(stream); i++)
		send_bytes(w, &stream[i], 1);
	expect_reply(w, REPLY(1));
	expect_reply(w, REPLY(2));
}

/* A message of the largest size comes and goes. */
static void test_large(void **state)
{
	_cleanup_strbuf_ struct strbuf call = { 0 };
	_cleanup_json_ struct json_object *o = NULL;
	struct world *w = *state;
	size_t length;

	strbuf_puts(&call, "{\"method\":\"test.Echo\",\"parameters\":{\"text\":\"");
	while (call.length < FRAME_SIZE_MAX - 4)
		strbuf_puts(&call, "x");
	strbuf_append(&call, "\"}}", 4);
	assert_int_equal(call.length, FRAME_SIZE_MAX);
	send_bytes(w, call.data, call.length);
	assert_int_equal(receive(w, &o), 1);
	length = strlen(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	assert_int_equal(length, FRAME_SIZE_MAX - strlen("\"method\":\"test.Echo\",") - 1);
}

/* --- Refusals: an error, then the end -------------------------------------------------------- */

#define REFUSED(fields) "{\"error\":\"io.awf.Sandbox.InvalidArgument\",\"parameters\":{" fields "}}"

static const struct {
	const char *message;
	const char *reply;
} refusals[] = {
	{ "GET / HTTP/1.1",
	  REFUSED("\"field\":\"message\",\"reason\":\"message is no valid JSON: unexpected "
		  "character\"") },
	{ "",
	  REFUSED("\"field\":\"message\",\"reason\":\"message is no valid JSON: it ends too early\"") },
	{ "[]", REFUSED("\"field\":\"message\",\"reason\":\"message is no valid JSON: it is not an "
			"object\"") },
	{ "{\"method\":\"\xff\"}",
	  REFUSED("\"field\":\"message\",\"reason\":\"message is no valid JSON: it is not UTF-8\"") },
	{ "{}", REFUSED("\"field\":\"method\",\"reason\":\"is missing\"") },
	{ "{\"method\":null}", REFUSED("\"field\":\"method\",\"reason\":\"is missing\"") },
	{ "{\"method\":1}", REFUSED("\"field\":\"method\",\"reason\":\"must be a string\"") },
	{ "{\"method\":\"test.Echo\\u0000x\"}",
	  REFUSED("\"field\":\"method\",\"reason\":\"must not contain a NUL character\"") },
	{ "{\"method\":\"test.Echo\",\"parameters\":[]}",
	  REFUSED("\"field\":\"parameters\",\"reason\":\"must be an object\"") },
	{ "{\"method\":\"test.Echo\",\"more\":\"false\"}",
	  REFUSED("\"field\":\"more\",\"reason\":\"must be true or false\"") },
	{ "{\"method\":\"test.Echo\",\"oneway\":1}",
	  REFUSED("\"field\":\"oneway\",\"reason\":\"must be true or false\"") },
	{ "{\"method\":\"test.Echo\",\"upgrade\":true}",
	  REFUSED("\"field\":\"message\",\"reason\":\"has an unknown member 'upgrade'\"") },
	{ "{\"method\":\"test.Echo\",\"parameter\":{}}",
	  REFUSED("\"field\":\"message\",\"reason\":\"has an unknown member 'parameter'\"") },
};

static void test_refusals(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		send_bytes(w, ECHO(1), sizeof(ECHO(1)));
		send_bytes(w, refusals[i].message, strlen(refusals[i].message) + 1);
		expect_reply(w, REPLY(1));
		expect_reply(w, refusals[i].reply);
		expect_end(w);
		expect_log(w, "Echo gone");
		assert_int_equal(w->refused, i + 1);
		hang_up(w);
		frame_reader_clear(&w->in);
		connect_peer(w);
		w->calls = 0;
	}
}

/* Sends copies of a text, with a NUL behind each if it is a message, for as long as the other side
 * takes them; the number of bytes. */
static size_t flood(struct world *w, const char *text, bool is_message)
{
	size_t length = strlen(text) + is_message, sent = 0;

	for (unsigned idle = 0; idle < 20 && w->conn; idle++) {
		size_t at = sent % length;
		ssize_t n = fd_send(w->peer, text + at, length - at, -EBADF);

		if (n > 0)
			sent += (size_t)n, idle = 0;
		else
			run(w);
	}
	return sent;
}

#define FILLER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_oversize(void **state)
{
	struct world *w = *state;

	(void)flood(w, FILLER, false);
	assert_null(w->conn);
	expect_reply(w,
		     REFUSED("\"field\":\"message\",\"reason\":\"is larger than 1048576 bytes\""));
	expect_end(w);
	expect_log(w, "gone");
}

/* What comes behind a call that is under way is not collected, whatever it is. */
static void test_oversize_behind_call(void **state)
{
	struct world *w = *state;

	SEND(w, LATER);
	assert_true(flood(w, FILLER, false) < FRAME_SIZE_MAX);
	assert_true(used(w, QUOTA_MESSAGES) < FRAME_SIZE_MAX / 8);
	expect_log(w, "Later");
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	(void)flood(w, FILLER, false);
	expect_reply(w,
		     REFUSED("\"field\":\"message\",\"reason\":\"is larger than 1048576 bytes\""));
	expect_end(w);
	expect_log(w, "gone");
}

/* The same when it begins behind a whole call that waits. */
static void test_oversize_behind_waiting_call(void **state)
{
	struct world *w = *state;

	SEND(w, LATER "\0" ECHO(1));
	assert_true(flood(w, FILLER, false) < FRAME_SIZE_MAX);
	expect_log(w, "Later");
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	expect_reply(w, REPLY(1));
	(void)flood(w, FILLER, false);
	expect_reply(w,
		     REFUSED("\"field\":\"message\",\"reason\":\"is larger than 1048576 bytes\""));
	expect_end(w);
	expect_log(w, "Echo gone");
}

/* An answer that no peer would take ends the connection rather than being cut. */
static void test_oversize_answer(void **state)
{
	struct world *w = *state;

	SEND(w, ECHO(1) "\0{\"method\":\"test.TooMuch\"}\0" ECHO(2));
	expect_reply(w, REPLY(1));
	expect_end(w);
	expect_log(w, "Echo TooMuch gone");
}

/* --- Peers that go, and peers that don't read ------------------------------------------------ */

static void test_gone_while_idle(void **state)
{
	struct world *w = *state;
	struct conn_watch *watch = conn_watch(w->conn, on_watched, w);

	SEND(w, ECHO(1));
	expect_reply(w, REPLY(1));
	hang_up(w);
	expect_log(w, "Echo watched gone");
	assert_null(w->conn);
	conn_unwatch(watch); /* behind the end */
}

/* The call is told first, then who watches, then the server; each once. */
static void test_gone_during_call(void **state)
{
	struct world *w = *state;
	struct conn_watch *one = conn_watch(w->conn, on_watched, w),
			  *taken_back = conn_watch(w->conn, on_watched, w),
			  *two = conn_watch(w->conn, on_watched, w);

	conn_unwatch(NULL);
	conn_unwatch(taken_back);
	SEND(w, LATER "\0" ECHO(1));
	expect_log(w, "Later");
	hang_up(w);
	expect_log(w, "lost watched watched gone");
	conn_unwatch(one);
	conn_unwatch(two);
}

static void test_gone_behind_answer(void **state)
{
	struct world *w = *state;

	SEND(w, LATER);
	expect_log(w, "Later");
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	hang_up(w); /* with the answer unsent or unread */
	expect_log(w, "gone");
}

static void test_gone_taken_back(void **state)
{
	struct world *w = *state;

	SEND(w, LATER);
	expect_log(w, "Later");
	call_on_gone(w->pending, NULL, NULL);
	hang_up(w);
	expect_log(w, "gone");
}

/* Also when so much waits behind the call that nothing is read any more. */
static void test_gone_while_full(void **state)
{
	struct world *w = *state;

	SEND(w, LATER);
	assert_true(flood(w, ECHO(1), true) < FRAME_SIZE_MAX);
	expect_log(w, "Later");
	hang_up(w);
	expect_log(w, "lost gone");
}

/* A peer that sends no more is answered what can be answered at once. */
static void test_half_close(void **state)
{
	struct world *w = *state;

	SEND(w, ECHO(1) "\0" ECHO(2) "\0" ECHO(3));
	assert_int_equal(shutdown(w->peer, SHUT_WR), 0);
	expect_reply(w, REPLY(1));
	expect_reply(w, REPLY(2));
	expect_reply(w, REPLY(3));
	expect_end(w);
	expect_log(w, "Echo Echo Echo gone");
}

static void test_half_close_during_call(void **state)
{
	struct world *w = *state;

	SEND(w, ECHO(1) "\0" LATER "\0" ECHO(2));
	assert_int_equal(shutdown(w->peer, SHUT_WR), 0);
	expect_reply(w, REPLY(1));
	expect_end(w);
	expect_log(w, "Echo Later lost gone");
}

/* One that is held is waited for, and answered; so is what is behind it. */
static void test_half_close_during_held_call(void **state)
{
	struct world *w = *state;

	SEND(w, HELD "\0" ECHO(2));
	assert_int_equal(shutdown(w->peer, SHUT_WR), 0);
	expect_log(w, "Held");
	call_hold(w->pending, false);
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	expect_reply(w, REPLY(2));
	expect_end(w);
	expect_log(w, "Echo gone");
}

/* Once it is let go it is as any other. */
static void test_half_close_before_call_is_let_go(void **state)
{
	struct world *w = *state;

	SEND(w, HELD);
	assert_int_equal(shutdown(w->peer, SHUT_WR), 0);
	expect_log(w, "Held");
	call_hold(w->pending, false);
	expect_log(w, "lost gone");
}

/* Also when so much waits behind it that nothing is read any more. */
static void test_gone_while_held_and_full(void **state)
{
	struct world *w = *state;

	SEND(w, HELD);
	assert_true(flood(w, ECHO(1), true) < FRAME_SIZE_MAX);
	expect_log(w, "Held");
	hang_up(w);
	expect_log(w, "");
	call_hold(w->pending, false);
	expect_log(w, "lost gone");
}

static void test_half_message(void **state)
{
	struct world *w = *state;

	send_bytes(w, ECHO(1), sizeof(ECHO(1)) - 1); /* without its NUL */
	hang_up(w);
	expect_log(w, "gone");
}

/* Freed by its server: the call and the watches are told, `gone` isn't. */
static void test_freed(void **state)
{
	struct world *w = *state;
	struct conn_watch *watch = conn_watch(w->conn, on_watched, w);

	SEND(w, LATER);
	expect_log(w, "Later");
	conn_free(TAKE_PTR(w->conn));
	expect_log(w, "lost watched");
	conn_unwatch(watch);
	expect_end(w);
}

/* A peer that never reads gets a few answers into its socket, and costs one more. */
static void test_never_reading(void **state)
{
	_cleanup_strbuf_ struct strbuf call = { 0 };
	struct world *w = *state;
	unsigned answers = 0;
	size_t sent;

	strbuf_puts(&call, "{\"method\":\"test.Echo\",\"parameters\":{\"text\":\"" FILLER FILLER);
	strbuf_puts(&call, FILLER FILLER FILLER FILLER "\"}}");
	sent = flood(w, call.data, true);
	assert_true(sent >= 100 * call.length && sent < 3 * FRAME_SIZE_MAX);
	assert_true(used(w, QUOTA_MESSAGES) < FRAME_SIZE_MAX / 8);
	assert_true(w->calls > 0 && w->calls * call.length < FRAME_SIZE_MAX);
	assert_non_null(w->conn);
	while (answers < sent / (call.length + 1)) { /* and all are answered once it reads */
		_cleanup_json_ struct json_object *o = NULL;

		assert_int_equal(receive(w, &o), 1);
		answers++;
	}
	expect_silence(w);
}

static void test_gone_without_reading(void **state)
{
	struct world *w = *state;

	(void)flood(w, ECHO(1), true);
	assert_non_null(w->conn);
	hang_up(w);
	run(w);
	assert_null(w->conn);
}

/* Calls that come faster than they are answered wait in the peer's socket, not in awfd. */
static void test_faster_than_answered(void **state)
{
	static const char call[] = "{\"method\":\"test.Later\",\"oneway\":true}"; /* and its NUL */
	_cleanup_strbuf_ struct strbuf calls = { 0 };
	struct world *w = *state;
	size_t sent = 0;

	while (calls.length < 1000 * sizeof(call))
		strbuf_append(&calls, call, sizeof(call));
	for (unsigned round = 0; round < 3000; round++) {
		ssize_t n;

		do {
			size_t at = sent % calls.length;

			n = fd_send(w->peer, calls.data + at, calls.length - at, -EBADF);
			sent += n > 0 ? (size_t)n : 0;
		} while (n > 0);
		run_once(w);
		if (w->pending)
			call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	}
	assert_true(w->calls > 1000);
	assert_true(sent - w->calls * sizeof(call) < 3 * FRAME_SIZE_MAX);
}

/* One that has many calls waiting doesn't keep another one waiting. */
static void test_fairness(void **state)
{
	struct world *w = *state, *other = NULL;
	struct event_base *own;
	struct turns *own_turns;

	assert_int_equal(setup((void **)&other), 0);
	own = other->base;
	own_turns = other->turns;
	conn_free(TAKE_PTR(other->conn));
	hang_up(other);
	other->base = w->base;
	other->turns = w->turns;
	connect_peer(other);
	for (unsigned i = 0; i < 200; i++)
		assert_true(fd_send(w->peer, ECHO(1), sizeof(ECHO(1)), -EBADF) > 0);
	assert_true(fd_send(other->peer, ECHO(2), sizeof(ECHO(2)), -EBADF) > 0);
	while (other->calls == 0)
		run_once(w);
	assert_true(w->calls <= 3);
	expect_reply(other, REPLY(2));
	conn_free(TAKE_PTR(other->conn));
	other->base = own;
	other->turns = own_turns;
	assert_int_equal(teardown((void **)&other), 0);
}

/* --- Quotas and patience ---------------------------------------------------------------------- */

#define QUOTA_REFUSED(quota, text)                                                                 \
	"{\"error\":\"io.awf.Sandbox.QuotaExceeded\",\"parameters\":{\"quota\":\"" quota           \
	"\",\"message\":\"" text "\"}}"

/* A connection too many is told so, and costs nothing; there is a place again when one has ended.
 */
static void test_connections_quota(void **state)
{
	struct world *w = *state;
	struct conn *first = w->conn, *second;
	int peers[2] = { w->peer, -EBADF };

	connect_peer(w);
	second = w->conn;
	peers[1] = w->peer;
	assert_int_equal(used(w, QUOTA_CONNECTIONS), 2);
	connect_peer(w);
	assert_null(w->conn);
	expect_reply(w, QUOTA_REFUSED("connections",
				      "2 of 2 in use by 60701: close some or wait, or have [Quota] "
				      "Connections= raised"));
	expect_end(w);
	hang_up(w);
	assert_int_equal(used(w, QUOTA_CONNECTIONS), 2);
	conn_free(second);
	fd_close(peers[1]);
	connect_peer(w);
	assert_non_null(w->conn);
	SEND(w, ECHO(1));
	expect_reply(w, REPLY(1));
	conn_free(first);
	fd_close(peers[0]);
}

/* A call too many is answered with the refusal; the connection goes on. */
static void test_calls_quota(void **state)
{
	struct world *w = *state;

	w->limits.max[QUOTA_CALLS] = 0;
	conn_free(TAKE_PTR(w->conn)); /* its limits are those of when it came */
	hang_up(w);
	connect_peer(w);
	SEND(w, ECHO(1));
	expect_reply(w,
		     QUOTA_REFUSED("calls", "0 of 0 in use by 60701: end some clients or wait, or "
					    "have [Quota] Calls= raised"));
	expect_log(w, "");
	assert_int_equal(w->refused, 1);
	w->limits.max[QUOTA_CALLS] = 1;
	quota_close(quota_open(w->quota, UID, &w->limits));
	SEND(w, LATER);
	expect_log(w, "Later");
	assert_int_equal(used(w, QUOTA_CALLS), 1);
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	assert_int_equal(used(w, QUOTA_CALLS), 0);
	expect_reply(w, "{\"parameters\":{}}");
}

/* What a user's messages take is bounded however many connections they come on. */
static void test_messages_quota(void **state)
{
	struct world *w = *state;
	size_t sent;

	w->limits.max[QUOTA_MESSAGES] = 256 * 1024;
	quota_close(quota_open(w->quota, UID, &w->limits));
	sent = flood(w, FILLER, false);
	assert_true(sent < FRAME_SIZE_MAX);
	assert_null(w->conn);
	expect_reply(w,
		     QUOTA_REFUSED("messages",
				   "1M of 1M in use by 60701, 1M more asked for: send fewer large "
				   "requests at once or wait, or have [Quota] MessageMemory= "
				   "raised"));
	expect_end(w);
	expect_log(w, "gone");
	assert_nothing_used(w);
}

/* A message that was answered holds no memory. */
static void test_messages_given_back(void **state)
{
	_cleanup_strbuf_ struct strbuf call = { 0 };
	struct world *w = *state;

	strbuf_puts(&call, "{\"method\":\"test.Echo\",\"parameters\":{},\"more\":false        ");
	while (call.length < FRAME_SIZE_MAX / 2)
		strbuf_puts(&call, "          ");
	strbuf_append(&call, "}", 2);
	send_bytes(w, call.data, call.length - 1);
	assert_true(used(w, QUOTA_MESSAGES) >= FRAME_SIZE_MAX / 2);
	send_bytes(w, call.data + call.length - 1, 1);
	expect_reply(w, "{\"parameters\":{}}");
	run(w);
	assert_int_equal(used(w, QUOTA_MESSAGES), 0);
}

#define NUMBERS 20000

/* A call with many parts, and the room that these take while it is under way. */
static void test_parts_are_charged(void **state)
{
	_cleanup_strbuf_ struct strbuf call = { 0 };
	struct world *w = *state;

	strbuf_puts(&call, "{\"method\":\"test.Later\",\"parameters\":{\"a\":[0");
	for (unsigned i = 0; i < NUMBERS; i++)
		strbuf_puts(&call, ",0");
	strbuf_append(&call, "]}}", 4);
	send_bytes(w, call.data, call.length);
	expect_log(w, "Later");
	assert_true(used(w, QUOTA_MESSAGES) > 64 * NUMBERS);
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	run(w);
	assert_int_equal(used(w, QUOTA_MESSAGES), 0);
	w->limits.max[QUOTA_MESSAGES] = call.length * 10;
	quota_close(quota_open(w->quota, UID, &w->limits));
	send_bytes(w, call.data, call.length);
	run(w);
	assert_null(w->conn);
	expect_log(w, "gone");
}

/* A message that takes many turns to be made leaves those between them to another user. */
static void test_long_message_takes_turns(void **state)
{
	_cleanup_strbuf_ struct strbuf call = { 0 };
	struct world *w = *state;
	unsigned rounds = 0;

	strbuf_puts(&call, "{\"method\":\"test.Echo\",\"parameters\":{},\"more\":false");
	while (call.length < 10 * FRAME_STEP)
		strbuf_puts(&call, " ");
	strbuf_append(&call, "}", 2);
	send_bytes(w, call.data, call.length - 1);
	run(w);
	assert_int_equal(fd_send(w->peer, "", 1, -EBADF), 1);
	for (; w->calls == 0; rounds++)
		run_once(w);
	assert_true(rounds >= 10);
	expect_reply(w, "{\"parameters\":{}}");
}

/* Runs the loop, which sleeps, until the connection has ended. */
static void run_until_gone(struct world *w)
{
	while (w->conn)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

static void reconnect(struct world *w, uint64_t patience_ms)
{
	conn_free(TAKE_PTR(w->conn));
	hang_up(w);
	w->patience_ms = patience_ms;
	connect_peer(w);
}

static void test_half_sent(void **state)
{
	struct world *w = *state;

	reconnect(w, 1000);
	send_bytes(w, ECHO(1) "\0" ECHO(2), sizeof(ECHO(1)) + 5);
	expect_reply(w, REPLY(1));
	run_until_gone(w);
	expect_reply(w,
		     REFUSED("\"field\":\"message\",\"reason\":\"is not whole after 1 s: send it, "
			     "and the NUL behind it, at once\""));
	expect_end(w);
}

/* Waiting for an answer, or for the next call to be made, is no half-sent message. */
static void test_patience_is_for_messages(void **state)
{
	struct world *w = *state;
	struct timeval longer = { .tv_usec = 50000 };

	reconnect(w, 1);
	SEND(w, LATER);
	expect_log(w, "Later");
	assert_int_equal(event_base_loopexit(w->base, &longer), 0);
	assert_int_equal(event_base_dispatch(w->base), 0);
	call_reply_json(TAKE_PTR(w->pending), json_object_new_object());
	expect_reply(w, "{\"parameters\":{}}");
	assert_int_equal(event_base_loopexit(w->base, &longer), 0);
	assert_int_equal(event_base_dispatch(w->base), 0);
	SEND(w, ECHO(1));
	expect_reply(w, REPLY(1));
}

static void test_never_reading_is_cut_off(void **state)
{
	struct world *w = *state;

	reconnect(w, 5000);
	(void)flood(w, ECHO(1), true);
	assert_non_null(w->conn);
	assert_true(w->calls > 1);
	run_until_gone(w);
	assert_nothing_used(w);
}

/* --- Descriptors ----------------------------------------------------------------------------- */

/* The answer's descriptor arrives once, behind what was answered before, and awfd keeps none. */
static void test_passed_descriptor(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int reader = -EBADF;
	int fds[2];
	char byte;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	reader = fds[0];
	w->reply_fd = fds[1];
	SEND(w, ECHO(1));
	expect_reply(w, REPLY(1));
	assert_int_equal(w->passed, -EBADF);
	SEND(w, "{\"method\":\"test.Fd\"}\0" ECHO(2));
	expect_reply(w, "{\"parameters\":{\"stream\":0,\"tty\":false}}");
	assert_true(w->passed >= 0);
	assert_true(fcntl(w->passed, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(w->passed, "x", 1), 1);
	assert_int_equal(read(reader, &byte, 1), 1);
	w->passed = fd_close(w->passed);
	assert_int_equal(read(reader, &byte, 1), 0); /* the last writer is gone */
	expect_reply(w, REPLY(2));
	assert_int_equal(w->passed, -EBADF);
}

/* What comes with a call is root's alone to give; of others, and of what nobody takes, none stays.
 */
static void test_descriptor_of_call(void **state)
{
	static const char later[] = "{\"method\":\"test.Later\"}";
	struct world *w = *state;

	for (unsigned row = 0; row < 4; row++) {
		const bool is_root = row & 1, takes = row & 2;
		_cleanup_close_ int reader = -EBADF;
		int fds[2], fd;
		char byte;

		conn_free(w->conn);
		hang_up(w);
		connect_as(w, is_root ? 0 : UID);
		assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		reader = fds[0];
		assert_int_equal(fd_send(w->peer, later, sizeof(later), fds[1]), sizeof(later));
		fd_close(fds[1]);
		run(w);
		assert_non_null(w->pending);
		fd = takes ? call_take_fd(w->pending) : -EBADF;
		assert_int_equal(fd >= 0, is_root && takes);
		if (fd >= 0)
			assert_int_equal(write(fd, "x", 1), 1);
		fd_close(fd);
		conn_free(w->conn);
		hang_up(w);
		connect_peer(w);
		assert_int_equal(read(reader, &byte, 1), is_root && takes ? 1 : 0);
		assert_int_equal(read(reader, &byte, 1), 0); /* the last writer is gone */
	}
}

/* A peer that goes before it took its descriptor doesn't leave it behind. */
static void test_descriptor_not_taken(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int reader = -EBADF;
	int fds[2];
	char byte;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	reader = fds[0];
	SEND(w, LATER);
	expect_log(w, "Later");
	call_reply_fd(TAKE_PTR(w->pending), &attach_reply_table, &(struct attach_reply){ 0 },
		      fds[1]);
	hang_up(w);
	expect_log(w, "gone");
	assert_int_equal(read(reader, &byte, 1), 0);
}

/* Descriptors that nobody asked for are closed. */
static void test_descriptor_from_peer(void **state)
{
	struct world *w = *state;
	_cleanup_close_ int reader = -EBADF;
	int fds[2];
	char byte;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	reader = fds[0];
	assert_int_equal(fd_send(w->peer, ECHO(1), sizeof(ECHO(1)), fds[1]), sizeof(ECHO(1)));
	fd_close(fds[1]);
	expect_reply(w, REPLY(1));
	assert_int_equal(read(reader, &byte, 1), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_more),
		TEST(test_oneway),
		TEST(test_pipelining),
		TEST(test_byte_by_byte),
		TEST(test_large),
		TEST(test_refusals),
		TEST(test_oversize),
		TEST(test_oversize_behind_call),
		TEST(test_oversize_behind_waiting_call),
		TEST(test_oversize_answer),
		TEST(test_gone_while_idle),
		TEST(test_gone_during_call),
		TEST(test_gone_behind_answer),
		TEST(test_gone_taken_back),
		TEST(test_gone_while_full),
		TEST(test_half_close),
		TEST(test_half_close_during_call),
		TEST(test_half_close_during_held_call),
		TEST(test_half_close_before_call_is_let_go),
		TEST(test_gone_while_held_and_full),
		TEST(test_half_message),
		TEST(test_freed),
		TEST(test_never_reading),
		TEST(test_gone_without_reading),
		TEST(test_faster_than_answered),
		TEST(test_fairness),
		TEST(test_connections_quota),
		TEST(test_calls_quota),
		TEST(test_messages_quota),
		TEST(test_messages_given_back),
		TEST(test_parts_are_charged),
		TEST(test_long_message_takes_turns),
		TEST(test_half_sent),
		TEST(test_patience_is_for_messages),
		TEST(test_never_reading_is_cut_off),
		TEST(test_passed_descriptor),
		TEST(test_descriptor_not_taken),
		TEST(test_descriptor_of_call),
		TEST(test_descriptor_from_peer),
	};

	return RUN_TESTS("conn", tests);
}
