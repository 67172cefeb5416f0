/* Finds what has a path with '*' in it. */
#pragma once

#include "common/cleanup.h"

/* Called with a descriptor (O_PATH, lent) of each; 0, or -errno to end it. */
typedef int (*walk_fn)(int fd, void *userdata);

/* Links are followed, with the rights of whoever runs this, but for those of /proc. What is not
 * there, or not in reach, is passed over. 0, or -errno of what could not be looked at, or fn's. */
int walk(int directory, const char *pattern, walk_fn fn, void *userdata) _must_check_;
