#include "awfd/difc-probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include <json-c/json.h>

#include "awfd/child.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "proto/frame.h"

#define ANSWER_MAX 4096

/* What the helper gets beyond the probe's time, to start and to answer. */
#define SLACK_MS 2000

struct difc_probe {
	struct child *child;
	char *target; /* for errors */
	uint16_t port;
	int fd; /* the helper's stdin and stdout: a socket pair */
	struct event *readable;
	struct event *timeout;
	struct strbuf answer; /* of the line that is read */
	int64_t *expires;
	difc_probe_waiting_fn waiting;
	difc_probe_fn fn;
	void *userdata;
};

static void finish(struct difc_probe *p, const struct sockaddr_storage *address,
		   const struct err *e)
{
	difc_probe_fn fn = p->fn;
	void *userdata = p->userdata;

	difc_probe_cancel(p);
	fn(address, e, userdata);
}

static const char *get_text(struct json_object *answer, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(answer, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

/* A line of the helper: a good answer, a failure, or one that it waits to see pass. */
enum line { LINE_NONE, LINE_GOOD, LINE_FAILED, LINE_WAITING };

static bool get_flag(struct json_object *answer, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(answer, key, &value) && json_object_get_boolean(value);
}

static void take_expiry(const struct difc_probe *p, struct json_object *answer)
{
	struct json_object *value = NULL;

	if (p->expires && json_object_object_get_ex(answer, "expires", &value))
		*p->expires = json_object_get_int64(value);
}

static enum line parse_line(const struct difc_probe *p, const char *line, size_t length,
			    struct sockaddr_storage *address, struct err *e)
{
	_cleanup_json_ struct json_object *answer = NULL;
	const char *text, *message;

	if (frame_parse(line, length, &answer, NULL) < 0)
		return LINE_NONE;
	text = get_text(answer, "address");
	if (text && parse_address(text, p->port, address)) {
		take_expiry(p, answer);
		return LINE_GOOD;
	}
	text = get_text(answer, "diagnosis");
	message = get_text(answer, "message");
	if (!text || !message)
		return LINE_NONE;
	(void)err_difc(e, p->target, text, "%s", message);
	return get_flag(answer, "waiting") ? LINE_WAITING : LINE_FAILED;
}

/* Takes one line, and may be cancelled by whom it tells. What is none that we know is the helper's
 * failure, not the proxy's. */
static void take_line(struct difc_probe *p, const char *line, size_t length)
{
	_cleanup_err_ struct err e = { 0 };
	struct sockaddr_storage address;

	switch (parse_line(p, line, length, &address, &e)) {
	case LINE_NONE:
		(void)err_set(&e, -EBADMSG, ERR_SYSTEM, "awf-difc-probe gave no answer");
		finish(p, NULL, &e);
		break;
	case LINE_GOOD:
		finish(p, &address, NULL);
		break;
	case LINE_FAILED:
		finish(p, NULL, &e);
		break;
	case LINE_WAITING:
		if (p->waiting)
			p->waiting(&e, p->userdata);
		break;
	}
}

/* The length of the first line that was read, or -EAGAIN. */
static ssize_t line_length(const struct difc_probe *p)
{
	const char *end =
		p->answer.length > 0 ? memchr(p->answer.data, '\n', p->answer.length) : NULL;

	return end ? end - p->answer.data : -EAGAIN;
}

/* Reads some, and no endless line: 0, -EAGAIN, or another error when the helper has no more. */
static int read_some(struct difc_probe *p)
{
	char buffer[1024];
	ssize_t n = read(p->fd, buffer, sizeof(buffer));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n == 0 || p->answer.length + (size_t)n > ANSWER_MAX)
		return -EBADMSG;
	strbuf_append(&p->answer, buffer, (size_t)n);
	return 0;
}

/* One line in each turn of the loop: after it the probe may be gone. */
static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct difc_probe *p = userdata;
	_cleanup_free_ char *line = NULL;
	ssize_t length = line_length(p);
	int r = length < 0 ? read_some(p) : 0;

	if (r < 0 && r != -EAGAIN)
		take_line(p, "", 0);
	length = r < 0 ? -EAGAIN : line_length(p);
	if (length < 0)
		return;
	line = xstrndup(p->answer.data, (size_t)length);
	strbuf_consume(&p->answer, (size_t)length + 1);
	if (line_length(p) >= 0)
		event_active(p->readable, EV_READ, 0);
	take_line(p, line, strlen(line));
}

