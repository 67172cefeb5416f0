/* Predownload: the images that a sandbox needs, brought ahead of it. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"
#include "proto/messages.h"

/* Answers the call later, or fails at once without having answered it. */
int predownload_start(struct manager *m, struct call *call,
		      const struct predownload_request *request, struct err *e) _must_check_;
