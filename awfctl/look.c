#include "awfctl/look.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     20

static const char *const codes[] = {
	[COLOUR_NONE] = "",          [COLOUR_BOLD] = "\x1b[1m",    [COLOUR_RED] = "\x1b[31m",
	[COLOUR_GREEN] = "\x1b[32m", [COLOUR_YELLOW] = "\x1b[33m",
};

static bool has_escapes(void)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") != 0;
}

/* https://no-color.org */
static bool wants_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return has_escapes() && (!no || !*no);
}

static size_t width_of(int fd)
{
	struct winsize size = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return WIDTH_DEFAULT;
	return MAX((size_t)size.ws_col, (size_t)WIDTH_MIN);
}

struct look look_of(int fd)
{
	if (!isatty(fd))
		return (struct look){ 0 };
	return (struct look){ .terminal = true,
			      .escapes = has_escapes(),
			      .colours = wants_colours(),
			      .width = width_of(fd) };
}

const char *look_begin(const struct look *look, enum colour colour)
{
	return look->colours ? codes[colour] : "";
}

const char *look_end(const struct look *look, enum colour colour)
{
	return look->colours && colour != COLOUR_NONE ? "\x1b[0m" : "";
}
