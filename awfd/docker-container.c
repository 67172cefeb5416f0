#include "awfd/docker-container.h"

#include <arpa/inet.h>
#include <limits.h>

#include "awfd/docker-answer.h"
#include "awfd/docker-http.h"
#include "common/alloc.h"

enum operation { START, INSPECT, WAIT, KILL, LOOK, REMOVE };

/* The calls on one container: POST /containers/NAME/start and so on. */
static const struct {
	const char *text; /* for people, followed by the container's name */
	const char *method;
	const char *suffix;
	int timeout_ms;
	const int *accept;
} operations[] = {
	[START] = { "start container", "POST", "/start", 60000, (const int[]){ 304, 0 } },
	[INSPECT] = { "inspect container", "GET", "/json", 15000, NULL },
	[WAIT] = { "wait for container", "POST", "/wait?condition=not-running", 0, NULL },
	[KILL] = { "kill container", "POST", "/kill?signal=", 30000, (const int[]){ 404, 409, 0 } },
	[LOOK] = { "look into container", "HEAD", "/archive?path=", 15000,
		   (const int[]){ 404, 0 } },
	/* By force, so that the only conflict left is another removal in progress. */
	[REMOVE] = { "remove container", "DELETE", "?force=1&v=1", 60000,
		     (const int[]){ 404, 409, 0 } },
};

#define CREATE_TIMEOUT_MS 60000
#define LIST_TIMEOUT_MS   30000
#define RESIZE_TIMEOUT_MS 15000

/* argument is appended to the path, encoded; NULL for none. */
static struct docker_call *container_call(struct docker *d, enum operation op, const char *name,
					  const char *argument, docker_reply_fn fn, void *userdata)
{
	_cleanup_free_ char *operation = xasprintf("%s %s", operations[op].text, name);
	_cleanup_free_ char *encoded_name = docker_http_encode(name);
	_cleanup_free_ char *encoded = docker_http_encode(argument ? argument : "");
	_cleanup_free_ char *path =
		xasprintf("/containers/%s%s%s", encoded_name, operations[op].suffix, encoded);

	return docker_call_start(d,
				 &(struct docker_request){
					 .operation = operation,
					 .method = operations[op].method,
					 .path = path,
					 .timeout_ms = operations[op].timeout_ms,
					 .accept = operations[op].accept,
				 },
				 fn, userdata);
}

struct docker_call *docker_container_start(struct docker *d, const char *name, docker_reply_fn fn,
					   void *userdata)
{
	return container_call(d, START, name, NULL, fn, userdata);
}

struct docker_call *docker_container_inspect(struct docker *d, const char *name, docker_reply_fn fn,
					     void *userdata)
{
	return container_call(d, INSPECT, name, NULL, fn, userdata);
}

struct docker_call *docker_container_wait(struct docker *d, const char *name, docker_reply_fn fn,
					  void *userdata)
{
	return container_call(d, WAIT, name, NULL, fn, userdata);
}

struct docker_call *docker_container_kill(struct docker *d, const char *name, const char *signal,
					  docker_reply_fn fn, void *userdata)
{
	return container_call(d, KILL, name, signal, fn, userdata);
}

struct docker_call *docker_container_look(struct docker *d, const char *name, const char *path,
					  docker_reply_fn fn, void *userdata)
{
	return container_call(d, LOOK, name, path, fn, userdata);
}

struct docker_call *docker_container_remove(struct docker *d, const char *name, docker_reply_fn fn,
					    void *userdata)
{
	return container_call(d, REMOVE, name, NULL, fn, userdata);
}

struct docker_call *docker_container_create(struct docker *d, const char *name,
					    struct json_object *spec, docker_reply_fn fn,
					    void *userdata)
{
	_cleanup_free_ char *operation = xasprintf("create container %s", name);
	_cleanup_free_ char *encoded = docker_http_encode(name);
	_cleanup_free_ char *path = xasprintf("/containers/create?name=%s", encoded);

	return docker_call_start(d,
				 &(struct docker_request){
					 .operation = operation,
					 .method = "POST",
					 .path = path,
					 .body = spec,
					 .timeout_ms = CREATE_TIMEOUT_MS,
				 },
				 fn, userdata);
}

