#include "awfctl/log-summary.h"

#include <inttypes.h>
#include <string.h>

#include "awfctl/render.h"
#include "awfctl/tally.h"
#include "common/alloc.h"
#include "common/strv.h"

enum { REACHED, REFUSED, RELAY, GH, TALLY_COUNT };

/* Numbers of the kinds, by their places. */
enum { REACHED_REQUESTS, REACHED_RECEIVED, REACHED_SENT };
enum { REFUSED_TIMES };
enum { RELAY_CONNECTIONS, RELAY_FAILED, RELAY_RECEIVED, RELAY_SENT };
enum { GH_CALLS, GH_FAILED, GH_REFUSED };

static const struct tally_kind kinds[] = {
	[REACHED] = { { { "Destination", "destination" }, { "From", "from" } },
		      { { "Requests", "requests" },
			{ "Bytes received", "bytesReceived" },
			{ "Bytes sent", "bytesSent" } } },
	[REFUSED] = { { { "Destination", "destination" },
			{ "From", "from" },
			{ "Protocol", "protocol" },
			{ "Reason", "reason" } },
		      { { "Times", "times" } } },
	[RELAY] = { { { "Destination", "destination" }, { "From", "from" } },
		    { { "Connections", "connections" },
		      { "Failed", "failed" },
		      { "Bytes received", "bytesReceived" },
		      { "Bytes sent", "bytesSent" } } },
	[GH] = { { { "Command", "command" } },
		 { { "Calls", "calls" }, { "Failed", "failed" }, { "Refused", "refused" } } },
};

static const struct {
	const char *heading, *key;
} tallies[] = {
	[REACHED] = { "Reached", "reached" },
	[REFUSED] = { "Refused", "refused" },
	[RELAY] = { "Relay", "relay" },
	[GH] = { "gh", "gh" },
};

struct log_summary {
	char *id;
	char *image;
	char *command;
	char *result;
	int64_t exit_code; /* INT64_MIN: not known */
	int64_t duration_ms;
	bool incomplete; /* the logs say that they are */
	struct tally *tallies[TALLY_COUNT];
};

struct log_summary *log_summary_new(void)
{
	struct log_summary *s = xnew(struct log_summary);

	s->exit_code = INT64_MIN;
	for (size_t i = 0; i < TALLY_COUNT; i++)
		s->tallies[i] = tally_new(&kinds[i]);
	return s;
}

void log_summary_free(struct log_summary *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < TALLY_COUNT; i++)
		tally_free(s->tallies[i]);
	free(s->id);
	free(s->image);
	free(s->command);
	free(s->result);
	free(s);
}

/* --- Members of a record, which may be of any type, or missing ----------------------------------
 */

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(o, key, &value);
	return json_object_is_type(value, type) ? value : NULL;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

static int64_t number_of(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key, json_type_int);

	return value ? json_object_get_int64(value) : 0;
}

static uint64_t count_of(struct json_object *o, const char *key)
{
	int64_t value = number_of(o, key);

	return value > 0 ? (uint64_t)value : 0;
}

static bool is_text(struct json_object *o, const char *key, const char *text)
{
	return strcmp(text_of(o, key), text) == 0;
}

static void keep(char **to, const char *text)
{
	if (*text) {
		free(*to);
		*to = xstrdup(text);
	}
}

/* --- What each log adds --------------------------------------------------------------------------
 */

static char *destination_of(struct json_object *o, const char *key)
{
	const char *host = text_of(o, key);
	int64_t port = number_of(o, "port");
	bool brackets = port > 0 && strchr(host, ':');

	if (port <= 0)
		return xstrdup(host);
	return xasprintf("%s%s%s:%" PRId64, brackets ? "[" : "", host, brackets ? "]" : "", port);
}

static void add_refused(struct log_summary *s, const char *destination, const char *from,
			const char *protocol, const char *reason)
{
	tally_add(s->tallies[REFUSED], (const char *[]){ destination, from, protocol, reason },
		  (uint64_t[]){ [REFUSED_TIMES] = 1 });
}

static void add_squid(struct log_summary *s, struct json_object *o)
{
	_cleanup_free_ char *destination = destination_of(o, "host");
	const char *rule = text_of(o, "rule");
	_cleanup_free_ char *reason =
		xasprintf("%s%s%s", text_of(o, "reason"), *rule ? " by " : "", rule);

	if (is_text(o, "decision", "denied"))
		add_refused(s, destination, text_of(o, "from"), text_of(o, "method"), reason);
	else if (is_text(o, "decision", "allowed"))
		tally_add(s->tallies[REACHED], (const char *[]){ destination, text_of(o, "from") },
			  (uint64_t[]){ [REACHED_REQUESTS] = 1,
					[REACHED_RECEIVED] = count_of(o, "bytesIn"),
					[REACHED_SENT] = count_of(o, "bytesOut") });
}

static void add_firewall(struct log_summary *s, struct json_object *o)
{
	_cleanup_free_ char *destination = destination_of(o, "destination");

	if (*destination)
		add_refused(s, destination, text_of(o, "container"), text_of(o, "protocol"),
			    text_of(o, "reason"));
}

/* A line may be about many connections; one that failed is one, too. */
static void add_relay(struct log_summary *s, struct json_object *o)
{
	_cleanup_free_ char *destination = destination_of(o, "host");
	uint64_t count = count_of(o, "count");
	bool failed = is_text(o, "result", "failed");

	if (is_text(o, "event", "connection"))
		tally_add(s->tallies[RELAY], (const char *[]){ destination, text_of(o, "from") },
			  (uint64_t[]){ [RELAY_CONNECTIONS] = count,
					[RELAY_FAILED] = failed ? count : 0,
					[RELAY_RECEIVED] = count_of(o, "bytesReceived"),
					[RELAY_SENT] = count_of(o, "bytesSent") });
}

