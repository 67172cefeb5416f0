/* "Did you mean": the candidate that is closest to a misspelt word. */
#pragma once

#include <stddef.h>

struct nearest {
	const char *word;
	const char *best;
	size_t distance;
};

/* Offers one more candidate; the nearest one so far is kept, of equal ones the first. */
void nearest_offer(struct nearest *n, const char *candidate);

/* The best candidate, borrowed, or NULL when none is close enough to be meant. */
const char *nearest_get(const struct nearest *n);
