/* The helper that squid asks whether a tunnel's TLS names its host, as squid talks to it. */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/strbuf.h"
#include "tests/unit/check.h"
#include "tests/unit/program.h"

#define HELLO "tests/fuzz/corpus/client-hello/curl"
#define HOST  "granted.example"

/* More than the helper takes in one line. */
#define LONG 100000

/* Runs the helper on a file of these lines and returns what it wrote. */
static char *ask(const char *lines)
{
	_cleanup_scratch_ char *scratch = scratch_new();
	_cleanup_free_ char *program = program_path("awf-sni-match");
	_cleanup_free_ char *path = xasprintf("%s/lines", scratch);
	_cleanup_free_ char *command = xasprintf("'%s' <'%s'", program, path);
	_cleanup_strbuf_ struct strbuf answers = { 0 };
	char part[256];
	FILE *f;

	assert_int_equal(file_write_atomic(path, 0600, lines, strlen(lines), NULL), 0);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(part, sizeof(part), f))
		strbuf_puts(&answers, part);
	assert_int_equal(pclose(f), 0);
	return strbuf_take(&answers);
}

/* The hello of a client that wants HOST, as squid writes it, with so many bytes of something else
 * behind. The caller owns it. */
static char *handshake(size_t behind)
{
	_cleanup_free_ char *hello = NULL;
	_cleanup_free_ uint8_t *bytes = NULL;
	uint8_t *text;
	size_t length;

	assert_true(file_read(HELLO, LONG, &hello, &length, NULL) >= 0);
	bytes = xcalloc(length + behind, 1);
	memcpy(bytes, hello, length);
	text = xcalloc((length + behind) / 3 * 4 + 5, 1);
	EVP_EncodeBlock(text, bytes, (int)(length + behind));
	return (char *)text;
}

static void test_answers(void **state _unused_)
{
	_cleanup_free_ char *hello = handshake(0);
	_cleanup_free_ char *lines = xasprintf("0 " HOST " %1$s -\n"
					       "1 Granted.Example %1$s -\n"
					       "2 b.example %1$s -\n"
					       "3 " HOST " - -\n"
					       "4 - %1$s -\n"
					       "5 x." HOST " %1$s -\n"
					       "6 " HOST ". %1$s -\n"
					       "7 " HOST " %1$s\n"
					       "8 " HOST " %1$s - -\n"
					       "9 " HOST " %1$s x\n"
					       "10\n"
					       "\n"
					       "11 " HOST " =%1$s -\n"
					       "12 " HOST " %1$s* -\n"
					       "13 " HOST " AAAA%1$s -\n"
					       "14 " HOST " " HOST " -\n"
					       "15 " HOST " %1$s -\n",
					       hello);
	_cleanup_free_ char *answers = ask(lines);

	assert_string_equal(answers, "0 OK\n1 OK\n2 ERR\n3 ERR\n4 ERR\n5 ERR\n6 ERR\n7 ERR\n8 ERR\n"
				     "9 ERR\n10 ERR\n11 ERR\n12 ERR\n13 ERR\n14 ERR\n15 OK\n");
}

/* A client that knows its server sends data at once, and squid reads it with the hello. */
static void test_early_data(void **state _unused_)
{
	_cleanup_free_ char *some = handshake(20000), *most = handshake(65000);
	_cleanup_free_ char *too_much = handshake(66000);
	_cleanup_free_ char *lines = xasprintf("0 " HOST " %s -\n1 " HOST " %s -\n"
					       "2 " HOST " %s -\n",
					       some, most, too_much);
	_cleanup_free_ char *answers = ask(lines);

	assert_string_equal(answers, "0 OK\n1 OK\n2 ERR\n");
}

/* A line that is too long is refused as a whole, and the next one is a line of its own. */
static void test_long_line(void **state _unused_)
{
	_cleanup_free_ char *hello = handshake(0), *host = xcalloc(LONG + 1, 1);
	_cleanup_free_ char *lines = NULL, *answers = NULL;

	memset(host, 'h', LONG);
	lines = xasprintf("0 " HOST " %1$s - %2$s\n1 %2$s %1$s -\n2 " HOST " %1$s -\n", hello,
			  host);
	answers = ask(lines);
	assert_string_equal(answers, "0 ERR\n1 ERR\n2 OK\n");
}

/* What has no end is not answered. */
static void test_cut_line(void **state _unused_)
{
	_cleanup_free_ char *hello = handshake(0);
	_cleanup_free_ char *lines = xasprintf("0 " HOST " %s -", hello);
	_cleanup_free_ char *answers = ask(lines);

	assert_string_equal(answers, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_early_data),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_cut_line),
	};

	return RUN_TESTS("sni-match", tests);
}