/* A call that was started is one, whose end tells whether it failed. */
static void add_gh(struct log_summary *s, struct json_object *o)
{
	const char *subcommand = text_of(o, "subcommand");
	_cleanup_free_ char *command =
		xasprintf("%s%s%s", text_of(o, "command"), *subcommand ? " " : "", subcommand);
	bool denied = is_text(o, "event", "exec_denied");
	bool failed = is_text(o, "event", "exec_done") && number_of(o, "exitCode") != 0;

	if (denied || failed || is_text(o, "event", "exec_start"))
		tally_add(s->tallies[GH], (const char *[]){ command },
			  (uint64_t[]){ [GH_CALLS] = !failed,
					[GH_FAILED] = failed,
					[GH_REFUSED] = denied });
}

static char *command_of(struct json_object *grants)
{
	struct json_object *list = member(grants, "command", json_type_array);
	_cleanup_strv_ char **words = NULL;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		strv_append(&words,
			    json_object_get_string(json_object_array_get_idx(list, i)) ?: "");
	return render_command(words);
}

static void add_start(struct log_summary *s, struct json_object *o)
{
	struct json_object *grants = member(o, "grants", json_type_object);

	if (!grants)
		return;
	free(s->command);
	s->command = command_of(grants);
	keep(&s->image, text_of(grants, "image"));
}

static void add_end(struct log_summary *s, struct json_object *o)
{
	keep(&s->result, text_of(o, "reason"));
	if (member(o, "exitCode", json_type_int))
		s->exit_code = number_of(o, "exitCode");
	s->duration_ms = number_of(o, "durationMs");
}

static void add_audit(struct log_summary *s, struct json_object *o)
{
	keep(&s->id, text_of(o, "sandbox"));
	if (is_text(o, "method", "Start"))
		add_start(s, o);
	else if (is_text(o, "event", "end"))
		add_end(s, o);
}

static void (*const adders[])(struct log_summary *s, struct json_object *o) = {
	[LOG_SOURCE_SQUID] = add_squid, [LOG_SOURCE_GH] = add_gh,
	[LOG_SOURCE_RELAY] = add_relay, [LOG_SOURCE_FIREWALL] = add_firewall,
	[LOG_SOURCE_AUDIT] = add_audit,
};

void log_summary_add(struct log_summary *s, const struct log_record *record)
{
	struct json_object *o = record->object;

	if (is_text(o, "event", "lines_lost") || is_text(o, "event", "log_full"))
		s->incomplete = true;
	else
		adders[record->source](s, o);
}

/* --- Markdown ------------------------------------------------------------------------------------
 */

static void append_line(struct strbuf *to, const char *label, const char *text)
{
	if (!text)
		return;
	strbuf_appendf(to, "| %s | ", label);
	markdown_append_code(to, text);
	strbuf_puts(to, " |\n");
}

static void append_result(const struct log_summary *s, struct strbuf *to)
{
	if (s->exit_code != INT64_MIN) {
		_cleanup_free_ char *duration = render_duration(s->duration_ms * 1000);

		strbuf_appendf(to, "| Exit code | %" PRId64 " after %s |\n", s->exit_code,
			       duration);
	}
	append_line(to, "Ended because", s->result);
}

static void append_counts(const struct log_summary *s, struct strbuf *to)
{
	strbuf_appendf(to, "| Requests | %" PRIu64 " allowed |\n",
		       tally_sum(s->tallies[REACHED], REACHED_REQUESTS));
	strbuf_appendf(to, "| Refused | %" PRIu64 " attempts |\n",
		       tally_sum(s->tallies[REFUSED], REFUSED_TIMES));
	strbuf_appendf(to, "| Relay | %" PRIu64 " connections, %" PRIu64 " failed |\n",
		       tally_sum(s->tallies[RELAY], RELAY_CONNECTIONS),
		       tally_sum(s->tallies[RELAY], RELAY_FAILED));
	strbuf_appendf(to, "| gh | %" PRIu64 " calls, %" PRIu64 " failed, %" PRIu64 " refused |\n",
		       tally_sum(s->tallies[GH], GH_CALLS), tally_sum(s->tallies[GH], GH_FAILED),
		       tally_sum(s->tallies[GH], GH_REFUSED));
}

static const int sections[] = { REFUSED, REACHED, RELAY, GH };

void log_summary_markdown(const struct log_summary *s, struct strbuf *to)
{
	strbuf_puts(to, "### Sandbox ");
	markdown_append_code(to, s->id ? s->id : "");
	strbuf_puts(to, "\n\n| | |\n|---|---|\n");
	append_line(to, "Command", s->command);
	append_line(to, "Image", s->image);
	append_result(s, to);
	append_counts(s, to);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		tally_append_markdown(s->tallies[sections[i]], tallies[sections[i]].heading, to);
	if (s->incomplete)
		strbuf_puts(to, "\nThe logs have not all of it: the disk, or a log, was full.\n");
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static void put_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

struct json_object *log_summary_json(const struct log_summary *s)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "sandbox", s->id);
	put_text(o, "command", s->command);
	put_text(o, "image", s->image);
	if (s->exit_code != INT64_MIN) {
		json_object_object_add(o, "exitCode", json_object_new_int64(s->exit_code));
		json_object_object_add(o, "durationMs", json_object_new_int64(s->duration_ms));
	}
	put_text(o, "reason", s->result);
	json_object_object_add(o, "incomplete", json_object_new_boolean(s->incomplete));
	for (size_t i = 0; i < TALLY_COUNT; i++)
		json_object_object_add(o, tallies[i].key, tally_json(s->tallies[i]));
	return o;
}
