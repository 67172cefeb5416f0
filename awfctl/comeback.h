/* When a client whose awfd went away connects again, and until when. Times are by clock_ms(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awfctl/client.h"

/* How long, and how often, it tries to connect to an awfd that is being restarted. A connection
 * that ends sooner than the last of these was none: what listens there takes nobody. */
#define COMEBACK_MS        60000
#define COMEBACK_RETRY_MS  100
#define COMEBACK_STEADY_MS 250

struct comeback {
	uint64_t until;  /* 0: no connection was lost yet */
	uint64_t next;   /* when the next attempt is due */
	uint64_t opened; /* when the connection that stands was made */
};

/* Whether what ended a call on c can be mended by connecting again: the connection was lost, or
 * so many clients came back at once that there was no room yet. */
bool comeback_helps(const struct comeback *b, const struct client *c, const struct err *e);

/* A connection was lost, or an attempt failed: whether there is time for another attempt. */
bool comeback_lost(struct comeback *b, uint64_t now);
bool comeback_failed(struct comeback *b, uint64_t now);

bool comeback_is_due(const struct comeback *b, uint64_t now);

/* Tries once to connect. */
int comeback_try(struct comeback *b, const char *path, struct client **ret,
		 struct err *e) _must_check_;

/* Waits for awfd to be back, and connects. The error is that of the last attempt. */
int comeback_wait(struct comeback *b, const char *path, struct client **ret,
		  struct err *e) _must_check_;

/* Connects, makes one call and waits for its one reply; once more whenever the connection is lost
 * before that, as when awfd is restarted: for calls that change nothing. */
int comeback_ask(const char *path, const char *method, const struct field_table *table,
		 const void *in, struct reply *ret, struct err *e) _must_check_;
