/* Diagnose: looks at what sandboxes need of the host, and answers with what was found. The engine
 * and the DIFC proxy are asked at once, each with a time limit; the loop waits for none of them. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"
#include "proto/messages.h"

/* Answers the call, now or later; an error is the caller's to answer. One at a time for each user
 * but root: ERR_QUOTA_EXCEEDED. A DIFC proxy that the operator does not permit is
 * ERR_PERMISSION_DENIED. */
int diagnosis_start(struct manager *m, struct call *call, const struct diagnose_request *request,
		    struct err *e) _must_check_;
