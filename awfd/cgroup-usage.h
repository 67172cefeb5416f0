/* What a container uses, as the kernel counts it in its control groups: cgroups(7), version 2 or 1,
 * in the places where systemd mounts them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct cgroup_usage {
	int64_t cpu_us; /* processor time */
	int64_t memory; /* bytes, less those of files that could be given up at once */
	int64_t pids;   /* processes and threads */
};

/* That of the container's groups, by the first process and the id that the engine tells of it;
 * since the groups have the id in their names, no other process of that number counts. False when
 * it has ended, or when the kernel does not count one of them. */
bool cgroup_usage_of_container(pid_t pid, const char *id, struct cgroup_usage *ret) _must_check_;

/* The directory of another container's memory group, which is beside that of a container that runs:
 * the other's id is in the place of its own. NULL as above; the caller owns it. */
char *cgroup_memory_beside(pid_t pid, const char *id, const char *other) _must_check_;

/* The same with the text of /proc/PID/cgroup, of groups mounted below `mounts`. */
char *cgroup_memory_beside_read(const char *mounts, const char *membership, const char *id,
				const char *other) _must_check_;

/* The usage with the text of /proc/PID/cgroup, of groups mounted below `mounts`. */
bool cgroup_usage_read(const char *mounts, const char *membership, const char *id,
		       struct cgroup_usage *ret) _must_check_;
