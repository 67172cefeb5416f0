/* The logs of a sandbox: one table, by which they are named, found and asked for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awfctl/options.h"

enum log_source {
	LOG_SOURCE_SQUID,
	LOG_SOURCE_GH,
	LOG_SOURCE_RELAY,
	LOG_SOURCE_FIREWALL,
	LOG_SOURCE_AUDIT,
	LOG_SOURCE_COUNT,
};

/* What is wanted of them: from since_ms on, and before until_ms, both since the epoch. */
struct log_span {
	bool sources[LOG_SOURCE_COUNT];
	int64_t since_ms;
	int64_t until_ms;
};

const char *log_source_name(enum log_source source);
const char *log_source_file(enum log_source source);

/* What --source, --since and --until ask for, at this time; without them all there is. */
int log_span_parse(const struct options *o, int64_t now_ms, struct log_span *ret,
		   struct err *e) _must_check_;

bool log_span_has(const struct log_span *span, int64_t time_ms);
