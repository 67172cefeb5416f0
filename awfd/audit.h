/* The audit log of the host, audit.jsonl below the log directory: who asked for what, what was
 * granted, what was refused, and how it ended. Each record goes to the journal, too.
 *
 * The file is root's alone. When it is full it becomes audit.jsonl.1, whose former content goes. So
 * that nobody drives a record out by asking for many others, each user has a budget of records;
 * what is over it is counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "common/cleanup.h"
#include "common/err.h"

struct audit;

/* Opens the log in this directory; `max` bytes are one file's. */
int audit_open(const char *directory, int64_t max, struct audit **ret, struct err *e) _must_check_;
void audit_free(struct audit *a);

#define AUDIT_MAX (INT64_C(64) << 20)

/* Whether this user's budget has room for a record at this time (clock_ms()); *omitted tells how
 * many had none since the last one that had. */
bool audit_admit(struct audit *a, uid_t uid, uint64_t now_ms, uint64_t *omitted) _must_check_;

/* Counts one that is left out whatever the budget. */
void audit_omit(struct audit *a, uid_t uid, uint64_t now_ms);

/* Writes a record. That it can't be written is told once, and no reason to stop serving. */
void audit_write(struct audit *a, struct json_object *record);
