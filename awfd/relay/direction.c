#include "awfd/relay/direction.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "awfd/relay/socket.h"

/* Bytes that one direction may move before every other connection that is ready had its turn. */
#define TURN_BYTES (512 * 1024)

/* What is shorter is copied: splicing has a price of its own. */
#define BULK_BYTES (16 * 1024)

/* What is copied at once when there is no pipe. */
#define COPY_BYTES (64 * 1024)

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

static bool would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

/* The result of a failed receive. */
static enum move receive_failed(struct direction *d)
{
	if (errno == EINTR)
		return MOVE_QUEUES;
	if (!would_block(errno))
		return MOVE_RESET;
	d->from->readable = false;
	return MOVE_WAITS;
}

/* The result of a failed send. When the receiver is gone, the sender may still have things to say
 * in the other direction, so that this one just ends. */
static enum move send_failed(struct direction *d)
{
	if (errno == EINTR)
		return MOVE_QUEUES;
	if (would_block(errno)) {
		d->to->writable = false;
		return MOVE_WAITS;
	}
	d->to->lost = true;
	d->broken = true;
	return MOVE_ENDED;
}

/* The kernel tells of a reset once, and not even that to a splice that moved something before it.
 * Told to a send, or to nobody, it looks like an end of stream here, which only a sender can have
 * sent. */
static enum move end_of_stream(struct direction *d)
{
	if (d->from->lost && !socket_got_end(d->from->fd, d->moved))
		return MOVE_RESET;
	d->ended = true;
	return MOVE_ENDED;
}

void direction_tell_end(struct direction *d)
{
	if (d->ended && !d->told)
		(void)shutdown(d->to->fd, SHUT_WR);
	d->told = d->ended;
}

/* Most connections never have so much to say, and each option has its price. */
static void fit_for_bulk(struct end *end)
{
	if (end->unfit_for_bulk)
		socket_prepare(end->fd, SOCKET_LOCAL_BULK);
	end->unfit_for_bulk = false;
}

/* Copies a message. It is taken off the sender's queue only when the receiver has it, so that there
 * is never a rest to keep. */
static enum move copy(struct direction *d)
{
	static char buffer[COPY_BYTES];
	size_t room = d->bulk ? COPY_BYTES : BULK_BYTES;
	ssize_t have, sent;

	have = recv(d->from->fd, buffer, room, MSG_PEEK);
	if (have < 0)
		return receive_failed(d);
	if (have == 0)
		return end_of_stream(d);
	sent = send(d->to->fd, buffer, (size_t)have, MSG_NOSIGNAL);
	if (sent < 0)
		return send_failed(d);
	if (recv(d->from->fd, buffer, (size_t)sent, MSG_TRUNC) != sent)
		return MOVE_RESET;
	d->moved += (size_t)sent;
	d->bulk = have >= BULK_BYTES;
	if (d->bulk) {
		fit_for_bulk(d->from);
		fit_for_bulk(d->to);
	}
	return MOVE_QUEUES;
}

static enum move splice_in(struct direction *d)
{
	ssize_t n = splice(d->from->fd, NULL, d->pipe->writer, NULL, PIPE_BYTES, SPLICE_FLAGS);

	if (n < 0)
		return receive_failed(d);
	if (n == 0)
		return end_of_stream(d);
	d->bulk = n >= BULK_BYTES;
	d->held = (size_t)n;
	return MOVE_QUEUES;
}

static enum move splice_out(struct direction *d)
{
	ssize_t n = splice(d->pipe->reader, NULL, d->to->fd, NULL, d->held, SPLICE_FLAGS);

	if (n < 0)
		return send_failed(d);
	d->held -= (size_t)n;
	d->moved += (size_t)n;
	return MOVE_QUEUES;
}

static enum move step(struct direction *d, struct pipe_pool *pipes)
{
	if (d->ended || d->broken)
		return MOVE_ENDED;
	if (!d->to->writable)
		return MOVE_WAITS;
	if (d->held > 0)
		return splice_out(d);
	if (!d->from->readable)
		return MOVE_WAITS;
	if (d->bulk && !d->pipe)
		d->pipe = pipe_pool_take(pipes);
	return d->bulk && d->pipe ? splice_in(d) : copy(d);
}

enum move direction_move(struct direction *d, struct pipe_pool *pipes)
{
	const uint64_t before = d->moved;
	enum move result = MOVE_QUEUES;

	while (result == MOVE_QUEUES && d->moved - before < TURN_BYTES)
		result = step(d, pipes);
	*d->count += d->moved - before;
	if (d->held == 0 || d->broken)
		direction_clear(d, pipes);
	return result;
}

void direction_clear(struct direction *d, struct pipe_pool *pipes)
{
	pipe_pool_give(pipes, d->pipe, d->held);
	d->pipe = NULL;
	d->held = 0;
}
