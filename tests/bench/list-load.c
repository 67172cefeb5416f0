/* How long awfd takes to answer List: list-load COUNT [PAUSE_MS]. Asks COUNT times over one
 * connection, one after the other with a pause between, and prints the microseconds of each; with
 * COUNT 0 until SIGTERM. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "awfctl/client.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/parse.h"
#include "proto/messages.h"

#define SOCKET "/run/awfd/awfd.sock"

static volatile sig_atomic_t ended;

static void on_term(int number _unused_)
{
	ended = 1;
}

static int fail(const struct err *e)
{
	fprintf(stderr, "list-load: %s\n", e->message);
	return EXIT_FAILURE;
}

/* One question; the whole answer is there, and was read. */
static int ask(struct client *c, uint64_t *us, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const struct empty_message nothing = { 0 };
	uint64_t begin = clock_us();
	int r = client_call(c, AWF_INTERFACE ".List", &empty_table, &nothing, false, e);

	if (r == 0)
		r = client_wait(c, &reply, e);
	*us = clock_us() - begin;
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_err_ struct err e = { 0 };
	uint64_t count = 0, gap = 0, us;

	if (argc < 2 || argc > 3 || parse_uint(argv[1], 0, UINT32_MAX, &count) < 0 ||
	    (argc == 3 && parse_uint(argv[2], 0, INT32_MAX, &gap) < 0)) {
		fputs("usage: list-load COUNT [PAUSE_MS]\n", stderr);
		return 2;
	}
	signal(SIGTERM, on_term);
	if (client_open(SOCKET, &c, &e) < 0)
		return fail(&e);
	for (uint64_t i = 0; !ended && (count == 0 || i < count); i++) {
		if (ask(c, &us, &e) < 0)
			return fail(&e);
		printf("%" PRIu64 "\n", us);
		poll(NULL, 0, (int)gap);
	}
	return 0;
}
