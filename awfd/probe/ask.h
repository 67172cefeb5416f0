/* One question to one candidate: does https://localhost:PORT/api/v3/, wherever that really is,
 * answer as a healthy DIFC proxy; and is it ready for use: does it reach GitHub, and has it a
 * policy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awfd/probe/diagnosis.h"
#include "common/cleanup.h"

struct question {
	const char *host; /* a name or an address */
	uint16_t port;
	const void *ca; /* PEM */
	size_t ca_length;
	bool live; /* whether it has to be ready for use */
	uint64_t timeout_ms;
};

struct answer {
	bool good;
	char *address;            /* good: which address answered */
	int64_t expires;          /* when its certificate does, in seconds since the epoch */
	enum diagnosis diagnosis; /* not good: why, and in words */
	char *message;
};

void ask(const struct question *q, struct answer *ret);

void answer_clear(struct answer *a);
