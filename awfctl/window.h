/* The size of the command's terminal, which follows that of awfctl's. */
#pragma once

#include "awfctl/client.h"
#include "awfctl/options.h"

struct window {
	const struct options *options;
	struct client *client; /* the connection of a call that is not answered yet, or NULL */
	bool due;              /* another size is to be told then */
	bool redraw;           /* the command is to draw all again: another size is told first */
};

/* Has awfd told the size of the terminal, if there is one. What goes wrong is not worth a word. */
void window_resize(struct window *w, const char *id);

/* The call was answered, or there is something to do for it. */
void window_on_client(struct window *w, const char *id);

void window_clear(struct window *w);
