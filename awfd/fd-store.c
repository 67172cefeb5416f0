#include "awfd/fd-store.h"

#include <string.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>

#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/strv.h"

#define PREFIX "awf-" /* of the names in the store; a socket unit's has another */

struct fd_store {
	char **names; /* of the passed descriptors, which follow each other */
	int count;
	bool *taken;
};

struct fd_store *fd_store_new(void)
{
	struct fd_store *s = xnew(struct fd_store);
	int n = sd_listen_fds_with_names(1, &s->names);

	s->count = n > 0 ? n : 0;
	s->taken = xcalloc((size_t)s->count + 1, sizeof(*s->taken));
	return s;
}

void fd_store_free(struct fd_store *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->count; i++)
		if (!s->taken[i])
			fd_close(SD_LISTEN_FDS_START + i);
	strv_free(s->names);
	free(s->taken);
	free(s);
}

static bool is_kept(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

static int check_socket(int fd, struct err *e)
{
	int r;

	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
		return err_set(e, -EINVAL, ERR_SYSTEM,
			       "systemd passed something else than a listening Unix socket");
	r = fd_set_nonblock(fd, true);
	return r < 0 ? err_system(e, r, "cannot use the passed socket") : 0;
}

int fd_store_take_socket(struct fd_store *s, struct err *e)
{
	int found = -EBADF, r;

	for (int i = 0; i < s->count; i++) {
		if (s->taken[i] || is_kept(s->names[i]))
			continue;
		if (found >= 0)
			return err_set(e, -EINVAL, ERR_SYSTEM,
				       "systemd passed several sockets instead of one");
		found = i;
	}
	if (found < 0)
		return -EBADF;
	r = check_socket(SD_LISTEN_FDS_START + found, e);
	if (r < 0)
		return r;
	s->taken[found] = true;
	return SD_LISTEN_FDS_START + found;
}

int fd_store_take(struct fd_store *s, const char *name)
{
	for (int i = 0; i < s->count; i++) {
		if (s->taken[i] || !is_kept(s->names[i]) ||
		    strcmp(s->names[i] + strlen(PREFIX), name) != 0)
			continue;
		s->taken[i] = true;
		return SD_LISTEN_FDS_START + i;
	}
	return -EBADF;
}

/* FDPOLL=0: also a socket whose other end is gone is for awfd to judge. */
void fd_store_keep(struct fd_store *s _unused_, const char *name, int fd)
{
	_cleanup_free_ char *text = xasprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=" PREFIX "%s", name);
	int r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);

	if (r < 0)
		log_debug("the service manager does not keep %s: %s", name, strerror(-r));
}

static void forget(const char *name)
{
	(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void fd_store_forget(struct fd_store *s _unused_, const char *name)
{
	_cleanup_free_ char *full = xasprintf(PREFIX "%s", name);

	forget(full);
}

void fd_store_forget_rest(struct fd_store *s)
{
	for (int i = 0; i < s->count; i++)
		if (!s->taken[i] && is_kept(s->names[i]))
			forget(s->names[i]);
}
