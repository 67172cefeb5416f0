/* What awfd says when it is asked: that it is there, and what it finds. */
#pragma once

#include "awfctl/client.h"
#include "proto/findings.h"

#define DOCTOR_DAEMON "daemon"

/* client: NULL when there is no connection. What awfd cannot be asked is unknown. An error is what
 * the request itself is wrong in. */
int doctor_awfd(struct findings *f, struct client *client, const struct diagnose_request *request,
		struct err *e) _must_check_;
