/* The stream demultiplexer: the same stream gives the same bytes on each channel, and the same
 * verdict, whatever portions it arrives in. The first byte says how large these are. */
#include <stdint.h>
#include <string.h>

#include "common/stdcopy.h"
#include "common/strbuf.h"

#define CHANNELS (STDCOPY_SYSTEM + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct strbuf channels[CHANNELS];
	int result;
};

static int take(enum stdcopy_type type, const void *data, size_t length, void *userdata)
{
	struct outcome *o = userdata;

	if (type >= CHANNELS || length == 0)
		abort();
	strbuf_append(&o->channels[type], data, length);
	return 0;
}

static void demultiplex(const uint8_t *data, size_t size, size_t portion, struct outcome *o)
{
	struct stdcopy s = { 0 };

	for (size_t at = 0; at < size && o->result == 0; at += portion)
		o->result = stdcopy_feed(&s, data + at, MIN(portion, size - at), take, o);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
	if (a->result != b->result)
		abort();
	for (size_t i = 0; i < CHANNELS; i++)
		if (a->channels[i].length != b->channels[i].length ||
		    (a->channels[i].length > 0 &&
		     memcmp(a->channels[i].data, b->channels[i].data, a->channels[i].length) != 0))
			abort();
}

static void outcome_clear(struct outcome *o)
{
	for (size_t i = 0; i < CHANNELS; i++)
		strbuf_clear(&o->channels[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = { 0 }, portions = { 0 };

	if (size < 2)
		return 0;
	demultiplex(data + 1, size - 1, size - 1, &whole);
	demultiplex(data + 1, size - 1, data[0] + 1u, &portions);
	compare(&whole, &portions);
	outcome_clear(&whole);
	outcome_clear(&portions);
	return 0;
}
