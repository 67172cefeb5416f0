#include "awfctl/pull-progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "common/utf8.h"

#define WIDTH_DEFAULT  80
#define HEIGHT_DEFAULT 24
#define WIDTH_MIN      40
#define BAR_WIDTH      20
#define BYTES_MEGA     1e6

/* What ECMA-48 terminals understand. */
#define UP_LINES    "\x1b[%uA"
#define ERASE_LINE  "\x1b[K"
#define ERASE_BELOW "\x1b[J"

struct pull_progress {
	bool bars;
	unsigned width, height;
	unsigned drawn; /* lines on the terminal */
	char *reference;
	struct layer_info *layers; /* of that image */
	size_t count;
};

/* --- What is known ------------------------------------------------------------------------------
 */

static void forget_layers(struct pull_progress *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->layers[i].id);
		free(p->layers[i].status);
	}
	free(TAKE_PTR(p->layers));
	p->count = 0;
}

static struct layer_info *find_layer(struct pull_progress *p, const char *id)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->layers[i].id, id) == 0)
			return &p->layers[i];
	return NULL;
}

static struct layer_info *add_layer(struct pull_progress *p, const char *id)
{
	p->layers = xrealloc(p->layers, p->count + 1, sizeof(*p->layers));
	p->layers[p->count] = (struct layer_info){ .id = xstrdup(id), .status = xstrdup("") };
	return &p->layers[p->count++];
}

/* Whether the layer is at something else than before. */
static bool keep_layer(struct pull_progress *p, const struct layer_info *news)
{
	struct layer_info *layer = find_layer(p, news->id);
	bool changed;

	if (!layer)
		layer = add_layer(p, news->id);
	changed = strcmp(layer->status, news->status) != 0;
	free(layer->status);
	layer->status = xstrdup(news->status);
	layer->current = news->current;
	layer->total = news->total;
	return changed;
}

/* Whether it is another image than before. */
static bool keep_reference(struct pull_progress *p, const char *reference)
{
	if (p->reference && strcmp(p->reference, reference) == 0)
		return false;
	free(p->reference);
	p->reference = xstrdup(reference);
	forget_layers(p);
	return true;
}

/* --- Lines --------------------------------------------------------------------------------------
 */

static void append_image_line(const struct pull_progress *p, struct strbuf *to)
{
	_cleanup_free_ char *reference = escape_control(p->reference);

	strbuf_appendf(to, "bringing image %s\n", reference);
}

static void append_layer_line(const struct layer_info *layer, struct strbuf *to)
{
	_cleanup_free_ char *id = escape_control(layer->id), *status = NULL;

	status = escape_control(layer->status);
	strbuf_appendf(to, "%s: %s\n", id, status);
}

/* --- Bars ---------------------------------------------------------------------------------------
 */

/* "[=====>    ]  1.5/3.0 MB", or nothing when there is nothing to count. */
static void append_bar(const struct layer_info *layer, struct strbuf *to)
{
	char bar[BAR_WIDTH + 1];
	size_t filled;

	if (layer->total <= 0 || layer->current < 0)
		return;
	filled = (size_t)((double)BAR_WIDTH * (double)MIN(layer->current, layer->total) /
			  (double)layer->total);
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', filled);
	if (filled < BAR_WIDTH)
		bar[filled] = '>';
	bar[BAR_WIDTH] = '\0';
	strbuf_appendf(to, "[%s] %6.1f/%.1f MB", bar, (double)layer->current / BYTES_MEGA,
		       (double)layer->total / BYTES_MEGA);
}

static void append_cut(const struct pull_progress *p, const char *line, struct strbuf *to)
{
	strbuf_append(to, line, utf8_cut(line, p->width - 1));
	strbuf_puts(to, ERASE_LINE "\n");
}

static void append_layer_bar(const struct pull_progress *p, const struct layer_info *layer,
			     struct strbuf *to)
{
	_cleanup_free_ char *id = escape_control(layer->id), *status = NULL;
	_cleanup_strbuf_ struct strbuf line = { 0 };

	status = escape_control(layer->status);
	strbuf_appendf(&line, "  %s  %-17s ", id, status);
	append_bar(layer, &line);
	append_cut(p, line.data, to);
}

/* When they are too many, those that are last in the image stay off. */
static void draw(struct pull_progress *p, struct strbuf *to)
{
	_cleanup_free_ char *reference = escape_control(p->reference);
	_cleanup_free_ char *title = xasprintf("image %s", reference);
	size_t shown = MIN(p->count, (size_t)p->height - 2);

	if (p->drawn > 0)
		strbuf_appendf(to, UP_LINES, p->drawn);
	append_cut(p, title, to);
	for (size_t i = 0; i < shown; i++)
		append_layer_bar(p, &p->layers[i], to);
	strbuf_puts(to, ERASE_BELOW);
	p->drawn = 1 + (unsigned)shown;
}

void pull_progress_take(struct pull_progress *p, const struct predownload_reply *news,
			struct strbuf *to)
{
	if (!news->reference)
		return;
	if (keep_reference(p, news->reference) && !p->bars)
		append_image_line(p, to);
	for (struct layer_info *const *l = news->layers; l && *l; l++)
		if (keep_layer(p, *l) && !p->bars)
			append_layer_line(*l, to);
	if (p->bars)
		draw(p, to);
}

void pull_progress_end(struct pull_progress *p, struct strbuf *to)
{
	if (p->drawn > 0)
		strbuf_appendf(to, UP_LINES ERASE_BELOW, p->drawn);
	p->drawn = 0;
}

struct pull_progress *pull_progress_new(bool bars, unsigned width, unsigned height)
{
	struct pull_progress *p = xnew(struct pull_progress);

	p->bars = bars && width >= WIDTH_MIN && height > 2;
	p->width = width;
	p->height = height;
	return p;
}

struct pull_progress *pull_progress_of_stderr(void)
{
	const char *term = getenv("TERM");
	struct winsize size = { 0 };
	bool able = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;

	if (able && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0)
		able = false;
	return pull_progress_new(able, size.ws_col ? size.ws_col : WIDTH_DEFAULT,
				 size.ws_row ? size.ws_row : HEIGHT_DEFAULT);
}

void pull_progress_free(struct pull_progress *p)
{
	if (!p)
		return;
	forget_layers(p);
	free(p->reference);
	free(p);
}
