/* awfctl check: what the operator would permit of a command line, and by which line. */
#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "awfctl/exit-code.h"
#include "awfctl/output.h"
#include "awfctl/start.h"
#include "awfctl/table.h"
#include "common/alloc.h"
#include "common/escape.h"

/* The option that asks for it. */
static char *cell_what(const void *row)
{
	const struct decision_info *d = row;
	const struct option_row *option = option_of_field(d->what);

	return option ? xasprintf("--%s", option->name) : escape_control(d->what);
}

static char *cell_value(const void *row)
{
	return escape_control(((const struct decision_info *)row)->value);
}

static char *cell_decision(const void *row)
{
	return xstrdup(((const struct decision_info *)row)->allowed ? "allowed" : "refused");
}

static char *cell_where(const void *row)
{
	return escape_control(((const struct decision_info *)row)->where);
}

static enum colour colour_of_decision(const void *row)
{
	return ((const struct decision_info *)row)->allowed ? COLOUR_GREEN : COLOUR_RED;
}

static const struct table_column columns[] = {
	{ "WHAT", cell_what, NULL, NULL },
	{ "VALUE", cell_value, NULL, NULL },
	{ "DECISION", cell_decision, NULL, colour_of_decision },
	{ "DECIDED BY", cell_where, NULL, NULL },
};

static void render_decisions(struct strbuf *to, struct decision_info *const *decisions)
{
	const void *const *rows = (const void *const *)decisions;
	struct table t = table_new(columns, ARRAY_SIZE(columns));

	table_fit(&t, rows);
	table_titles(&t, to);
	table_rows(&t, to, rows);
}

static bool all_allowed(struct decision_info *const *decisions)
{
	for (; *decisions; decisions++)
		if (!(*decisions)->allowed)
			return false;
	return true;
}

/* The command does not matter, and need not be there. */
static int build(const struct options *o, struct start_request *request, struct err *e)
{
	static char *const placeholder[] = { (char *)"true", (char *)"", NULL };
	struct options complete = *o;

	if (!o->command || !o->command[0])
		complete.command = (char **)placeholder;
	return start_build(&complete, request, e);
}

static int ask(const struct options *o, struct reply *reply, struct check_reply *ret, struct err *e)
{
	struct start_request request = { 0 };
	int r = build(o, &request, e);

	if (r == 0)
		r = comeback_ask(options_socket(o), AWF_INTERFACE ".Check", &start_request_table,
				 &request, reply, e);
	fields_clear(&start_request_table, &request);
	return r < 0 ? r : reply_read(reply, &check_reply_table, ret, e);
}

int cmd_check(const struct options *o)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct check_reply answer = { 0 };
	int code;

	if (output_check(o, &decision_info_table, &e) < 0 || ask(o, &reply, &answer, &e) < 0)
		return complain(o, &e);
	if (output_is_table(o))
		render_decisions(&text, answer.decisions);
	else
		output_append(o, &text, json_object_object_get(reply.parameters, "decisions"),
			      false);
	fputs(text.data, stdout);
	code = all_allowed(answer.decisions) ? 0 : EXIT_CODE_REFUSED;
	fields_clear(&check_reply_table, &answer);
	return code;
}
