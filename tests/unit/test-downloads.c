/* What goes back of a directory of downloads, and how it waits. */
#include "tests/unit/check.h"

#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "containers/cli-proxy/downloads.h"

struct sink {
	struct event_base *base;
	struct downloads *downloads;
	struct strbuf text;
	size_t pieces;
	size_t hold_at; /* it stops after so many pieces; 0: never */
	bool done;
	bool failed;
};

static void on_piece(const void *data, size_t length, void *userdata)
{
	struct sink *s = userdata;

	strbuf_append(&s->text, data, length);
	if (++s->pieces == s->hold_at)
		downloads_hold(s->downloads, true);
}

static void on_done(const struct err *e, void *userdata)
{
	struct sink *s = userdata;

	s->done = true;
	s->failed = e;
	event_base_loopbreak(s->base);
}

static const struct downloads_events events = { on_piece, on_done };

static void start(struct sink *s, const char *path)
{
	s->base = event_base_new();
	assert_int_equal(downloads_start(s->base, path, &events, s, &s->downloads, NULL), 0);
}

static void end(struct sink *s)
{
	downloads_free(s->downloads);
	event_base_free(s->base);
	strbuf_clear(&s->text);
}

static void put(const char *directory, const char *name, mode_t mode, const char *content)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);

	assert_int_equal(file_write_atomic(path, mode, content, strlen(content), NULL), 0);
}

/* Links and FIFOs are left out; neither is followed or waited for. */
static void test_tree(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *link = xasprintf("%s/link", d), *fifo = xasprintf("%s/fifo", d);
	_cleanup_free_ char *inner = xasprintf("%s/in\"ner", d);
	struct sink s = { 0 };

	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(inner, 0700), 0);
	put(inner, "run", 0700, "abc");
	start(&s, d);
	event_base_dispatch(s.base);
	assert_true(s.done && !s.failed);
	assert_same_text(s.text.data,
			 "{\"path\":\"in\\\"ner\",\"directory\":true}\n"
			 "{\"path\":\"in\\\"ner\\/run\",\"size\":3,\"executable\":true}\nabc");
	end(&s);
}

static void test_nothing(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *none = xasprintf("%s/none", d);
	struct sink s = { 0 };

	start(&s, none);
	event_base_dispatch(s.base);
	assert_true(s.done && !s.failed);
	assert_int_equal(s.text.length, 0);
	end(&s);
}

/* Held, it sends nothing; then all, in pieces. */
static void test_hold(void **state _unused_)
{
	_cleanup_scratch_ char *d = scratch_new();
	_cleanup_free_ char *content = xcalloc(200001, 1);
	struct sink s = { .hold_at = 2 };

	memset(content, 'x', 200000);
	put(d, "a", 0600, content);
	start(&s, d);
	event_base_dispatch(s.base); /* until nothing is left to do */
	assert_false(s.done);
	assert_int_equal(s.pieces, 2);
	downloads_hold(s.downloads, false);
	event_base_dispatch(s.base);
	assert_true(s.done && !s.failed);
	assert_int_equal(s.pieces, 5);
	assert_int_equal(s.text.length,
			 strlen("{\"path\":\"a\",\"size\":200000,\"executable\":false}\n") +
				 200000);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_hold),
	};

	return RUN_TESTS("downloads", tests);
}
