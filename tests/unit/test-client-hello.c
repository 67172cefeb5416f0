/* What a TLS client says first: hellos of real clients, and the ways in which one can name more, or
 * less, than one host. */
#include "containers/squid/client-hello.h"

#include "common/strbuf.h"
#include "tests/unit/check.h"

#define CORPUS "tests/fuzz/corpus/client-hello/"
#define HOST   "granted.example"

/* Bytes of a string literal, which may have NULs in it. */
struct bytes {
	const char *data;
	size_t length;
};
#define BYTES(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/* What is between the random and the extensions: no session id, one cipher suite, no compression.
 */
#define USUAL_VECTORS "\0\0\2\x13\1\1\0"

#define NAME_EXTENSION "\0\0\0\x14\0\x12\0\0\x0f" HOST

static const char *const clients[] = { "curl",           "gh",    "git", "node", "openssl",
				       "openssl-tls1.2", "python" };

static void put_number(struct strbuf *b, size_t width, size_t n)
{
	while (width-- > 0)
		strbuf_append(b, &(char){ (char)(n >> 8 * width) }, 1);
}

static void put_hello(struct strbuf *b, struct bytes vectors, struct bytes extensions)
{
	static const char random[32];

	strbuf_append(b, "\1", 1);
	put_number(b, 3, 2 + sizeof(random) + vectors.length + extensions.length);
	strbuf_append(b, "\3\3", 2);
	strbuf_append(b, random, sizeof(random));
	strbuf_append(b, vectors.data, vectors.length);
	strbuf_append(b, extensions.data, extensions.length);
}

static void put_record(struct strbuf *b, const char *data, size_t length)
{
	strbuf_append(b, "\x16\3\1", 3);
	put_number(b, 2, length);
	strbuf_append(b, data, length);
}

static bool names(const struct strbuf *b, const char *host)
{
	return client_hello_names((const uint8_t *)b->data, b->length, host);
}

/* Whether a hello of these parts, in one record, names HOST. */
static bool hello_names(struct bytes vectors, struct bytes extensions)
{
	_cleanup_strbuf_ struct strbuf hello = { 0 }, record = { 0 };

	put_hello(&hello, vectors, extensions);
	put_record(&record, hello.data, hello.length);
	return names(&record, HOST);
}

static void test_extensions(void **state _unused_)
{
	static const struct {
		const char *what;
		struct bytes extensions; /* with their length before them */
		bool accepted;
	} rows[] = {
		{ "the name", BYTES("\0\x18" NAME_EXTENSION), true },
		{ "upper case", BYTES("\0\x18\0\0\0\x14\0\x12\0\0\x0fGRANTED.Example"), true },
		{ "behind others", BYTES("\0\x20\0\x17\0\0\x4a\x4a\0\0" NAME_EXTENSION), true },
		{ "an encrypted hello", BYTES("\0\x1d" NAME_EXTENSION "\xfe\x0d\0\1\0"), true },
		{ "no extensions", BYTES(""), false },
		{ "none in the list", BYTES("\0\0"), false },
		{ "others only", BYTES("\0\4\0\x17\0\0"), false },
		{ "two name extensions", BYTES("\0\x30" NAME_EXTENSION NAME_EXTENSION), false },
		{ "another extension twice", BYTES("\0\x20" NAME_EXTENSION "\0\x17\0\0\0\x17\0\0"),
		  false },
		{ "two names", BYTES("\0\x1c\0\0\0\x18\0\x16\0\0\x0f" HOST "\0\0\1b"), false },
		{ "the name twice", BYTES("\0\x2a\0\0\0\x26\0\x24\0\0\x0f" HOST "\0\0\x0f" HOST),
		  false },
		{ "the name second", BYTES("\0\x1c\0\0\0\x18\0\x16\0\0\1b\0\0\x0f" HOST), false },
		{ "another type of name", BYTES("\0\x18\0\0\0\x14\0\x12\1\0\x0f" HOST), false },
		{ "another type beside it", BYTES("\0\x1c\0\0\0\x18\0\x16\0\0\x0f" HOST "\1\0\1b"),
		  false },
		{ "a NUL and more", BYTES("\0\x1e\0\0\0\x1a\0\x18\0\0\x15" HOST "\0.evil"), false },
		{ "a NUL at the end", BYTES("\0\x19\0\0\0\x15\0\x13\0\0\x10" HOST "\0"), false },
		{ "a NUL at the start", BYTES("\0\x19\0\0\0\x15\0\x13\0\0\x10\0" HOST), false },
		{ "a newline", BYTES("\0\x19\0\0\0\x15\0\x13\0\0\x10" HOST "\n"), false },
		{ "a dot at the end", BYTES("\0\x19\0\0\0\x15\0\x13\0\0\x10" HOST "."), false },
		{ "below it", BYTES("\0\x1a\0\0\0\x16\0\x14\0\0\x11x." HOST), false },
		{ "a part of it", BYTES("\0\x17\0\0\0\x13\0\x11\0\0\x0egranted.exampl"), false },
		{ "an empty name", BYTES("\0\x09\0\0\0\5\0\3\0\0\0"), false },
		{ "an empty list", BYTES("\0\6\0\0\0\2\0\0"), false },
		{ "an empty extension", BYTES("\0\4\0\0\0\0"), false },
		{ "bytes behind the name", BYTES("\0\x19\0\0\0\x15\0\x13\0\0\x0f" HOST "\0"),
		  false },
		{ "bytes behind the list", BYTES("\0\x19\0\0\0\x15\0\x12\0\0\x0f" HOST "\0"),
		  false },
		{ "a list longer than its extension", BYTES("\0\x18\0\0\0\x14\0\x13\0\0\x0f" HOST),
		  false },
		{ "a name longer than its list", BYTES("\0\x19\0\0\0\x14\0\x12\0\0\x10" HOST "\0"),
		  false },
		{ "half an extension", BYTES("\0\x1b" NAME_EXTENSION "\0\x17\0"), false },
		{ "an extension cut off", BYTES("\0\x1d" NAME_EXTENSION "\0\x17\0\2\0"), false },
		{ "bytes behind the extensions", BYTES("\0\x18" NAME_EXTENSION "\0"), false },
		{ "fewer extensions than said", BYTES("\0\x19" NAME_EXTENSION), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].what, hello_names((struct bytes)BYTES(USUAL_VECTORS),
						     rows[i].extensions) == rows[i].accepted);
}

