#include "containers/cli-proxy/exec-request.h"

#include <json-c/json.h>
#include <resolv.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"
#include "containers/gh/refusal.h"

static void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

static void tokener_freep(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

/* The objects and arrays that a body has, when it is JSON. Each takes some hundred times the memory
 * of its two bytes of text. */
static size_t count_nests(const char *body, size_t length)
{
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (in_string && body[i] == '\\')
			i++;
		else if (body[i] == '"')
			in_string = !in_string;
		else if (!in_string)
			n += body[i] == '{' || body[i] == '[';
	}
	return n;
}

/* Bytes above 0x7f pass unchecked, as arguments of a program may hold any. */
static struct json_object *parse_json(const char *body, size_t length)
{
	_cleanup_(tokener_freep) struct json_tokener *tokener =
		json_tokener_new_ex(EXEC_REQUEST_DEPTH_LIMIT);
	struct json_object *o;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tokener, body, (int)length);
	if (json_tokener_get_error(tokener) == json_tokener_success &&
	    json_tokener_get_parse_end(tokener) == length)
		return o;
	json_object_put(o);
	return NULL;
}

/* A member that is there and not null. */
static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? value : NULL;
}

/* Strings that the kernel takes as one argument. */
static int check_string(const char *what, const char *text, size_t length, struct err *e)
{
	if (strlen(text) != length)
		return refuse(e, 403, "%s must not contain NUL", what);
	if (length >= EXEC_REQUEST_STRING_LIMIT)
		return refuse(e, 413, "%s is longer than %d bytes", what,
			      EXEC_REQUEST_STRING_LIMIT - 1);
	return 0;
}

static int parse_args(struct exec_request *r, struct json_object *args, struct err *e)
{
	size_t n;

	if (!json_object_is_type(args, json_type_array))
		return refuse(e, 403, "args must be an array");
	n = json_object_array_length(args);
	if (n > EXEC_REQUEST_ARGS_LIMIT)
		return refuse(e, 413, "args has more than %d entries", EXEC_REQUEST_ARGS_LIMIT);
	r->args = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		struct json_object *arg = json_object_array_get_idx(args, i);
		int error;

		if (!json_object_is_type(arg, json_type_string))
			return refuse(e, 403, "All args must be strings");
		error = check_string("An argument", json_object_get_string(arg),
				     (size_t)json_object_get_string_len(arg), e);
		if (error < 0)
			return error;
		r->args[i] = xstrdup(json_object_get_string(arg));
	}
	return 0;
}

static int parse_env(struct exec_request *r, struct json_object *env, struct err *e)
{
	size_t i = 0;

	if (!env)
		return 0;
	if (!json_object_is_type(env, json_type_object))
		return refuse(e, 400, "env must be an object");
	r->env = xcalloc((size_t)json_object_object_length(env) + 1, sizeof(char *));
	json_object_object_foreach (env, key, value) {
		int error;

		if (!json_object_is_type(value, json_type_string))
			return refuse(e, 400, "All values of env must be strings");
		error = check_string("A value of env", json_object_get_string(value),
				     (size_t)json_object_get_string_len(value), e);
		if (error < 0)
			return error;
		r->env[i++] = xasprintf("%s=%s", key, json_object_get_string(value));
	}
	return 0;
}

static int parse_input(struct exec_request *r, struct json_object *input, struct err *e)
{
	size_t room;
	int n;

	if (!input)
		return 0;
	if (!json_object_is_type(input, json_type_string))
		return refuse(e, 400, "stdin must be a base64 string");
	room = (size_t)json_object_get_string_len(input) / 4 * 3 + 3;
	r->input = xcalloc(room, 1);
	n = b64_pton(json_object_get_string(input), r->input, room);
	if (n < 0 ||
	    strlen(json_object_get_string(input)) != (size_t)json_object_get_string_len(input))
		return refuse(e, 400, "stdin is not valid base64");
	r->input_length = (size_t)n;
	return 0;
}

static int parse_input_streams(struct exec_request *r, struct json_object *streams, struct err *e)
{
	if (!streams)
		return 0;
	if (!json_object_is_type(streams, json_type_boolean))
		return refuse(e, 400, "stdinStream must be true or false");
	r->input_streams = json_object_get_boolean(streams);
	if (r->input_streams && r->input)
		return refuse(e, 400, "stdin and stdinStream exclude each other");
	return 0;
}

/* An array of sizes, also an empty one, says that the client can send and take files. */
static int parse_files(struct exec_request *r, struct json_object *files, struct err *e)
{
	if (!files)
		return 0;
	if (!json_object_is_type(files, json_type_array))
		return refuse(e, 400, "files must be an array of sizes");
	r->file_count = json_object_array_length(files);
	if (r->file_count > EXEC_REQUEST_FILES_LIMIT)
		return refuse(e, 413, "files has more than %d entries", EXEC_REQUEST_FILES_LIMIT);
	r->files = xcalloc(r->file_count + 1, sizeof(*r->files));
	for (size_t i = 0; i < r->file_count; i++) {
		struct json_object *size = json_object_array_get_idx(files, i);

		if (!json_object_is_type(size, json_type_int) || json_object_get_int64(size) < 0)
			return refuse(e, 400, "All sizes of files must be whole numbers");
		r->files[i] = (uint64_t)json_object_get_int64(size);
	}
	return 0;
}

int exec_request_parse(const char *body, size_t length, struct exec_request **ret, struct err *e)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(exec_request_freep) struct exec_request *r = NULL;
	int error;

	if (length > EXEC_REQUEST_BODY_LIMIT)
		return refuse(e, 413, "The request is larger than %d bytes",
			      EXEC_REQUEST_BODY_LIMIT);
	if (count_nests(body, length) > EXEC_REQUEST_NESTS_LIMIT)
		return refuse(e, 413, "The request has more than %d objects and arrays",
			      EXEC_REQUEST_NESTS_LIMIT);
	o = parse_json(body, length);
	if (!json_object_is_type(o, json_type_object))
		return refuse(e, 400, "Invalid JSON body");
	r = xnew(struct exec_request);
	if ((error = parse_args(r, member(o, "args"), e)) < 0 ||
	    (error = parse_env(r, member(o, "env"), e)) < 0 ||
	    (error = parse_input(r, member(o, "stdin"), e)) < 0 ||
	    (error = parse_input_streams(r, member(o, "stdinStream"), e)) < 0 ||
	    (error = parse_files(r, member(o, "files"), e)) < 0)
		return error;
	*ret = TAKE_PTR(r);
	return 0;
}

void exec_request_free(struct exec_request *r)
{
	if (!r)
		return;
	gh_arguments_clear(&r->arguments);
	strv_free(r->args);
	strv_free(r->env);
	free(r->files);
	free(r->input);
	free(r);
}