static void on_timeout(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct difc_probe *p = userdata;
	_cleanup_err_ struct err e = { 0 };

	(void)err_difc(&e, p->target, "timeout", "no answer in time");
	finish(p, NULL, &e);
}

/* Its end shows as the end of its answer, too: nothing to do here. */
static void on_ended(struct child *c _unused_, bool well _unused_, const char *how _unused_,
		     void *userdata _unused_)
{
}

static char **candidates_of(const struct difc_probe_spec *spec)
{
	char **relay = NULL;

	if (spec->network < 0)
		return difc_address_candidates(spec->address);
	strv_append(&relay, "127.0.0.1");
	return relay;
}

static int start_child(struct event_base *base, const struct difc_probe_spec *spec, int fd,
		       struct difc_probe *p, struct err *e)
{
	_cleanup_strv_ char **candidates = candidates_of(spec);
	_cleanup_strv_ char **argv = NULL;
	struct spawn spawn = { .path = spec->path,
			       .uid = spec->uid,
			       .gid = spec->gid,
			       .network = spec->network,
			       .in = fd,
			       .out = fd };

	strv_append(&argv, "awf-difc-probe");
	strv_append(&argv, "--timeout-ms");
	strv_appendf(&argv, "%" PRIu64, spec->timeout_ms);
	strv_append(&argv, "--wait-ms");
	strv_appendf(&argv, "%" PRIu64, spec->wait_ms);
	if (spec->live)
		strv_append(&argv, "--live");
	strv_append(&argv, "--port");
	strv_appendf(&argv, "%u", spec->address->port);
	strv_append(&argv, "--");
	for (char **host = candidates; *host; host++)
		strv_append(&argv, *host);
	spawn.argv = argv;
	return child_start(base, &spawn, on_ended, p, &p->child, e);
}

/* The CA fits into the socket's buffer, so this never waits for the helper. */
static int send_ca(struct difc_probe *p, const char *ca, struct err *e)
{
	int size = 256 * 1024;
	size_t length = strlen(ca);
	ssize_t n;

	(void)setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	n = fd_send(p->fd, ca, length, -EBADF);
	if (n == -EPIPE)
		return 0; /* it has ended already: that will be its answer */
	if (n != (ssize_t)length)
		return err_system(e, n < 0 ? (int)n : -ENOBUFS,
				  "cannot pass the CA to awf-difc-probe");
	if (shutdown(p->fd, SHUT_WR) < 0)
		return err_system(e, -errno, "cannot pass the CA to awf-difc-probe");
	return 0;
}

static void watch(struct event_base *base, struct difc_probe *p, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	p->timeout = evtimer_new(base, on_timeout, p);
	if (!p->readable || !p->timeout)
		abort();
	event_add(p->readable, NULL);
	event_add(p->timeout, &tv);
}

int difc_probe_start(struct event_base *base, const struct difc_probe_spec *spec,
		     difc_probe_waiting_fn waiting, difc_probe_fn fn, void *userdata,
		     struct difc_probe **ret, struct err *e)
{
	struct difc_probe *p;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_system(e, -errno, "cannot make a socket pair for awf-difc-probe");
	p = xnew(struct difc_probe);
	*p = (struct difc_probe){ .fd = pair[0],
				  .waiting = waiting,
				  .fn = fn,
				  .userdata = userdata,
				  .port = spec->address->port,
				  .expires = spec->expires,
				  .target = difc_address_format(spec->address) };
	r = start_child(base, spec, pair[1], p, e);
	fd_close(pair[1]);
	if (r == 0)
		r = fd_set_nonblock(p->fd, true);
	if (r == 0)
		r = send_ca(p, spec->ca_pem, e);
	if (r < 0) {
		difc_probe_cancel(p);
		return r;
	}
	watch(base, p, spec->wait_ms + spec->timeout_ms + SLACK_MS);
	*ret = p;
	return 0;
}

void difc_probe_cancel(struct difc_probe *p)
{
	if (!p)
		return;
	child_free(p->child);
	if (p->readable)
		event_free(p->readable);
	if (p->timeout)
		event_free(p->timeout);
	fd_close(p->fd);
	strbuf_clear(&p->answer);
	free(p->target);
	free(p);
}
