/* awfctl wait and awfctl attach. */
#include "awfctl/commands.h"

#include "awfctl/attach.h"
#include "awfctl/client.h"
#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "proto/messages.h"

/* An awfd that is restarted goes on with its sandboxes, and so does who waits for one. */
int cmd_wait(const struct options *o)
{
	struct wait_request request = { .id = o->operands[0] };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	int r = comeback_ask(options_socket(o), AWF_INTERFACE ".Wait", &wait_request_table,
			     &request, &reply, &e);

	return r < 0 ? complain(o, &e) : attach_report_end(o, request.id, &reply);
}

int cmd_attach(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (client_open(options_socket(o), &c, &e) < 0)
		return complain(o, &e);
	return attach_existing(o, c, o->operands[0]);
}
