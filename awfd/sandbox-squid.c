/* The files that squid's container mounts: its configuration, made from the grants, and the log that
 * it appends to and awfd follows. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "awfd/config.h"
#include "awfd/squid-config.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/strv.h"

/* Whom squid runs as in its image. */
#define SQUID_ID 65533

char *sandbox_squid_directory(const struct sandbox *s)
{
	return xasprintf("%s/squid", s->directory);
}

char *sandbox_squid_log(const struct sandbox *s)
{
	return xasprintf("%s/access.log", s->directory);
}

static char *address_text(const struct sandbox *s, unsigned host)
{
	struct in_addr address = config_address(s->manager->config, host);
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	return xstrdup(text);
}

char *sandbox_squid_url(const struct sandbox *s)
{
	_cleanup_free_ char *address = address_text(s, SANDBOX_HOST_SQUID);

	return xasprintf("http://%s:%d", address, SANDBOX_SQUID_PORT);
}

/* For squid alone: an upstream proxy's password may be in there. */
static int write_file(const char *directory, const char *name, const char *text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	int r = file_write_atomic(path, 0400, text, strlen(text), e);

	if (r < 0)
		return r;
	return chown(path, SQUID_ID, SQUID_ID) < 0 ? err_system(e, -errno, "cannot chown %s", path)
						   : 0;
}

static int make_log(const char *path, struct err *e)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fchown(fd, SQUID_ID, SQUID_ID) < 0)
		return err_system(e, -errno, "cannot make %s", path);
	return 0;
}
