#include "containers/cli-proxy/landlock.h"

#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What the headers of an older kernel lack. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define LANDLOCK_SCOPE_SIGNAL               (UINT64_C(1) << 1)
#endif

/* landlock_ruleset_attr as the newest kernel has it; older ones take it as long as what they don't
 * know is zero. */
struct rules {
	uint64_t files;
	uint64_t network;
	uint64_t scopes;
};

#define ALL_OF_VERSION_1 (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)

/* What each version can restrict beside what the one before can. */
static const struct {
	int version;
	struct rules rules;
} versions[] = {
	{ 1, { .files = ALL_OF_VERSION_1 } },
	{ 2, { .files = LANDLOCK_ACCESS_FS_REFER } },
	{ 3, { .files = LANDLOCK_ACCESS_FS_TRUNCATE } },
	{ 5, { .files = LANDLOCK_ACCESS_FS_IOCTL_DEV } },
	{ 6, { .scopes = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET } },
};

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICES                                                                                    \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                            \
	 LANDLOCK_ACCESS_FS_IOCTL_DEV)

static const uint64_t accesses[] = {
	[LANDLOCK_READ] = READING,
	[LANDLOCK_EXECUTE] = READING | LANDLOCK_ACCESS_FS_EXECUTE,
	[LANDLOCK_WRITE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE,
	[LANDLOCK_CHANGE] = ~(DEVICES | LANDLOCK_ACCESS_FS_EXECUTE),
};

/* The only rights that a rule for anything but a directory may have. */
#define OF_A_FILE                                                                                  \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                              \
	 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                              \
	 LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* Why there is no Landlock, and what helps. */
static const struct {
	int error;
	const char *text;
} reasons[] = {
	{ ENOSYS, "this kernel has no Landlock, or the container's seccomp profile hides it; use "
		  "Linux 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK" },
	{ EOPNOTSUPP, "Landlock is switched off; add landlock to the kernel's lsm= parameter" },
	{ EPERM, "the container's seccomp profile refuses Landlock; use the one of awfd" },
};

static const char *reason_of(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].error == error)
			return reasons[i].text;
	return "the kernel refuses Landlock";
}

int landlock_version(struct err *e)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 0)
		return err_system(e, -errno, "%s (landlock_create_ruleset)", reason_of(errno));
	return (int)version;
}

static struct rules rules_of(int version)
{
	struct rules all = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(versions) && versions[i].version <= version; i++) {
		all.files |= versions[i].rules.files;
		all.scopes |= versions[i].rules.scopes;
	}
	return all;
}

uint64_t landlock_rights(int version)
{
	return rules_of(version).files;
}

int landlock_rules_new(int version)
{
	struct rules rules = rules_of(version);
	long fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	return fd < 0 ? -errno : (int)fd;
}

int landlock_allow(int rules, int version, int path_fd, enum landlock_access access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = path_fd };
	struct stat st;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	rule.allowed_access = accesses[access] & landlock_rights(version);
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_A_FILE;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int landlock_enter(int rules)
{
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}
