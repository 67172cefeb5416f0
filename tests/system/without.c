/* Runs a command as on a kernel that lacks a system call:
 *
 *     without CALL ERROR COMMAND [ARGUMENT...]
 *
 * CALL fails with ERROR (ENOSYS, EPERM or EOPNOTSUPP) in the command and all that it starts. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct name {
	const char *text;
	unsigned value;
};

static const struct name calls[] = {
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset },
	{ "landlock_add_rule", SYS_landlock_add_rule },
	{ "landlock_restrict_self", SYS_landlock_restrict_self },
	{ "seccomp", SYS_seccomp },
	{ NULL, 0 },
};

static const struct name errors[] = {
	{ "ENOSYS", ENOSYS },
	{ "EPERM", EPERM },
	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ NULL, 0 },
};

static unsigned value_of(const struct name *names, const char *text)
{
	for (; names->text; names++)
		if (strcmp(names->text, text) == 0)
			return names->value;
	fprintf(stderr, "without: '%s' is unknown\n", text);
	exit(2);
}

static void take_away(unsigned call, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("without: cannot install a filter");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: without CALL ERROR COMMAND [ARGUMENT...]\n");
		return 2;
	}
	take_away(value_of(calls, argv[1]), value_of(errors, argv[2]));
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
