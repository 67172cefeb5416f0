#include "containers/cli-proxy/access-log.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "common/strv.h"
#include "common/timestamp.h"
#include "common/utf8.h"
#include "containers/cli-proxy/redact.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* Longer texts, as they are escaped, and longer lists of arguments are cut. All arguments together
 * have some room, so that the line is never too long. */
#define TEXT_LIMIT       256
#define LOOKED_AT        1024
#define ARGS_LIMIT       32
#define ARGS_ROOM        8192
#define SUBCOMMAND_LIMIT 32

struct access_log {
	FILE *file;
};

int access_log_open(const char *path, struct access_log **ret, struct err *e)
{
	struct access_log *log = xnew(struct access_log);

	log->file = path ? fopen(path, "ae") : stdout;
	if (!log->file) {
		int error = err_system(e, -errno, "cannot open the access log %s", path);

		free(log);
		return error;
	}
	setvbuf(log->file, NULL, _IOLBF, 0);
	*ret = log;
	return 0;
}

void access_log_close(struct access_log *log)
{
	if (!log)
		return;
	if (log->file != stdout)
		fclose(log->file);
	free(log);
}

/* What is a secret is known by what surrounds it, so some more is looked at than is shown. */
static struct json_object *text_object(const char *text, size_t length)
{
	_cleanup_free_ char *copy = xstrndup(text, MIN(length, (size_t)LOOKED_AT));
	_cleanup_free_ char *redacted = redact(copy);
	_cleanup_free_ char *escaped = escape_control(redacted);
	_cleanup_free_ char *marked = NULL;
	size_t shown = utf8_cut(escaped, TEXT_LIMIT);

	if (escaped[shown] == '\0' && length <= LOOKED_AT)
		return json_object_new_string(escaped);
	marked = xasprintf("%.*s... (%zu bytes)", (int)shown, escaped, length);
	return json_object_new_string(marked);
}

void access_log_add_text(struct json_object *fields, const char *key, const char *text,
			 size_t length)
{
	json_object_object_add(fields, key, text_object(text, length));
}

static const char *line_text(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* As many as there is room for, and how many more there are. */
static struct json_object *args_object(char *const *args)
{
	struct json_object *list = json_object_new_array();
	size_t count = strv_length(args), room = ARGS_ROOM;
	_cleanup_free_ char *more = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *arg = redact_is_secret(args, i) ? REDACTED : args[i];
		struct json_object *text = text_object(arg, strlen(arg));
		size_t length = strlen(line_text(text)) + 1;

		if (i == ARGS_LIMIT || length > room) {
			json_object_put(text);
			more = xasprintf("... (%zu more)", count - i);
			json_object_array_add(list, json_object_new_string(more));
			break;
		}
		room -= length;
		json_object_array_add(list, text);
	}
	return list;
}

/* A word, as the names of all subcommands are: not a flag, a path or a text. */
static bool is_subcommand(const char *arg)
{
	size_t length = strspn(arg, LOWER "-");

	return arg[0] != '-' && length > 0 && length <= SUBCOMMAND_LIMIT && arg[length] == '\0';
}

/* Of these commands every argument is the user's. */
static bool has_subcommands(const char *command)
{
	return strcmp(command, "api") != 0 && strcmp(command, "status") != 0;
}

void access_log_add_args(struct json_object *fields, char *const *args)
{
	if (args && args[0]) {
		access_log_add_text(fields, "command", args[0], strlen(args[0]));
		if (args[1] && has_subcommands(args[0]) && is_subcommand(args[1]))
			access_log_add_text(fields, "subcommand", args[1], strlen(args[1]));
	}
	json_object_object_add(fields, "args", args_object(args));
}

void access_log_denied(struct access_log *log, char *const *args, const char *reason)
{
	struct json_object *fields = json_object_new_object();

	if (args)
		access_log_add_args(fields, args);
	access_log_add_text(fields, "reason", reason, strlen(reason));
	access_log_write(log, "exec_denied", fields);
}

static void add_time(struct json_object *line)
{
	struct timespec now;
	_cleanup_free_ char *text = NULL;

	clock_gettime(CLOCK_REALTIME, &now);
	text = timestamp_of_ms((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	json_object_object_add(line, "timestamp", json_object_new_string(text));
}

void access_log_write(struct access_log *log, const char *event, struct json_object *fields)
{
	struct json_object *line = json_object_new_object();

	add_time(line);
	json_object_object_add(line, "event", json_object_new_string(event));
	json_object_object_foreach (fields, key, value)
		json_object_object_add(line, key, json_object_get(value));
	fprintf(log->file, "%s\n", line_text(line));
	fflush(log->file);
	json_object_put(line);
	json_object_put(fields);
}
