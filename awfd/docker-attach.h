/* The attach stream of a container, opened by hand because the connection itself is what is wanted:
 * POST /containers/{id}/attach with "Upgrade: tcp", 101, then the bare stream. */
#pragma once

#include <stdbool.h>

#include "awfd/docker.h"

struct docker_attach;

/* Called once, from the loop: with e NULL and the connected, non-blocking descriptor (ownership
 * passes; not one byte of the stream was taken), or with ERR_ENGINE and fd -EBADF. */
typedef void (*docker_attach_fn)(int fd, const struct err *e, void *userdata);

struct docker_attach *docker_attach_start(struct docker *d, const char *name, bool open_stdin,
					  int timeout_ms, docker_attach_fn fn,
					  void *userdata) _must_check_;

/* Closes the connection; fn is not called any more. NULL is allowed. */
void docker_attach_cancel(struct docker_attach *a);
