#include "awfctl/detach-keys.h"

#include <ctype.h>
#include <string.h>

#include "awfctl/options.h"
#include "awfctl/word-list.h"

#define CONTROL      "ctrl-"
#define CONTROL_MASK 0x1f
#define OTHERS       "@[\\]^_" /* that make control characters, too */

/* The byte that a key sends; -EINVAL for what is no key. */
static int parse_key(const char *word, char *ret)
{
	const char *last =
		strncasecmp(word, CONTROL, strlen(CONTROL)) == 0 ? word + strlen(CONTROL) : NULL;

	if (word[0] && !word[1]) {
		*ret = word[0];
		return 0;
	}
	if (!last || !last[0] || last[1])
		return -EINVAL;
	if (!isalpha((unsigned char)*last) && !strchr(OTHERS, *last))
		return -EINVAL;
	*ret = (char)(*last & CONTROL_MASK);
	return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct err *e)
{
	_cleanup_words_ struct word_list list = { 0 };
	struct detach_keys keys = { 0 };
	int r = *text ? word_list_split(&list, text) : 0;

	for (char **word = list.words; r == 0 && word && *word; word++)
		r = keys.count < DETACH_KEYS_MAX ? parse_key(*word, &keys.keys[keys.count++])
						 : -EINVAL;
	if (r < 0)
		return usage_error(
			e,
			"--detach-keys '%s': give up to %d keys, as in " DETACH_KEYS_DEFAULT
			", or '' for none",
			text, DETACH_KEYS_MAX);
	*ret = keys;
	return 0;
}

/* How many keys from the first one on are pressed with this byte: as many as its end has. */
static size_t pressed_with(const struct detach_keys *k, char c)
{
	for (size_t n = k->pressed;; n--) {
		if (k->keys[n] == c && memcmp(k->keys, k->keys + k->pressed - n, n) == 0)
			return n + 1;
		if (n == 0)
			return 0;
	}
}

static void feed_byte(struct detach_keys *k, char c, struct strbuf *to)
{
	size_t pressed = pressed_with(k, c);

	/* Those that are not part of it any more, which are the first ones, and this byte. */
	strbuf_append(to, k->keys, k->pressed + 1 - MAX(pressed, (size_t)1));
	if (pressed == 0)
		strbuf_append(to, &c, 1);
	k->pressed = pressed;
}

bool detach_keys_feed(struct detach_keys *k, const char *data, size_t length, struct strbuf *to)
{
	for (; length > 0; data++, length--) {
		if (k->count == 0) {
			strbuf_append(to, data, length);
			return false;
		}
		feed_byte(k, *data, to);
		if (k->pressed == k->count)
			return true;
	}
	return false;
}
