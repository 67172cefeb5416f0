/* Predownload: the images that a sandbox needs, brought ahead of it; and LoadImages, those of an
 * archive. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"
#include "proto/messages.h"

/* Answers the call later, or fails at once without having answered it. */
int predownload_start(struct manager *m, struct call *call,
		      const struct predownload_request *request, struct err *e) _must_check_;

/* The same for LoadImages, whose caller is root. */
int predownload_load(struct manager *m, struct call *call,
		     const struct load_images_request *request, struct err *e) _must_check_;
