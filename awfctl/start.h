/* The Start call: the request that the command line means, and the replies. */
#pragma once

#include "awfctl/client.h"
#include "awfctl/options.h"
#include "proto/messages.h"

/* Fills a zeroed request; fields_clear() it with start_request_table. Reads the
 * files that options name. */
int start_build(const struct options *o, struct start_request *request, struct err *e) _must_check_;

/* The DIFC proxy that the options name: its address and the text of its CA's certificate, or both
 * NULL. The caller owns them. */
int start_build_difc(const struct options *o, char **host, char **ca, struct err *e) _must_check_;

/* Takes one reply: reports phases and dropped variables. *id is set by the last one (the caller
 * owns it) and left alone by the others. */
int start_take_reply(const struct reply *reply, char **id, struct err *e) _must_check_;
