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

typedef size_t rows[WORD_MAX + 1][WORD_MAX + 1];

/* The distance between the first i and j characters, from those between fewer. */
static size_t cell(rows r, const char *a, const char *b, size_t i, size_t j)
{
	size_t best;

	if (i == 0 || j == 0)
		return i + j;
	best = r[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
	best = MIN(best, r[i - 1][j] + 1);
	best = MIN(best, r[i][j - 1] + 1);
	return transposed(a, b, i, j) ? MIN(best, r[i - 2][j - 2] + 1) : best;
}

/* The number of insertions, deletions, replacements and swaps of neighbours between two words
 * (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	rows r;

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++)
			r[i][j] = cell(r, a, b, i, j);
	return r[n][m];
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
