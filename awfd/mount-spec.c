#include "awfd/mount-spec.h"

#include <string.h>

#include "common/alloc.h"
#include "common/utf8.h"

#define VALUE_MAX 256 /* bytes of a text that an error shows */

/* What a check found: NULL when nothing is wrong, else the reason. The caller owns it. */
typedef char *reason;

/* Destinations that a sandbox needs as they are. What would hide one, by being a directory above
 * it, is refused like itself. */
static const struct {
	const char *path;
	bool below; /* what is below it, too */
	const char *what;
} reserved_targets[] = {
	{ "/proc", true, "the sandbox's own processes" },
	{ "/sys", true, "the sandbox's own system files" },
	{ "/dev", true, "the sandbox's own devices" },
	{ "/tmp", false, "the sandbox's own temporary files: choose a directory below it" },
	{ "/run/awf", true, "awf's own" },
	{ "/run/awfd", true, "awf's own" },
	{ "/etc/awf", true, "awf's own" },
	{ "/etc/hostname", true, "the sandbox's own name" },
	{ "/etc/hosts", true, "the sandbox's own names" },
	{ "/etc/resolv.conf", true, "the sandbox's own name servers" },
	{ "/etc/passwd", true, "the image's users" },
	{ "/etc/group", true, "the image's users" },
	{ "/etc/shadow", true, "the image's users" },
	{ "/etc/ld.so.preload", true, "loaded into every program" },
	{ "/etc/ssl", true, "the certificates that the command trusts" },
	{ "/etc/pki", true, "the certificates that the command trusts" },
	{ "/etc/ca-certificates", true, "the certificates that the command trusts" },
	{ "/usr/local/bin/gh", true, "the sandbox's gh" },
	{ "/sbin/docker-init", true, "the sandbox's first process" },
	{ "/usr/sbin/docker-init", true, "the sandbox's first process" },
	{ "/bin", false, "the image's programs" },
	{ "/sbin", false, "the image's programs" },
	{ "/usr/bin", false, "the image's programs" },
	{ "/usr/sbin", false, "the image's programs" },
	{ "/lib", false, "the image's libraries" },
	{ "/lib32", false, "the image's libraries" },
	{ "/lib64", false, "the image's libraries" },
	{ "/libx32", false, "the image's libraries" },
	{ "/usr/lib", false, "the image's libraries" },
	{ "/usr/lib32", false, "the image's libraries" },
	{ "/usr/lib64", false, "the image's libraries" },
	{ "/usr/libx32", false, "the image's libraries" },
};

bool mount_path_is_in(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

int mount_spec_invalid(struct err *e, const char *field, const char *text, const char *why)
{
	bool is_long = strlen(text) > VALUE_MAX;
	_cleanup_free_ char *value =
		is_long ? xasprintf("%.*s…", (int)utf8_cut(text, VALUE_MAX), text) : xstrdup(text);

	return err_invalid(e, field, value, "%s", why);
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			return true;
	return false;
}

static bool has_component(const char *path, const char *name)
{
	size_t length = strlen(name);

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		if (strncmp(slash + 1, name, length) == 0 &&
		    (slash[1 + length] == '/' || slash[1 + length] == '\0'))
			return true;
	return false;
}

/* What holds for both paths. */
static reason check_path(const char *what, const char *path)
{
	if (*path == '\0')
		return xasprintf("the %s is missing: write SRC:DST, as in /home/me/work:/work",
				 what);
	if (strlen(path) >= MOUNT_PATH_MAX)
		return xasprintf("the %s is longer than %d bytes", what, MOUNT_PATH_MAX - 1);
	if (*path != '/')
		return xasprintf("the %s '%.64s' is not absolute: begin it with '/'", what, path);
	if (has_control(path))
		return xasprintf("the %s has a control character", what);
	if (has_component(path, ".."))
		return xasprintf("the %s has '..' in it: write the path that it means", what);
	return NULL;
}

static bool is_normal(const char *path)
{
	return !strstr(path, "//") && !has_component(path, ".") &&
	       (path[1] == '\0' || path[strlen(path) - 1] != '/');
}

bool mount_path_is_plain(const char *path)
{
	_cleanup_free_ reason why = check_path("path", path);

	return !why && path[1] != '\0' && is_normal(path);
}

static reason check_reserved(const char *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved_targets); i++) {
		const char *path = reserved_targets[i].path, *what = reserved_targets[i].what;

		if (strcmp(target, path) == 0 ||
		    (reserved_targets[i].below && mount_path_is_in(target, path)))
			return xasprintf("nothing is mounted at %s: %s", path, what);
		if (mount_path_is_in(path, target))
			return xasprintf("nothing is mounted at %s, which would hide %s: %s",
					 target, path, what);
	}
	return NULL;
}

static reason check_target(const char *target)
{
	reason why = check_path("destination", target);

	if (why)
		return why;
	if (!is_normal(target))
		return xstrdup("the destination has a '.', an empty component or a '/' at its end: "
			       "leave it out");
	return check_reserved(target);
}

