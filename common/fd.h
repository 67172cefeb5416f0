/* Descriptors: flags, passing over Unix sockets, complete reads and writes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"

/* Closes fd if it is one and returns -EBADF, for `x->fd = fd_close(x->fd)`. errno is kept. */
int fd_close(int fd);

int fd_set_nonblock(int fd, bool nonblock) _must_check_;
int fd_set_cloexec(int fd, bool cloexec) _must_check_;

/* Writes all of data to a blocking descriptor. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t length) _must_check_;

/* Sends up to length bytes on a Unix stream socket, with the descriptor `passed` as SCM_RIGHTS
 * (unix(7)) when it is >= 0. Never raises SIGPIPE. The number of bytes, or -errno. */
ssize_t fd_send(int sock, const void *data, size_t length, int passed) _must_check_;

/* Receives up to length bytes and, when one came along, one descriptor (close-on-exec) into
 * *passed, which is -EBADF otherwise. More descriptors than one are closed. Bytes, 0 at the end, or
 * -errno. */
ssize_t fd_receive(int sock, void *data, size_t length, int *passed) _must_check_;
