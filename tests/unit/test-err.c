#include "common/err.h"

#include "tests/unit/check.h"

static void assert_err(const struct err *e, const struct err *expected)
{
	assert_int_equal(e->error, expected->error);
	assert_int_equal(e->kind, expected->kind);
	assert_int_equal(e->status, expected->status);
	assert_same_text(e->subject, expected->subject);
	assert_same_text(e->value, expected->value);
	assert_same_text(e->message, expected->message);
}

#define ERR(...) (&(const struct err){ __VA_ARGS__ })

/* Each setter returns the code, and fills the object with copies of what it was given. */
static void test_setters(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(err_set(&e, -EBUSY, ERR_CANCELLED, "%s %d", "given up", 1), -EBUSY);
	assert_err(&e, ERR(-EBUSY, ERR_CANCELLED, .message = "given up 1"));
	assert_int_equal(err_invalid(&e, "image", "A", "is %s", "odd"), -EINVAL);
	assert_err(&e, ERR(-EINVAL, ERR_INVALID_ARGUMENT, 0, "image", "A", "is odd"));
	assert_int_equal(err_engine(&e, -EIO, "create x", 409, "taken %s"), -EIO);
	assert_err(&e, ERR(-EIO, ERR_ENGINE, 409, "create x", NULL, "taken %s"));
	assert_int_equal(err_difc(&e, "h:1", "refused", "no %d", 7), -ECONNREFUSED);
	assert_err(&e, ERR(-ECONNREFUSED, ERR_DIFC_UNREACHABLE, 0, "h:1", "refused", "no 7"));
	assert_int_equal(err_system(&e, -ENOENT, "/x/%s", "y"), -ENOENT);
	assert_err(&e, ERR(-ENOENT, ERR_SYSTEM, .message = "/x/y: No such file or directory"));
}

/* What an error holds may be an argument of the setter that replaces it. */
static void test_own_parts_as_arguments(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "field", "value", "reason");
	(void)err_invalid(&e, e.subject, e.value, "again: %s", e.message);
	assert_err(&e, ERR(-EINVAL, ERR_INVALID_ARGUMENT, 0, "field", "value", "again: reason"));
	(void)err_difc(&e, e.subject, e.value, "%s", e.message);
	assert_err(&e,
		   ERR(-ECONNREFUSED, ERR_DIFC_UNREACHABLE, 0, "field", "value", "again: reason"));
	(void)err_engine(&e, -EIO, e.subject, 500, e.message);
	assert_err(&e, ERR(-EIO, ERR_ENGINE, 500, "field", NULL, "again: reason"));
	(void)err_system(&e, -EPERM, "%s", e.subject);
	assert_err(&e, ERR(-EPERM, ERR_SYSTEM, .message = "field: Operation not permitted"));
	(void)err_set(&e, -EIO, ERR_SYSTEM, "%s", e.message);
	assert_same_text(e.message, "field: Operation not permitted");
}

static void test_without_object(void **state _unused_)
{
	assert_int_equal(err_set(NULL, -EBUSY, ERR_SYSTEM, "x"), -EBUSY);
	assert_int_equal(err_invalid(NULL, "f", "v", "x"), -EINVAL);
	assert_int_equal(err_engine(NULL, -EIO, "o", 1, "x"), -EIO);
	assert_int_equal(err_difc(NULL, "a", "d", "x"), -ECONNREFUSED);
	assert_int_equal(err_system(NULL, -ENOENT, "x"), -ENOENT);
	assert_int_equal(err_wrap(NULL, "x"), -EIO);
	err_copy(NULL, ERR(.error = -EIO));
}

static void test_wrap(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(err_wrap(&e, "outer"), -EIO);
	assert_same_text(e.message, "outer: failed");
	(void)err_invalid(&e, "image", "A", "is odd");
	assert_int_equal(err_wrap(&e, "%s:%d", "file", 3), -EINVAL);
	assert_err(&e, ERR(-EINVAL, ERR_INVALID_ARGUMENT, 0, "image", "A", "file:3: is odd"));
	(void)err_wrap(&e, "%s", e.message);
	assert_same_text(e.message, "file:3: is odd: file:3: is odd");
}

static void test_copy_and_clear(void **state _unused_)
{
	_cleanup_err_ struct err e = { 0 }, copy = { 0 };

	(void)err_set(&copy, -EIO, ERR_CANCELLED, "replaced");
	(void)err_difc(&e, "h:1", "refused", "no");
	err_copy(&copy, &e);
	assert_err(&copy, &e);
	assert_ptr_not_equal(copy.subject, e.subject);
	err_copy(&e, &e);
	assert_err(&e, &copy);
	err_clear(&e);
	assert_err(&e, ERR(.error = 0));
	err_copy(&copy, &e);
	assert_err(&copy, ERR(.error = 0));
}

static const struct {
	struct err e;
	const char *text;
} texts[] = {
	{ { -EIO, ERR_SYSTEM, .message = "m" }, "m" },
	{ { .error = -EACCES }, "Permission denied" },
	{ { -EINVAL, ERR_INVALID_ARGUMENT, 0, "f", "v", "m" }, "f 'v': m" },
	{ { -EINVAL, ERR_INVALID_ARGUMENT, 0, "f", NULL, "m" }, "f: m" },
	{ { -EINVAL, ERR_INVALID_ARGUMENT, .message = "m" }, "m" },
	{ { -EACCES, ERR_PERMISSION_DENIED, .message = "m" }, "m" },
	{ { -EACCES, ERR_PERMISSION_DENIED, 0, "f", "v", "m" }, "f 'v': m" },
	{ { -ENOENT, ERR_NOT_FOUND, 0, "id", NULL, "m" }, "m" },
	{ { -EDQUOT, ERR_QUOTA_EXCEEDED, 0, "q", NULL, "m" }, "q: m" },
	{ { -EDQUOT, ERR_QUOTA_EXCEEDED, 0, NULL, NULL, "m" }, "quota: m" },
	{ { -EIO, ERR_DIFC_UNREACHABLE, 0, "h:1", "refused", "m" }, "DIFC proxy h:1: m (refused)" },
	{ { -EIO, ERR_ENGINE, 409, "create", NULL, "m" }, "engine: create: m (status 409)" },
	{ { -EIO, ERR_ENGINE, 0, "create", NULL, "m" }, "engine: create: m" },
	{ { -ECANCELED, ERR_CANCELLED, .message = "m" }, "m" },
};

static void test_texts(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *text = err_text(&texts[i].e);

		assert_same_text(text, texts[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setters),
		cmocka_unit_test(test_own_parts_as_arguments),
		cmocka_unit_test(test_without_object),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_copy_and_clear),
		cmocka_unit_test(test_texts),
	};

	return RUN_TESTS("err", tests);
}
