/* The seccomp profile of a sandbox's containers, in the engine's format. Pure. */
#pragma once

#include "common/cleanup.h"

/* The profile as JSON text: an allow list; sockets of the families AF_UNIX, AF_INET, AF_INET6 and
 * AF_NETLINK only. AF_VSOCK in particular is no part of a network namespace, so neither topology
 * nor packet filter holds it, and io_uring makes sockets without socket(2). The caller owns it. */
char *docker_seccomp_profile(void) _must_check_;
