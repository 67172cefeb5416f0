/* What an attacker in a container tries against the kernel, for the system tests:
 *
 *     escape ATTACK...    each: "ATTACK reached", or what the kernel said
 *     escape --list       the attacks
 *
 * Each attack is one step that a container's confinement must refuse, and undoes itself where it
 * works. Static, so that it runs in any container. Exit code 0 when all were reached, 1 when one
 * was not, 2 for an attack that there is not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

/* The result of a call that makes a descriptor. */
static int descriptor(long fd)
{
	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(-fn() & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* --- Namespaces and mounts
 * ------------------------------------------------------------------------
 */

static int unshare_user(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int unshare_mount(void)
{
	return result(unshare(CLONE_NEWNS));
}

static int unshare_network(void)
{
	return result(unshare(CLONE_NEWNET));
}

static int unshare_pid(void)
{
	return result(unshare(CLONE_NEWPID));
}

static int clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int clone3_user(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int enter_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return result(setns(fd, CLONE_NEWNET));
}

static int mount_tmpfs(void)
{
	if (mount("none", "/tmp", "tmpfs", 0, NULL) < 0)
		return -errno;
	return result(umount2("/tmp", MNT_DETACH));
}

static int remount_root(void)
{
	return result(mount("none", "/tmp", "tmpfs", MS_REMOUNT | MS_BIND, NULL));
}

static int open_mount(void)
{
	return descriptor(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC));
}

static int open_filesystem(void)
{
	return descriptor(syscall(SYS_fsopen, "tmpfs", 0));
}

static int change_root(void)
{
	return result(chroot("/"));
}

/* --- Files past the checks
 * ------------------------------------------------------------------------
 */

static int open_by_handle(void)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0 || name_to_handle_at(AT_FDCWD, "/tmp", &h.handle, &mount_id, 0) < 0)
		return -errno;
	return descriptor(open_by_handle_at(directory, &h.handle, O_RDONLY));
}

static int watch_all(void)
{
	return descriptor(syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY));
}

static int make_device(void)
{
	static const char path[] = "/tmp/escape-device";

	(void)unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(1, 1)) < 0)
		return -errno;
	return result(unlink(path));
}

/* --- Other processes
 * ------------------------------------------------------------------------------
 */

/* A child that is there for fn. */
static int at_child(int (*fn)(pid_t pid))
{
	pid_t pid = fork();
	int r;

	if (pid == 0)
		for (;;)
			pause();
	r = fn(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static int trace(pid_t pid)
{
	return result(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}

static int trace_child(void)
{
	return at_child(trace);
}

static int read_memory(pid_t pid)
{
	static char there = 1;
	char here;
	struct iovec local = { &here, 1 }, remote = { &there, 1 };

	return result(process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

static int read_child(void)
{
	return at_child(read_memory);
}

static int take_descriptor(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd < 0 ? -errno : descriptor(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static int take_from_child(void)
{
	return at_child(take_descriptor);
}

static int compare(void)
{
	return result(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0));
}

/* --- The kernel's larger surfaces
 * -----------------------------------------------------------------
 */

static int add_key(void)
{
	return result(syscall(SYS_add_key, "user", "escape", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int read_keys(void)
{
	return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1));
}

static int request_key(void)
{
	long r = syscall(SYS_request_key, "user", "escape-none", NULL, KEY_SPEC_PROCESS_KEYRING);

	return r < 0 && errno == ENOKEY ? 0 : result(r); /* it was looked for */
}

static int load_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return descriptor(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int set_up_ring(void)
{
	struct io_uring_params params = { 0 };

	return descriptor(syscall(SYS_io_uring_setup, 1, &params));
}

static int handle_faults(void)
{
	return descriptor(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
}

static int count_events(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.exclude_kernel = 1 };

	return descriptor(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int vsock(void)
{
	return descriptor(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int packet(void)
{
	return descriptor(socket(AF_PACKET, SOCK_RAW, 0));
}

static int raw(void)
{
	return descriptor(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int set_segments(void)
{
	char room[8];

	return result(syscall(SYS_modify_ldt, 0, room, sizeof(room)));
}

static int personality_exec(void)
{
	return result(personality(READ_IMPLIES_EXEC));
}

static int personality_compatible(void)
{
	return result(personality(ADDR_COMPAT_LAYOUT | PER_SVR4));
}

static int read_kernel_log(void)
{
	return result(syscall(SYS_syslog, 10, NULL, 0));
}

static int set_name(void)
{
	char name[65];

	if (gethostname(name, sizeof(name)) < 0)
		return -errno;
	return result(sethostname(name, strlen(name)));
}

/* --- Rights
 * ---------------------------------------------------------------------------------------
 */

static int become_root(void)
{
	return result(setresuid(0, 0, 0));
}

static int become_group(void)
{
	static const gid_t groups[] = { 0, 60700 };

	return result(syscall(SYS_setgroups, 2, groups));
}

static int raise_limit(void)
{
	return result(syscall(SYS_setpriority, 0, 0, -20));
}

static int be_effective_root(void)
{
	return geteuid() == 0 ? 0 : -EPERM;
}

static int write_to(const char *path)
{
	return descriptor(open(path, O_WRONLY | O_CLOEXEC));
}

static int write_forwarding(void)
{
	return write_to("/proc/sys/net/ipv4/ip_forward");
}

static int write_core_pattern(void)
{
	return write_to("/proc/sys/kernel/core_pattern");
}

static const struct {
	const char *name;
	int (*fn)(void);
} attacks[] = {
	{ "unshare-user", unshare_user },
	{ "unshare-mount", unshare_mount },
	{ "unshare-network", unshare_network },
	{ "unshare-pid", unshare_pid },
	{ "clone-user", clone_user },
	{ "clone3-user", clone3_user },
	{ "setns", enter_namespace },
	{ "mount", mount_tmpfs },
	{ "remount", remount_root },
	{ "open-tree", open_mount },
	{ "fsopen", open_filesystem },
	{ "chroot", change_root },
	{ "open-by-handle", open_by_handle },
	{ "fanotify", watch_all },
	{ "mknod", make_device },
	{ "ptrace", trace_child },
	{ "process-vm", read_child },
	{ "pidfd-getfd", take_from_child },
	{ "kcmp", compare },
	{ "add-key", add_key },
	{ "keyctl", read_keys },
	{ "request-key", request_key },
	{ "bpf", load_bpf },
	{ "io-uring", set_up_ring },
	{ "userfaultfd", handle_faults },
	{ "perf", count_events },
	{ "vsock", vsock },
	{ "packet-socket", packet },
	{ "raw-socket", raw },
	{ "modify-ldt", set_segments },
	{ "personality-exec", personality_exec },
	{ "personality-svr4", personality_compatible },
	{ "syslog", read_kernel_log },
	{ "sethostname", set_name },
	{ "setuid", become_root },
	{ "setgroups", become_group },
	{ "priority", raise_limit },
	{ "effective-root", be_effective_root },
	{ "ip-forward", write_forwarding },
	{ "core-pattern", write_core_pattern },
};

static int list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++)
		puts(attacks[i].name);
	return 0;
}

/* Exit code of one. */
static int attack(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (strcmp(attacks[i].name, name) == 0) {
			int r = in_child(attacks[i].fn);

			printf("%s %s\n", name, r == 0 ? "reached" : strerrorname_np(-r));
			return r == 0 ? 0 : 1;
		}
	}
	fprintf(stderr, "escape: there is no attack '%s'\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	int code = 0;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		int r = attack(argv[i]);

		code = r > code ? r : code;
	}
	return argc > 1 ? code : 2;
}
