#include "containers/cli-proxy/gh-filter.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <seccomp.h>

#include "common/alloc.h"

/* The layout of the filter that takes the same time for every system call, see seccomp_attr_set(3).
 */
#define BINARY_TREE 2

struct gh_filter {
	struct sock_fprog program;
};

/* What a gh at work calls, whatever the arguments. Not here, so refused: new processes, namespaces
 * and memory that is shared or outlives its process; to trace, signal, schedule or limit others; to
 * leave the process group; to serve; and what Landlock doesn't hold: the owner, mode and times of
 * a path, truncate(2) in older kernels, watching files. */
static const int allowed[] = {
	/* bytes */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(sendfile),
	SCMP_SYS(splice),
	SCMP_SYS(copy_file_range),
	/* descriptors */
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(flock),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fchmod),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fadvise64),
	/* files, which Landlock restricts */
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(creat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(chdir),
	SCMP_SYS(fchdir),
	SCMP_SYS(umask),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	/* waiting */
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(pause),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	/* the network, which is the container's */
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mincore),
	SCMP_SYS(membarrier),
	/* threads */
	SCMP_SYS(arch_prctl),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	/* signals; whom, is another filter's matter */
	SCMP_SYS(kill),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	/* time */
	SCMP_SYS(time),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(getitimer),
	SCMP_SYS(setitimer),
	SCMP_SYS(timer_create),
	SCMP_SYS(timer_settime),
	SCMP_SYS(timer_gettime),
	SCMP_SYS(timer_delete),
	/* what it is */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getpgrp),
	SCMP_SYS(getpgid),
	SCMP_SYS(getsid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getresuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getresgid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(times),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(getrandom),
	/* the end */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

#define IS(arg, value)        SCMP_CMP32(arg, SCMP_CMP_EQ, value)
#define HAS(arg, mask, value) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value)
#define IS_NULL(arg)          SCMP_CMP64(arg, SCMP_CMP_EQ, 0)

/* What it calls with certain arguments only. A descriptor's owner, F_SETOWN, would be signalled. */
static const struct {
	int call;
	unsigned count;
	struct scmp_arg_cmp arguments[2];
} restricted[] = {
	{ SCMP_SYS(clone), 1, { HAS(0, CLONE_THREAD | NAMESPACES, CLONE_THREAD) } },
	{ SCMP_SYS(mmap), 1, { HAS(3, MAP_SHARED, 0) } },
	{ SCMP_SYS(mmap), 1, { HAS(3, MAP_ANONYMOUS, 0) } },
	{ SCMP_SYS(prlimit64), 1, { IS_NULL(2) } },
	{ SCMP_SYS(prctl), 1, { IS(0, PR_SET_NAME) } },
	{ SCMP_SYS(prctl), 1, { IS(0, PR_GET_NAME) } },
	{ SCMP_SYS(prctl), 1, { IS(0, PR_SET_VMA) } },
	{ SCMP_SYS(socket), 1, { IS(0, AF_INET) } },
	{ SCMP_SYS(socket), 1, { IS(0, AF_INET6) } },
	{ SCMP_SYS(socket), 2, { IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE) } },
	{ SCMP_SYS(ioctl), 1, { IS(1, TCGETS) } },
	{ SCMP_SYS(ioctl), 1, { IS(1, TIOCGWINSZ) } },
	{ SCMP_SYS(ioctl), 1, { IS(1, FIONREAD) } },
	{ SCMP_SYS(ioctl), 1, { IS(1, FIONBIO) } },
	{ SCMP_SYS(ioctl), 1, { IS(1, FIOCLEX) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_DUPFD) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_DUPFD_CLOEXEC) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETFD) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETFD) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETFL) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETFL) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETLK) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETLK) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETLKW) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_OFD_GETLK) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_OFD_SETLK) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_OFD_SETLKW) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETPIPE_SZ) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETPIPE_SZ) } },
};

/* What is answered otherwise than by EPERM. clone3(2) passes its flags in memory; libc uses
 * clone(2) instead. */
static const struct {
	int call;
	uint32_t action;
} answered[] = {
	{ SCMP_SYS(execve), SCMP_ACT_ERRNO(EACCES) },
	{ SCMP_SYS(execveat), SCMP_ACT_NOTIFY },
	{ SCMP_SYS(clone3), SCMP_ACT_ERRNO(ENOSYS) },
};

static int add_allowed(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, allowed[i], 0, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_restricted(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(restricted); i++) {
		int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, restricted[i].call,
					       restricted[i].count, restricted[i].arguments);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_answered(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(answered); i++) {
		int r = seccomp_rule_add_array(ctx, answered[i].action, answered[i].call, 0, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_all(scmp_filter_ctx ctx)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	if (r == 0)
		r = add_allowed(ctx);
	if (r == 0)
		r = add_restricted(ctx);
	if (r == 0)
		r = add_answered(ctx);
	return r;
}

static void ctx_release(scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}

/* Writes the filter as the kernel takes it. */
static int export_to(int file)
{
	_cleanup_(ctx_release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return -ENOMEM;
	r = add_all(ctx);
	return r < 0 ? r : seccomp_export_bpf(ctx, file);
}

static int read_program(int file, struct sock_fprog *program)
{
	struct stat st;

	if (fstat(file, &st) < 0)
		return -errno;
	program->filter = xcalloc(1, (size_t)st.st_size);
	program->len = (unsigned short)((size_t)st.st_size / sizeof(*program->filter));
	return pread(file, program->filter, (size_t)st.st_size, 0) == st.st_size ? 0 : -EIO;
}

int gh_filter_new(struct gh_filter **ret, struct err *e)
{
	_cleanup_(gh_filter_freep) struct gh_filter *f = xnew(struct gh_filter);
	_cleanup_close_ int file = memfd_create("gh-filter", MFD_CLOEXEC);
	int error;

	if (file < 0)
		return err_system(e, -errno, "cannot make memory for a system call filter");
	error = export_to(file);
	if (error == 0)
		error = read_program(file, &f->program);
	if (error < 0)
		return err_system(e, error, "cannot make the system call filter of gh");
	*ret = TAKE_PTR(f);
	return 0;
}

void gh_filter_free(struct gh_filter *f)
{
	if (!f)
		return;
	free(f->program.filter);
	free(f);
}

static int install(unsigned flags, const struct sock_fprog *program)
{
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

	return r < 0 ? -errno : (int)r;
}

/* Whom kill(2) and tgkill(2) signal is their first argument, of which the kernel looks at the lower
 * half. */
int gh_filter_keep_signals(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)getpid(), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	return install(0, &program);
}

int gh_filter_enter(const struct gh_filter *f)
{
	return install(SECCOMP_FILTER_FLAG_NEW_LISTENER, &f->program);
}

static int answer_start(int listener, struct seccomp_notif *request,
			struct seccomp_notif_resp *response)
{
	int r = seccomp_notify_receive(listener, request);

	if (r < 0)
		return r;
	response->id = request->id;
	response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return seccomp_notify_respond(listener, response);
}

int gh_filter_permit_start(int listener)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };
	struct seccomp_notif *request = NULL;
	struct seccomp_notif_resp *response = NULL;
	int r;

	do
		r = poll(&polled, 1, -1);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (!(polled.revents & POLLIN))
		return -ESRCH;
	r = seccomp_notify_alloc(&request, &response);
	if (r == 0)
		r = answer_start(listener, request, response);
	seccomp_notify_free(request, response);
	return r;
}
