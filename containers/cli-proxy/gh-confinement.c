#include "containers/cli-proxy/gh-confinement.h"

#include <fcntl.h>

#include "common/alloc.h"
#include "containers/cli-proxy/landlock.h"

/* What gh needs of the image, where it is there: libraries, names, certificates. /proc is not among
 * it: there are the other processes. */
static const struct {
	const char *path;
	enum landlock_access access;
} image[] = {
	{ "/usr", LANDLOCK_EXECUTE },    { "/lib", LANDLOCK_EXECUTE },
	{ "/lib64", LANDLOCK_EXECUTE },  { "/etc", LANDLOCK_READ },
	{ "/dev/null", LANDLOCK_WRITE },
};

struct gh_confinement {
	struct gh_confinement_spec spec;
	struct gh_filter *filter;
	int landlock; /* the version */
};

int gh_confinement_new(const struct gh_confinement_spec *spec, struct gh_confinement **ret,
		       struct err *e)
{
	_cleanup_(gh_confinement_freep) struct gh_confinement *c = xnew(struct gh_confinement);
	int error;

	c->spec = *spec;
	c->landlock = landlock_version(e);
	error = c->landlock < 0 ? c->landlock : gh_filter_new(&c->filter, e);
	if (error < 0)
		return err_wrap(e, "gh is not run, because it can't be confined");
	*ret = TAKE_PTR(c);
	return 0;
}

void gh_confinement_free(struct gh_confinement *c)
{
	if (!c)
		return;
	gh_filter_free(c->filter);
	free(c);
}

const struct gh_limits *gh_confinement_limits(const struct gh_confinement *c)
{
	return &c->spec.limits;
}

const struct gh_filter *gh_confinement_filter(const struct gh_confinement *c)
{
	return c->filter;
}

static int allow_path(const struct gh_confinement *c, int rules, const char *path,
		      enum landlock_access access, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	int error = fd < 0 ? -errno : landlock_allow(rules, c->landlock, fd, access);

	if (error == 0 || error == -ENOENT)
		return 0;
	return err_system(e, error,
			  "gh is not run, because its files can't be restricted: cannot allow %s "
			  "(landlock_add_rule)",
			  path);
}

static int allow_image(const struct gh_confinement *c, int rules, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(image); i++) {
		int error = allow_path(c, rules, image[i].path, image[i].access, e);

		if (error < 0)
			return error;
	}
	return 0;
}

int gh_confinement_files(const struct gh_confinement *c, const char *directory, struct err *e)
{
	_cleanup_close_ int rules = landlock_rules_new(c->landlock);
	int error;

	if (rules < 0)
		return err_system(e, rules,
				  "gh is not run, because its files can't be restricted "
				  "(landlock_create_ruleset)");
	error = allow_image(c, rules, e);
	if (error == 0)
		error = allow_path(c, rules, c->spec.gh, LANDLOCK_EXECUTE, e);
	if (error == 0)
		error = allow_path(c, rules, c->spec.ca_bundle, LANDLOCK_READ, e);
	if (error == 0)
		error = allow_path(c, rules, directory, LANDLOCK_CHANGE, e);
	return error < 0 ? error : TAKE_FD(rules);
}
