/* One log of a sandbox, read by lines as it grows. The file is its owner's, who may have written
 * anything to it: lines are untrusted. */
#pragma once

#include <stdbool.h>

#include <json-c/json.h>

#include "awfctl/log-sources.h"

#define LOG_READER_LINE_MAX (4 << 20) /* what is longer is taken in pieces */

struct log_record {
	enum log_source source;
	int64_t time_ms;            /* its own, or that of the line before; 0: neither has one */
	struct json_object *object; /* the line, or { "text": ... } of one that is no object */
};

#define _cleanup_record_ _cleanup_(log_record_clear)

void log_record_clear(struct log_record *r);

struct log_reader;

/* -ENOENT when there is no such log in the directory. */
int log_reader_open(const char *directory, enum log_source source, struct log_reader **ret,
		    struct err *e) _must_check_;

/* NULL is allowed. */
void log_reader_free(struct log_reader *r);

/* 1 and the next line, whose object the caller owns; 0 when there is none yet. */
int log_reader_next(struct log_reader *r, struct log_record *ret, struct err *e) _must_check_;
