/* awfctl doctor: what sandboxes need of this host, what is wrong with it, and what cures that. */
#include "awfctl/commands.h"

#include "awfctl/complain.h"
#include "awfctl/doctor-awfd.h"
#include "awfctl/doctor-host.h"
#include "awfctl/doctor-socket.h"
#include "awfctl/exit-code.h"
#include "awfctl/output.h"
#include "awfctl/start.h"
#include "awfctl/table.h"
#include "common/alloc.h"
#include "common/escape.h"

/* --- The table ----------------------------------------------------------------------------------
 */

static char *cell_name(const void *row)
{
	return escape_control(((const struct finding_info *)row)->name);
}

static char *cell_status(const void *row)
{
	return xstrdup(finding_status_name(finding_status_of(row)));
}

static char *cell_message(const void *row)
{
	return escape_control(((const struct finding_info *)row)->message);
}

static char *cell_cure(const void *row)
{
	const char *cure = ((const struct finding_info *)row)->cure;

	return escape_control(cure ? cure : "");
}

static enum colour colour_of_status(const void *row)
{
	static const enum colour colours[] = { [FINDING_OK] = COLOUR_GREEN,
					       [FINDING_UNKNOWN] = COLOUR_NONE,
					       [FINDING_WARNING] = COLOUR_YELLOW,
					       [FINDING_FAILURE] = COLOUR_RED };

	return colours[finding_status_of(row)];
}

static const struct table_column columns[] = {
	{ "CHECK", cell_name, NULL, NULL },
	{ "STATUS", cell_status, NULL, colour_of_status },
	{ "FOUND", cell_message, NULL, NULL },
	{ "CURE", cell_cure, NULL, NULL },
};

/* On a terminal a cure has a line of its own, so that it can be taken as it is. */
static void render_for_people(struct strbuf *to, struct finding_info *const *list)
{
	struct table t = table_new(columns, ARRAY_SIZE(columns) - 1);

	table_fit(&t, (const void *const *)list);
	table_titles(&t, to);
	for (; *list; list++) {
		_cleanup_free_ char *cure = cell_cure(*list);

		table_rows(&t, to, (const void *const[]){ *list, NULL });
		if (*cure)
			strbuf_appendf(to, "    %s\n", cure);
	}
}

static void render_for_programs(struct strbuf *to, struct finding_info *const *list)
{
	struct table t = table_new(columns, ARRAY_SIZE(columns));

	table_titles(&t, to);
	table_rows(&t, to, (const void *const *)list);
}

static void render_fields(const struct options *o, struct strbuf *to,
			  struct finding_info *const *list)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();
	struct options shown = *o;

	shown.quiet = false; /* it says what is shown, and not how */
	for (; *list; list++)
		json_object_array_add(array, fields_build(&finding_info_table, *list));
	output_append(&shown, to, array, false);
}

/* --- The command --------------------------------------------------------------------------------
 */

/* Those that are to be shown: NULL-terminated and borrowed, but for the array. */
static struct finding_info **choose(const struct options *o, const struct findings *f)
{
	struct finding_info **chosen = xcalloc(f->count + 1, sizeof(*chosen));
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		if (!o->quiet || finding_status_of(f->list[i]) != FINDING_OK)
			chosen[n++] = f->list[i];
	return chosen;
}

static void print(const struct options *o, const struct findings *f)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ struct finding_info **list = choose(o, f);

	strbuf_puts(&text, "");
	if (o->json || o->format.words)
		render_fields(o, &text, list);
	else if (look_of(STDOUT_FILENO).terminal)
		render_for_people(&text, list);
	else
		render_for_programs(&text, list);
	fputs(text.data, stdout);
}

static bool has_failure(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (finding_status_of(f->list[i]) == FINDING_FAILURE)
			return true;
	return false;
}

static int look_around(const struct options *o, struct findings *f, struct err *e)
{
	_cleanup_(doctor_socket_clear) struct socket_facts socket = { 0 };
	_cleanup_client_ struct client *client = NULL;
	struct diagnose_request request = { 0 };
	struct kernel_facts kernel;
	struct clock_facts clock;
	int r = start_build_difc(o, &request.difc_proxy_host, &request.difc_proxy_ca_cert, e);

	if (r == 0) {
		doctor_host_look(&clock, &kernel);
		doctor_host_judge_kernel(f, &kernel);
		doctor_host_judge_clock(f, &clock);
		doctor_socket_look(options_socket(o), &socket, &client);
		doctor_socket_judge(f, &socket);
		r = doctor_awfd(f, client, &request, e);
	}
	fields_clear(&diagnose_request_table, &request);
	return r;
}

/* --quiet goes with any of the forms. */
static int check_output(const struct options *o, struct err *e)
{
	struct options shown = *o;

	shown.quiet = false;
	return output_check(&shown, &finding_info_table, e);
}

int cmd_doctor(const struct options *o)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (check_output(o, &e) < 0 || look_around(o, &f, &e) < 0)
		return complain(o, &e);
	print(o, &f);
	return has_failure(&f) ? EXIT_CODE_SICK : 0;
}
