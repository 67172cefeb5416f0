#include "containers/agent/gh-request.h"

#include <json-c/json.h>
#include <string.h>

#include "common/alloc.h"
#include "common/parse.h"
#include "common/strv.h"

/* Those marked go only when stdout is a terminal. */
static const struct {
	const char *name;
	bool terminal;
} forwarded[] = {
	{ "GH_REPO", false },        { "NO_COLOR", false }, { "CLICOLOR", false },
	{ "CLICOLOR_FORCE", false }, { "TERM", true },      { "COLORTERM", true },
};

static struct json_object *args_object(char *const *args)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; args[i]; i++)
		json_object_array_add(o, json_object_new_string(args[i]));
	return o;
}

/* The width that the user or else the terminal wants; gh knows other forms, which need a terminal.
 */
static char *width(const struct gh_request *r)
{
	const char *wanted = strv_env_get(r->env, "GH_FORCE_TTY");
	uint64_t columns;

	if (wanted && parse_uint(wanted, 1, 1000, &columns) == 0)
		return xstrdup(wanted);
	return r->columns > 0 ? xasprintf("%u", MIN(r->columns, 1000U)) : NULL;
}

static struct json_object *env_object(const struct gh_request *r)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *columns = width(r);

	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
		const char *value = strv_env_get(r->env, forwarded[i].name);

		if (value && (columns || !forwarded[i].terminal))
			json_object_object_add(o, forwarded[i].name, json_object_new_string(value));
	}
	if (columns)
		json_object_object_add(o, "GH_FORCE_TTY", json_object_new_string(columns));
	return o;
}

/* Always there: it says that files can be sent and taken. */
static struct json_object *files_object(const struct gh_request *r)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < r->file_count; i++)
		json_object_array_add(o, json_object_new_int64((int64_t)r->files[i]));
	return o;
}

char *gh_request_body(const struct gh_request *request)
{
	struct json_object *o = json_object_new_object();
	char *body;

	json_object_object_add(o, "args", args_object(request->args));
	json_object_object_add(o, "env", env_object(request));
	json_object_object_add(o, "files", files_object(request));
	if (request->input)
		json_object_object_add(o, "stdinStream", json_object_new_boolean(true));
	body = xstrdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return body;
}
