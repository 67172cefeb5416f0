/* The broker: a process beside awfd that has the rights to enter namespaces, so that awfd itself
 * needs none of them. It does what is in the table of operations and nothing else, one request
 * after the other, and hands descriptors and errors back.
 *
 * Under systemd it is awf-namespaces, started by its socket for each connection; without, a child
 * of awfd's that runs the same code. */
#pragma once

#include "awfd/broker-message.h"
#include "awfd/spawn.h"

enum broker_operation {
	BROKER_NETWORK,         /* awfd/netns.h */
	BROKER_SOCKET,          /* awfd/netns.h */
	BROKER_STOP_FORWARDING, /* awfd/netns.h */
	BROKER_SPAWN,           /* broker_spawn() */
	BROKER_LOOK,            /* awfd/mount-stage.h */
	BROKER_STAGE,           /* awfd/mount-stage.h */
	BROKER_UNSTAGE,         /* awfd/mount-stage.h */
	BROKER_COVER,           /* awfd/mount-masks.h */
	BROKER_OPERATIONS,
};

/* How long the broker may take for an operation, and how long it is waited for. */
#define BROKER_OPERATION_S 8
#define BROKER_ANSWER_S    10

/* --- For awfd ------------------------------------------------------------------------------------
 *
 * The connection is the process's one. What a process inherits of it by fork(2) it does not use.
 */

/* Where the broker listens, or NULL for a child that runs the programs of that directory. Without a
 * call it is such a child, which runs none. */
void broker_use(const char *socket, const char *programs);

/* Connects, if it is not connected, so that a broker that cannot be had is told of at once. */
int broker_connect(struct err *e) _must_check_;
void broker_disconnect(void);

/* Asks, and waits for the answer. What the operation returned; what it says besides is in `answer`,
 * to be got and cleared by the caller. A broker that is gone is connected to again: an operation
 * that it has not begun, or that can be done twice, is none the worse for it. */
int broker_call(enum broker_operation operation, const struct broker_message *request,
		struct broker_message *answer, struct err *e) _must_check_;

/* The same, of an operation whose answer is one descriptor: that, the caller's, or -errno. */
int broker_call_fd(enum broker_operation operation, const struct broker_message *request,
		   struct err *e) _must_check_;

/* spawn_start() for a program that starts in another namespace: the broker's child, not awfd's. */
int broker_spawn(const struct spawn *s, pid_t *pid, int *pidfd, struct err *e) _must_check_;

/* --- For the broker ------------------------------------------------------------------------------
 */

/* Answers one request, whatever is in it. The descriptors in the answer are its own. */
void broker_answer(const char *programs, struct broker_message *request,
		   struct broker_message *answer);

/* Serves a connection until it ends, or SIGTERM comes and what was begun is done. 0 or -errno. */
int broker_serve(int socket, const char *programs, struct err *e) _must_check_;
