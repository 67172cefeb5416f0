#include "awfctl/render.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "awfctl/age.h"
#include "awfctl/table.h"
#include "common/alloc.h"
#include "common/escape.h"

#define LABEL_WIDTH 13

/* What needs no quotes in a shell. */
#define PLAIN_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_^"

static char *cell_id(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->id);
}

static char *cell_state(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->state);
}

static char *cell_owner(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->owner);
}

static char *cell_created(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->created_at);
}

static char *cell_image(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->image);
}

static char *cell_age(const void *row)
{
	const struct sandbox_info *s = row;

	return age_text(s->created_at, time(NULL));
}

static char *cell_name(const void *row)
{
	const struct sandbox_info *s = row;

	return escape_control(s->name ? s->name : RENDER_NOTHING);
}

static char *cell_command(const void *row)
{
	return render_command(((const struct sandbox_info *)row)->command);
}

static enum colour colour_of_state(const void *row)
{
	static const struct {
		const char *state;
		enum colour colour;
	} colours[] = {
		{ "creating", COLOUR_YELLOW },
		{ "running", COLOUR_GREEN },
		{ "kept", COLOUR_YELLOW },
		{ "destroying", COLOUR_YELLOW },
	};
	const struct sandbox_info *s = row;

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].state, s->state) == 0)
			return colours[i].colour;
	return s->exit_code == 0 ? COLOUR_NONE : COLOUR_RED;
}

static const struct table_column columns[] = {
	{ "ID", cell_id, NULL, NULL },
	{ "NAME", cell_name, NULL, NULL },
	{ "STATE", cell_state, NULL, colour_of_state },
	{ "OWNER", cell_owner, NULL, NULL },
	{ "CREATED", cell_created, cell_age, NULL },
	{ "IMAGE", cell_image, NULL, NULL },
	{ "COMMAND", cell_command, NULL, NULL },
};
static_assert(ARRAY_SIZE(columns) <= TABLE_COLUMNS_MAX, "a column too many");

void render_sandboxes(struct strbuf *to, struct sandbox_info *const *sandboxes,
		      const struct look *look)
{
	struct table t = table_new_as(columns, ARRAY_SIZE(columns), look);
	const void *const *rows = (const void *const *)sandboxes;

	table_fit(&t, rows);
	table_titles(&t, to);
	table_rows(&t, to, rows);
}

static void append_quoted(struct strbuf *to, const char *argument)
{
	if (*argument && argument[strspn(argument, PLAIN_CHARACTERS)] == '\0') {
		strbuf_puts(to, argument);
		return;
	}
	strbuf_puts(to, "'");
	for (; *argument; argument++) {
		if (*argument == '\'')
			strbuf_puts(to, "'\"'\"'"); /* no backslash: those are doubled */
		else
			strbuf_append(to, argument, 1);
	}
	strbuf_puts(to, "'");
}

char *render_command(char *const *command)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	strbuf_puts(&line, "");
	for (size_t i = 0; command && command[i]; i++) {
		if (i > 0)
			strbuf_puts(&line, " ");
		append_quoted(&line, command[i]);
	}
	return escape_control(line.data);
}

char *render_duration(int64_t microseconds)
{
	if (microseconds < 1000000)
		return xasprintf("%.1f ms", (double)microseconds / 1e3);
	return xasprintf("%.1f s", (double)microseconds / 1e6);
}

/* A line "Label:   value"; none for a value that is absent. */
static void append_value(struct strbuf *to, const char *label, const char *value)
{
	_cleanup_free_ char *escaped = value ? escape_control(value) : NULL;

	if (escaped)
		strbuf_appendf(to, "%s:%*s%s\n", label, (int)(LABEL_WIDTH - strlen(label)), "",
			       escaped);
}

static void append_steps(struct strbuf *to, struct step_info *const *steps)
{
	size_t widest = 0;

	for (size_t i = 0; steps[i]; i++)
		widest = MAX(widest, strlen(steps[i]->name));
	strbuf_puts(to, "Steps:\n");
	for (size_t i = 0; steps[i]; i++) {
		_cleanup_free_ char *name = escape_control(steps[i]->name);
		_cleanup_free_ char *state = escape_control(steps[i]->state);
		_cleanup_free_ char *duration = render_duration(steps[i]->elapsed_us);

		strbuf_appendf(to, "  %-*s  %-8s %10s\n", (int)widest, name, state, duration);
	}
}

static void append_created(struct strbuf *to, const struct sandbox_info *s, const struct look *look)
{
	_cleanup_free_ char *age = age_text(s->created_at, time(NULL)),
			    *both = xasprintf("%s (%s)", s->created_at, age);

	append_value(to, "Created", look->terminal ? both : s->created_at);
}

void render_sandbox(struct strbuf *to, const struct sandbox_info *s, const struct look *look)
{
	_cleanup_free_ char *owner =
		s->owner_uid < 0 ? xstrdup("nobody yet")
				 : xasprintf("%s (uid %" PRId64 ")", s->owner, s->owner_uid);
	_cleanup_free_ char *command = render_command(s->command);
	_cleanup_free_ char *code = xasprintf("%" PRId64, s->exit_code);
	bool ended = strcmp(s->state, "exited") == 0;

	append_value(to, "ID", s->id);
	append_value(to, "Name", s->name);
	append_value(to, "State", s->state);
	append_value(to, "Owner", owner);
	append_created(to, s, look);
	append_value(to, "Image", s->image);
	strbuf_appendf(to, "Command:%*s%s\n", (int)(LABEL_WIDTH - strlen("Command")), "", command);
	append_value(to, "DIFC proxy", s->difc_proxy);
	for (char *const *mount = s->mounts; mount && *mount; mount++)
		append_value(to, "Mount", *mount);
	for (char *const *path = s->masked; path && *path; path++)
		append_value(to, "Masked", *path);
	append_value(to, "Logs", s->log_directory);
	append_value(to, "Exit code", ended ? code : NULL);
	append_value(to, "OOM killed", s->oom_killed ? "yes" : NULL);
	append_value(to, "Reason", s->reason);
	append_value(to, "Left", s->left);
	append_value(to, "Pool", s->pool);
	if (s->steps && s->steps[0])
		append_steps(to, s->steps);
}

/* json-c escapes C0 only. DEL and the C1 controls (U+0080 to U+009F: c2 80 to c2 9f) can only be
 * inside strings, so they can be rewritten in the text. */
static void append_json(struct strbuf *to, struct json_object *object, int flags)
{
	const char *text =
		json_object_to_json_string_ext(object, flags | JSON_C_TO_STRING_NOSLASHESCAPE);
	const unsigned char *s = (const unsigned char *)text;

	for (; *s; s++) {
		if (*s == 0x7f) {
			strbuf_puts(to, "\\u007f");
		} else if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
			strbuf_appendf(to, "\\u%04x", s[1]);
			s++;
		} else {
			strbuf_append(to, s, 1);
		}
	}
	strbuf_puts(to, "\n");
}

void render_json(struct strbuf *to, struct json_object *object)
{
	append_json(to, object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

void render_json_line(struct strbuf *to, struct json_object *object)
{
	append_json(to, object, JSON_C_TO_STRING_PLAIN);
}
