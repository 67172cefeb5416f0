/* For tests that need root: network namespaces of their own, and traffic between them. The
 * machine's own namespace is never touched: the test itself moves to a new one first. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/cleanup.h"

#define OWN (-EBADF) /* instead of a pidfd: the test's own namespace */

/* Long enough for an answer on one machine, short enough for many refusals. */
#define PATIENCE_MS 250

/* Moves the test into a network namespace of its own with loopback up, and returns true. Else says
 * why it can't, as TAP. */
bool namespaces_begin(void);

/* A process in a network namespace of its own, with loopback down; it ends with the test. */
struct place {
	pid_t pid;
	int pidfd;
};

struct place place_new(void);
void place_end(struct place *p);

/* Runs a shell command in the namespace; its exit code. */
int shell(int pidfd, const char *fmt, ...) _printf_(2, 3);

/* Runs fn in a child process and returns its exit code, or minus the signal that ended it. */
int in_child(int (*fn)(void *userdata), void *userdata);

/* Literal addresses; the second is IPv4 or IPv6. */
struct in_addr ipv4(const char *host);
struct sockaddr_storage address_of(const char *host, uint16_t port);
socklen_t address_length(const struct sockaddr_storage *a);

/* A TCP server socket, or a bound UDP socket, in the namespace. */
int tcp_listen(int pidfd, const char *host, uint16_t port);
int udp_bind(int pidfd, const char *host, uint16_t port);

/* Connects, if `from` is not NULL from that address and port: the socket, or -errno, -ETIMEDOUT
 * when nothing came back. */
int tcp_connect(int pidfd, const struct sockaddr_storage *from, const char *host, uint16_t port);

/* Whether a connection comes about; tcp_reaches() from any own address. */
bool tcp_reaches_from(int pidfd, const struct sockaddr_storage *from, const char *host,
		      uint16_t port);
bool tcp_reaches(int pidfd, const char *host, uint16_t port);

/* Whether one does in the end: tried again and again, as the first packets over a link that was
 * just made, or to an address, may be lost. */
bool tcp_reaches_in_time(int pidfd, const char *host, uint16_t port);

/* Whether a datagram arrives at the bound socket `to`. */
bool udp_reaches(int pidfd, const char *host, uint16_t port, int to);

/* Whether an ICMP echo is answered. */
bool icmp_reaches(int pidfd, const char *host);

/* How many descriptors the test has. */
int open_descriptors(void);
