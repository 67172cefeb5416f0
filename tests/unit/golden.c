#include "tests/unit/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/alloc.h"
#include "common/file.h"

#define GOLDEN_DIRECTORY "tests/unit/golden"
#define GOLDEN_MAX       (1u << 20)

void golden_assert(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf(GOLDEN_DIRECTORY "/%s", name);
	_cleanup_free_ char *golden = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (getenv("AWF_UPDATE_GOLDEN"))
		assert_int_equal(file_write_atomic(path, 0644, text, strlen(text), &e), 0);
	if (file_read(path, GOLDEN_MAX, &golden, NULL, &e) < 0)
		fail_msg("%s", e.message);
	assert_string_equal(text, golden);
}
