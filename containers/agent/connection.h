/* A connection to cli-proxy that carries one request at a time. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/agent/http-response.h"
#include "containers/agent/proxy-url.h"

struct connection {
	int fd; /* -EBADF when there is none */
	const struct proxy_url *url;
	struct http_response response; /* to the last request */
};

#define CONNECTION_NONE                                                                            \
	{                                                                                          \
		.fd = -EBADF                                                                       \
	}

int connection_open(struct connection *c, const struct proxy_url *url, struct err *e) _must_check_;
void connection_close(struct connection *c);

/* Sends POST path with a body. type is its media type, accept what is wanted, or NULL. */
int connection_post(struct connection *c, const char *path, const char *type, const char *accept,
		    const void *body, size_t length, struct err *e) _must_check_;

/* Waits for some bytes of the response and feeds them. 1 when it is whole, 0 when more is to come.
 */
int connection_receive(struct connection *c, http_response_fn fn, void *userdata,
		       struct err *e) _must_check_;
