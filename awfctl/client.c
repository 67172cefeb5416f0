#include "awfctl/client.h"

#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "proto/errors.h"

#define RECEIVE_SIZE        (64 * 1024)
#define CONNECT_TIMEOUT_SEC 10 /* for a place in the queue of a busy awfd */

struct client {
	int fd;
	int passing; /* lent: goes with what is sent next; or -EBADF */
	int passed;  /* came with a reply and was not taken yet */
	bool lost;
	struct strbuf out;
	struct frame_reader in;
};

/* What to do about a failed connect(2). */
static const struct {
	int error;
	const char *advice;
} advices[] = {
	{ ENOENT, "is awfd running? Look with: systemctl status awfd.socket" },
	{ ECONNREFUSED, "is awfd running? Look with: systemctl status awfd.socket" },
	{ ENOTSOCK, "give awfd's socket by --socket or AWFD_SOCKET" },
	{ ENAMETOOLONG, "give the path of awfd's socket by --socket or AWFD_SOCKET" },
	{ EAGAIN, "awfd is too busy to answer; try again later" },
};

static const char *user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : "USER";
}

static int connect_failed(const char *path, int error, struct err *e)
{
	(void)err_system(e, -error, "cannot connect to awfd at %s", path);
	if (error == EACCES)
		return err_set(e, -error, ERR_SYSTEM,
			       "%s; only root and members of group awf may: "
			       "sudo usermod -aG awf %s, then log in again",
			       e->message, user_name());
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].error == error)
			return err_set(e, -error, ERR_SYSTEM, "%s; %s", e->message,
				       advices[i].advice);
	return -error;
}

static int connect_unix(const char *path, int *ret)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = CONNECT_TIMEOUT_SEC };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

int client_open(const char *path, struct client **ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct client *c;
	int r = connect_unix(path, &fd);

	if (r == 0)
		r = fd_set_nonblock(fd, true); /* our own open file: nobody shares this flag */
	if (r < 0) {
		(void)connect_failed(path, -r, e);
		return r;
	}
	c = xnew(struct client);
	c->fd = TAKE_FD(fd);
	c->passing = -EBADF;
	c->passed = -EBADF;
	*ret = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	c->fd = fd_close(c->fd);
	c->passed = fd_close(c->passed);
	strbuf_clear(&c->out);
	frame_reader_clear(&c->in);
	free(c);
}

/* Sends what the socket takes. A connection that broke is noticed when reading, after the replies
 * that are still to be read. */
static void flush(struct client *c)
{
	while (c->out.length > 0) {
		ssize_t n = fd_send(c->fd, c->out.data, c->out.length, c->passing);

		if (n == -EAGAIN)
			return;
		c->passing = -EBADF;
		strbuf_consume(&c->out, n < 0 ? c->out.length : (size_t)n);
	}
}

void client_pass_fd(struct client *c, int fd)
{
	c->passing = fd;
}

int client_call(struct client *c, const char *method, const struct field_table *table,
		const void *in, bool more, struct err *e)
{
	_cleanup_json_ struct json_object *call = json_object_new_object();

	json_object_object_add(call, "method", json_object_new_string(method));
	json_object_object_add(call, "parameters", fields_build(table, in));
	if (more)
		json_object_object_add(call, "more", json_object_new_boolean(true));
	if (frame_append(&c->out, call) < 0)
		return err_set(e, -EMSGSIZE, ERR_INVALID_ARGUMENT,
			       "command, environment, domains and CA file are together larger than "
			       "the "
			       "%d bytes of a message",
			       FRAME_SIZE_MAX);
	flush(c);
	return 0;
}

/* Receives once: 1 when bytes came, 0 when none are there yet. */
static int receive_bytes(struct client *c, struct err *e)
{
	char buffer[RECEIVE_SIZE];
	int passed;
	ssize_t n = fd_receive(c->fd, buffer, sizeof(buffer), &passed);

	if (n == -EAGAIN)
		return 0;
	c->lost = n <= 0;
	if (n == 0 || n == -ECONNRESET) /* the latter when it ended with a call unread */
		return err_set(e, -ECONNRESET, ERR_SYSTEM,
			       "awfd closed the connection; see: journalctl -u awfd");
	if (n < 0)
		return err_system(e, (int)n, "cannot read awfd's answer");
	if (passed >= 0) {
		(void)fd_close(c->passed);
		c->passed = passed;
	}
	if (frame_feed(&c->in, buffer, (size_t)n) < 0)
		return err_set(e, -EMSGSIZE, ERR_SYSTEM, "awfd's answer is too large");
	return 1;
}

/* An answer that is not what the interface says: awfd's fault, not that of an argument. */
static int bad_reply(struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	return err_set(e, -EBADMSG, ERR_SYSTEM, "awfd's answer can't be understood: %s", text);
}

static int take_reply(struct json_object *message, struct reply *ret, struct err *e)
{
	struct json_object *parameters = NULL, *error = NULL, *continues = NULL;

	(void)json_object_object_get_ex(message, "parameters", &parameters);
	if (json_object_object_get_ex(message, "error", &error)) {
		error_parse(json_object_get_string(error), parameters, e);
		return e->error;
	}
	if (parameters && !json_object_is_type(parameters, json_type_object))
		return err_set(e, -EBADMSG, ERR_SYSTEM, "awfd's answer has no parameters");
	ret->continues = json_object_object_get_ex(message, "continues", &continues) &&
			 json_object_get_boolean(continues);
	ret->parameters = parameters ? json_object_get(parameters) : json_object_new_object();
	return 1;
}

int client_receive(struct client *c, struct reply *ret, struct err *e)
{
	flush(c);
	for (;;) {
		_cleanup_json_ struct json_object *message = NULL;
		int r = frame_next(&c->in, &message, e);

		if (r < 0)
			return bad_reply(e);
		if (r > 0)
			return take_reply(message, ret, e);
		r = receive_bytes(c, e);
		if (r <= 0)
			return r;
	}
}

int client_wait(struct client *c, struct reply *ret, struct err *e)
{
	for (;;) {
		struct pollfd p;
		int r = client_receive(c, ret, e);

		if (r != 0)
			return r < 0 ? r : 0;
		p = (struct pollfd){ .fd = c->fd, .events = client_events(c) };
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_system(e, -errno, "poll");
	}
}

int client_invoke(struct client *c, const char *method, const struct field_table *in_table,
		  const void *in, const struct field_table *out_table, void *out, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_call(c, method, in_table, in, false, e);

	if (r == 0)
		r = client_wait(c, &reply, e);
	if (r == 0)
		r = reply_read(&reply, out_table, out, e);
	return r;
}

int reply_read(const struct reply *reply, const struct field_table *table, void *out, struct err *e)
{
	int r = fields_parse(table, reply->parameters, out, e);

	return r < 0 ? bad_reply(e) : 0;
}

void reply_clear(struct reply *r)
{
	json_putp(&r->parameters);
	*r = (struct reply){ 0 };
}

bool client_is_lost(const struct client *c)
{
	return c->lost;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

short client_events(const struct client *c)
{
	return c->out.length > 0 ? POLLIN | POLLOUT : POLLIN;
}

int client_take_fd(struct client *c)
{
	return TAKE_FD(c->passed);
}
