/* The address of cli-proxy, as AWF_CLI_PROXY_URL gives it. Pure. */
#pragma once

#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

struct proxy_url {
	struct sockaddr_storage address;
	socklen_t length;
	char text[64]; /* ADDRESS:PORT, for HTTP's Host and for messages */
};

/* Takes http://ADDRESS:PORT with an IPv4 address or an IPv6 address in brackets, and at most a
 * slash behind. No names: a static program has no resolver, and the agent no DNS. */
int proxy_url_parse(const char *url, struct proxy_url *ret, struct err *e) _must_check_;
