#include "awfctl/word-list.h"

#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"

#define WHITE_SPACE " \t"

int word_list_add(struct word_list *l, const char *word)
{
	size_t cost = strlen(word) + sizeof(char *);

	if (cost > WORD_LIST_MAX - l->bytes)
		return -EMSGSIZE;
	l->bytes += cost;
	strv_append(&l->words, word);
	return 0;
}

static int add_trimmed(struct word_list *l, const char *text, size_t length)
{
	size_t begin = strspn(text, WHITE_SPACE);
	_cleanup_free_ char *word = NULL;

	while (length > begin && strchr(WHITE_SPACE, text[length - 1]))
		length--;
	if (begin >= length)
		return -EINVAL;
	word = xstrndup(text + begin, length - begin);
	return word_list_add(l, word);
}

int word_list_split(struct word_list *l, const char *text)
{
	for (;;) {
		size_t length = strcspn(text, ",");
		int r = add_trimmed(l, text, length);

		if (r < 0 || text[length] == '\0')
			return r;
		text += length + 1;
	}
}

void word_list_clear(struct word_list *l)
{
	strv_free(l->words);
	*l = (struct word_list){ 0 };
}
