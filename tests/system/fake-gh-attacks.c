/* What a gh in the hands of an attacker would try against the machine it runs on. */
#include "tests/system/fake-gh.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "common/cleanup.h"

/* A descriptor that is higher than any that the program has by itself. */
#define HIGH 300

static char *const echo[] = { "echo", "reached", NULL };
static char *const nothing[] = { NULL };

static pid_t pid_of(const char *target)
{
	return (pid_t)atoi(target);
}

static int opened(int fd)
{
	if (fd < 0)
		return -1;
	return close(fd);
}

/* --- Execute: these return only when they failed --- */

static int exec_path(const char *target)
{
	return execve(target, echo, nothing);
}

static int exec_self(const char *target _unused_)
{
	static char *const say[] = { "gh", "api", "say", "reached", NULL };

	return execve("/proc/self/exe", say, nothing);
}

static int execat_path(const char *target)
{
	return execveat(AT_FDCWD, target, echo, nothing, 0);
}

static int execat_descriptor(const char *target)
{
	int fd = open(target, O_PATH | O_CLOEXEC);

	return fd < 0 ? -1 : execveat(fd, "", echo, nothing, AT_EMPTY_PATH);
}

static int execat_high(const char *target)
{
	int fd = open(target, O_PATH | O_CLOEXEC);

	if (fd < 0 || dup2(fd, HIGH) < 0)
		return -1;
	return execveat(HIGH, "", echo, nothing, AT_EMPTY_PATH);
}

/* An absolute path makes the kernel ignore the descriptor. */
static int execat_absolute(const char *target)
{
	return execveat(HIGH, target, echo, nothing, AT_EMPTY_PATH);
}

static int copy_to(int to, const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return -1;
	return sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size ? close(from) : -1;
}

