#include "containers/agent/download-entry.h"

#include <json-c/json.h>
#include <string.h>

#include "common/alloc.h"

#define DEPTH 2

void download_entry_clear(struct download_entry *entry)
{
	free(entry->path);
	*entry = (struct download_entry){ 0 };
}

/* Names only: no empty one, no dots that lead up, no beginning at the root. */
static bool is_below(const char *path)
{
	for (const char *part = path;; part++) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += n;
		if (*part == '\0')
			return true;
	}
}

static struct json_object *member(struct json_object *o, const char *name, json_type type)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static int fill(struct json_object *o, struct download_entry *ret, struct err *e)
{
	struct json_object *path = member(o, "path", json_type_string);
	struct json_object *size = member(o, "size", json_type_int);
	bool is_directory = json_object_get_boolean(member(o, "directory", json_type_boolean));

	if (!path || (!is_directory && (!size || json_object_get_int64(size) < 0)))
		return err_set(e, -EPROTO, ERR_SYSTEM, "cli-proxy's answer is no download");
	if (strlen(json_object_get_string(path)) != (size_t)json_object_get_string_len(path) ||
	    !is_below(json_object_get_string(path)))
		return err_set(e, -EPROTO, ERR_SYSTEM,
			       "the download '%s' would leave its directory",
			       json_object_get_string(path));
	ret->path = xstrdup(json_object_get_string(path));
	ret->is_directory = is_directory;
	ret->is_executable = json_object_get_boolean(member(o, "executable", json_type_boolean));
	ret->size = is_directory ? 0 : (uint64_t)json_object_get_int64(size);
	return 0;
}

int download_entry_parse(const char *line, size_t length, struct download_entry *ret, struct err *e)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *o;
	int r;

	if (!tokener)
		abort();
	o = json_tokener_parse_ex(tokener, line, (int)length);
	if (json_tokener_get_parse_end(tokener) != length) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	r = fill(o, ret, e);
	json_object_put(o);
	return r;
}
