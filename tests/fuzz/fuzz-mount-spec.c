/* Whatever is accepted is the same mount when it is written out again, has two absolute paths that
 * never go up, is not over what every sandbox has, and cannot be there twice. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/mount-spec.h"
#include "common/alloc.h"

#define FIELD "mounts"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_path(const char *path)
{
	require(path[0] == '/' && strlen(path) < MOUNT_PATH_MAX);
	require(!strstr(path, "/../") && !strchr(path, ':') && !strchr(path, '\n'));
	require(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

static void check_target(const char *target)
{
	static const char *const never[] = { "/proc", "/sys", "/dev", "/etc/ssl",
					     "/usr/local/bin/gh" };

	require(strcmp(target, "/") != 0 && !strstr(target, "//") && !strstr(target, "/./"));
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		require(!mount_path_is_in(target, never[i]) && !mount_path_is_in(never[i], target));
}

static void check_accepted(const struct mount_spec *spec)
{
	_cleanup_free_ char *text =
		xasprintf("%s:%s:%s", spec->source, spec->target, spec->writable ? "rw" : "ro");
	_cleanup_(mount_specs_clear) struct mount_specs again = { 0 };
	char *const once[] = { text, NULL }, *const twice[] = { text, text, NULL };

	check_path(spec->source);
	check_path(spec->target);
	check_target(spec->target);
	require(mount_specs_parse(FIELD, once, &again, NULL) == 0 && again.count == 1);
	require(strcmp(again.list[0].source, spec->source) == 0);
	require(strcmp(again.list[0].target, spec->target) == 0);
	require(again.list[0].writable == spec->writable);
	mount_specs_clear(&again);
	require(mount_specs_parse(FIELD, twice, &again, NULL) == -EINVAL && again.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };
	_cleanup_err_ struct err e = { 0 };
	char *const texts[] = { text, NULL };

	if (mount_specs_parse(FIELD, texts, &specs, &e) == 0)
		check_accepted(&specs.list[0]);
	else
		require(e.message && strcmp(e.subject, FIELD) == 0 && e.value && specs.count == 0);
	return 0;
}
