/* Structured logging: a level, a message and optional KEY=value fields. Goes to stderr with the
 * level as a "<n>" prefix (sd-daemon(3)) until a program installs another sink. Control characters
 * in the message are escaped here, so that untrusted text can be logged. */
#pragma once

#include <sys/types.h>

#include "common/cleanup.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* The fields of one message; unset ones are NULL. */
struct log_fields {
	const char *sandbox; /* AWF_SANDBOX= */
	const uid_t *uid;    /* AWF_UID=: whose that is */
	char *const *more;   /* KEY=value each */
};

typedef void (*log_sink_fn)(enum log_level level, const struct log_fields *fields,
			    const char *text);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_sink(log_sink_fn sink);

/* Leaves the prefix out when standard error is a terminal: a person reads it. Asked once, by
 * programs that a person starts; those that give up the right to ask do not. */
void log_mind_terminal(void);

/* "error", "warning", "info", "debug"; -EINVAL for anything else. */
int log_level_parse(const char *text, enum log_level *ret) _must_check_;

void log_write(enum log_level level, const struct log_fields *fields, const char *fmt, ...)
	_printf_(3, 4);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

#define log_sandbox(level, id, ...)                                                                \
	log_write(level, &(struct log_fields){ .sandbox = (id) }, __VA_ARGS__)
