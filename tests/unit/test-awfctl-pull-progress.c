/* What awfctl says of images that come: bars, or lines. */
#include "awfctl/pull-progress.h"

#include "common/strv.h"
#include "tests/unit/check.h"

#define A "0123456789ab"
#define B "ba9876543210"

#define UP(n) "\x1b[" #n "A"
#define EOL   "\x1b[K\n"
#define END   "\x1b[J"

#define LAYERS_MAX 4

/* One reply. */
struct news {
	const char *reference;
	struct layer_info layers[LAYERS_MAX];
};

#define LAYER(i, s, c, t)                                                                          \
	{                                                                                          \
		.id = (char *)(i), .status = (char *)(s), .current = (c), .total = (t)             \
	}

static void take(struct pull_progress *p, const struct news *news, struct strbuf *to)
{
	struct layer_info *list[LAYERS_MAX + 1] = { NULL };
	struct predownload_reply reply = { .reference = (char *)news->reference, .layers = list };

	for (size_t i = 0; i < LAYERS_MAX && news->layers[i].id; i++)
		list[i] = (struct layer_info *)&news->layers[i];
	pull_progress_take(p, &reply, to);
}

/* Each reply and what is written then. */
static const struct {
	struct news news;
	const char *bars;
	const char *lines;
} rows[] = {
	{ { NULL, {} }, "", "" },
	{ { "x:1", {} }, "image x:1" EOL END, "bringing image x:1\n" },
	{ { "x:1", { LAYER(A, "Waiting", 0, 0), LAYER(B, "Downloading", 0, 4000000) } },
	  UP(1) "image x:1" EOL "  " A "  Waiting           " EOL "  " B
		"  Downloading       [>                   ]    0.0/4.0 MB" EOL END,
	  A ": Waiting\n" B ": Downloading\n" },
	{ { "x:1", { LAYER(B, "Downloading", 2000000, 4000000) } },
	  UP(3) "image x:1" EOL "  " A "  Waiting           " EOL "  " B
		"  Downloading       [==========>         ]    2.0/4.0 MB" EOL END,
	  "" },
	{ { "x:1", { LAYER(B, "Downloading", 9000000, 4000000), LAYER(A, "\x1b[2J", -1, 5) } },
	  UP(3) "image x:1" EOL "  " A "  \\x1b[2J           " EOL "  " B
		"  Downloading       [====================]    9.0/4.0 MB" EOL END,
	  A ": \\x1b[2J\n" },
	{ { "\x1by", {} }, UP(3) "image \\x1by" EOL END, "bringing image \\x1by\n" },
};

static void test_replies(void **state _unused_)
{
	_cleanup_pull_progress_ struct pull_progress *bars = pull_progress_new(true, 80, 24);
	_cleanup_pull_progress_ struct pull_progress *lines = pull_progress_new(false, 80, 24);
	_cleanup_strbuf_ struct strbuf end = { 0 }, nothing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct strbuf drawn = { 0 }, said = { 0 };
		_cleanup_free_ char *bar = NULL, *line = NULL;

		take(bars, &rows[i].news, &drawn);
		take(lines, &rows[i].news, &said);
		bar = strbuf_take(&drawn);
		line = strbuf_take(&said);
		assert_same_text(bar, rows[i].bars);
		assert_same_text(line, rows[i].lines);
	}
	pull_progress_end(bars, &end);
	assert_same_text(end.data, UP(1) END);
	pull_progress_end(bars, &nothing);
	pull_progress_end(lines, &nothing);
	assert_int_equal(nothing.length, 0);
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* A terminal scrolls when it gets more lines than it has, or wider ones: no bar would stay in its
 * place. */
static void test_small_terminals(void **state _unused_)
{
	_cleanup_pull_progress_ struct pull_progress *p = pull_progress_new(true, 40, 5);
	_cleanup_pull_progress_ struct pull_progress *narrow = pull_progress_new(true, 39, 5);
	_cleanup_pull_progress_ struct pull_progress *low = pull_progress_new(true, 80, 2);
	_cleanup_strbuf_ struct strbuf text = { 0 }, plain = { 0 };
	_cleanup_strv_ char **drawn = NULL;
	const struct news news = { "name.of.a.registry.example.com:5000/with/a/long/name:latest",
				   { LAYER(A, "Downloading", 1, 2), LAYER(B, "Downloading", 1, 2),
				     LAYER("000000000000", "Downloading", 1, 2),
				     LAYER("000000000001", "Downloading", 1, 2) } };

	take(p, &news, &text);
	assert_int_equal(count(text.data, '\n'), 4);
	drawn = strv_split(text.data, "\n");
	for (size_t i = 0; drawn[i] && drawn[i + 1]; i++)
		assert_true(strlen(drawn[i]) <= 39 + strlen("\x1b[K"));
	take(narrow, &news, &plain);
	take(low, &news, &plain);
	assert_null(strchr(plain.data, '\x1b'));
	assert_text_contains(plain.data, A ": Downloading\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_small_terminals),
	};

	return RUN_TESTS("awfctl-progress", tests);
}
