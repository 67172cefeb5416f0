/* awfctl logs: what a sandbox's logs have, so far or as it is written, or what it comes to. */
#include "awfctl/commands.h"

#include <string.h>

#include "awfctl/complain.h"
#include "awfctl/log-session.h"
#include "awfctl/log-summary.h"
#include "awfctl/log-text.h"
#include "awfctl/render.h"
#include "proto/frame.h"

#define SUMMARY "summary"

/* --- The lines ---------------------------------------------------------------------------------
 */

static int print_record(struct log_record *record, void *userdata)
{
	const struct options *o = userdata;
	_cleanup_strbuf_ struct strbuf line = { 0 };

	if (o->json)
		log_text_append_json(&line, record);
	else
		log_text_append(&line, record);
	return fputs(line.data, stdout) < 0 ? -EIO : 0;
}

/* What nobody can be told any more is reported at the end. */
static int flush_lines(void *userdata _unused_)
{
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int show_lines(const struct options *o, const char *id, struct err *e)
{
	return log_session_read(o, id, o->follow, print_record, flush_lines, (void *)o, e);
}

/* --- The summary -------------------------------------------------------------------------------
 */

static int add_record(struct log_record *record, void *userdata)
{
	log_summary_add(userdata, record);
	return 0;
}

static int go_on(void *userdata _unused_)
{
	return 0;
}

static void print_summary(const struct options *o, const struct log_summary *s)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_json_ struct json_object *json = o->json ? log_summary_json(s) : NULL;

	if (json)
		render_json(&text, json);
	else
		log_summary_markdown(s, &text);
	fputs(text.data, stdout);
}

static int show_summary(const struct options *o, const char *id, struct err *e)
{
	_cleanup_log_summary_ struct log_summary *s = log_summary_new();
	int r = log_session_read(o, id, o->follow, add_record, go_on, s, e);

	if (r == 0)
		print_summary(o, s);
	return r;
}

/* --- The command line --------------------------------------------------------------------------
 */

/* An ID, or the directory of --dir; *id is NULL for that. */
static int take_id(const struct options *o, char *const *operands, const char **id, struct err *e)
{
	const char *first = operands[0];

	if (o->dir && first)
		return usage_error(e, "logs: unexpected argument '%s': --dir '%s' has the logs",
				   first, o->dir);
	if (o->dir && o->follow)
		return usage_error(e,
				   "logs: --follow is for a sandbox, and --dir '%s' has copies, "
				   "which do not grow: leave one of them out",
				   o->dir);
	if (!o->dir && !first)
		return usage_error(e, "logs needs an ID, or --dir; awfctl list shows the IDs");
	if (first && operands[1])
		return usage_error(e,
				   "logs: unexpected argument '%s'; it is used so: "
				   "awfctl logs [summary] [options] ID",
				   operands[1]);
	*id = first;
	return 0;
}

int cmd_logs(const struct options *o)
{
	_cleanup_err_ struct err e = { 0 };
	static char *const none[] = { NULL };
	char *const *operands = o->operands ? o->operands : none;
	bool summary = operands[0] && strcmp(operands[0], SUMMARY) == 0;
	const char *id = NULL;
	int r = take_id(o, operands + summary, &id, &e);

	if (r == 0)
		r = summary ? show_summary(o, id, &e) : show_lines(o, id, &e);
	return r < 0 ? complain(o, &e) : 0;
}
