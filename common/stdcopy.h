/* The engine's stream framing (Docker Engine API v1.41, "Attach to a container", stream format):
 * frames of an 8 byte header {type, 0, 0, 0, big-endian length} and that many bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define STDCOPY_HEADER_SIZE 8

enum stdcopy_type {
	STDCOPY_STDIN,
	STDCOPY_STDOUT,
	STDCOPY_STDERR,
	STDCOPY_SYSTEM, /* the engine's own errors; in answers of cli-proxy the exit status */
};

/* An incremental demultiplexer; `{ 0 }` is a fresh one. */
struct stdcopy {
	unsigned char header[STDCOPY_HEADER_SIZE];
	size_t header_length;
	uint32_t remaining; /* bytes of the current frame still to come */
};

/* Takes a piece of a frame's payload; `data` is borrowed. Non-zero stops stdcopy_feed(). */
typedef int (*stdcopy_fn)(enum stdcopy_type type, const void *data, size_t length, void *userdata);

/* Takes the next bytes of the stream, in any portions, and calls fn for each piece of payload in
 * order. 0, -EBADMSG for a header that is none, or what fn returned when it was not 0. */
int stdcopy_feed(struct stdcopy *s, const void *data, size_t length, stdcopy_fn fn,
		 void *userdata) _must_check_;

/* Writes the header of a frame. */
void stdcopy_header(unsigned char header[STDCOPY_HEADER_SIZE], enum stdcopy_type type,
		    uint32_t length);
