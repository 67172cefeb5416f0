#include "awfd/docker-answer.h"

#include <string.h>

#include "awfd/image-reference.h"
#include "common/alloc.h"
#include "common/escape.h"
#include "common/parse.h"

/* The oldest API this client speaks. */
#define API_MAJOR_MIN 1
#define API_MINOR_MIN 41

/* Of an engine's error message, in bytes. */
#define MESSAGE_MAX 2048
/* Of an error answer that is not the engine's JSON. */
#define MESSAGE_TEXT_MAX 200

struct json_object *docker_answer_json(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *o;
	size_t end;

	if (!tokener)
		abort(); /* out of memory */
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, text, (int)length);
	end = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    end + strspn(text + end, " \t\r\n") != length) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	return o;
}

struct json_object *docker_answer_member(struct json_object *o, const char *key,
					 enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

/* The first max bytes of a UTF-8 text, not cutting a character in two. The caller owns it. */
static char *shorten(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length <= max)
		return xstrdup(text);
	for (length = max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
		length--;
	return xasprintf("%.*s…", (int)length, text);
}

/* That an image is missing, said once and not twice, and what brings it, where something does.
 * Takes the message over. */
static char *with_advice(char *message)
{
	static const char missing[] = "No such image: ";
	_cleanup_free_ char *told = message;
	const char *found = strstr(told, missing), *name;

	if (!found)
		return TAKE_PTR(told);
	name = found + strlen(missing);
	if (image_reference_is_own(name))
		return xasprintf("%s; 'awfctl predownload --difc-proxy' or 'systemctl start "
				 "awfd-images' gives the engine the images that awfd came with",
				 found);
	if (!image_reference_is_pullable(name))
		return xstrdup(found);
	return xasprintf("%s; 'awfctl predownload --image %s' or '--pull missing' brings it, where "
			 "the operator permits that",
			 found, name);
}

char *docker_answer_message(const char *body, size_t length)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *escaped = NULL;
	struct json_object *json = docker_answer_json(body, length);
	struct json_object *message = NULL;
	char *ret = NULL;

	if (json_object_is_type(json, json_type_object) &&
	    json_object_object_get_ex(json, "message", &message) &&
	    json_object_is_type(message, json_type_string))
		ret = shorten(json_object_get_string(message), MESSAGE_MAX);
	json_object_put(json);
	if (ret)
		return with_advice(ret);
	text = xstrndup(body, MIN(strcspn(body, "\r\n"), (size_t)MESSAGE_TEXT_MAX));
	escaped = escape_control(text);
	return escaped[0] ? TAKE_PTR(escaped) : xstrdup("the engine gives no reason");
}

int docker_answer_errno(int status)
{
	static const struct {
		int status;
		int error;
	} numbers[] = {
		{ 400, -EINVAL }, { 401, -EACCES }, { 403, -EPERM },
		{ 404, -ENOENT }, { 409, -EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i].status == status)
			return numbers[i].error;
	}
	return -EIO;
}

bool docker_answer_refuses_version(int status, const char *body, size_t length)
{
	static const char beginning[] = "client version ";
	_cleanup_free_ char *message = NULL;

	if (status != 400)
		return false;
	message = docker_answer_message(body, length);
	return strncmp(message, beginning, strlen(beginning)) == 0;
}

/* Checks "MAJOR.MINOR" and copies it: it becomes a part of paths. NULL when it is none or too old.
 */
static char *usable_version(const char *text)
{
	_cleanup_free_ char *first = xstrndup(text, strcspn(text, "."));
	uint64_t major, minor;

	if (!strchr(text, '.') || parse_uint(first, 0, 99, &major) < 0 ||
	    parse_uint(strchr(text, '.') + 1, 0, 999, &minor) < 0)
		return NULL;
	if (major < API_MAJOR_MIN || (major == API_MAJOR_MIN && minor < API_MINOR_MIN))
		return NULL;
	return xstrdup(text);
}

int docker_answer_version(struct json_object *body, char **ret, struct err *e)
{
	_cleanup_free_ char *message = NULL;
	struct json_object *version = NULL;
	const char *text = NULL;

	if (json_object_is_type(body, json_type_object) &&
	    json_object_object_get_ex(body, "ApiVersion", &version) &&
	    json_object_is_type(version, json_type_string))
		text = json_object_get_string(version);
	if (!text)
		return err_engine(e, -EBADMSG, NULL, 0,
				  "the answer to GET /version is not a Docker Engine's");
	*ret = usable_version(text);
	if (*ret)
		return 0;
	message = xasprintf("the engine speaks API version %.32s; %d.%d or newer is needed", text,
			    API_MAJOR_MIN, API_MINOR_MIN);
	return err_engine(e, -EPROTONOSUPPORT, NULL, 0, message);
}
