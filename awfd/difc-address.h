/* The address of an external DIFC proxy as users write it (--difc-proxy-host). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define DIFC_PORT_DEFAULT 18443

struct difc_address {
	char *host; /* name or address, without brackets, lowercase */
	uint16_t port;
	bool is_host; /* the runner host itself: localhost, 127.0.0.0/8, ::1, host.docker.internal
		       */
};

/* Parses `host`, `host:port`, `[v6]`, `[v6]:port`, each with an optional `scheme://`; "" means
 * host.docker.internal:18443. User info, path, query, port 0, port > 65535, leading zeros and
 * trailing text are ERR_INVALID_ARGUMENT of the field `difcProxyHost` with the reason. */
int difc_address_parse(const char *text, struct difc_address *ret, struct err *e) _must_check_;

/* "host:port" or "[v6]:port". The caller owns it. */
char *difc_address_format(const struct difc_address *a) _must_check_;

/* The hosts to try in order, as a NULL-terminated array of literals or one name: for localhost and
 * host.docker.internal 127.0.0.1 and ::1; else the host itself. The caller owns it (strv). */
char **difc_address_candidates(const struct difc_address *a) _must_check_;

void difc_address_clear(struct difc_address *a);
