/* Files that name a process of the bed, as "PID START\n". */
#pragma once

#include "awfd/process.h"

int process_load(const char *path, struct process_id *ret) _must_check_;
int process_save(const char *path, const struct process_id *p) _must_check_;
