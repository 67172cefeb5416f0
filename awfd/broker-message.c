#include "awfd/broker-message.h"

#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define MAGIC      0x62667761U /* of every message's first packet */
#define PACKET_MAX (32U << 10) /* bytes: fits into any socket's buffer, and is written at once */
#define PACKET_FDS 250         /* unix(7) takes 253 */
#define NO_TEXT    UINT32_MAX  /* in place of a length */

/* What the first packet begins with. */
struct header {
	uint32_t magic, version;
	int32_t what;
	uint32_t payload_length, fd_count;
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

void broker_message_clear(struct broker_message *m)
{
	for (size_t i = 0; m->owns_fds && i < m->fd_count; i++)
		fd_close(m->fds[i]);
	strbuf_clear(&m->payload);
	*m = (struct broker_message){ 0 };
}

/* --- Putting in ---------------------------------------------------------------------------------
 */

void broker_put_number(struct broker_message *m, int64_t number)
{
	strbuf_append(&m->payload, &number, sizeof(number));
}

void broker_put_text(struct broker_message *m, const char *text)
{
	uint32_t length = text ? (uint32_t)strlen(text) : NO_TEXT;

	strbuf_append(&m->payload, &length, sizeof(length));
	if (text)
		strbuf_append(&m->payload, text, length);
}

void broker_put_texts(struct broker_message *m, char *const *texts)
{
	size_t count = strv_length(texts);

	broker_put_number(m, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		broker_put_text(m, texts[i]);
}

/* One too many makes a message that cannot be sent. */
void broker_put_fd(struct broker_message *m, int fd)
{
	broker_put_number(m, fd >= 0);
	if (fd < 0)
		return;
	if (m->fd_count == BROKER_FDS_MAX)
		m->bad = true;
	else
		m->fds[m->fd_count++] = fd;
}

/* --- Getting out --------------------------------------------------------------------------------
 */

static bool get(struct broker_message *m, void *to, size_t length)
{
	if (m->bad || m->payload.length - m->got < length) {
		m->bad = true;
		return false;
	}
	memcpy(to, m->payload.data + m->got, length);
	m->got += length;
	return true;
}

int64_t broker_get_number(struct broker_message *m, int64_t least, int64_t most)
{
	int64_t number;

	if (!get(m, &number, sizeof(number)))
		return least;
	if (number >= least && number <= most)
		return number;
	m->bad = true;
	return least;
}

char *broker_get_text(struct broker_message *m)
{
	uint32_t length;
	const char *text;

	if (!get(m, &length, sizeof(length)) || length == NO_TEXT)
		return NULL;
	text = m->payload.data + m->got;
	if (length > BROKER_TEXT_MAX || length > m->payload.length - m->got ||
	    memchr(text, '\0', length)) {
		m->bad = true;
		return NULL;
	}
	m->got += length;
	return xstrndup(text, length);
}

char *broker_get_some_text(struct broker_message *m)
{
	char *text = broker_get_text(m);

	if (!text)
		m->bad = true;
	return text;
}

char **broker_get_texts(struct broker_message *m, size_t most)
{
	size_t count = (size_t)broker_get_number(m, 0, (int64_t)most);
	char **texts = NULL;

	for (size_t i = 0; i < count && !m->bad; i++) {
		_cleanup_free_ char *text = broker_get_some_text(m);

		if (text)
			strv_append(&texts, text);
	}
	return texts;
}

/* The place of the next one, or NULL. */
static int *next_fd(struct broker_message *m)
{
	if (broker_get_number(m, 0, 1) == 0)
		return NULL;
	if (m->got_fd == m->fd_count) {
		m->bad = true;
		return NULL;
	}
	return &m->fds[m->got_fd++];
}

int broker_get_fd(struct broker_message *m)
{
	const int *fd = next_fd(m);

	return fd ? *fd : -EBADF;
}

int broker_take_fd(struct broker_message *m)
{
	int *fd = next_fd(m);

	return fd ? TAKE_FD(*fd) : -EBADF;
}

int broker_message_end(const struct broker_message *m)
{
	return m->bad || m->got != m->payload.length || m->got_fd != m->fd_count ? -EBADMSG : 0;
}

void broker_put_err(struct broker_message *m, const struct err *e)
{
	broker_put_number(m, e->kind);
	broker_put_number(m, e->status);
	broker_put_text(m, e->subject);
	broker_put_text(m, e->value);
	broker_put_text(m, e->message);
}

void broker_get_err(struct broker_message *m, int error, struct err *e)
{
	struct err got = { .error = error };

	got.kind = (enum err_kind)broker_get_number(m, 0, ERR_KIND_COUNT - 1);
	got.status = (int)broker_get_number(m, 0, INT32_MAX);
	got.subject = broker_get_text(m);
	got.value = broker_get_text(m);
	got.message = broker_get_some_text(m);
	if (e && broker_message_end(m) == 0)
		err_copy(e, &got);
	else if (e)
		(void)err_system(e, error, "the broker told of an error that cannot be read");
	err_clear(&got);
}

/* --- Packets ------------------------------------------------------------------------------------
 *
 * As much of what is left goes into each; only the first has a header. One that has nothing but
 * descriptors has a byte of no meaning, because one without any would be the end.
 */

static void put_rights(struct msghdr *msg, union control *control, const int *fds, size_t count)
{
	struct cmsghdr *cmsg;

	if (count == 0)
		return;
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(count * sizeof(int));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
}

static int send_packet(int socket, struct iovec *parts, size_t part_count, const int *fds,
		       size_t fd_count)
{
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = part_count };
	ssize_t n;

	put_rights(&msg, &control, fds, fd_count);
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int broker_message_send(int socket, const struct broker_message *m)
{
	struct header header = { .magic = MAGIC,
				 .version = BROKER_VERSION,
				 .what = m->what,
				 .payload_length = (uint32_t)m->payload.length,
				 .fd_count = (uint32_t)m->fd_count };
	size_t sent = 0, sent_fds = 0;
	bool first = true;

	if (m->bad || m->payload.length > BROKER_PAYLOAD_MAX)
		return -E2BIG;
	while (first || sent < m->payload.length || sent_fds < m->fd_count) {
		size_t length = MIN(m->payload.length - sent, (size_t)PACKET_MAX);
		size_t fds = MIN(m->fd_count - sent_fds, (size_t)PACKET_FDS);
		struct iovec parts[] = {
			{ .iov_base = &header, .iov_len = first ? sizeof(header) : length == 0 },
			{ .iov_base = m->payload.data ? m->payload.data + sent : NULL,
			  .iov_len = length },
		};
		int r = send_packet(socket, parts, ARRAY_SIZE(parts), m->fds + sent_fds, fds);

		if (r < 0)
			return r == -ECONNRESET || r == -ENOTCONN ? -EPIPE : r;
		sent += length;
		sent_fds += fds;
		first = false;
	}
	return 0;
}

/* Keeps what came as far as there is a place for it; the rest is closed, and counts as bad. */
static void keep_rights(struct broker_message *m, const struct cmsghdr *cmsg)
{
	size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
		if (m->fd_count < BROKER_FDS_MAX) {
			m->fds[m->fd_count++] = fd;
		} else {
			fd_close(fd);
			m->bad = true;
		}
	}
}

/* Its bytes, or -errno; descriptors that came along are the message's. */
static ssize_t receive_packet(int socket, void *to, size_t size, struct broker_message *m)
{
	union control control;
	struct iovec iov = { .iov_base = to, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			keep_rights(m, c);
	if (n == 0)
		return -ENODATA;
	if (msg.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	/* There is room for as many as one packet can carry: what was cut off had no descriptor to
	 * be. */
	return msg.msg_flags & MSG_CTRUNC ? -EMFILE : n;
}

static bool is_header(const struct header *h, ssize_t n)
{
	return n >= (ssize_t)sizeof(*h) && h->magic == MAGIC && h->version == BROKER_VERSION &&
	       h->payload_length <= BROKER_PAYLOAD_MAX && h->fd_count <= BROKER_FDS_MAX;
}

/* Another packet, when not all that the header promised has come. */
static int receive_more(int socket, const struct header *h, char *packet, struct broker_message *m)
{
	size_t left = h->payload_length - m->payload.length;
	ssize_t n = receive_packet(socket, packet, PACKET_MAX, m);

	if (n < 0)
		return (int)n;
	if (left > 0 ? (size_t)n > left : n != 1)
		return -EBADMSG;
	if (left > 0)
		strbuf_append(&m->payload, packet, (size_t)n);
	return 0;
}

static bool is_whole(const struct header *h, const struct broker_message *m)
{
	return m->payload.length >= h->payload_length && m->fd_count >= h->fd_count;
}

static int receive(int socket, struct broker_message *m)
{
	_Alignas(struct header) char packet[sizeof(struct header) + PACKET_MAX];
	ssize_t n = receive_packet(socket, packet, sizeof(packet), m);
	struct header header;
	int r = 0;

	if (n < 0)
		return (int)n;
	memcpy(&header, packet, MIN((size_t)n, sizeof(header)));
	if (!is_header(&header, n))
		return -EBADMSG;
	m->what = header.what;
	strbuf_append(&m->payload, packet + sizeof(header), (size_t)n - sizeof(header));
	while (r == 0 && !m->bad && !is_whole(&header, m))
		r = receive_more(socket, &header, packet, m);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	return m->bad || m->payload.length != header.payload_length ||
			       m->fd_count != header.fd_count
		       ? -EBADMSG
		       : 0;
}

int broker_message_receive(int socket, struct broker_message *m)
{
	int r;

	*m = (struct broker_message){ .owns_fds = true };
	r = receive(socket, m);
	if (r < 0)
		broker_message_clear(m);
	return r == -ECONNRESET ? -ENODATA : r;
}
