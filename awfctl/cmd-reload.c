/* awfctl reload: what the operator changed in awfd.conf counts from now on. */
#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "common/log.h"
#include "proto/messages.h"

int cmd_reload(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct reload_reply reply = { 0 };
	int r = client_open(options_socket(o), &c, &e);

	if (r == 0)
		r = client_invoke(c, AWF_INTERFACE ".Reload", &empty_table,
				  &(struct empty_message){ 0 }, &reload_reply_table, &reply, &e);
	if (r < 0)
		return complain(o, &e);
	for (char **key = reply.kept; key && *key; key++)
		log_warning("%s changed, which counts only after a restart of awfd", *key);
	fields_clear(&reload_reply_table, &reply);
	return 0;
}
