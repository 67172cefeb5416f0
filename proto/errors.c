#include "proto/errors.h"

#include <stdbool.h>
#include <string.h>

#include "common/alloc.h"
#include "proto/messages.h"

#define ERROR(name) AWF_INTERFACE "." name

/* How an error object maps to the parameters of its Varlink error; NULL: it has no such one. */
static const struct {
	const char *name;
	int error;
	const char *subject;
	const char *value;
	const char *status;
	const char *message;
	bool value_is_optional;
	bool subject_is_optional;
} rows[] = {
	[ERR_SYSTEM] = { ERROR("SystemError"), -EIO, .message = "message" },
	[ERR_INVALID_ARGUMENT] = { ERROR("InvalidArgument"), -EINVAL, .subject = "field",
				   .value = "value", .value_is_optional = true,
				   .message = "reason" },
	[ERR_PERMISSION_DENIED] = { ERROR("PermissionDenied"), -EACCES, .subject = "field",
				    .subject_is_optional = true, .value = "value",
				    .value_is_optional = true, .message = "message" },
	[ERR_NOT_FOUND] = { ERROR("NotFound"), -ENOENT, .subject = "id" },
	[ERR_QUOTA_EXCEEDED] = { ERROR("QuotaExceeded"), -EDQUOT, .subject = "quota",
				 .message = "message" },
	[ERR_DIFC_UNREACHABLE] = { ERROR("DifcUnreachable"), -ECONNREFUSED, .subject = "address",
				   .value = "diagnosis", .message = "message" },
	[ERR_ENGINE] = { ERROR("EngineError"), -EREMOTEIO, .subject = "operation",
			 .status = "status", .message = "message" },
	[ERR_CANCELLED] = { ERROR("Cancelled"), -ECANCELED, .message = "message" },
};

const char *error_name(enum err_kind kind)
{
	return rows[kind].name;
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
	if (key)
		json_object_object_add(to, key, json_object_new_string(text ? text : ""));
}

struct json_object *error_parameters(const struct err *e)
{
	struct json_object *parameters = json_object_new_object();

	if (e->subject || !rows[e->kind].subject_is_optional)
		add_text(parameters, rows[e->kind].subject, e->subject);
	if (e->value || !rows[e->kind].value_is_optional)
		add_text(parameters, rows[e->kind].value, e->value);
	if (rows[e->kind].status)
		json_object_object_add(parameters, rows[e->kind].status,
				       json_object_new_int(e->status));
	add_text(parameters, rows[e->kind].message, e->message ? e->message : strerror(-e->error));
	return parameters;
}

/* The text of a parameter; "" when it should be there and is not, NULL when it need not. */
static const char *get_text(struct json_object *from, const char *key, bool optional)
{
	struct json_object *value = NULL;

	if (from && key && json_object_object_get_ex(from, key, &value) &&
	    json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	return key && !optional ? "" : NULL;
}

static int get_status(struct json_object *from, const char *key)
{
	struct json_object *value = NULL;

	if (!from || !key || !json_object_object_get_ex(from, key, &value))
		return 0;
	return json_object_get_int(value);
}

static void parse_row(enum err_kind kind, struct json_object *parameters, struct err *e)
{
	const char *message = get_text(parameters, rows[kind].message, false);

	(void)err_set(e, rows[kind].error, kind, "%s", message ? message : "no such sandbox");
	e->subject =
		xstrdup(get_text(parameters, rows[kind].subject, rows[kind].subject_is_optional));
	e->value = xstrdup(get_text(parameters, rows[kind].value, rows[kind].value_is_optional));
	e->status = get_status(parameters, rows[kind].status);
}

void error_parse(const char *name, struct json_object *parameters, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			parse_row((enum err_kind)i, parameters, e);
			return;
		}
	}
	(void)err_set(e, -EPROTO, ERR_SYSTEM, "%s%s%s", name, parameters ? " " : "",
		      parameters ? json_object_to_json_string(parameters) : "");
}
