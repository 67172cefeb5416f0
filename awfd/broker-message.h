/* What awfd and its broker tell each other: one message a request, one an answer, on a socket of
 * SOCK_SEQPACKET. Numbers, texts and descriptors are put in, and are got in the same order; nothing
 * that was not put in can be got, and nothing may be left. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#define BROKER_VERSION     1           /* of all that is said */
#define BROKER_PAYLOAD_MAX (4U << 20)  /* bytes; the longest list of mounts has 2.4 MB */
#define BROKER_FDS_MAX     512         /* what a sandbox's masks are put over, and its mounts */
#define BROKER_TEXT_MAX    (64U << 10) /* bytes of one text */

struct broker_message {
	int32_t what; /* of a request the operation, of an answer what it returned */
	struct strbuf payload;
	int fds[BROKER_FDS_MAX];
	size_t fd_count;
	bool owns_fds;      /* a message that was received */
	size_t got, got_fd; /* how much of it was got */
	bool bad;           /* more was got than is there, or something else */
};

#define _cleanup_broker_message_ _cleanup_(broker_message_clear)

/* Closes the descriptors that were received and not taken. */
void broker_message_clear(struct broker_message *m);

void broker_put_number(struct broker_message *m, int64_t number);
void broker_put_text(struct broker_message *m, const char *text); /* NULL stays NULL */
void broker_put_texts(struct broker_message *m, char *const *texts);
void broker_put_fd(struct broker_message *m, int fd); /* lent until it is sent; < 0 is none */

/* A number in the bounds, both included; `least` when there is none. */
int64_t broker_get_number(struct broker_message *m, int64_t least, int64_t most) _must_check_;

/* The caller owns it; NULL when it was, or when there is none. */
char *broker_get_text(struct broker_message *m) _must_check_;

/* The same, but a missing one makes the message bad. */
char *broker_get_some_text(struct broker_message *m) _must_check_;

/* strv of at most so many; the caller owns it. */
char **broker_get_texts(struct broker_message *m, size_t most) _must_check_;

/* A descriptor that stays the message's, or -EBADF when it was none. */
int broker_get_fd(struct broker_message *m) _must_check_;

/* The same, but now the caller's. */
int broker_take_fd(struct broker_message *m) _must_check_;

/* Whether all that was got was there, and nothing is left: 0, or -EBADMSG. */
int broker_message_end(const struct broker_message *m) _must_check_;

void broker_put_err(struct broker_message *m, const struct err *e);
void broker_get_err(struct broker_message *m, int error, struct err *e);

/* Both wait as long as the socket's own time limits allow. 0, or -errno: -EPIPE when the message
 * was not delivered because nobody is there any more; -ENODATA at the end, -EBADMSG when it is no
 * message of this version, -EMFILE when this process cannot have the descriptors that came. */
int broker_message_send(int socket, const struct broker_message *m) _must_check_;
int broker_message_receive(int socket, struct broker_message *m) _must_check_;
