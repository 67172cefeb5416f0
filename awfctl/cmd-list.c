/* awfctl list and awfctl inspect: what awfd knows, for people or as JSON. */
#include "awfctl/commands.h"

#include <unistd.h>

#include "awfctl/client.h"
#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "awfctl/output.h"
#include "awfctl/render.h"

union answer {
	struct list_reply list;
	struct inspect_reply inspect;
};

struct question {
	const char *method;
	const struct field_table *in;
	const struct field_table *out;
	const struct field_table *shown; /* what it is about */
	const char *member;              /* of the reply: what is printed */
	void (*render)(struct strbuf *to, const union answer *answer);
};

static void render_list(struct strbuf *to, const union answer *answer)
{
	struct look look = look_of(STDOUT_FILENO);

	render_sandboxes(to, answer->list.sandboxes, &look);
}

static void render_inspect(struct strbuf *to, const union answer *answer)
{
	struct look look = look_of(STDOUT_FILENO);

	render_sandbox(to, answer->inspect.sandbox, &look);
}

static const struct question list_question = { AWF_INTERFACE ".List", &empty_table,
					       &list_reply_table,     &sandbox_info_table,
					       "sandboxes",           render_list };
static const struct question inspect_question = {
	AWF_INTERFACE ".Inspect", &id_request_table, &inspect_reply_table,
	&sandbox_info_table,      "sandbox",         render_inspect
};

/* Gets the reply, which is known to be of the right form once it is read into `answer`. */
static int ask(const struct options *o, const struct question *q, const void *in,
	       struct reply *reply, union answer *answer, struct err *e)
{
	int r = comeback_ask(options_socket(o), q->method, q->in, in, reply, e);

	return r < 0 ? r : reply_read(reply, q->out, answer, e);
}

static int show(const struct options *o, const struct question *q, const void *in)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	union answer answer = { 0 };

	if (output_check(o, q->shown, &e) < 0 || ask(o, q, in, &reply, &answer, &e) < 0)
		return complain(o, &e);
	if (output_is_table(o))
		q->render(&text, &answer);
	else
		output_append(o, &text, json_object_object_get(reply.parameters, q->member), false);
	fputs(text.data, stdout);
	fields_clear(q->out, &answer);
	return 0;
}

int cmd_list(const struct options *o)
{
	return show(o, &list_question, &(struct empty_message){ 0 });
}

int cmd_inspect(const struct options *o)
{
	return show(o, &inspect_question, &(struct id_request){ .id = o->operands[0] });
}
