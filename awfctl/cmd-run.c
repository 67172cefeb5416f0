/* awfctl run and awfctl start. */
#include "awfctl/commands.h"

#include "awfctl/attach.h"
#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "awfctl/log-copies.h"
#include "awfctl/progress.h"
#include "awfctl/start-session.h"
#include "awfctl/start.h"

/* Connects and calls Start; its replies are still to come. attached: the command's streams are
 * opened, and the sandbox ends with the connection. */
static int call_start(const struct options *o, bool attached, struct client **ret, struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	struct start_request request = { .open_stdin = attached || o->tty,
					 .attach = attached,
					 .lease = attached };
	int r = start_session_make(o, e);

	if (r == 0)
		r = start_build(o, &request, e);
	if (r == 0)
		r = client_open(options_socket(o), &c, e);
	if (r == 0)
		r = client_call(c, AWF_INTERFACE ".Start", &start_request_table, &request, true, e);
	fields_clear(&start_request_table, &request);
	if (r < 0)
		return r;
	progress_begin();
	*ret = TAKE_PTR(c);
	return 0;
}

int cmd_run(const struct options *o)
{
	_cleanup_log_copies_ struct log_copies *copies = NULL;
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	int r = log_copies_open(o, &copies, &e);

	if (r == 0)
		r = call_start(o, true, &c, &e);
	if (r < 0)
		return complain(o, &e);
	return attach_started(o, c, copies);
}

/* Waits for the last reply of Start. */
static int await_id(struct client *c, char **id, struct err *e)
{
	int r = 0;

	while (r == 0 && !*id) {
		_cleanup_reply_ struct reply reply = { 0 };

		r = client_wait(c, &reply, e);
		if (r == 0)
			r = start_take_reply(&reply, id, e);
	}
	return r;
}

int cmd_start(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *id = NULL;
	int r = log_copies_refuse(o, &e);

	if (r == 0)
		r = call_start(o, false, &c, &e);
	if (r == 0)
		r = await_id(c, &id, &e);
	if (r < 0)
		return complain(o, &e);
	puts(id);
	return 0;
}
