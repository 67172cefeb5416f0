/* One direction of a connection: moves bytes from one socket to the other, with splice(2) when
 * there are many and by copying when there are few. Holds bytes only in a pipe, and only while the
 * receiving socket takes no more; what is not moved stays with the sender. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "common/cleanup.h"
#include "awfd/relay/pipe-pool.h"

/* One socket of a connection. The flags are what epoll(7) last said (edge-triggered). */
struct end {
	int fd;
	bool readable;
	bool writable;
	bool lost;           /* it takes nothing more: its end of stream may be none */
	bool unfit_for_bulk; /* without the options that many bytes need */
	struct event event;
};

struct direction {
	struct end *from;
	struct end *to;
	struct relay_pipe *pipe; /* borrowed while bytes are in it, else NULL */
	size_t held;             /* bytes in the pipe */
	bool bulk;               /* bytes come in such numbers that splicing is faster */
	bool ended;              /* no byte comes any more */
	uint64_t *count;         /* what was moved is added to it */
	uint64_t moved;          /* all of this direction */
	bool told;               /* the receiver was told that it was all */
	bool broken;             /* the receiver went away; what it was to get is dropped */
};

enum move {
	MOVE_WAITS,  /* until a socket is ready */
	MOVE_QUEUES, /* could go on, but others come first */
	MOVE_ENDED,  /* everything was moved */
	MOVE_RESET,  /* the sender broke the connection off */
};

/* Moves what can be moved in one turn. */
enum move direction_move(struct direction *d, struct pipe_pool *pipes);

/* Tells the receiver of an ended direction that it was all. Closing its socket would, too. */
void direction_tell_end(struct direction *d);

/* Gives the pipe back. */
void direction_clear(struct direction *d, struct pipe_pool *pipes);