#define ZEROS_32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void test_vectors(void **state _unused_)
{
	static const struct {
		const char *what;
		struct bytes vectors;
		bool accepted;
	} rows[] = {
		{ "a session id", BYTES("\x20" ZEROS_32 "\0\2\x13\1\1\0"), true },
		{ "a session id that is too long", BYTES("\x21" ZEROS_32 "\0\0\2\x13\1\1\0"),
		  false },
		{ "no cipher suite", BYTES("\0\0\0\1\0"), false },
		{ "half a cipher suite", BYTES("\0\0\3\x13\1\0\1\0"), false },
		{ "no compression", BYTES("\0\0\2\x13\1\0"), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].what,
			   hello_names(rows[i].vectors,
				       (struct bytes)BYTES("\0\x18" NAME_EXTENSION)) ==
				   rows[i].accepted);
}

/* --- records
 * -------------------------------------------------------------------------------------- */

static void put_good_hello(struct strbuf *b)
{
	put_hello(b, (struct bytes)BYTES(USUAL_VECTORS),
		  (struct bytes)BYTES("\0\x18" NAME_EXTENSION));
}

static void test_records_of_any_size(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf hello = { 0 };

	put_good_hello(&hello);
	for (size_t size = 1; size <= hello.length; size++) {
		_cleanup_strbuf_ struct strbuf records = { 0 };

		for (size_t at = 0; at < hello.length; at += size)
			put_record(&records, hello.data + at, MIN(size, hello.length - at));
		assert_true(names(&records, HOST));
	}
}

