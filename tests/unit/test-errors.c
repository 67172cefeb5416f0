#include "proto/errors.h"

#include "proto/frame.h"
#include "proto/messages.h"

#include "tests/unit/check.h"

/* Each kind with all that it carries, and what it looks like as parameters. */
static const struct {
	struct err e;
	const char *name;
	const char *parameters;
} kinds[] = {
	{ { -EIO, ERR_SYSTEM, .message = "m" }, "SystemError", "{\"message\":\"m\"}" },
	{ { -EINVAL, ERR_INVALID_ARGUMENT, 0, "f", "v", "m" },
	  "InvalidArgument",
	  "{\"field\":\"f\",\"value\":\"v\",\"reason\":\"m\"}" },
	{ { -EINVAL, ERR_INVALID_ARGUMENT, 0, "f", NULL, "m" },
	  "InvalidArgument",
	  "{\"field\":\"f\",\"reason\":\"m\"}" },
	{ { -EACCES, ERR_PERMISSION_DENIED, .message = "m" },
	  "PermissionDenied",
	  "{\"message\":\"m\"}" },
	{ { -EACCES, ERR_PERMISSION_DENIED, 0, "f", "v", "m" },
	  "PermissionDenied",
	  "{\"field\":\"f\",\"value\":\"v\",\"message\":\"m\"}" },
	{ { -ENOENT, ERR_NOT_FOUND, 0, "id", NULL, "no such sandbox" },
	  "NotFound",
	  "{\"id\":\"id\"}" },
	{ { -EDQUOT, ERR_QUOTA_EXCEEDED, 0, "q", NULL, "m" },
	  "QuotaExceeded",
	  "{\"quota\":\"q\",\"message\":\"m\"}" },
	{ { -ECONNREFUSED, ERR_DIFC_UNREACHABLE, 0, "h:1", "refused", "m" },
	  "DifcUnreachable",
	  "{\"address\":\"h:1\",\"diagnosis\":\"refused\",\"message\":\"m\"}" },
	{ { -EREMOTEIO, ERR_ENGINE, 409, "create", NULL, "m" },
	  "EngineError",
	  "{\"operation\":\"create\",\"status\":409,\"message\":\"m\"}" },
	{ { -ECANCELED, ERR_CANCELLED, .message = "m" }, "Cancelled", "{\"message\":\"m\"}" },
};

static void test_round_trip(void **state _unused_)
{
	unsigned seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ char *name = xasprintf(AWF_INTERFACE ".%s", kinds[i].name);
		_cleanup_json_ struct json_object *parameters = error_parameters(&kinds[i].e);
		_cleanup_err_ struct err back = { 0 };

		assert_same_text(error_name(kinds[i].e.kind), name);
		assert_string_equal(
			json_object_to_json_string_ext(parameters, JSON_C_TO_STRING_PLAIN),
			kinds[i].parameters);
		error_parse(name, parameters, &back);
		assert_row(name, back.error == kinds[i].e.error && back.kind == kinds[i].e.kind &&
					 back.status == kinds[i].e.status);
		assert_same_text(back.subject, kinds[i].e.subject);
		assert_same_text(back.value, kinds[i].e.value);
		assert_same_text(back.message, kinds[i].e.message);
		seen |= 1u << kinds[i].e.kind;
	}
	assert_int_equal(seen, (1u << ERR_KIND_COUNT) - 1); /* no kind was left out */
}

/* An error with less than it should have still has every parameter that the interface requires. */
static void test_bare_errors(void **state _unused_)
{
	for (enum err_kind kind = 0; kind < ERR_KIND_COUNT; kind++) {
		_cleanup_json_ struct json_object *parameters =
			error_parameters(&(const struct err){ .error = -EPERM, .kind = kind });
		_cleanup_err_ struct err back = { 0 };
		_cleanup_free_ char *text = NULL;

		error_parse(error_name(kind), parameters, &back);
		assert_int_equal(back.kind, kind);
		text = err_text(&back);
		assert_null(strstr(text, "(null)"));
		if (kind != ERR_NOT_FOUND)
			assert_same_text(back.message, "Operation not permitted");
	}
}

/* From an awfd of another version, or something else: never a crash, always a text. */
static const struct {
	const char *name;
	const char *parameters; /* NULL: none */
	enum err_kind kind;
	const char *text;
} odd[] = {
	{ "org.varlink.service.MethodNotFound", "{\"method\":\"x\"}", ERR_SYSTEM,
	  "org.varlink.service.MethodNotFound { \"method\": \"x\" }" },
	{ "org.varlink.service.PermissionDenied", NULL, ERR_SYSTEM,
	  "org.varlink.service.PermissionDenied" },
	{ "io.awf.Sandbox.Unknown", "{}", ERR_SYSTEM, "io.awf.Sandbox.Unknown { }" },
	{ "io.awf.Sandbox.NotFoundAtAll", NULL, ERR_SYSTEM, "io.awf.Sandbox.NotFoundAtAll" },
	{ "", NULL, ERR_SYSTEM, "" },
	{ "io.awf.Sandbox.NotFound", NULL, ERR_NOT_FOUND, "no such sandbox" },
	{ "io.awf.Sandbox.SystemError", NULL, ERR_SYSTEM, "" },
	{ "io.awf.Sandbox.EngineError", "{\"status\":\"x\",\"operation\":[]}", ERR_ENGINE,
	  "engine: : " },
	{ "io.awf.Sandbox.DifcUnreachable", "{\"address\":1}", ERR_DIFC_UNREACHABLE,
	  "DIFC proxy :  ()" },
	{ "io.awf.Sandbox.InvalidArgument", "[]", ERR_INVALID_ARGUMENT, ": " },
	{ "io.awf.Sandbox.InvalidArgument", "{\"field\":\"f\",\"value\":7,\"reason\":null,\"x\":1}",
	  ERR_INVALID_ARGUMENT, "f: " },
};

static void test_odd_errors(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		_cleanup_json_ struct json_object *parameters =
			odd[i].parameters ? json_tokener_parse(odd[i].parameters) : NULL;
		_cleanup_err_ struct err e = { 0 };
		_cleanup_free_ char *text = NULL;

		(void)err_set(&e, -EPERM, ERR_CANCELLED, "replaced");
		error_parse(odd[i].name, parameters, &e);
		assert_row(odd[i].name, e.error < 0 && e.kind == odd[i].kind);
		text = err_text(&e);
		assert_same_text(text, odd[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bare_errors),
		cmocka_unit_test(test_odd_errors),
	};

	return RUN_TESTS("errors", tests);
}
