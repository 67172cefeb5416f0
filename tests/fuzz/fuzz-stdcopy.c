/* A stream is taken apart the same however it arrives: as a whole, byte by byte, or in portions
 * whose lengths are the input's own bytes. Written again, it is the same stream. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/stdcopy.h"
#include "common/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came, with the type in front of each byte, so that the pieces don't matter. */
struct heard {
	struct strbuf bytes;
	int result;
	struct stdcopy state;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

static int hear(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct heard *h = userdata;
	const unsigned char *p = data;

	require(length > 0 && type <= STDCOPY_SYSTEM);
	for (size_t i = 0; i < length; i++) {
		const unsigned char pair[] = { (unsigned char)type, p[i] };

		strbuf_append(&h->bytes, pair, sizeof(pair));
	}
	return 0;
}

static void take_apart(const uint8_t *data, size_t size, size_t portion, struct heard *h)
{
	for (size_t at = 0; at < size && h->result == 0; at += portion)
		h->result = stdcopy_feed(&h->state, data + at, MIN(portion, size - at), hear, h);
}

static void require_same(const struct heard *a, const struct heard *b)
{
	require(a->result == b->result && a->bytes.length == b->bytes.length);
	require(a->bytes.length == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.length) == 0);
	if (a->result == 0)
		require(a->state.remaining == b->state.remaining &&
			a->state.header_length == b->state.header_length);
}

/* Each byte in a frame of its own. */
static void require_same_again(const struct heard *h)
{
	_cleanup_strbuf_ struct strbuf stream = { 0 };
	struct heard again = { 0 };

	for (size_t i = 0; i < h->bytes.length; i += 2) {
		unsigned char header[STDCOPY_HEADER_SIZE];

		stdcopy_header(header, (enum stdcopy_type)h->bytes.data[i], 1);
		strbuf_append(&stream, header, sizeof(header));
		strbuf_append(&stream, &h->bytes.data[i + 1], 1);
	}
	take_apart((const uint8_t *)stream.data, stream.length, stream.length, &again);
	require(again.result == 0 && again.bytes.length == h->bytes.length);
	require(h->bytes.length == 0 ||
		memcmp(again.bytes.data, h->bytes.data, h->bytes.length) == 0);
	strbuf_clear(&again.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole = { 0 }, bytes = { 0 }, portions = { 0 };

	if (size < 2)
		return 0;
	take_apart(data + 1, size - 1, size - 1, &whole);
	take_apart(data + 1, size - 1, 1, &bytes);
	take_apart(data + 1, size - 1, data[0] + 1u, &portions);
	require_same(&whole, &bytes);
	require_same(&whole, &portions);
	require_same_again(&whole);
	strbuf_clear(&whole.bytes);
	strbuf_clear(&bytes.bytes);
	strbuf_clear(&portions.bytes);
	return 0;
}
