/* awfctl denials: what a sandbox was refused, so far or as it happens. */
#include "awfctl/commands.h"

#include <string.h>

#include "awfctl/complain.h"
#include "awfctl/denial-text.h"
#include "awfctl/log-sources.h"
#include "awfctl/output.h"
#include "awfctl/seen-denials.h"
#include "awfctl/subscription.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/timestamp.h"

/* What of the refusals is printed. */
struct selection {
	const struct options *o;
	struct log_span span;
	struct table table;
	struct seen_denials *seen;
	bool again; /* an awfd that was restarted tells what there was before, too */
};

static bool is_selected(const struct selection *s, const struct denial_info *d)
{
	bool news = seen_denials_add(s->seen, d), wanted = false;
	int64_t time_ms;

	if (timestamp_parse_ms(d->time, &time_ms) < 0)
		time_ms = 0;
	for (size_t i = 0; i < LOG_SOURCE_COUNT; i++)
		wanted |= s->span.sources[i] &&
			  strcmp(log_source_name((enum log_source)i), d->source) == 0;
	return wanted && (news || !s->again) && log_span_has(&s->span, time_ms);
}

static void append_table(struct strbuf *to, struct table *t, bool first, const void *const *rows)
{
	table_fit(t, rows);
	if (first)
		table_titles(t, to);
	table_rows(t, to, rows);
}

/* The refusals that are printed, as rows of the table and as JSON. */
static void append_selected(struct strbuf *to, struct selection *s, bool first,
			    struct denial_info *const *denials, struct json_object *array)
{
	_cleanup_json_ struct json_object *selected = json_object_new_array();
	_cleanup_free_ const void **rows =
		xcalloc(json_object_array_length(array) + 1, sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; denials[i]; i++) {
		if (!is_selected(s, denials[i]))
			continue;
		rows[n++] = denials[i];
		json_object_array_add(selected,
				      json_object_get(json_object_array_get_idx(array, i)));
	}
	if (output_is_table(s->o))
		append_table(to, &s->table, first, rows);
	else
		output_append(s->o, to, selected, s->o->follow);
}

/* One reply as what the options ask for; the first one has the titles above it. */
static int print_reply(struct selection *s, bool first, const struct reply *reply, struct err *e)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct denials_reply denials = { 0 };
	int r = reply_read(reply, &denials_reply_table, &denials, e);

	if (r < 0)
		return r;
	strbuf_puts(&text, "");
	append_selected(&text, s, first, denials.denials,
			json_object_object_get(reply->parameters, "denials"));
	fputs(text.data, stdout);
	fields_clear(&denials_reply_table, &denials);
	return 0;
}

/* Until the last reply, or until nobody can be told any more, which is reported at the end. */
static int print_replies(struct selection *s, struct subscription *calls, struct err *e)
{
	bool more = true, anew;

	s->table.exact = s->o->follow; /* an age would soon be wrong */
	for (bool first = true; more; first = false) {
		_cleanup_reply_ struct reply reply = { 0 };
		int r = subscription_next(calls, &reply, &anew, e);

		s->again = anew && !first;
		if (r == 0)
			r = print_reply(s, first, &reply, e);
		if (r < 0)
			return r;
		more = reply.continues && fflush(stdout) == 0;
	}
	return 0;
}

static int select_denials(struct selection *s, struct err *e)
{
	int r = log_span_parse(s->o, (int64_t)clock_wall_ms(), &s->span, e);

	if (r == 0 && s->o->sources.words &&
	    (s->span.sources[LOG_SOURCE_GH] || s->span.sources[LOG_SOURCE_RELAY] ||
	     s->span.sources[LOG_SOURCE_AUDIT]))
		return usage_error(e,
				   "--source: refusals are those of squid and firewall; the others "
				   "are shown by awfctl logs");
	return r;
}

int cmd_denials(const struct options *o)
{
	const struct id_request request = { .id = o->operands[0] };
	_cleanup_subscription_ struct subscription calls = { .socket = options_socket(o),
							     .method = AWF_INTERFACE ".Denials",
							     .table = &id_request_table,
							     .parameters = &request,
							     .more = o->follow };
	_cleanup_seen_denials_ struct seen_denials *seen = seen_denials_new();
	_cleanup_err_ struct err e = { 0 };
	struct selection s = { .o = o, .table = denial_table(), .seen = seen };
	int r = output_check(o, &denial_info_table, &e);

	if (r == 0)
		r = select_denials(&s, &e);
	if (r == 0)
		r = subscription_open(&calls, &e);
	if (r == 0)
		r = print_replies(&s, &calls, &e);
	return r < 0 ? complain(o, &e) : 0;
}
