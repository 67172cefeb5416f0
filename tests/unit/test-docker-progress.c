/* The engine's progress, whole, cut anywhere and broken. */
#include "awfd/docker-progress.h"

#include <inttypes.h>

#include "common/strbuf.h"
#include "common/utf8.h"
#include "tests/unit/check.h"

#define A "0123456789ab"
#define B "ba9876543210"

#define LAYER(id, status, detail)                                                                  \
	"{\"status\":\"" status "\",\"progressDetail\":{" detail "},\"id\":\"" id "\"}\r\n"
#define BYTES(current, total) "\"current\":" current ",\"total\":" total

/* What a real engine says, shortened. */
#define PULL                                                                                       \
	"{\"status\":\"Pulling from team/tool\",\"id\":\"latest\"}\r\n" LAYER(                     \
		A, "Pulling fs layer", "") LAYER(B, "Waiting", "")                                 \
		LAYER(A, "Downloading", BYTES("10", "100")) LAYER(A, "Download complete", "")      \
			LAYER(A, "Extracting", BYTES("50", "100")) LAYER(B, "Already exists", "")  \
				LAYER(A, "Pull complete",                                          \
				      "") "{\"status\":\"Digest: sha256:00\"}\r\n"                 \
					  "{\"status\":\"Status: Downloaded\"}\r\n"

/* All that is known, as text. */
static char *told(const struct docker_progress *p)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < docker_progress_count(p); i++) {
		const struct docker_progress_layer *l = docker_progress_layer(p, i);

		strbuf_appendf(&text, "%s %s %" PRIu64 "/%" PRIu64 " %" PRIu64 "%s; ", l->id,
			       l->status, l->current, l->total, l->download,
			       l->changed ? " new" : "");
	}
	return strbuf_take(&text);
}

static int feed_in(struct docker_progress *p, const char *text, size_t portion)
{
	size_t length = strlen(text);
	int r = 0;

	for (size_t at = 0; r == 0 && at < length; at += portion)
		r = docker_progress_feed(p, text + at, MIN(portion, length - at));
	return r < 0 ? r : docker_progress_end(p);
}

static void test_pull(void **state _unused_)
{
	for (size_t portion = 1; portion <= sizeof(PULL); portion++) {
		_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
		_cleanup_free_ char *first = NULL, *settled = NULL;

		assert_int_equal(feed_in(p, PULL, portion), 0);
		first = told(p);
		assert_same_text(first,
				 A " Pull complete 0/0 100 new; " B " Already exists 0/0 0 new; ");
		docker_progress_settle(p);
		settled = told(p);
		assert_same_text(settled, A " Pull complete 0/0 100; " B " Already exists 0/0 0; ");
		assert_int_equal(docker_progress_download(p), 100);
		assert_null(docker_progress_error(p));
	}
}

/* layers: what is known in the end. */
static const struct {
	const char *text;
	const char *layers;
	uint64_t download;
} good[] = {
	{ "", "", 0 },
	{ "\n\r\n \t\n", "", 0 },
	{ "{}\n", "", 0 },
	{ "{\"status\":\"sha256:00\"}", "", 0 }, /* the last line need not end */
	{ "{\"stream\":\"Loaded image: x:latest\\n\"}\n", "", 0 },
	{ "{\"id\":\"" A "\"}\n", "", 0 },
	{ "{\"id\":\"" A "\",\"status\":7}\n", "", 0 },
	{ LAYER("0123456789aB", "Waiting", ""), "", 0 },
	{ LAYER("0123456789abc", "Waiting", ""), "", 0 },
	{ LAYER(A, "Downloading", BYTES("7", "5")), A " Downloading 7/5 7 new; ", 7 },
	{ LAYER(A, "Downloading", BYTES("7", "0")), A " Downloading 7/0 7 new; ", 7 },
	{ LAYER(A, "Downloading", BYTES("-7", "-1")), A " Downloading 0/0 0 new; ", 0 },
	{ LAYER(A, "Downloading", BYTES("\"7\"", "1.5")), A " Downloading 0/0 0 new; ", 0 },
	{ LAYER(A, "Downloading", BYTES("1", "99999999999999999999")),
	  A " Downloading 1/9223372036854775807 9223372036854775807 new; ", INT64_MAX },
	{ "{\"id\":\"" A "\",\"status\":\"x\",\"progressDetail\":null,\"error\":null}\n",
	  A " x 0/0 0 new; ", 0 },
	{ LAYER(A, "Downloading", BYTES("1", "9223372036854775807"))
		  LAYER(B, "Downloading", BYTES("1", "9223372036854775807"))
			  LAYER("000000000000", "Downloading", BYTES("1", "9223372036854775807")),
	  NULL, UINT64_MAX },
};

