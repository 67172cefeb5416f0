/* An entry that is accepted stays below the directory it is put in. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "containers/agent/download-entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(download_entry_clear) struct download_entry entry = { 0 };
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *copy = NULL;

	if (size > DOWNLOAD_ENTRY_LIMIT)
		return 0;
	if (download_entry_parse((const char *)data, size, &entry, &e) < 0) {
		if (!e.message || entry.path)
			abort();
		return 0;
	}
	if (entry.path[0] == '/' || entry.path[0] == '\0' || strstr(entry.path, "//"))
		abort();
	copy = strdup(entry.path);
	for (char *rest = copy, *part; (part = strsep(&rest, "/"));)
		if (strcmp(part, "..") == 0 || strcmp(part, ".") == 0)
			abort();
	return 0;
}
