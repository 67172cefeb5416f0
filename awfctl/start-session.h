/* --session-state-dir: a directory that the command has in its home, where Copilot keeps what a
 * session was. */
#pragma once

#include "awfctl/options.h"
#include "proto/messages.h"

/* Makes the directory if it is not there. */
int start_session_make(const struct options *o, struct err *e) _must_check_;

/* Adds the mount to the request, whose environment is there. */
int start_session_build(const struct options *o, struct start_request *request,
			struct err *e) _must_check_;
