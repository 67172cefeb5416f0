/* awfctl wait and awfctl attach. */
#include "awfctl/commands.h"

#include "awfctl/attach.h"
#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "proto/messages.h"

int cmd_wait(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	struct id_request request = { .id = o->operands[0] };
	int r = client_open(options_socket(o), &c, &e);

	if (r == 0)
		r = client_call(c, AWF_INTERFACE ".Wait", &id_request_table, &request, false, &e);
	if (r == 0)
		r = client_wait(c, &reply, &e);
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
