/* The line that goes before each downloaded file: {"path", "size", "executable"} or {"path",
 * "directory": true}. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

#define DOWNLOAD_ENTRY_LIMIT (32 * 1024)

struct download_entry {
	char *path; /* relative, and stays below where it begins */
	bool is_directory;
	bool is_executable;
	uint64_t size;
};

/* Reads a line, without its end. */
int download_entry_parse(const char *line, size_t length, struct download_entry *ret,
			 struct err *e) _must_check_;
void download_entry_clear(struct download_entry *entry);
