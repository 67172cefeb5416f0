/* What a sandbox's logs come to: what its command was and how it ended, what it reached and was
 * refused, and which calls of gh it made. */
#pragma once

#include "awfctl/log-reader.h"
#include "common/strbuf.h"

struct log_summary;

#define _cleanup_log_summary_ _cleanup_(log_summary_freep)

struct log_summary *log_summary_new(void) _must_check_;
void log_summary_free(struct log_summary *s);
DEFINE_CLEANUP(struct log_summary, log_summary_free)

void log_summary_add(struct log_summary *s, const struct log_record *record);

/* As Markdown, for the page that a CI service shows of a job. */
void log_summary_markdown(const struct log_summary *s, struct strbuf *to);

/* The same as an object. The caller owns it. */
struct json_object *log_summary_json(const struct log_summary *s) _must_check_;
