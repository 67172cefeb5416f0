#include "common/log.h"

#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/escape.h"

static void log_to_stderr(enum log_level level, const struct log_fields *fields, const char *text);

static enum log_level log_level = LOG_LEVEL_INFO;
static log_sink_fn log_sink = log_to_stderr;

static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	{ "error", LOG_LEVEL_ERROR },  { "warning", LOG_LEVEL_WARNING },
	{ "warn", LOG_LEVEL_WARNING }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
}

void log_set_sink(log_sink_fn sink)
{
	log_sink = sink;
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(text, level_names[i].name) == 0) {
			*ret = level_names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

static void write_line(const char *prefix, const struct log_fields *fields, const char *text)
{
	const char *sandbox = fields && fields->sandbox ? fields->sandbox : NULL;

	fprintf(stderr, "%s%s%s%s\n", prefix, sandbox ? sandbox : "", sandbox ? ": " : "", text);
}

static void log_to_stderr(enum log_level level, const struct log_fields *fields, const char *text)
{
	char prefix[sizeof("<7>")];

	(void)snprintf(prefix, sizeof(prefix), "<%u>", (unsigned)level % 8);
	write_line(prefix, fields, text);
}

static void log_to_person(enum log_level level _unused_, const struct log_fields *fields,
			  const char *text)
{
	write_line("", fields, text);
}

void log_mind_terminal(void)
{
	if (isatty(STDERR_FILENO))
		log_set_sink(log_to_person);
}

void log_write(enum log_level level, const struct log_fields *fields, const char *fmt, ...)
{
	_cleanup_free_ char *raw = NULL, *text = NULL;
	int saved = errno;
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	raw = xvasprintf(fmt, ap);
	va_end(ap);
	text = escape_control(raw);
	log_sink(level, fields, text);
	errno = saved;
}
