/* The listening socket and its connections. */
#pragma once

#include "awfd/manager.h"

struct server;

/* Takes the socket that systemd passed (sd_listen_fds(3)) or makes one at the configured path,
 * root:awf 0660. Nothing is accepted before server_start(). */
int server_new(struct manager *m, struct server **ret, struct err *e) _must_check_;
void server_start(struct server *s);

/* Accepts nothing more; connections stay. */
void server_stop(struct server *s);
void server_free(struct server *s);