static void test_good(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
		_cleanup_free_ char *layers = NULL;

		assert_row(good[i].text, feed_in(p, good[i].text, 3) == 0);
		layers = told(p);
		assert_row(good[i].text, !good[i].layers || same_text(layers, good[i].layers));
		assert_row(good[i].text, docker_progress_download(p) == good[i].download);
	}
}

static const struct {
	const char *text;
	int error;
	const char *message;
} bad[] = {
	{ "[]\n", -EBADMSG, "is not JSON" },
	{ "7\n", -EBADMSG, "is not JSON" },
	{ "null\n", -EBADMSG, "is not JSON" },
	{ "{\n", -EBADMSG, "is not JSON" },
	{ "{} {}\n", -EBADMSG, "is not JSON" },
	{ "<html>\n", -EBADMSG, "is not JSON" },
	{ "{\"status\":\"\xff\"}\n", -EBADMSG, "is not JSON" },
	{ "{\"status\":\"\xed\xa0\x80\"}\n", -EBADMSG, "is not JSON" }, /* a surrogate */
	{ "{\"status\":\"\xf5\x80\x80\x80\"}\n", -EBADMSG, "is not JSON" },
	{ "{\"status\":\"breaks o", -EBADMSG, "is not JSON" },
	{ "{\"error\":\"no luck\"}\n", -EREMOTEIO, "no luck" },
	{ "{\"errorDetail\":{\"message\":\"no luck\"}}\n", -EREMOTEIO, "no luck" },
	{ "{\"error\":\"first\"}\n{\"error\":\"second\"}\n", -EREMOTEIO, "first" },
	{ "{\"error\":\"first\"}\nnonsense\n", -EREMOTEIO, "first" },
	{ LAYER(A, "Waiting", "") "{\"error\":\"no luck\",\"id\":\"" A "\"}", -EREMOTEIO,
	  "no luck" },
};

/* Whatever comes behind it, and asked again, it stays the first thing that was wrong. */
static void test_bad(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();

		assert_row(bad[i].text, feed_in(p, bad[i].text, 5) == bad[i].error);
		assert_text_contains(docker_progress_error(p), bad[i].message);
		assert_int_equal(docker_progress_feed(p, "{}\n", 3), bad[i].error);
		assert_int_equal(docker_progress_end(p), bad[i].error);
		assert_text_contains(docker_progress_error(p), bad[i].message);
	}
}

/* One byte less than a limit is taken. */
static void test_limits(void **state _unused_)
{
	for (size_t extra = 0; extra < 2; extra++) {
		_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
		_cleanup_strbuf_ struct strbuf line = { 0 };

		strbuf_puts(&line, "{}");
		while (line.length < DOCKER_PROGRESS_LINE_MAX + extra)
			strbuf_puts(&line, " ");
		assert_int_equal(feed_in(p, line.data, 1000), extra ? -EMSGSIZE : 0);
	}
	for (unsigned extra = 0; extra < 2; extra++) {
		_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
		int r = 0;

		for (unsigned i = 0; i < DOCKER_PROGRESS_LAYERS_MAX + extra; i++) {
			_cleanup_free_ char *line =
				xasprintf("{\"status\":\"Waiting\",\"id\":\"%012x\"}\n", i);

			r = docker_progress_feed(p, line, strlen(line));
		}
		assert_int_equal(r, extra ? -EMSGSIZE : 0);
		assert_int_equal(docker_progress_count(p), DOCKER_PROGRESS_LAYERS_MAX);
	}
}

static void test_long_texts_are_cut(void **state _unused_)
{
	_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
	_cleanup_strbuf_ struct strbuf line = { 0 };
	const char *status, *error;

	strbuf_puts(&line, "{\"id\":\"" A "\",\"status\":\"");
	for (unsigned i = 0; i < 3000; i++)
		strbuf_puts(&line, "ü");
	strbuf_puts(&line, "\"}\n{\"error\":\"");
	for (unsigned i = 0; i < 3000; i++)
		strbuf_puts(&line, "€");
	strbuf_puts(&line, "\"}\n");
	assert_int_equal(feed_in(p, line.data, 700), -EREMOTEIO);
	status = docker_progress_layer(p, 0)->status;
	error = docker_progress_error(p);
	assert_true(strlen(status) <= DOCKER_PROGRESS_STATUS_MAX && utf8_is_valid(status));
	assert_true(strlen(error) > 1000 && strlen(error) < 4096 && utf8_is_valid(error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pull),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_texts_are_cut),
	};

	return RUN_TESTS("docker-progress", tests);
}
