#include "awfd/relay/target.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "awfd/relay/socket.h"

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static size_t address_index(const struct target *t, size_t attempt)
{
	return (t->preferred + attempt) % upstream_count(t->upstream);
}

int target_connect(const struct target *t, size_t attempt, bool *ret_local)
{
	struct sockaddr_storage address;
	socklen_t length =
		upstream_address(t->upstream, address_index(t, attempt), t->port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	*ret_local = is_loopback(&address);
	socket_prepare(fd, *ret_local ? SOCKET_LOCAL : SOCKET_REMOTE);
	if (connect(fd, (const struct sockaddr *)&address, length) == 0 || errno == EINPROGRESS)
		return fd;
	error = -errno;
	fd_close(fd);
	return error;
}

void target_prefer(struct target *t, size_t attempt)
{
	t->preferred = address_index(t, attempt);
}
