#include "awfctl/doctor-host.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>

#include <linux/landlock.h>

#include "common/timestamp.h"

/* --- Looking ------------------------------------------------------------------------------------
 */

static void look_at_clock(struct clock_facts *ret)
{
	struct timex state = { 0 };
	struct stat program;
	int r = adjtimex(&state);

	*ret = (struct clock_facts){ .now = (int64_t)time(NULL) };
	ret->error = r < 0 ? -errno : 0;
	ret->kept = r >= 0 && !(state.status & STA_UNSYNC);
	if (stat("/proc/self/exe", &program) == 0)
		ret->built = (int64_t)program.st_mtime;
}

/* System calls that awfd needs, with arguments that none of them takes: only one that is not there
 * says ENOSYS. */
static const struct {
	const char *name;
	long number;
	long arguments[5];
} calls[] = {
	{ "pidfd_open", SYS_pidfd_open, { -1 } },
	{ "openat2", SYS_openat2, { -1 } },
	{ "close_range", SYS_close_range, { 1, 0 } },
	{ "mount_setattr", SYS_mount_setattr, { -1 } },
};

static const char *lacking_call(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const long *a = calls[i].arguments;

		if (syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4]) < 0 && errno == ENOSYS)
			return calls[i].name;
	}
	return NULL;
}

static int look_for_landlock(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? -errno : 0;
}

void doctor_host_look(struct clock_facts *clock, struct kernel_facts *kernel)
{
	look_at_clock(clock);
	*kernel =
		(struct kernel_facts){ .lacking = lacking_call(), .landlock = look_for_landlock() };
}

/* --- Judging ------------------------------------------------------------------------------------
 */

#define SET_CLOCK "sudo timedatectl set-ntp true"

void doctor_host_judge_clock(struct findings *f, const struct clock_facts *clock)
{
	_cleanup_free_ char *now = timestamp_of_seconds(clock->now);
	_cleanup_free_ char *built = timestamp_of_seconds(clock->built);

	if (clock->now < clock->built)
		findings_add(f, DOCTOR_CLOCK, FINDING_FAILURE, SET_CLOCK,
			     "it is wrong: it says %s, and awfctl was made at %s; certificates "
			     "seem not to be valid yet",
			     now, built);
	else if (clock->error < 0)
		findings_add(f, DOCTOR_CLOCK, FINDING_UNKNOWN, NULL,
			     "it says %s; the kernel does not say whether that is kept right: %s",
			     now, strerror(-clock->error));
	else if (!clock->kept)
		findings_add(f, DOCTOR_CLOCK, FINDING_WARNING, SET_CLOCK,
			     "it says %s, and nothing keeps it right, as far as the kernel knows",
			     now);
	else
		findings_add(f, DOCTOR_CLOCK, FINDING_OK, NULL, "it says %s, and is kept right",
			     now);
}

void doctor_host_judge_kernel(struct findings *f, const struct kernel_facts *kernel)
{
	if (kernel->lacking)
		findings_add(f, DOCTOR_KERNEL, FINDING_FAILURE, NULL,
			     "it lacks %s(2): start Linux 5.13 or newer", kernel->lacking);
	else if (kernel->landlock == -EPERM || kernel->landlock == -EACCES)
		findings_add(f, DOCTOR_KERNEL, FINDING_UNKNOWN, NULL,
			     "whether it has Landlock could not be asked: %s",
			     strerror(-kernel->landlock));
	else if (kernel->landlock < 0)
		findings_add(
			f, DOCTOR_KERNEL, FINDING_WARNING, NULL,
			"Landlock is not switched on, and each call of gh in a sandbox is "
			"refused: name it in lsm= of the kernel's command line, as awfd(8) says");
	else
		findings_add(f, DOCTOR_KERNEL, FINDING_OK, NULL,
			     "it has the system calls that awfd needs, and Landlock");
}
