/* Records of logs as lines for people, and as JSON. */
#pragma once

#include "awfctl/log-reader.h"
#include "common/strbuf.h"

/* "TIME  LOG  key=value ...", with control characters made visible. */
void log_text_append(struct strbuf *to, const struct log_record *record);

/* The record, and which log it is from, as an object in a line. */
void log_text_append_json(struct strbuf *to, const struct log_record *record);
