#include "awfd/relay/sandboxing.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <seccomp.h>

#define RELAY_USER "awf-relay"
#define NOBODY     65534

/* The layout of the filter that takes the same time for every system call, see seccomp_attr_set(3).
 */
#define BINARY_TREE 2

#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* What a relay at work calls, whatever the arguments. */
static const int calls[] = {
	/* bytes */
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(splice),
	/* connections */
	SCMP_SYS(accept4),
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(pipe2),
	/* the loop */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* messages, signals, the end */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
};

#define IS(arg, value)   SCMP_CMP32(arg, SCMP_CMP_EQ, value)
#define LACKS(arg, bits) SCMP_CMP32(arg, SCMP_CMP_MASKED_EQ, bits, 0)

/* What it calls with certain arguments only. */
static const struct {
	int call;
	unsigned count;
	struct scmp_arg_cmp arguments[2];
} restricted[] = {
	{ SCMP_SYS(socket), 2, { IS(0, AF_INET), IS(1, STREAM) } },
	{ SCMP_SYS(socket), 2, { IS(0, AF_INET6), IS(1, STREAM) } },
	{ SCMP_SYS(getsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_ERROR) } },
	{ SCMP_SYS(getsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_INFO) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_LINGER) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_SNDBUF) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, SOL_SOCKET), IS(2, SO_RCVBUF) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPIDLE) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPINTVL) } },
	{ SCMP_SYS(setsockopt), 2, { IS(1, IPPROTO_TCP), IS(2, TCP_KEEPCNT) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETPIPE_SZ) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETPIPE_SZ) } },
	{ SCMP_SYS(mmap), 1, { LACKS(2, PROT_EXEC) } },
	{ SCMP_SYS(mprotect), 1, { LACKS(2, PROT_EXEC) } },
};

/* What the sanitizers call to report, and their leak checker to look through the memory. */
static const int sanitizer_calls[] = {
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(wait4),
	SCMP_SYS(ptrace),
	SCMP_SYS(prctl),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(futex),
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(pread64),
	SCMP_SYS(readlink),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(lseek),
	SCMP_SYS(stat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(pipe),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(getppid),
};

int sandboxing_drop_root(struct err *e)
{
	const struct passwd *user;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid() != 0 && getuid() != 0)
		return 0;
	user = getpwnam(RELAY_USER);
	if (user && user->pw_uid != 0 && user->pw_gid != 0) {
		uid = user->pw_uid;
		gid = user->pw_gid;
	}
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_system(e, -errno, "cannot give up root");
	return 0;
}

static int allow_calls(scmp_filter_ctx filter, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, list[i], 0, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_restricted(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < ARRAY_SIZE(restricted); i++) {
		int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, restricted[i].call,
					       restricted[i].count, restricted[i].arguments);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_filter(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	if (r == 0)
		r = allow_calls(filter, calls, ARRAY_SIZE(calls));
	if (r == 0)
		r = allow_restricted(filter);
	if (r == 0 && SANITIZED)
		r = allow_calls(filter, sanitizer_calls, ARRAY_SIZE(sanitizer_calls));
	return r;
}

static void filter_release(scmp_filter_ctx *filter)
{
	seccomp_release(*filter);
}

int sandboxing_enter(struct err *e)
{
	_cleanup_(filter_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	/* The leak checker traces the process. */
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_system(e, -errno, "cannot forbid tracing");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_system(e, -errno, "cannot forbid new privileges");
	if (!filter)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "cannot make a system call filter");
	r = fill_filter(filter);
	if (r == 0)
		r = seccomp_load(filter);
	return r < 0 ? err_system(e, r, "cannot install the system call filter") : 0;
}
