/* Processes that outlive the awfd that knew them: named by pid and start time, so that another one
 * with the same number is not taken for them (proc(5), pidfd_open(2)). */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct process_id {
	pid_t pid;        /* 0: none */
	uint64_t started; /* clock ticks after boot */
};

/* Who the process behind the pidfd is. 0 or -errno; -ESRCH when it has ended. */
int process_identify(int pidfd, pid_t pid, struct process_id *ret) _must_check_;

/* A pidfd of that very process, which the caller owns; -ESRCH when it has ended. */
int process_open(const struct process_id *id) _must_check_;

/* Whether the process behind the pidfd has ended, reaped or not. */
bool process_has_ended(int pidfd);

/* Waits for the end of the child behind the pidfd, and reaps it: how it ended (waitid(2)). */
siginfo_t process_reap(int pidfd);

/* The kernel's name for this run of the machine, which start times count in, or NULL. The caller
 * owns it. */
char *process_boot_id(void) _must_check_;
