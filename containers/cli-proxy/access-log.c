#include "containers/cli-proxy/access-log.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"
#include "common/escape.h"

/* Longer texts and longer lists of arguments are cut. */
#define TEXT_LIMIT 256
#define ARGS_LIMIT 32

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

static struct json_object *text_object(const char *text, size_t length)
{
	_cleanup_free_ char *cut = xstrndup(text, MIN(length, (size_t)TEXT_LIMIT));
	_cleanup_free_ char *escaped = escape_control(cut);
	_cleanup_free_ char *marked = NULL;

	if (length <= TEXT_LIMIT)
		return json_object_new_string(escaped);
	marked = xasprintf("%s... (%zu bytes)", escaped, length);
	return json_object_new_string(marked);
}

void access_log_add_text(struct json_object *fields, const char *key, const char *text,
			 size_t length)
{
	json_object_object_add(fields, key, text_object(text, length));
}

void access_log_add_args(struct json_object *fields, const char *key, char *const *args)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; args[i] && i < ARGS_LIMIT; i++)
		json_object_array_add(list, text_object(args[i], strlen(args[i])));
	json_object_object_add(fields, key, list);
}

/* RFC 3339 in UTC with milliseconds. */
static void add_time(struct json_object *line)
{
	struct timespec now;
	struct tm tm;
	char date[32], text[48];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03ldZ", date, now.tv_nsec / 1000000);
	json_object_object_add(line, "timestamp", json_object_new_string(text));
}

void access_log_write(struct access_log *log, const char *event, struct json_object *fields)
{
	struct json_object *line = json_object_new_object();

	add_time(line);
	json_object_object_add(line, "event", json_object_new_string(event));
	json_object_object_foreach (fields, key, value)
		json_object_object_add(line, key, json_object_get(value));
	fprintf(log->file, "%s\n",
		json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(log->file);
	json_object_put(line);
	json_object_put(fields);
}
