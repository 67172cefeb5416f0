/* Asks, through an unprivileged helper process (awf-difc-probe), whether a DIFC proxy answers at an
 * address with a certificate for localhost that the given CA signed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
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
	/* pidfd of the process in whose network its 127.0.0.1 is asked, or -EBADF: awfd's own
	 * network, and the address itself. */
	int network;
	bool live;           /* whether the proxy has to reach GitHub and to have a policy */
	uint64_t timeout_ms; /* of an attempt */
	int64_t *expires; /* gets when its certificate does, in seconds since the epoch; or NULL */
	uint64_t wait_ms; /* how long attempts are repeated, while what is wrong may pass */
};

#define DIFC_PROBE_WAIT_MAX_S 3600

/* Called, from the loop, when the first attempt failed, and again when another thing is wrong: what
 * is waited for, as ERR_DIFC_UNREACHABLE. */
typedef void (*difc_probe_waiting_fn)(const struct err *e, void *userdata);

/* Called once, from the loop: with e NULL and the address that answered, with
 * ERR_DIFC_UNREACHABLE, or with ERR_SYSTEM when the helper itself failed. Both are borrowed. */
typedef void (*difc_probe_fn)(const struct sockaddr_storage *address, const struct err *e,
			      void *userdata);

/* Starts a probe. *ret is the handle until fn was called or difc_probe_cancel(). */
int difc_probe_start(struct event_base *base, const struct difc_probe_spec *spec,
		     difc_probe_waiting_fn waiting, difc_probe_fn fn, void *userdata,
		     struct difc_probe **ret, struct err *e) _must_check_;

/* Kills the helper; fn is not called any more. */
void difc_probe_cancel(struct difc_probe *p);
