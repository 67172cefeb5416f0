#include "common/stdcopy.h"

#include <endian.h>
#include <string.h>

static int parse_header(struct stdcopy *s)
{
	uint32_t length;

	if (s->header[0] > STDCOPY_SYSTEM || s->header[1] || s->header[2] || s->header[3])
		return -EBADMSG;
	memcpy(&length, s->header + 4, sizeof(length));
	s->remaining = be32toh(length);
	return 0;
}

/* Takes what is missing of the header; the number of bytes used, or -EBADMSG. */
static ssize_t take_header(struct stdcopy *s, const unsigned char *p, size_t length)
{
	size_t n = MIN(length, STDCOPY_HEADER_SIZE - s->header_length);
	int r;

	memcpy(s->header + s->header_length, p, n);
	s->header_length += n;
	if (s->header_length < STDCOPY_HEADER_SIZE)
		return (ssize_t)n;
	r = parse_header(s);
	if (r < 0)
		return r;
	if (s->remaining == 0)
		s->header_length = 0;
	return (ssize_t)n;
}

int stdcopy_feed(struct stdcopy *s, const void *data, size_t length, stdcopy_fn fn, void *userdata)
{
	const unsigned char *p = data;

	while (length > 0) {
		ssize_t n;

		if (s->header_length < STDCOPY_HEADER_SIZE) {
			n = take_header(s, p, length);
			if (n < 0)
				return (int)n;
		} else {
			int r;

			n = (ssize_t)MIN(length, s->remaining);
			s->remaining -= (uint32_t)n;
			if (s->remaining == 0)
				s->header_length = 0;
			r = fn((enum stdcopy_type)s->header[0], p, (size_t)n, userdata);
			if (r != 0)
				return r;
		}
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

void stdcopy_header(unsigned char header[STDCOPY_HEADER_SIZE], enum stdcopy_type type,
		    uint32_t length)
{
	uint32_t big_endian = htobe32(length);

	memset(header, 0, STDCOPY_HEADER_SIZE);
	header[0] = (unsigned char)type;
	memcpy(header + 4, &big_endian, sizeof(big_endian));
}
