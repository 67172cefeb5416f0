/* Entering network namespaces of containers, by pidfd (setns(2)) and never by a path: what awfd's
 * broker does for it (awfd/broker.h). The broker is single-threaded; a function that enters a
 * namespace is back when it returns, and aborts the process if it cannot get back. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

/* Opens the namespace that the process is in, to come back to, now and not at the first use: a
 * process that cannot come back must not leave. A child that closed what it inherited does it
 * again.
 */
int netns_enter_remember_home(struct err *e) _must_check_;

/* Calls fn inside the network namespace of the process; returns what fn returned, or -errno (ESRCH
 * when the process has ended). */
int netns_enter(int pidfd, int (*fn)(void *userdata, struct err *e), void *userdata,
		struct err *e) _must_check_;

/* What awfd/netns.h has, done in this process. */
int netns_enter_open(int pidfd, struct err *e) _must_check_;
int netns_enter_socket(int pidfd, int domain, int type, int protocol, struct err *e) _must_check_;
int netns_enter_stop_forwarding(int pidfd, struct err *e) _must_check_;
