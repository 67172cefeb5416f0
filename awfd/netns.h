/* Network namespaces of containers, by a pidfd of their process and never by a path. awfd is in the
 * host's all the time: its broker enters them (awfd/broker.h), and hands descriptors back. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

/* A descriptor (close-on-exec) of the process's network namespace itself; the caller owns it. It
 * keeps the namespace, not the process, alive. -ESRCH when the process has ended, of all of these.
 */
int netns_open(int pidfd, struct err *e) _must_check_;

/* A socket (close-on-exec, non-blocking) that belongs to that namespace; the caller owns it. It is
 * one for TCP, or for rtnetlink or nfnetlink. */
int netns_socket(int pidfd, int domain, int type, int protocol, struct err *e) _must_check_;

/* A TCP listening socket on the address inside that namespace. -EADDRINUSE when the port is taken,
 * -EADDRNOTAVAIL or -EAFNOSUPPORT when the namespace has no such address (no IPv6). */
int netns_listen(int pidfd, const struct sockaddr *address, socklen_t length,
		 struct err *e) _must_check_;

/* Switches forwarding of IPv4 and IPv6 off, also for interfaces that are still to come. */
int netns_stop_forwarding(int pidfd, struct err *e) _must_check_;

/* Whether the pidfd's process is in the same network namespace as the caller's thread (a container
 * that was given the host's network by mistake): 1, 0 or -errno. */
int netns_is_own(int pidfd) _must_check_;
