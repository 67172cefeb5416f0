/* What of the host itself sandboxes depend on: the kernel's settings for forwarding, and room on
 * the disks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/findings.h"

#define DIAGNOSIS_FORWARDING "forwarding"
#define DIAGNOSIS_DISK       "disk"

/* Without forwarding nothing gets from the egress network's bridge to anywhere. */
void diagnosis_host_forwarding(struct findings *f, bool ipv6);

/* What a directory is for, and how much room it needs. */
struct disk_need {
	const char *what;
	uint64_t few;  /* bytes: sandboxes do not work for long */
	uint64_t none; /* bytes: they do not work */
};

extern const struct disk_need disk_need_state, disk_need_runtime, disk_need_logs, disk_need_engine;

/* The room that a directory has left. */
void diagnosis_host_disk(struct findings *f, const char *directory, const struct disk_need *need);

/* How much is left of what; inodes of 0 in all is a filesystem that does not count them. Pure. */
struct disk_room {
	uint64_t bytes;
	uint64_t inodes;
	uint64_t inodes_of;
};

void diagnosis_host_room(struct findings *f, const char *directory, const struct disk_need *need,
			 const struct disk_room *room);
