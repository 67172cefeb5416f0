/* awfctl stats: what sandboxes use and do, once or as it changes. */
#include "awfctl/commands.h"

#include <string.h>
#include <unistd.h>

#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "awfctl/output.h"
#include "awfctl/stats-text.h"
#include "awfctl/subscription.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/strv.h"

#define METHOD AWF_INTERFACE ".Stats"

/* To the first place of the terminal, whose old lines are written over; to the end of one of them,
 * and to the end of all. */
#define TO_BEGIN    "\033[H"
#define CLEAR_LINE  "\033[K"
#define CLEAR_BELOW "\033[J"

/* What awfd told last, and when. */
struct sample {
	struct reply reply;
	struct stats_reply stats;
	uint64_t time_us;
};

static void sample_clear(struct sample *s)
{
	reply_clear(&s->reply);
	fields_clear(&stats_reply_table, &s->stats);
	*s = (struct sample){ 0 };
}

static int take_sample(struct subscription *calls, struct sample *ret, struct err *e)
{
	struct sample s = { 0 };
	bool anew;
	int r = subscription_next(calls, &s.reply, &anew, e);

	s.time_us = clock_us();
	if (r == 0)
		r = reply_read(&s.reply, &stats_reply_table, &s.stats, e);
	if (r < 0) {
		sample_clear(&s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- Which of them -----------------------------------------------------------------------------
 */

static const struct stats_info *find(const struct sample *s, const char *id)
{
	for (size_t i = 0; s->stats.stats && s->stats.stats[i]; i++)
		if (strcmp(s->stats.stats[i]->id, id) == 0)
			return s->stats.stats[i];
	return NULL;
}

static bool is_wanted(const struct options *o, const char *id)
{
	for (size_t i = 0; o->operands && o->operands[i]; i++)
		if (strcmp(o->operands[i], id) == 0)
			return true;
	return strv_length(o->operands) == 0;
}

/* The id of what is called otherwise, in the place of the name. */
static int replace_by_id(const struct options *o, char **name, struct err *e)
{
	const struct id_request request = { .id = *name };
	_cleanup_reply_ struct reply reply = { 0 };
	struct inspect_reply answer = { 0 };
	int r = comeback_ask(options_socket(o), AWF_INTERFACE ".Inspect", &id_request_table,
			     &request, &reply, e);

	if (r == 0)
		r = reply_read(&reply, &inspect_reply_table, &answer, e);
	if (r == 0 && answer.sandbox) {
		free(*name);
		*name = TAKE_PTR(answer.sandbox->id);
	}
	fields_clear(&inspect_reply_table, &answer);
	return r;
}

static int require_all(const struct options *o, const struct sample *s, struct err *e)
{
	for (size_t i = 0; o->operands && o->operands[i]; i++) {
		int r = find(s, o->operands[i]) ? 0 : replace_by_id(o, &o->operands[i], e);

		if (r < 0)
			return r;
		if (find(s, o->operands[i]))
			continue;
		return err_set(e, -ESRCH, ERR_SYSTEM,
			       "sandbox %s has ended and uses nothing any more; awfctl inspect %s "
			       "tells how it ended",
			       o->operands[i], o->operands[i]);
	}
	return 0;
}

/* Whether any of those that were asked for is still there. */
static bool has_any(const struct options *o, const struct sample *s)
{
	for (size_t i = 0; o->operands && o->operands[i]; i++)
		if (find(s, o->operands[i]))
			return true;
	return strv_length(o->operands) == 0;
}

/* --- Printing ----------------------------------------------------------------------------------
 */

static void append_table(struct strbuf *to, const struct options *o, const struct sample *before,
			 const struct sample *now)
{
	struct table t = stats_table();
	size_t max = 0, n = 0;
	_cleanup_free_ struct stats_row *rows = NULL;
	_cleanup_free_ const void **list = NULL;

	while (now->stats.stats[max])
		max++;
	rows = xcalloc(max + 1, sizeof(*rows));
	list = xcalloc(max + 1, sizeof(*list));
	for (size_t i = 0; i < max; i++) {
		const struct stats_info *s = now->stats.stats[i];

		if (!is_wanted(o, s->id))
			continue;
		rows[n] = (struct stats_row){ .now = s };
		rows[n].cpu = stats_cpu(find(before, s->id), s, now->time_us - before->time_us);
		list[n] = &rows[n];
		n++;
	}
	table_fit(&t, list);
	table_titles(&t, to);
	table_rows(&t, to, list);
}

static void print_fields(const struct options *o, const struct sample *s)
{
	struct json_object *all = json_object_object_get(s->reply.parameters, "stats");
	_cleanup_json_ struct json_object *wanted = json_object_new_array();
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; s->stats.stats[i]; i++)
		if (is_wanted(o, s->stats.stats[i]->id))
			json_object_array_add(wanted,
					      json_object_get(json_object_array_get_idx(all, i)));
	output_append(o, &text, wanted, false);
	fputs(text.data, stdout);
}

static void print_frame(const struct options *o, const struct sample *before,
			const struct sample *now)
{
	_cleanup_strbuf_ struct strbuf table = { 0 };
	char *rest, *line;

	append_table(&table, o, before, now);
	fputs(TO_BEGIN, stdout);
	for (rest = table.data; (line = strsep(&rest, "\n")) && rest;)
		printf("%s" CLEAR_LINE "\n", line);
	fputs(CLEAR_BELOW, stdout);
}

static void print_table(const struct options *o, const struct sample *before,
			const struct sample *now)
{
	_cleanup_strbuf_ struct strbuf table = { 0 };

	append_table(&table, o, before, now);
	fputs(table.data, stdout);
}

/* --- The command -------------------------------------------------------------------------------
 */

/* Two samples: what share of the time is used takes time. */
static int show_once(const struct options *o, struct subscription *calls,
		     const struct sample *first, struct err *e)
{
	_cleanup_(sample_clear) struct sample second = { 0 };
	int r = take_sample(calls, &second, e);

	if (r == 0)
		print_table(o, first, &second);
	return r;
}

/* Until those that were asked for have ended, or nobody can be told any more. */
static int show_live(const struct options *o, struct subscription *calls, struct sample *before,
		     struct err *e)
{
	print_frame(o, before, before);
	while (fflush(stdout) == 0 && has_any(o, before)) {
		struct sample now = { 0 };
		int r = take_sample(calls, &now, e);

		if (r < 0)
			return r;
		print_frame(o, before, &now);
		sample_clear(before);
		*before = now;
	}
	return 0;
}

static int show(const struct options *o, struct subscription *calls, struct err *e)
{
	_cleanup_(sample_clear) struct sample first = { 0 };
	int r = take_sample(calls, &first, e);

	if (r == 0)
		r = require_all(o, &first, e);
	if (r < 0)
		return r;
	if (!output_is_table(o))
		print_fields(o, &first);
	else if (o->no_stream || !look_of(STDOUT_FILENO).escapes)
		return show_once(o, calls, &first, e);
	else
		return show_live(o, calls, &first, e);
	return 0;
}

int cmd_stats(const struct options *o)
{
	const struct empty_message none = { 0 };
	_cleanup_subscription_ struct subscription calls = { .socket = options_socket(o),
							     .method = METHOD,
							     .table = &empty_table,
							     .parameters = &none,
							     .more = output_is_table(o) };
	_cleanup_err_ struct err e = { 0 };
	int r = output_check(o, &stats_info_table, &e);

	if (r == 0)
		r = subscription_open(&calls, &e);
	if (r == 0)
		r = show(o, &calls, &e);
	return r < 0 ? complain(o, &e) : 0;
}