static int exec_copy(const char *target)
{
	int fd = open("copy", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	if (copy_to(fd, target) < 0 || close(fd) < 0)
		return -1;
	return execve("./copy", echo, nothing);
}

static int execat_copy(const char *target)
{
	int fd = open("copy", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	if (copy_to(fd, target) < 0 || close(fd) < 0)
		return -1;
	return execat_descriptor("./copy");
}

static int execat_memory(const char *target)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	if (copy_to(fd, target) < 0)
		return -1;
	return execveat(fd, "", echo, nothing, AT_EMPTY_PATH);
}

/* --- New processes and namespaces --- */

static int ended_well(pid_t pid)
{
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int process_fork(const char *target _unused_)
{
	return ended_well((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int process_clone3(const char *target _unused_)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return ended_well((pid_t)syscall(SYS_clone3, &args, sizeof(args)));
}

static int namespace_unshare(const char *target _unused_)
{
	return unshare(CLONE_NEWUSER);
}

static int namespace_clone(const char *target _unused_)
{
	return ended_well((pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

/* --- Files --- */

static int file_read(const char *target)
{
	char byte;
	int fd = open(target, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, &byte, 1) < 0 ? -1 : close(fd);
}

static int file_write(const char *target)
{
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 || write(fd, "x", 1) < 0 ? -1 : close(fd);
}

static int file_list(const char *target)
{
	DIR *directory = opendir(target);

	return directory ? closedir(directory) : -1;
}

static int file_truncate(const char *target)
{
	return truncate(target, 0);
}

static int file_empty(const char *target)
{
	return opened(open(target, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int file_chmod(const char *target)
{
	return chmod(target, 0700);
}

static int file_chown(const char *target)
{
	return chown(target, getuid(), getgid());
}

static int file_touch(const char *target)
{
	return utimensat(AT_FDCWD, target, NULL, 0);
}

static int file_remove(const char *target)
{
	return unlink(target);
}

static int file_directory(const char *target)
{
	return mkdir(target, 0700) < 0 ? -1 : rmdir(target);
}

static int file_symlink(const char *target)
{
	if (symlink(target, "link") < 0)
		return -1;
	return file_write("link") < 0 ? -1 : unlink("link");
}

static int file_hard_link(const char *target)
{
	if (link(target, "link") < 0)
		return -1;
	return file_write("link") < 0 ? -1 : unlink("link");
}

static int file_rename(const char *target)
{
	return rename(target, "renamed") < 0 ? -1 : rename("renamed", target);
}

static int file_watch(const char *target)
{
	int fd = inotify_init1(IN_CLOEXEC);

	return fd < 0 || inotify_add_watch(fd, target, IN_CREATE) < 0 ? -1 : close(fd);
}

/* --- Other processes --- */

static int proc_open(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int proc_environ(const char *target)
{
	return opened(proc_open(target, "environ"));
}

static int proc_memory(const char *target)
{
	return opened(proc_open(target, "mem"));
}

static int proc_descriptors(const char *target)
{
	return opened(proc_open(target, "fd"));
}

static int other_trace(const char *target)
{
	return ptrace(PTRACE_SEIZE, pid_of(target), NULL, NULL) < 0 ? -1 : 0;
}

/* Nothing is at that address, which is found out only after the permission. */
static int other_memory(const char *target)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)1, 1 };
	ssize_t n = process_vm_readv(pid_of(target), &here, 1, &there, 1, 0);

	return n >= 0 || errno == EFAULT ? 0 : -1;
}

static int other_descriptor(const char *target)
{
	long pidfd = syscall(SYS_pidfd_open, pid_of(target), 0);

	return pidfd < 0 ? -1 : opened((int)syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static int other_kill(const char *target)
{
	return kill(pid_of(target), 0);
}

static int other_kill_all(const char *target _unused_)
{
	return kill(-1, 0);
}

static int other_kill_thread(const char *target)
{
	return (int)syscall(SYS_tgkill, pid_of(target), pid_of(target), 0);
}

static int other_kill_task(const char *target)
{
	return (int)syscall(SYS_tkill, pid_of(target), 0);
}

static int other_queue(const char *target)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return (int)syscall(SYS_rt_sigqueueinfo, pid_of(target), 0, &info);
}

static int other_pidfd(const char *target)
{
	long pidfd = syscall(SYS_pidfd_open, pid_of(target), 0);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0);
}

/* The owner of a descriptor is signalled when something can be read from it. */
static int other_owner(const char *target)
{
	int ends[2];

	return pipe(ends) < 0 ? -1 : fcntl(ends[0], F_SETOWN, pid_of(target));
}

static int other_limit(const char *target)
{
	struct rlimit limit;

	if (prlimit(pid_of(target), RLIMIT_CORE, NULL, &limit) < 0)
		return -1;
	return prlimit(pid_of(target), RLIMIT_CORE, &limit, NULL);
}

static int other_priority(const char *target)
{
	return setpriority(PRIO_PROCESS, (id_t)pid_of(target), 19);
}

/* --- Itself --- */

static int own_limit(const char *target _unused_)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_CPU, &limit) < 0 ? -1 : setrlimit(RLIMIT_CPU, &limit);
}

static int own_session(const char *target _unused_)
{
	return setsid() < 0 ? -1 : 0;
}

static int own_group(const char *target _unused_)
{
	return setpgid(0, 0);
}

/* getpid(2) as programs of 32 bits make it; system calls have other numbers there. */
static int own_abi(const char *target _unused_)
{
#ifdef __x86_64__
	long pid;

	__asm__ volatile("int $0x80" : "=a"(pid) : "a"(20) : "memory");
	return pid == getpid() ? 0 : -1;
#else
	errno = ENOSYS;
	return -1;
#endif
}

/* By the third one of x86_64, of 32-bit pointers: a kernel without it answers, too, that it has no
 * such call. See syscall(2), __X32_SYSCALL_BIT. */
static int own_x32(const char *target _unused_)
{
#ifdef __x86_64__
	return syscall(0x40000000 | SYS_getpid) > 0 || errno == ENOSYS ? 0 : -1;
#else
	errno = ENOSYS;
	return -1;
#endif
}

/* --- Memory that is not counted, or stays --- */

static int memory_file(const char *target _unused_)
{
	return opened(memfd_create("memory", MFD_CLOEXEC));
}

static int memory_shared(const char *target _unused_)
{
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
											    : 0;
}

static int memory_segment(const char *target _unused_)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL);
}

/* --- Sockets --- */

static int socket_unix(const char *target _unused_)
{
	return opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int socket_pair(const char *target _unused_)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int socket_uevent(const char *target _unused_)
{
	return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 15 /* NETLINK_KOBJECT_UEVENT */));
}

static int socket_listen(const char *target _unused_)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || listen(fd, 1) < 0 ? -1 : close(fd);
}

static const struct {
	const char *name;
	int (*run)(const char *target); /* -1 and errno when it was refused */
} attacks[] = {
	{ "exec-path", exec_path },
	{ "exec-self", exec_self },
	{ "exec-copy", exec_copy },
	{ "execat-path", execat_path },
	{ "execat-descriptor", execat_descriptor },
	{ "execat-high", execat_high },
	{ "execat-absolute", execat_absolute },
	{ "execat-copy", execat_copy },
	{ "execat-memory", execat_memory },
	{ "process-fork", process_fork },
	{ "process-clone3", process_clone3 },
	{ "namespace-unshare", namespace_unshare },
	{ "namespace-clone", namespace_clone },
	{ "file-read", file_read },
	{ "file-write", file_write },
	{ "file-list", file_list },
	{ "file-truncate", file_truncate },
	{ "file-empty", file_empty },
	{ "file-chmod", file_chmod },
	{ "file-chown", file_chown },
	{ "file-touch", file_touch },
	{ "file-remove", file_remove },
	{ "file-directory", file_directory },
	{ "file-symlink", file_symlink },
	{ "file-hard-link", file_hard_link },
	{ "file-rename", file_rename },
	{ "file-watch", file_watch },
	{ "proc-environ", proc_environ },
	{ "proc-memory", proc_memory },
	{ "proc-descriptors", proc_descriptors },
	{ "other-trace", other_trace },
	{ "other-memory", other_memory },
	{ "other-descriptor", other_descriptor },
	{ "other-kill", other_kill },
	{ "other-kill-all", other_kill_all },
	{ "other-kill-thread", other_kill_thread },
	{ "other-kill-task", other_kill_task },
	{ "other-queue", other_queue },
	{ "other-pidfd", other_pidfd },
	{ "other-owner", other_owner },
	{ "other-limit", other_limit },
	{ "other-priority", other_priority },
	{ "own-limit", own_limit },
	{ "own-session", own_session },
	{ "own-group", own_group },
	{ "own-abi", own_abi },
	{ "own-x32", own_x32 },
	{ "memory-file", memory_file },
	{ "memory-shared", memory_shared },
	{ "memory-segment", memory_segment },
	{ "socket-unix", socket_unix },
	{ "socket-pair", socket_pair },
	{ "socket-uevent", socket_uevent },
	{ "socket-listen", socket_listen },
};

int fake_gh_attack(const char *name, const char *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		bool refused;

		if (strcmp(attacks[i].name, name) != 0)
			continue;
		refused = attacks[i].run(target) < 0;
		puts(refused ? strerror(errno) : "reached");
		return refused;
	}
	fprintf(stderr, "fake-gh: '%s' is none of its attacks\n", name);
	return 2;
}