/* A mount point inside another mount would be made by root, in the user's directory. */
static reason check_others(const struct mount_specs *others, const char *target)
{
	for (size_t i = 0; i < others->count; i++) {
		const char *other = others->list[i].target;

		if (others->list[i].kind == MOUNT_VIEW)
			continue;
		if (strcmp(other, target) == 0)
			return xasprintf("there are two mounts at %s: choose another destination",
					 target);
		if (mount_path_is_in(target, other) || mount_path_is_in(other, target))
			return xasprintf("destinations do not lie in one another, and there is one "
					 "at %s: choose another",
					 other);
	}
	return NULL;
}

static reason parse_mode(const char *mode, bool *writable)
{
	*writable = !mode || strcmp(mode, "rw") == 0;
	if (*writable || strcmp(mode, "ro") == 0)
		return NULL;
	return xasprintf("'%.64s' is neither ro nor rw; a path with a ':' cannot be mounted", mode);
}

/* Takes the parts of one text, which is overwritten. */
static reason parse_parts(char *text, struct mount_spec *ret)
{
	char *source = strsep(&text, ":"), *target = strsep(&text, ":");
	reason why = parse_mode(text, &ret->writable);

	if (why || (why = check_path("source", source)) ||
	    (why = check_target(target ? target : "")))
		return why;
	ret->source = xstrdup(source);
	ret->target = xstrdup(target);
	return NULL;
}

static void clear_spec(struct mount_spec *s)
{
	free(s->text);
	free(s->source);
	free(s->target);
	free(s->missing);
	*s = (struct mount_spec){ 0 };
}

static void append(struct mount_specs *to, const struct mount_spec *spec)
{
	to->list = xrealloc(to->list, to->count + 1, sizeof(*to->list));
	to->list[to->count++] = *spec;
}

static int add_spec(struct mount_specs *to, const char *field, const char *text, struct err *e)
{
	_cleanup_free_ char *copy = xstrdup(text);
	_cleanup_(clear_spec) struct mount_spec spec = { .text = xstrdup(text) };
	_cleanup_free_ reason why = parse_parts(copy, &spec);

	if (!why)
		why = check_others(to, spec.target);
	if (!why && to->count == MOUNTS_MAX)
		why = xasprintf("there are more than %d mounts", MOUNTS_MAX);
	if (why)
		return mount_spec_invalid(e, field, text, why);
	append(to, &spec);
	spec = (struct mount_spec){ 0 };
	return 0;
}

int mount_specs_parse(const char *field, char *const *texts, struct mount_specs *ret, struct err *e)
{
	_cleanup_(mount_specs_clear) struct mount_specs specs = { 0 };

	for (; texts && *texts; texts++) {
		int r = add_spec(&specs, field, *texts, e);

		if (r < 0)
			return r;
	}
	*ret = specs;
	specs = (struct mount_specs){ 0 };
	return 0;
}

/* awfd's own are in no one's way, and nobody's are in theirs (awfd/host-view.h). */
char *mount_specs_put(struct mount_specs *s, const struct mount_spec *spec, const char *path)
{
	bool is_own = spec->kind == MOUNT_VIEW;
	reason why = is_own ? NULL : check_path("path", path);

	if (!why && !is_own)
		why = check_target(path);
	if (!why && !is_own)
		why = check_others(s, path);
	if (!why && s->count == MOUNT_LIST_MAX)
		why = xasprintf("there are more than %d mounts", MOUNT_LIST_MAX);
	if (why)
		return why;
	append(s, &(struct mount_spec){ .text = xstrdup(path),
					.source = xstrdup(path),
					.target = xstrdup(path),
					.writable = spec->writable,
					.kind = spec->kind,
					.optional = spec->optional,
					.no_links = spec->no_links });
	return NULL;
}

const struct mount_spec *mount_specs_outer(const struct mount_specs *s,
					   const struct mount_spec *spec)
{
	const struct mount_spec *outer = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct mount_spec *other = &s->list[i];

		if (other->kind != MOUNT_VIEW || other->missing ||
		    strcmp(other->target, spec->target) == 0 ||
		    !mount_path_is_in(spec->target, other->target))
			continue;
		if (!outer || mount_path_is_in(other->target, outer->target))
			outer = other;
	}
	return outer;
}

const char *mount_spec_field(const struct mount_spec *spec)
{
	static const char *const fields[] = {
		[MOUNT_ASKED] = "mounts",
		[MOUNT_WORKSPACE] = "workspace",
		[MOUNT_VIEW] = NULL,
	};

	return fields[spec->kind];
}

void mount_specs_clear(struct mount_specs *s)
{
	for (size_t i = 0; i < s->count; i++)
		clear_spec(&s->list[i]);
	free(s->list);
	*s = (struct mount_specs){ 0 };
}
