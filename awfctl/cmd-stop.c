#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "awfctl/exit-code.h"
#include "common/strv.h"
#include "proto/messages.h"

#define GRACE_MS 10000
/* How many sandboxes are stopped at the same time, each on a connection of its own. */
#define PARALLEL_MAX 8

/* Connects and calls Stop; the reply is still to come. */
static int call_stop(const struct options *o, char *id, struct client **ret, struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	struct stop_request request = { .id = id,
					.signal = (char *)"SIGTERM",
					.grace_ms = GRACE_MS };
	int r = client_open(options_socket(o), &c, e);

	if (r == 0)
		r = client_call(c, AWF_INTERFACE ".Stop", &stop_request_table, &request, false, e);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

/* Stops up to PARALLEL_MAX sandboxes at once; each is reported. The exit code. */
static int stop_batch(const struct options *o, char **ids, size_t count)
{
	struct client *clients[PARALLEL_MAX] = { NULL };
	struct err errors[PARALLEL_MAX] = { 0 };
	int code = 0;

	for (size_t i = 0; i < count; i++)
		(void)call_stop(o, ids[i], &clients[i], &errors[i]);
	for (size_t i = 0; i < count; i++) {
		_cleanup_reply_ struct reply reply = { 0 };

		if (clients[i] && client_wait(clients[i], &reply, &errors[i]) == 0)
			puts(ids[i]);
		else
			code = complain(o, &errors[i]);
		client_free(clients[i]);
		err_clear(&errors[i]);
	}
	return code == 0 ? 0 : EXIT_CODE_FAILED;
}

int cmd_stop(const struct options *o)
{
	size_t count = strv_length(o->operands);
	int code = 0;

	for (size_t i = 0; i < count; i += PARALLEL_MAX) {
		size_t n = MIN(count - i, (size_t)PARALLEL_MAX);
		int failed = stop_batch(o, o->operands + i, n);

		code = failed ? failed : code;
	}
	return code;
}
