/* awfctl __complete: what the completions of shells ask, which are completion.bash and the like. */
#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/completion.h"
#include "awfctl/render.h"
#include "common/strv.h"

static void offer_sandbox(struct strbuf *to, const char *word, const struct sandbox_info *s)
{
	_cleanup_free_ char *command = render_command(s->command);

	if (s->name)
		completion_offer(to, word, s->name, command);
	completion_offer(to, word, s->id, command);
}

/* Without awfd there are none, and nobody who types wants to read why. */
static void offer_sandboxes(const struct options *o, struct strbuf *to, const char *word)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	struct list_reply reply = { 0 };
	int r = client_open(options_socket(o), &c, &e);

	if (r == 0)
		r = client_invoke(c, AWF_INTERFACE ".List", &empty_table,
				  &(struct empty_message){ 0 }, &list_reply_table, &reply, &e);
	if (r < 0)
		return;
	for (size_t i = 0; reply.sandboxes && reply.sandboxes[i]; i++)
		offer_sandbox(to, word, reply.sandboxes[i]);
	fields_clear(&list_reply_table, &reply);
}

int cmd_complete(const struct options *o)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	size_t count = strv_length(o->command);

	if (completion_of(&text, o->command) == COMPLETION_SANDBOXES)
		offer_sandboxes(o, &text, o->command[count - 1]);
	fputs(text.data, stdout);
	return 0;
}
