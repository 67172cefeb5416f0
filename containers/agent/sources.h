/* What awf-gh sends for gh to read: the files that the arguments name, opened with the agent's
 * rights, and then stdin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

struct sources;

/* Opens the files. What has no size of its own, a FIFO for example, is read to its end first. */
int sources_open(const struct gh_arguments *a, struct sources **ret, struct err *e) _must_check_;
void sources_free(struct sources *s);
DEFINE_CLEANUP(struct sources, sources_free)

/* The sizes of the files, borrowed. */
const uint64_t *sources_sizes(const struct sources *s, size_t *count);

/* What to wait for, to be readable; -1 when all has been read. */
int sources_fd(const struct sources *s);

/* The next bytes. 0 at the end of stdin, -EAGAIN when there are none now; else -errno with e set.
 */
ssize_t sources_read(struct sources *s, void *buffer, size_t size, struct err *e);
