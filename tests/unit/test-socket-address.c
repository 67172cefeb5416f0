#include "awfd/socket-address.h"

#include <netinet/in.h>

#include "tests/unit/check.h"

static void test_there_and_back(void **state _unused_)
{
	static const char *const texts[] = {
		"127.0.0.1:18443", "0.0.0.0:1",         "255.255.255.255:65535",
		"[::1]:443",       "[2001:db8::10]:80", "[::]:53",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct sockaddr_storage address;
		_cleanup_free_ char *text = NULL;

		assert_row(texts[i], socket_address_parse(texts[i], &address) == 0);
		text = socket_address_format(&address);
		assert_same_text(text, texts[i]);
	}
}

/* The same address is the same bytes: they are compared. */
static void test_nothing_else_is_set(void **state _unused_)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(443),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_storage wanted = { 0 }, parsed;

	memcpy(&wanted, &v4, sizeof(v4));
	memset(&parsed, 0xff, sizeof(parsed));
	assert_int_equal(socket_address_parse("127.0.0.1:443", &parsed), 0);
	assert_memory_equal(&parsed, &wanted, sizeof(wanted));
}

static void test_refused(void **state _unused_)
{
	static const char *const texts[] = { "",         ":80",       "localhost:80", "[::1",
					     "1.2.3:80", "1.2.3.4:x", "1.2.3.4:70000" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct sockaddr_storage address;

		assert_row(texts[i], socket_address_parse(texts[i], &address) == -EINVAL);
	}
	assert_null(socket_address_format(&(struct sockaddr_storage){ .ss_family = AF_UNIX }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_nothing_else_is_set),
		cmocka_unit_test(test_refused),
	};

	return RUN_TESTS("socket-address", tests);
}
