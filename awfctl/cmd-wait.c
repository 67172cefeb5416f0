/* awfctl wait and awfctl attach. */
#include "awfctl/commands.h"

#include "awfctl/attach.h"
#include "awfctl/client.h"
#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "common/clock.h"
#include "proto/messages.h"

static int call_wait(struct client *c, const char *id, struct reply *reply, struct err *e)
{
	struct wait_request request = { .id = (char *)id };
	int r = client_call(c, AWF_INTERFACE ".Wait", &wait_request_table, &request, false, e);

	return r < 0 ? r : client_wait(c, reply, e);
}

/* An awfd that is restarted goes on with its sandboxes, and so does who waits for one. */
int cmd_wait(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	struct comeback back = { 0 };
	int r = client_open(options_socket(o), &c, &e);

	if (r == 0)
		r = call_wait(c, o->operands[0], &reply, &e);
	while (r < 0 && c && comeback_helps(&back, c, &e) && comeback_lost(&back, clock_ms())) {
		client_free(TAKE_PTR(c));
		r = comeback_wait(&back, options_socket(o), &c, &e);
		if (r == 0)
			r = call_wait(c, o->operands[0], &reply, &e);
	}
	return r < 0 ? complain(o, &e) : attach_report_end(o, &reply);
}

int cmd_attach(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (client_open(options_socket(o), &c, &e) < 0)
		return complain(o, &e);
	return attach_existing(o, c, o->operands[0]);
}