/* A record of the first half of a hello, these bytes, a record of the other half. */
static void test_between_records(void **state _unused_)
{
	static const struct {
		const char *what;
		struct bytes between;
		bool accepted;
	} rows[] = {
		{ "nothing", BYTES(""), true },
		{ "an empty record", BYTES("\x16\3\1\0\0"), false },
		{ "an alert", BYTES("\x15\3\1\0\2\1\0"), false },
		{ "application data", BYTES("\x17\3\1\0\1x"), false },
		{ "a byte", BYTES("\0"), false },
		{ "a byte of a hello", BYTES("\x16\3\1\0\1x"), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strbuf_ struct strbuf hello = { 0 }, records = { 0 };

		put_good_hello(&hello);
		put_record(&records, hello.data, 10);
		strbuf_append(&records, rows[i].between.data, rows[i].between.length);
		put_record(&records, hello.data + 10, hello.length - 10);
		assert_row(rows[i].what, names(&records, HOST) == rows[i].accepted);
	}
}

static void test_what_is_behind(void **state _unused_)
{
	_cleanup_strbuf_ struct strbuf hello = { 0 }, early = { 0 }, longer = { 0 };

	put_good_hello(&hello);
	put_record(&early, hello.data, hello.length);
	strbuf_append(&early, "\x17\3\3\0\1xhalf", 10);
	assert_true(names(&early, HOST));
	strbuf_append(&hello, "\0", 1);
	put_record(&longer, hello.data, hello.length);
	assert_false(names(&longer, HOST));
}

/* Every byte of a hello's beginning that is not as it should be: type and version of the record,
 * type and version of the hello. */
static void test_headers(void **state _unused_)
{
	static const struct {
		const char *what;
		size_t at;
		char value;
		bool accepted;
	} rows[] = {
		{ "as it is", 0, 22, true },
		{ "an alert", 0, 21, false },
		{ "SSL 2", 0, (char)0x80, false },
		{ "record of TLS 2", 1, 2, false },
		{ "record of SSL 3", 2, 0, false },
		{ "record of TLS 1.2", 2, 3, true },
		{ "record of TLS 1.3", 2, 4, false },
		{ "ServerHello", 5, 2, false },
		{ "DTLS", 9, (char)0xfe, false },
		{ "SSL 3", 10, 0, false },
		{ "TLS 1.0", 10, 1, true },
		{ "TLS 1.3 where it isn't said", 10, 4, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strbuf_ struct strbuf hello = { 0 }, record = { 0 };

		put_good_hello(&hello);
		put_record(&record, hello.data, hello.length);
		record.data[rows[i].at] = rows[i].value;
		assert_row(rows[i].what, names(&record, HOST) == rows[i].accepted);
	}
}

/* A hello of so many bytes, most of them padding, in records of 1000. */
static bool padded_names(size_t size)
{
	_cleanup_strbuf_ struct strbuf hello = { 0 }, extensions = { 0 }, records = { 0 };
	const size_t frame = 4 + 2 + 32 + sizeof(USUAL_VECTORS) - 1 + 2;
	_cleanup_free_ char *padding = xcalloc(size, 1);

	put_number(&extensions, 2, size - frame);
	strbuf_append(&extensions, NAME_EXTENSION "\0\x15", sizeof(NAME_EXTENSION) - 1 + 2);
	put_number(&extensions, 2, size - frame - (sizeof(NAME_EXTENSION) - 1) - 4);
	strbuf_append(&extensions, padding, size - frame + 2 - extensions.length);
	put_hello(&hello, (struct bytes)BYTES(USUAL_VECTORS),
		  (struct bytes){ extensions.data, extensions.length });
	assert_int_equal(hello.length, size);
	for (size_t at = 0; at < size; at += 1000)
		put_record(&records, hello.data + at, MIN((size_t)1000, size - at));
	return names(&records, HOST);
}

static void test_size(void **state _unused_)
{
	assert_true(padded_names(CLIENT_HELLO_MAX));
	assert_false(padded_names(CLIENT_HELLO_MAX + 1));
}

/* --- real clients
 * --------------------------------------------------------------------------------- */

/* A client's hello for HOST. The caller owns it. */
static uint8_t *client_hello(const char *client, size_t *length)
{
	_cleanup_free_ char *path = xasprintf(CORPUS "%s", client);
	char *text = NULL;

	assert_true(file_read(path, CLIENT_HELLO_MAX, &text, length, NULL) >= 0);
	return (uint8_t *)text;
}

static void test_clients(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		size_t length;
		_cleanup_free_ uint8_t *hello = client_hello(clients[i], &length);

		assert_row(clients[i], client_hello_names(hello, length, HOST));
		assert_row(clients[i], !client_hello_names(hello, length, "other.example"));
	}
}

/* Nothing that isn't whole names anybody. */
static void test_cut_off(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		size_t length;
		_cleanup_free_ uint8_t *hello = client_hello(clients[i], &length);

		for (size_t part = 0; part < length; part++)
			assert_row(clients[i], !client_hello_names(hello, part, HOST));
	}
}

/* The names that squid may say were asked for. */
static void test_hosts(void **state _unused_)
{
	static const struct {
		const char *host;
		bool accepted;
	} rows[] = {
		{ HOST, true },       { "Granted.Example", true }, { "", false },
		{ "-", false },       { HOST ".", false },         { HOST "%00", false },
		{ "x." HOST, false }, { "granted.exampl", false }, { "granted_example", false },
	};
	size_t length;
	_cleanup_free_ uint8_t *hello = client_hello("curl", &length);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].host,
			   client_hello_names(hello, length, rows[i].host) == rows[i].accepted);
}

/* The same text on both sides is no name when it has characters that names do not have, or none. */
static void test_no_name(void **state _unused_)
{
	static const struct {
		const char *host;
		struct bytes extensions;
		bool accepted;
	} rows[] = {
		{ "a_b", BYTES("\0\x0c\0\0\0\x08\0\6\0\0\3a_b"), true },
		{ "a%b", BYTES("\0\x0c\0\0\0\x08\0\6\0\0\3a%b"), false },
		{ "", BYTES("\0\x09\0\0\0\5\0\3\0\0\0"), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strbuf_ struct strbuf hello = { 0 }, record = { 0 };

		put_hello(&hello, (struct bytes)BYTES(USUAL_VECTORS), rows[i].extensions);
		put_record(&record, hello.data, hello.length);
		assert_row(rows[i].host, names(&record, rows[i].host) == rows[i].accepted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_records_of_any_size),
		cmocka_unit_test(test_between_records),
		cmocka_unit_test(test_what_is_behind),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_no_name),
	};

	return RUN_TESTS("client-hello", tests);
}
