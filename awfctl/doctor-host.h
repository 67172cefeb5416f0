/* What any user can see of a host: its clock, and what its kernel can do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/findings.h"

#define DOCTOR_CLOCK  "clock"
#define DOCTOR_KERNEL "kernel"

struct clock_facts {
	int64_t now;   /* seconds since the epoch */
	int64_t built; /* when this program was: no earlier time is right */
	int error;     /* the kernel does not tell whether it is kept: negative errno */
	bool kept;     /* somebody keeps it right */
};

/* A negative errno of each that the kernel lacks, or does not tell of; else 0. */
struct kernel_facts {
	const char *lacking; /* the first system call that is not there, or NULL */
	int landlock;        /* whether confinement of files can be had */
};

void doctor_host_look(struct clock_facts *clock, struct kernel_facts *kernel);

/* What it means. Pure. */
void doctor_host_judge_clock(struct findings *f, const struct clock_facts *clock);
void doctor_host_judge_kernel(struct findings *f, const struct kernel_facts *kernel);
