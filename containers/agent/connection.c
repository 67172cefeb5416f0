#include "containers/agent/connection.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/fd.h"
#include "common/strbuf.h"

/* For connecting, and for a proxy that doesn't take what is sent. */
#define SEND_SECONDS 30

static int unreachable(const struct proxy_url *url, int error, struct err *e)
{
	return err_system(e, error, "cannot reach cli-proxy at %s", url->text);
}

int connection_open(struct connection *c, const struct proxy_url *url, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct timeval timeout = { .tv_sec = SEND_SECONDS };
	int on = 1;

	fd = socket(url->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return unreachable(url, -errno, e);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0)
		return unreachable(url, -errno, e);
	if (connect(fd, (const struct sockaddr *)&url->address, url->length) < 0)
		return unreachable(url, errno == EINPROGRESS ? -ETIMEDOUT : -errno, e);
	c->fd = TAKE_FD(fd);
	c->url = url;
	return 0;
}

void connection_close(struct connection *c)
{
	c->fd = fd_close(c->fd);
	http_response_clear(&c->response);
}

static int send_all(struct connection *c, const char *data, size_t length, struct err *e)
{
	while (length > 0) {
		ssize_t n = send(c->fd, data, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return unreachable(c->url, errno == EAGAIN ? -ETIMEDOUT : -errno, e);
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

int connection_post(struct connection *c, const char *path, const char *type, const char *accept,
		    const void *body, size_t length, struct err *e)
{
	_cleanup_strbuf_ struct strbuf request = { 0 };

	http_response_clear(&c->response);
	strbuf_appendf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\n", path, c->url->text);
	strbuf_appendf(&request, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, length);
	if (accept)
		strbuf_appendf(&request, "Accept: %s\r\n", accept);
	strbuf_puts(&request, "\r\n");
	strbuf_append(&request, body, length);
	return send_all(c, request.data, request.length, e);
}

int connection_receive(struct connection *c, http_response_fn fn, void *userdata, struct err *e)
{
	char buffer[64 * 1024];
	ssize_t n;
	int error;

	do
		n = recv(c->fd, buffer, sizeof(buffer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_system(e, -errno, "cli-proxy at %s ended the call", c->url->text);
	if (n == 0 && !http_response_ended(&c->response))
		return err_set(e, -EPIPE, ERR_SYSTEM, "cli-proxy at %s ended the call early",
			       c->url->text);
	if (n == 0)
		return 1;
	error = http_response_feed(&c->response, buffer, (size_t)n, fn, userdata);
	if (error == -EBADMSG || error == -EMSGSIZE)
		return err_set(e, error, ERR_SYSTEM, "what answers at %s is no cli-proxy",
			       c->url->text);
	if (error < 0)
		return error;
	return c->response.state == HTTP_RESPONSE_DONE;
}
