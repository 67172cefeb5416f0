#include "awfctl/window.h"

#include "awfctl/terminal.h"
#include "common/log.h"
#include "proto/messages.h"

static void report(const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	log_debug("the size of the terminal was not passed on: %s", text);
}

/* On a connection of its own: on the session's, Wait is not answered yet. */
static void call_resize(struct window *w, const char *id, int64_t width, int64_t height)
{
	struct resize_request request = { .id = (char *)id, .width = width, .height = height };
	_cleanup_err_ struct err e = { 0 };
	int r = client_open(options_socket(w->options), &w->client, &e);

	if (r == 0)
		r = client_call(w->client, AWF_INTERFACE ".Resize", &resize_request_table, &request,
				false, &e);
	if (r == 0)
		return;
	report(&e);
	window_clear(w);
}

void window_resize(struct window *w, const char *id)
{
	int width, height;

	if (!terminal_size(&width, &height))
		return;
	if (w->client) {
		w->due = true;
		return;
	}
	w->due = w->redraw;
	call_resize(w, id, width, w->redraw ? height + 1 : height);
	w->redraw = false;
}

void window_on_client(struct window *w, const char *id)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_receive(w->client, &reply, &e);

	if (r == 0)
		return;
	if (r < 0)
		report(&e);
	window_clear(w);
	if (w->due)
		window_resize(w, id);
}

void window_clear(struct window *w)
{
	client_free(TAKE_PTR(w->client));
}
