/* How what is printed looks: on a terminal for people, elsewhere for programs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct look {
	bool terminal; /* aligned, cut to its width, with times as people say them */
	bool escapes;  /* it understands escape sequences, as TERM says */
	bool colours;
	size_t width; /* of the terminal, in characters */
};

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
};

/* Of what is written to this descriptor. No colours when NO_COLOR is set, or TERM says that the
 * terminal has none. */
struct look look_of(int fd);

/* What switches a colour on, and off again; "" of none. */
const char *look_begin(const struct look *look, enum colour colour);
const char *look_end(const struct look *look, enum colour colour);
