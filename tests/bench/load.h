/* A TCP server and the clients that load it, over loopback. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A blocking listening socket on 127.0.0.1; *port is its port. Exits when there is none. */
int load_listen(uint16_t *port);

/* Forks the server and returns its pid. */
pid_t load_serve(int listener);

/* Bytes per second that `streams` connections receive together for some seconds. */
double load_throughput(uint16_t port, size_t streams, double seconds);

struct load_latency {
	double p50_us;
	double p99_us;
};

/* Times of round trips of one byte on one connection. */
struct load_latency load_round_trips(uint16_t port, double seconds);

/* Connections per second that `clients` make one after the other: connect, a byte each way, end. */
double load_connections(uint16_t port, size_t clients, double seconds);

/* Opens connections that do nothing after their first byte; load_idle_close() ends them. */
int *load_idle_open(uint16_t port, size_t count);
void load_idle_close(int *fds, size_t count);
