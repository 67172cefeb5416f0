/* TCP over loopback for tests: every call fails the test when it fails, and none waits for ever. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A listening socket on 127.0.0.1 and its port. */
int loopback_listen(uint16_t *port);

/* A listening socket at this IPv4 or IPv6 address and port, 0 for any; -errno when there is no such
 * address. */
int loopback_listen_at(const char *host, uint16_t port);

/* A listening socket on 127.0.0.1, and one at the other address with the same port. */
int loopback_listen_beside(const char *host, int *other);

/* The port of a socket. */
uint16_t loopback_port(int fd);

int loopback_connect(uint16_t port);

/* Connects to a listening socket. */
int loopback_connect_to(int listener);

/* Gives what a connected or accepted socket needs so that nothing waits for ever. */
void loopback_limit(int fd);

int loopback_accept(int listener);
void loopback_send(int fd, const void *data, size_t length);

/* Receives exactly so many bytes. */
void loopback_receive(int fd, void *data, size_t length);

/* Sends a text and receives it at the other end. */
void loopback_pass(int from, int to, const char *text);

/* The peer has ended its stream: nothing more comes. */
void loopback_assert_end(int fd);

/* The peer has broken the connection off. */
void loopback_assert_reset(int fd);

/* Closes the connection with a reset. */
void loopback_reset(int fd);
