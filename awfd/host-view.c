#include "awfd/host-view.h"

#include <fnmatch.h>
#include <string.h>

#include "common/alloc.h"

/* --- What is shown --- */

/* Of those that are links, what they lead to is mounted. */
static const char *const roots[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt",
};

/* Of /etc, as glob(7) has patterns: what programs don't run without, as each one is a mount more.
 * None may hold a secret. So what configures programs for all users is not there (environment,
 * profile.d, gitconfig, npmrc, pip.conf, maven/settings.xml, apt): names of servers with passwords
 * and tokens are written there. Nor is profile, which would take awf's programs out of PATH. */
static const char *const etc[] = {
	/* the loader */
	"ld.so.cache",
	"ld.so.conf",
	"ld.so.conf.d",
	/* certificates, without keys */
	"crypto-policies",
	"pki/ca-trust/extracted",
	"pki/java",
	"pki/tls/cert.pem",
	"pki/tls/certs",
	"pki/tls/openssl.cnf",
	"ssl/cert.pem",
	"ssl/certs",
	"ssl/openssl.cnf",
	/* which of several programs */
	"alternatives",
	/* language and time */
	"default/locale",
	"locale.alias",
	"locale.conf",
	"localtime",
	"timezone",
	/* what programs do not work without */
	"ImageMagick-*",
	"OpenCL",
	"dotnet",
	"fonts",
	"ghostscript",
	"java",
	"java-*-openjdk",
	"maven/logging",
	"maven/m2.conf",
	"mono",
	"perl/Net",
	"perl/XML",
	"python2*",
	"python3*",
	"sgml",
	"texmf",
	"xml",
	/* tables */
	"mime.types",
	"protocols",
	"services",
	/* which system it is */
	"alpine-release",
	"arch-release",
	"centos-release",
	"debian_version",
	"fedora-release",
	"lsb-release",
	"os-release",
	"redhat-release",
	"system-release",
};

/* Where programs below /usr have what they have in /etc else. */
static const char *const hidden[] = { "/usr/etc", "/usr/local/etc", NULL };

static const char *const gh[] = { "/usr/bin/gh", "/usr/local/bin/gh", NULL };

#define ETC "/etc"

/* What a sandbox has of its own, or makes homes in. */
static const char *const sandbox_own[] = { "/home", "/root", "/tmp" };

char *const *host_view_hidden(void)
{
	return (char *const *)hidden;
}

char *const *host_view_gh(void)
{
	return (char *const *)gh;
}

/* 1 when there is no room for it. */
static size_t add(struct mount_specs *to, const char *path, bool no_links)
{
	const struct mount_spec spec = { .kind = MOUNT_VIEW,
					 .optional = true,
					 .no_links = no_links };
	_cleanup_free_ char *why = mount_specs_put(to, &spec, path);

	return why ? 1 : 0;
}

/* awfd makes it. */
static size_t add_etc(struct mount_specs *to)
{
	size_t left = add(to, ETC, false);

	if (left == 0)
		free(TAKE_PTR(to->list[to->count - 1].source));
	return left;
}

/* The first part of a pattern is compared with a name of the directory; what lies below it is there
 * or is left out. */
static bool is_meant(const char *pattern, const char *name)
{
	_cleanup_free_ char *first = xstrndup(pattern, strcspn(pattern, "/"));

	return fnmatch(first, name, FNM_PERIOD) == 0;
}

static size_t add_of_etc(struct mount_specs *to, const char *pattern, char *const *names)
{
	size_t left = 0;

	for (; names && *names; names++) {
		_cleanup_free_ char *path = NULL;

		if (!is_meant(pattern, *names))
			continue;
		path = xasprintf(ETC "/%s%s", *names, pattern + strcspn(pattern, "/"));
		left += add(to, path, false);
	}
	return left;
}

bool host_view_is_path(const char *path)
{
	if (!mount_path_is_plain(path) || mount_path_is_in(path, ETC))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_own); i++)
		if (strcmp(path, sandbox_own[i]) == 0)
			return false;
	return true;
}

/* Whether one is there already, or it lies in a mount that is somebody's: in that no mount point is
 * made. */
static bool is_in_the_way(const struct mount_specs *s, const char *path, const char *home)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct mount_spec *other = &s->list[i];

		if (other->kind == MOUNT_VIEW ? strcmp(path, other->target) == 0
					      : mount_path_is_in(path, other->target))
			return true;
	}
	return mount_path_is_in(home, path);
}

/* They may lie where users can write: no link of theirs leads elsewhere. */
static size_t add_path(struct mount_specs *to, const char *path, const char *home)
{
	return is_in_the_way(to, path, home) ? 0 : add(to, path, true);
}

