#include "awfctl/progress.h"

#include <unistd.h>

#include "awfctl/look.h"
#include "awfctl/render.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/strv.h"
#include "common/utf8.h"

#define ERASE    "\r\x1b[K"
#define KEY_ROOM 4

/* Process-wide, because the terminal is. */
static struct {
	bool active;
	uint64_t begin_ms;
	char **phases; /* "pause 80 ms" */
} progress;

/* With less than info nothing is wanted, with debug each phase has a line of its own. */
static bool is_wanted(void)
{
	return log_get_level() == LOG_LEVEL_INFO && look_of(STDERR_FILENO).escapes;
}

/* The phases from the first one that leaves room for all later ones. */
static const char *cut(const char *text, size_t room)
{
	for (size_t n = utf8_count(text); *text && n > room; n--)
		text += utf8_sequence(text);
	return text;
}

static void append_phases(struct strbuf *to, size_t room)
{
	_cleanup_strbuf_ struct strbuf all = { 0 };
	const char *shown;

	strbuf_puts(&all, "");
	for (size_t i = 0; progress.phases && progress.phases[i]; i++)
		strbuf_appendf(&all, "%s%s", i > 0 ? ", " : "", progress.phases[i]);
	if (utf8_count(all.data) <= room) {
		strbuf_puts(to, all.data);
		return;
	}
	shown = cut(all.data, room > 0 ? room - 1 : 0);
	strbuf_appendf(to, "…%s", shown);
}

void progress_begin(void)
{
	if (!is_wanted())
		return;
	progress.active = true;
	progress.begin_ms = clock_ms();
	(void)atexit(progress_end);
	progress_show();
}

void progress_phase(const char *name, int64_t elapsed_us)
{
	_cleanup_free_ char *escaped = escape_control(name);
	_cleanup_free_ char *duration = render_duration(elapsed_us);

	if (!progress.active)
		return;
	strv_appendf(&progress.phases, "%s %s", escaped, duration);
	progress_show();
}

void progress_hide(void)
{
	if (progress.active)
		fputs(ERASE, stderr);
}

/* There is room left for the "^C" that a terminal shows: a second line would not be taken away. */
void progress_show(void)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	size_t width = look_of(STDERR_FILENO).width, head;
	_cleanup_free_ char *duration = NULL;

	if (!progress.active)
		return;
	duration = render_duration((int64_t)(clock_ms() - progress.begin_ms) * 1000);
	strbuf_appendf(&line, "awfctl: starting, %s", duration);
	if (progress.phases)
		strbuf_puts(&line, ": ");
	head = line.length;
	head += KEY_ROOM;
	append_phases(&line, width > head ? width - head : 0);
	fprintf(stderr, ERASE "%s", line.data);
}

void progress_end(void)
{
	progress_hide();
	progress.active = false;
	strv_free(progress.phases);
	progress.phases = NULL;
}
