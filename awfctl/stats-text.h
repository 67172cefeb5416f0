/* Statistics of sandboxes as a table. */
#pragma once

#include <stdint.h>

#include "awfctl/table.h"
#include "proto/messages.h"

/* A row: a sandbox now, and what share of the time it used processors for, in percent, since it was
 * looked at before; below 0: that is not known. */
struct stats_row {
	const struct stats_info *now;
	double cpu;
};

struct table stats_table(void);

/* The share, of two samples that are so far apart. */
double stats_cpu(const struct stats_info *before, const struct stats_info *now, uint64_t apart_us);
