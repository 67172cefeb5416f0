#include "awfd/relay/passed.h"

#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"
#include "common/strv.h"
#include "awfd/spawn.h"

/* What sd_listen_fds_with_names(3) calls a socket without a name. */
#define UNNAMED "unknown"

/* Splits NAME:NAME:…; a name may be empty. */
static char **split_names(const char *text)
{
	char **names = NULL;

	for (;;) {
		size_t length = strcspn(text, ":");

		strv_appendf(&names, "%.*s", (int)length, text);
		if (text[length] == '\0')
			return names;
		text += length + 1;
	}
}

int passed_find(struct passed *ret, struct err *e)
{
	_cleanup_(passed_clear) struct passed found = { 0 };
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t number, count;

	if (!pid || !fds || parse_uint(pid, 1, INT32_MAX, &number) < 0 ||
	    (pid_t)number != getpid() || parse_uint(fds, 1, INT32_MAX, &count) < 0)
		return err_set(e, -ENOTCONN, ERR_SYSTEM,
			       "no listening sockets were passed: start it by socket activation");
	if (count > SPAWN_FDS_MAX)
		return err_set(e, -E2BIG, ERR_SYSTEM, "more than %d sockets were passed",
			       SPAWN_FDS_MAX);
	found.count = (size_t)count;
	found.names = names ? split_names(names) : NULL;
	if (names && strv_length(found.names) != found.count)
		return err_set(e, -EINVAL, ERR_SYSTEM,
			       "there are not as many names as sockets that were passed");
	*ret = found;
	found = (struct passed){ 0 };
	return 0;
}

const char *passed_name(const struct passed *p, size_t i)
{
	return p->names ? p->names[i] : UNNAMED;
}

void passed_clear(struct passed *p)
{
	strv_free(p->names);
	*p = (struct passed){ 0 };
}
