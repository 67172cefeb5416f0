/* The part of a Start call that says what the sandbox may reach beside the DIFC proxy. */
#pragma once

#include "awfctl/options.h"
#include "proto/messages.h"

/* Fills that part of a request. Reads the files of domains and rules. */
int start_egress_build(const struct options *o, struct start_request *request,
		       struct err *e) _must_check_;
