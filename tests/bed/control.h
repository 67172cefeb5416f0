/* A control socket for test programs: one connection carries one command line and its answer. */
#pragma once

#include "common/cleanup.h"

struct control;
struct event_base;
struct strbuf;

/* Obeys one command; what it has to say goes to `answer`. Negative errno when it is not understood.
 */
typedef int (*control_fn)(const char *command, struct strbuf *answer, void *arg);

int control_listen(struct event_base *base, const char *path, control_fn obey,
		   void *arg) _must_check_;

/* The client's side: sends the command, prints the answer; 0, or 1 when it was refused. */
int control_tell(const char *path, const char *command);
