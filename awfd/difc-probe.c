#include "awfd/difc-probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
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
	struct strbuf answer;
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

/* Maps the helper's line; what is none is the helper's failure, not the proxy's. */
static int judge(const struct difc_probe *p, struct sockaddr_storage *address, struct err *e)
{
	_cleanup_json_ struct json_object *answer = NULL;
	const char *text, *message;

	if (p->answer.length > 0 && p->answer.data[p->answer.length - 1] == '\n' &&
	    frame_parse(p->answer.data, p->answer.length - 1, &answer, NULL) == 0) {
		text = get_text(answer, "address");
		if (text && parse_address(text, p->port, address))
			return 0;
		text = get_text(answer, "diagnosis");
		message = get_text(answer, "message");
		if (text && message)
			return err_difc(e, p->target, text, "%s", message);
	}
	return err_set(e, -EBADMSG, ERR_SYSTEM, "awf-difc-probe gave no answer");
}

static void on_readable(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct difc_probe *p = userdata;
	_cleanup_err_ struct err e = { 0 };
	struct sockaddr_storage address;
	char buffer[1024];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && p->answer.length + (size_t)n <= ANSWER_MAX) {
		strbuf_append(&p->answer, buffer, (size_t)n);
		return;
	}
	if (judge(p, &address, &e) < 0)
		finish(p, NULL, &e);
	else
		finish(p, &address, NULL);
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

static int start_child(struct event_base *base, const struct difc_probe_spec *spec, int fd,
		       struct difc_probe *p, struct err *e)
{
	_cleanup_strv_ char **candidates = difc_address_candidates(spec->address);
	_cleanup_strv_ char **argv = NULL;
	struct spawn spawn = {
		.path = spec->path, .uid = spec->uid, .gid = spec->gid, .in = fd, .out = fd
	};

	strv_append(&argv, "awf-difc-probe");
	strv_append(&argv, "--timeout-ms");
	strv_appendf(&argv, "%d", spec->timeout_ms);
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

static void watch(struct event_base *base, struct difc_probe *p, int timeout_ms)
{
	struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	p->timeout = evtimer_new(base, on_timeout, p);
	if (!p->readable || !p->timeout)
		abort();
	event_add(p->readable, NULL);
	event_add(p->timeout, &tv);
}

int difc_probe_start(struct event_base *base, const struct difc_probe_spec *spec, difc_probe_fn fn,
		     void *userdata, struct difc_probe **ret, struct err *e)
{
	struct difc_probe *p;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_system(e, -errno, "cannot make a socket pair for awf-difc-probe");
	p = xnew(struct difc_probe);
	*p = (struct difc_probe){ .fd = pair[0],
				  .fn = fn,
				  .userdata = userdata,
				  .port = spec->address->port,
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
	watch(base, p, spec->timeout_ms + SLACK_MS);
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
