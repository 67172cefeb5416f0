/* Arbitrary bytes as a request to the broker of namespaces. The first byte is the operation, the
 * second how many descriptors come along; these are of a file that is no process, so that no
 * namespace is entered and nothing is started, and no program is known. Whatever it was: an answer,
 * and nothing that stays open. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "awfd/broker.h"
#include "awfd/netns-enter.h"
#include "common/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* What a descriptor opened now would be. */
static int next_fd(void)
{
	int fd = memfd_create("next", MFD_CLOEXEC);

	require(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };
	_cleanup_close_ int file = memfd_create("no process", MFD_CLOEXEC);
	static bool begun;
	int before;

	if (size < 2)
		return 0;
	if (!begun) /* what stays open is open by then */
		require(netns_enter_remember_home(NULL) == 0);
	begun = true;
	before = next_fd();
	request.what = data[0] % (BROKER_OPERATIONS + 1);
	request.fd_count = MIN((size_t)data[1], (size_t)BROKER_FDS_MAX);
	for (size_t i = 0; i < request.fd_count; i++)
		request.fds[i] = file;
	strbuf_append(&request.payload, data + 2, size - 2);
	broker_answer(NULL, &request, &answer);
	require(answer.what < 0 && answer.fd_count == 0);
	require(next_fd() == before);
	return 0;
}