struct docker_call *docker_container_resize(struct docker *d, const char *name, unsigned width,
					    unsigned height, docker_reply_fn fn, void *userdata)
{
	_cleanup_free_ char *operation = xasprintf("resize terminal of container %s", name);
	_cleanup_free_ char *encoded = docker_http_encode(name);
	_cleanup_free_ char *path =
		xasprintf("/containers/%s/resize?h=%u&w=%u", encoded, height, width);

	return docker_call_start(d,
				 &(struct docker_request){
					 .operation = operation,
					 .method = "POST",
					 .path = path,
					 .timeout_ms = RESIZE_TIMEOUT_MS,
				 },
				 fn, userdata);
}

/* The `filters` parameter that selects a label. The caller owns it. */
static char *label_filter(const char *label)
{
	struct json_object *filters = json_object_new_object();
	struct json_object *labels = json_object_new_array();
	char *ret;

	(void)json_object_array_add(labels, json_object_new_string(label));
	(void)json_object_object_add(filters, "label", labels);
	ret = docker_http_encode(json_object_to_json_string_ext(
		filters, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(filters);
	return ret;
}

struct docker_call *docker_container_list(struct docker *d, const char *label, docker_reply_fn fn,
					  void *userdata)
{
	_cleanup_free_ char *filters = label_filter(label);
	_cleanup_free_ char *path = xasprintf("/containers/json?all=1&filters=%s", filters);

	return docker_call_start(d,
				 &(struct docker_request){
					 .operation = "list containers",
					 .method = "GET",
					 .path = path,
					 .timeout_ms = LIST_TIMEOUT_MS,
				 },
				 fn, userdata);
}

/* --- Answers --- */

/* Reads a number of an int's range. */
static bool member_int(struct json_object *o, const char *key, int *ret)
{
	struct json_object *value = docker_answer_member(o, key, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : 0;

	if (!value || number < INT_MIN || number > INT_MAX)
		return false;
	*ret = (int)number;
	return true;
}

static bool member_bool(struct json_object *o, const char *key, bool *ret)
{
	struct json_object *value = docker_answer_member(o, key, json_type_boolean);

	if (value)
		*ret = json_object_get_boolean(value);
	return value;
}

int docker_container_parse(struct json_object *body, struct docker_container_state *ret,
			   struct err *e)
{
	struct json_object *id = docker_answer_member(body, "Id", json_type_string);
	struct json_object *state = docker_answer_member(body, "State", json_type_object);
	struct docker_container_state parsed = { 0 };
	int pid;

	if (!id || !member_int(state, "Pid", &pid) || pid < 0 ||
	    !member_int(state, "ExitCode", &parsed.exit_code) ||
	    !member_bool(state, "Running", &parsed.running) ||
	    !member_bool(state, "OOMKilled", &parsed.oom_killed))
		return err_engine(e, -EBADMSG, "inspect container", 200,
				  "the answer lacks Id or State");
	parsed.id = json_object_get_string(id);
	parsed.pid = pid;
	*ret = parsed;
	return 0;
}

const char *docker_container_parse_id(struct json_object *body)
{
	struct json_object *id = docker_answer_member(body, "Id", json_type_string);

	return id ? json_object_get_string(id) : NULL;
}

int docker_container_parse_wait(struct json_object *body, int *exit_code, struct err *e)
{
	static const char operation[] = "wait for container";
	struct json_object *error = docker_answer_member(body, "Error", json_type_object);
	struct json_object *message = docker_answer_member(error, "Message", json_type_string);
	int code;

	if (message && json_object_get_string_len(message) > 0)
		return err_engine(e, -EIO, operation, 200, json_object_get_string(message));
	if (!member_int(body, "StatusCode", &code))
		return err_engine(e, -EBADMSG, operation, 200, "the answer lacks StatusCode");
	*exit_code = code;
	return 0;
}
