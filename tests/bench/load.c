#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "common/alloc.h"

#define BUFFER_SIZE    (128 * 1024)
#define THREAD_STACK   (256 * 1024)
#define CLIENTS_MAX    64
#define SAMPLES_MAX    200000
#define BACKLOG        4096
#define EVENTS_AT_ONCE 64

/* The first byte of a connection says what it is for. */
#define WANTS_BYTES 'B' /* as many as possible, until the client goes */
#define WANTS_ECHO  'E' /* every byte back */
#define WANTS_END   'C' /* one byte back, and the end */

static void fail(const char *what)
{
	fprintf(stderr, "relay-bench: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void no_delay(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int load_listen(uint16_t *port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("listen");
	*port = ntohs(address.sin_port);
	return fd;
}

/* --- The server ------------------------------------------------------------------------------ */

static void *send_bytes(void *argument)
{
	static const char buffer[BUFFER_SIZE];
	int fd = (int)(intptr_t)argument;

	while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
	close(fd);
	return NULL;
}

static void start_thread(pthread_t *thread, void *(*fn)(void *), void *argument)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	if (pthread_create(thread, &attributes, fn, argument) != 0)
		fail("thread");
	pthread_attr_destroy(&attributes);
}

static void hand_to_thread(int epoll, int fd)
{
	pthread_t thread;

	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	start_thread(&thread, send_bytes, (void *)(intptr_t)fd);
	pthread_detach(thread);
}

static void serve_connection(int epoll, int fd)
{
	char byte;

	if (recv(fd, &byte, 1, 0) != 1)
		close(fd);
	else if (byte == WANTS_BYTES)
		hand_to_thread(epoll, fd);
	else if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || byte == WANTS_END)
		close(fd);
}

static void serve_listener(int epoll, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };

	event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (event.data.fd < 0)
		return;
	no_delay(event.data.fd);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
		fail("epoll_ctl");
}

static void serve(int listener)
{
	struct epoll_event events[EVENTS_AT_ONCE] = { { .events = EPOLLIN, .data.fd = listener } };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events) < 0)
		fail("epoll");
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				serve_listener(epoll, listener);
			else
				serve_connection(epoll, events[i].data.fd);
		}
	}
}

pid_t load_serve(int listener)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve(listener);
	_exit(1);
}

/* --- The clients ----------------------------------------------------------------------------- */

struct client {
	pthread_t thread;
	uint16_t port;
	double until;
	double amount; /* of what is counted */
};

static int connect_to(uint16_t port, char wish)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
	no_delay(fd);
	if (send(fd, &wish, 1, MSG_NOSIGNAL) != 1)
		fail("send");
	return fd;
}

static void *receive_bytes(void *argument)
{
	struct client *c = argument;
	char *buffer = xcalloc(1, BUFFER_SIZE);
	int fd = connect_to(c->port, WANTS_BYTES);

	while (now() < c->until) {
		ssize_t n = recv(fd, buffer, BUFFER_SIZE, 0);

		if (n <= 0)
			fail("receive");
		c->amount += (double)n;
	}
	close(fd);
	free(buffer);
	return NULL;
}

static void *make_connections(void *argument)
{
	struct client *c = argument;

	for (; now() < c->until; c->amount++) {
		int fd = connect_to(c->port, WANTS_END);
		char bytes[2];

		if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != 1)
			fail("receive");
		close(fd);
	}
	return NULL;
}

/* Runs so many clients for some seconds; what they counted per second. */
static double run_clients(uint16_t port, size_t count, double seconds, void *(*fn)(void *))
{
	struct client clients[CLIENTS_MAX] = { { 0 } };
	double begin = now(), sum = 0;

	for (size_t i = 0; i < count; i++) {
		clients[i].port = port;
		clients[i].until = begin + seconds;
		start_thread(&clients[i].thread, fn, &clients[i]);
	}
	for (size_t i = 0; i < count; i++) {
		pthread_join(clients[i].thread, NULL);
		sum += clients[i].amount;
	}
	return sum / (now() - begin);
}

double load_throughput(uint16_t port, size_t streams, double seconds)
{
	return run_clients(port, streams, seconds, receive_bytes);
}

double load_connections(uint16_t port, size_t clients, double seconds)
{
	return run_clients(port, clients, seconds, make_connections);
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

struct load_latency load_round_trips(uint16_t port, double seconds)
{
	float *samples = xcalloc(SAMPLES_MAX, sizeof(*samples));
	double begin = now(), last = begin;
	struct load_latency result;
	int fd = connect_to(port, WANTS_ECHO);
	size_t n = 0;
	char byte;

	if (recv(fd, &byte, 1, 0) != 1)
		fail("receive");
	for (last = now(); n < SAMPLES_MAX && last - begin < seconds; n++) {
		double t;

		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
			fail("round trip");
		t = now();
		samples[n] = (float)((t - last) * 1e6);
		last = t;
	}
	close(fd);
	qsort(samples, n, sizeof(*samples), compare);
	result = (struct load_latency){ .p50_us = samples[n / 2], .p99_us = samples[n * 99 / 100] };
	free(samples);
	return result;
}

int *load_idle_open(uint16_t port, size_t count)
{
	int *fds = xcalloc(count, sizeof(*fds));
	char byte;

	for (size_t i = 0; i < count; i++) {
		fds[i] = connect_to(port, WANTS_ECHO);
		if (recv(fds[i], &byte, 1, 0) != 1)
			fail("receive");
	}
	return fds;
}

void load_idle_close(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
}
