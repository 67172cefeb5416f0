/* A process named by its pid and its start time, so that a reused pid is never taken for it. */
#pragma once

#include <sys/types.h>

#include "common/cleanup.h"

struct process {
	pid_t pid;
	unsigned long long start; /* clock ticks since boot, field 22 of /proc/PID/stat */
};

/* The start time of a living pid. */
int process_identify(pid_t pid, struct process *ret) _must_check_;

/* A descriptor for p; -ESRCH when it is gone, also when its pid is somebody else's by now. */
int process_open(const struct process *p) _must_check_;

/* Reads and writes "PID START\n". */
int process_load(const char *path, struct process *ret) _must_check_;
int process_save(const char *path, const struct process *p) _must_check_;
