#include "awfctl/nearest.h"

#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

/* Longer words are never suggested. */
#define WORD_MAX 48
/* How much of a candidate's beginning makes a word an abbreviation of it. */
#define PREFIX_MIN 3

static bool transposed(const char *a, const char *b, size_t i, size_t j)
{
	return i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
}

/* The number of insertions, deletions, replacements and swaps of neighbours between two words
 * (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			size_t best;

			if (i == 0 || j == 0) {
				rows[i][j] = i + j;
				continue;
			}
			best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = MIN(best, MIN(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (transposed(a, b, i, j))
				best = MIN(best, rows[i - 2][j - 2] + 1);
			rows[i][j] = best;
		}
	}
	return rows[n][m];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t length = strlen(n->word);
	size_t distance = edit_distance(n->word, candidate);

	if (length >= PREFIX_MIN && strncmp(n->word, candidate, length) == 0)
		distance = MIN(distance, (size_t)1);
	if (n->best && distance >= n->distance)
		return;
	n->best = candidate;
	n->distance = distance;
}

const char *nearest_get(const struct nearest *n)
{
	size_t limit = MAX(strlen(n->word) / 3, (size_t)1);

	return n->best && n->distance <= limit ? n->best : NULL;
}
