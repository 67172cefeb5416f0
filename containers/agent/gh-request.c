#include "containers/agent/gh-request.h"

#include <json-c/json.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"

static const char *const forwarded[] = { "GH_REPO", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE" };

bool gh_request_wants_input(char *const *args)
{
	for (size_t i = 0; args[i]; i++) {
		size_t length = strlen(args[i]);
		const char *end = args[i] + length;

		if (strcmp(args[i], "-") == 0)
			return true;
		if (length >= 2 && end[-1] == '-' && strchr("=@", end[-2]))
			return true;
	}
	return false;
}

static struct json_object *args_object(char *const *args)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; args[i]; i++)
		json_object_array_add(o, json_object_new_string(args[i]));
	return o;
}

static struct json_object *env_object(char *const *env)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
		const char *value = strv_env_get(env, forwarded[i]);

		if (value)
			json_object_object_add(o, forwarded[i], json_object_new_string(value));
	}
	return o;
}

char *gh_request_body(char *const *args, char *const *env, bool input)
{
	struct json_object *o = json_object_new_object();
	char *body;

	json_object_object_add(o, "args", args_object(args));
	json_object_object_add(o, "env", env_object(env));
	if (input)
		json_object_object_add(o, "stdinStream", json_object_new_boolean(true));
	body = xstrdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return body;
}
