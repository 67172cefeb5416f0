/* An engine that does what a real one can't be made to do: HTTP on a Unix socket, in the same
 * process and loop as the client under test, answering from a script. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/cleanup.h"

enum fake_then {
	FAKE_KEEP,  /* the connection stays open */
	FAKE_CLOSE, /* it is closed once everything was sent */
};

/* One line of a script: what is answered to requests that begin so. */
struct fake_line {
	const char *request; /* "GET /version ", or "" for any; NULL ends the script */
	const char *answer;  /* raw, but for the * of "Content-Length: *"; NULL for none */
	size_t filler;       /* so many bytes 'x' behind it */
	int byte_ms;         /* not 0: one byte at a time, with this pause before each */
	enum fake_then then;
};

struct fake_engine;

/* Listens in a new directory, with the given queue length. Without a line for it, GET /version is
 * answered with 1.41 and everything else with 500. */
struct fake_engine *fake_engine_new(struct event_base *base, int backlog) _must_check_;
void fake_engine_free(struct fake_engine *f);

const char *fake_engine_path(const struct fake_engine *f);

/* The script is borrowed. */
void fake_engine_script(struct fake_engine *f, const struct fake_line *script);

/* Stops accepting and goes on. */
void fake_engine_accept(struct fake_engine *f, bool accept);

/* Closes the listening socket: connections are refused. */
void fake_engine_stop(struct fake_engine *f);

/* How many requests began so. */
unsigned fake_engine_count(const struct fake_engine *f, const char *request);

/* The last request, with its body; "" before the first. */
const char *fake_engine_last(const struct fake_engine *f);

/* What came on connections after their request (an attach stream). */
const char *fake_engine_stream(const struct fake_engine *f);

/* Runs the loop until *count is at least wanted; false when that is not so within 10 s. */
bool fake_engine_run(struct fake_engine *f, const unsigned *count, unsigned wanted);

/* Runs the loop until so many connections are open; false when that is not so within 10 s. */
bool fake_engine_run_connections(struct fake_engine *f, unsigned wanted);

/* Runs the loop for so long. */
void fake_engine_run_for(struct fake_engine *f, int ms);
