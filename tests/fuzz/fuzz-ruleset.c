/* What is accepted are domains that are not empty, within the limit; what is refused says where. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfctl/ruleset.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_accepted(const struct word_list *l)
{
	size_t bytes = 0;

	for (size_t i = 0; l->words && l->words[i]; i++) {
		require(l->words[i][0] != '\0' && strcmp(l->words[i], "=") != 0);
		require(strncmp(l->words[i], "==", 2) != 0);
		bytes += strlen(l->words[i]) + sizeof(char *);
	}
	require(bytes == l->bytes && bytes <= WORD_LIST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xcalloc(size + 1, 1);
	_cleanup_words_ struct word_list list = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (size > 0)
		memcpy(text, data, size);
	if (ruleset_parse("f", text, size, &list, &e) == 0)
		check_accepted(&list);
	else
		require(e.message && strncmp(e.message, "f:", 2) == 0 && e.message[2] > '0' &&
			e.message[2] <= '9');
	return 0;
}
