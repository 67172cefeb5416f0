/* What a sandbox was refused, for people. */
#pragma once

#include <stdbool.h>

#include "awfctl/table.h"
#include "proto/messages.h"

/* A table for refusals; its rows are struct denial_info. */
struct table denial_table(void);

/* One line: what was refused, how often, why, and what would grant it. The caller owns it. */
char *denial_line(const struct denial_info *d) _must_check_;
