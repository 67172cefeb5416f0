/* The URL of a corporate proxy that squid chains through, as users and HTTPS_PROXY write it. Pure.
 */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define UPSTREAM_PROXY_PORT_DEFAULT 80 /* that of http:// */

struct upstream_proxy {
	char *host; /* name or address, without brackets, lower case */
	uint16_t port;
	char *user; /* decoded; NULL: none */
	char *password;
};

/* Parses [http://][USER[:PASSWORD]@]HOST[:PORT][/]. Refused, with the reason and without the
 * password: other schemes, paths, ports out of range, what squid could read as syntax. `field` is
 * what the error names. */
int upstream_proxy_parse(const char *field, const char *text, struct upstream_proxy *ret,
			 struct err *e) _must_check_;

/* "http://host:port", without the credentials. The caller owns it. */
char *upstream_proxy_format(const struct upstream_proxy *p) _must_check_;

void upstream_proxy_clear(struct upstream_proxy *p);
