/* Network namespaces of containers, entered by pidfd (setns(2)) and never by a path. awfd is
 * single-threaded; a function that enters a namespace is back in the host's when it returns, and
 * aborts the process if it cannot get back. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

/* Opens the host's own namespace, to come back to, now and not at the first use: a process that
 * cannot come back must not leave. */
int netns_remember_home(struct err *e) _must_check_;

/* Calls fn inside the network namespace of the process; returns what fn returned, or -errno (ESRCH
 * when the process has ended). */
int netns_call(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata,
	       struct err *e) _must_check_;

/* A descriptor (close-on-exec) of the process's network namespace itself; the caller owns it. It
 * keeps the namespace, not the process, alive. */
int netns_open(int pidfd, struct err *e) _must_check_;

/* A socket (close-on-exec, non-blocking) that belongs to that namespace; the caller owns it. */
int netns_socket(int pidfd, int domain, int type, int protocol, struct err *e) _must_check_;

/* A TCP listening socket on the address inside that namespace. -EADDRINUSE when the port is taken,
 * -EADDRNOTAVAIL or -EAFNOSUPPORT when the namespace has no such address (no IPv6). */
int netns_listen(int pidfd, const struct sockaddr *address, socklen_t length,
		 struct err *e) _must_check_;

/* Whether the pidfd's process is in the same network namespace as the caller's thread (a container
 * that was given the host's network by mistake): 1, 0 or -errno. */
int netns_is_own(int pidfd) _must_check_;
