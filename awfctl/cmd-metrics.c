/* awfctl metrics: what awfd has counted, for a monitoring system. */
#include "awfctl/commands.h"

#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "proto/messages.h"

int cmd_metrics(const struct options *o)
{
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct metrics_reply metrics = { 0 };
	int r = comeback_ask(options_socket(o), AWF_INTERFACE ".Metrics", &empty_table,
			     &(struct empty_message){ 0 }, &reply, &e);

	if (r == 0)
		r = reply_read(&reply, &metrics_reply_table, &metrics, &e);
	if (r < 0)
		return complain(o, &e);
	fputs(metrics.text, stdout);
	fields_clear(&metrics_reply_table, &metrics);
	return 0;
}
