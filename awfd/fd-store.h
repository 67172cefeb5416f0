/* Descriptors that the service manager holds, so that they survive awfd (sd_notify(3), FDSTORE=;
 * sd_listen_fds(3)): with one that has no such store, or none at all, nothing is kept. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

struct fd_store;

/* Takes over what the service manager passed to this process. */
struct fd_store *fd_store_new(void) _must_check_;

/* Closes what nobody took, which stays in the store. */
void fd_store_free(struct fd_store *s);

/* The listening socket of awfd's socket unit, which the caller owns; -EBADF when there is none. */
int fd_store_take_socket(struct fd_store *s, struct err *e) _must_check_;

/* The descriptor that an earlier awfd kept under that name, which the caller owns; -EBADF when
 * there is none. It stays in the store. */
int fd_store_take(struct fd_store *s, const char *name) _must_check_;

/* Puts a duplicate into the store, until it is forgotten. */
void fd_store_keep(struct fd_store *s, const char *name, int fd);
void fd_store_forget(struct fd_store *s, const char *name);

/* Forgets what an earlier awfd kept and nobody took. */
void fd_store_forget_rest(struct fd_store *s);