size_t host_view_add(struct mount_specs *to, char *const *names, char *const *paths,
		     const char *home)
{
	size_t left = 0;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		left += add(to, roots[i], false);
	left += add_etc(to);
	for (size_t i = 0; i < ARRAY_SIZE(etc); i++)
		left += add_of_etc(to, etc[i], names);
	for (; paths && *paths; paths++)
		left += add_path(to, *paths, home);
	return left;
}

/* --- What else is mounted --- */

/* A project may well lie in /opt; the others are the system's. */
static const char *system_place_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		bool is_opt = strcmp(roots[i], "/opt") == 0;

		if (is_opt ? strcmp(path, roots[i]) == 0 : mount_path_is_in(path, roots[i]))
			return roots[i];
	}
	return mount_path_is_in(path, ETC) ? ETC : NULL;
}

char *host_view_add_workspace(struct mount_specs *to, const char *path, const char *home,
			      bool optional)
{
	const struct mount_spec spec = { .kind = MOUNT_WORKSPACE,
					 .writable = true,
					 .optional = optional };
	const char *place = system_place_of(path);

	if (!mount_path_is_plain(path))
		return xstrdup("is not an absolute path without '.', '..', an empty component and "
			       "a '/' at its end");
	if (strcmp(path, home) == 0)
		return xstrdup("is your home directory, and the command has a home of its own: "
			       "choose a directory below it");
	if (mount_path_is_in(home, path))
		return xasprintf("has your home directory in it, and the command has one of its "
				 "own: choose a directory below %s",
				 home);
	if (place)
		return xasprintf("is in %s, which the command has as the host's, to be read only",
				 place);
	return mount_specs_put(to, &spec, path);
}

static char *refuse_target(const char *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (mount_path_is_in(roots[i], target))
			return xasprintf("nothing is mounted at %s with image host, which would "
					 "hide the host's %s: choose another destination",
					 target, roots[i]);
	if (mount_path_is_in(target, ETC))
		return xstrdup("nothing is mounted in /etc with image host: choose another "
			       "destination");
	return NULL;
}

int host_view_check(const struct mount_specs *asked, struct err *e)
{
	for (size_t i = 0; i < asked->count; i++) {
		const struct mount_spec *spec = &asked->list[i];
		_cleanup_free_ char *why =
			spec->kind == MOUNT_ASKED ? refuse_target(spec->target) : NULL;

		if (why)
			return mount_spec_invalid(e, mount_spec_field(spec), spec->text, why);
	}
	return 0;
}

/* --- Files of /etc that are made --- */

/* A name that would be more than a field of its line is none. */
static char *field_of(const char *name, unsigned number)
{
	bool is_good = name && *name != '\0' && *name != '+' && *name != '-';

	for (const char *p = name; is_good && *p; p++)
		is_good = (unsigned char)*p > ' ' && *p != '\x7f' && *p != ':' && *p != ',';
	return is_good ? xstrdup(name) : xasprintf("%u", number);
}

static char *passwd_text(const struct host_view_user *u)
{
	_cleanup_free_ char *name = field_of(u->name, u->uid);
	_cleanup_free_ char *own = xasprintf("%s:x:%u:%u::%s:/bin/sh\n", name, (unsigned)u->uid,
					     (unsigned)u->gid, u->home);

	return xasprintf("%s%s%s", u->uid == 0 ? "" : "root:x:0:0:root:/root:/bin/sh\n",
			 u->uid == 65534 ? "" : "nobody:x:65534:65534:nobody:/:/usr/bin/false\n",
			 own);
}

static char *group_text(const struct host_view_user *u)
{
	_cleanup_free_ char *name = field_of(u->group, u->gid);
	_cleanup_free_ char *own = xasprintf("%s:x:%u:\n", name, (unsigned)u->gid);

	return xasprintf("%s%s%s", u->gid == 0 ? "" : "root:x:0:\n",
			 u->gid == 65534 ? "" : "nogroup:x:65534:\n", own);
}

static char *nsswitch_text(const struct host_view_user *u _unused_)
{
	return xstrdup("passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\n"
		       "protocols: files\nservices: files\nrpc: files\n");
}

/* The engine has files of its own to mount there. */
static char *no_text(const struct host_view_user *u _unused_)
{
	return xstrdup("");
}

const struct host_view_file host_view_files[] = {
	{ "passwd", passwd_text, NULL },
	{ "group", group_text, NULL },
	{ "nsswitch.conf", nsswitch_text, NULL },
	{ "hosts", no_text, NULL },
	{ "hostname", no_text, NULL },
	{ "resolv.conf", no_text, NULL },
	{ "mtab", NULL, "../proc/self/mounts" },
};
const size_t host_view_file_count = ARRAY_SIZE(host_view_files);
