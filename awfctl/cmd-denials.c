/* awfctl denials: what a sandbox was refused, so far or as it happens. */
#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "awfctl/denial-text.h"
#include "awfctl/output.h"

static void append_table(struct strbuf *to, struct table *t, bool first,
			 const struct denials_reply *denials)
{
	const void *const *rows = (const void *const *)denials->denials;

	table_fit(t, rows);
	if (first)
		table_titles(t, to);
	table_rows(t, to, rows);
}

/* One reply as what the options ask for; the first one has the titles above it. */
static int print_reply(const struct options *o, struct table *t, bool first,
		       const struct reply *reply, struct err *e)
{
	struct json_object *array = json_object_object_get(reply->parameters, "denials");
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct denials_reply denials = { 0 };
	int r = reply_read(reply, &denials_reply_table, &denials, e);

	if (r < 0)
		return r;
	strbuf_puts(&text, "");
	if (output_is_table(o))
		append_table(&text, t, first, &denials);
	else
		output_append(o, &text, array, o->follow);
	fputs(text.data, stdout);
	fields_clear(&denials_reply_table, &denials);
	return 0;
}

/* Until the last reply, or until nobody can be told any more, which is reported at the end. */
static int print_replies(const struct options *o, struct client *c, struct err *e)
{
	struct table t = denial_table();
	bool more = true;

	t.exact = o->follow; /* an age would soon be wrong */

	for (bool first = true; more; first = false) {
		_cleanup_reply_ struct reply reply = { 0 };
		int r = client_wait(c, &reply, e);

		if (r == 0)
			r = print_reply(o, &t, first, &reply, e);
		if (r < 0)
			return r;
		more = reply.continues && fflush(stdout) == 0;
	}
	return 0;
}

int cmd_denials(const struct options *o)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct id_request request = { .id = o->operands[0] };
	int r = output_check(o, &denial_info_table, &e);

	if (r == 0)
		r = client_open(options_socket(o), &c, &e);
	if (r == 0)
		r = client_call(c, AWF_INTERFACE ".Denials", &id_request_table, &request, o->follow,
				&e);
	if (r == 0)
		r = print_replies(o, c, &e);
	return r < 0 ? complain(o, &e) : 0;
}
