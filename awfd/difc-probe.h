/* Asks, through an unprivileged helper process (awf-difc-probe), whether a DIFC proxy answers at an
 * address with a certificate for localhost that the given CA signed. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <event2/event.h>

#include "awfd/difc-address.h"

struct difc_probe;

struct difc_probe_spec {
	const char *path; /* of the awf-difc-probe program */
	uid_t uid;
	gid_t gid;
	const struct difc_address *address;
	const char *ca_pem;
	int timeout_ms; /* of the whole probe */
};

/* Called once, from the loop: with e NULL and the address that answered, with
 * ERR_DIFC_UNREACHABLE, or with ERR_SYSTEM when the helper itself failed. Both are borrowed. */
typedef void (*difc_probe_fn)(const struct sockaddr_storage *address, const struct err *e,
			      void *userdata);

/* Starts a probe. *ret is the handle until fn was called or difc_probe_cancel(). */
int difc_probe_start(struct event_base *base, const struct difc_probe_spec *spec, difc_probe_fn fn,
		     void *userdata, struct difc_probe **ret, struct err *e) _must_check_;

/* Kills the helper; fn is not called any more. */
void difc_probe_cancel(struct difc_probe *p);
