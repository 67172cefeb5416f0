/* What was found when a host was looked at: a list that awfd and awfctl add to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "proto/messages.h"

enum finding_status {
	FINDING_OK,
	FINDING_UNKNOWN, /* it was not looked at */
	FINDING_WARNING,
	FINDING_FAILURE,
};

/* The list is NULL-terminated, or NULL as long as it is empty. */
struct findings {
	struct finding_info **list;
	size_t count;
};

#define _cleanup_findings_ _cleanup_(findings_clear)

/* Adds one, with the command that mends it, or NULL. */
void findings_add(struct findings *f, const char *name, enum finding_status status,
		  const char *cure, const char *fmt, ...) _printf_(5, 6);

/* Takes over all of a reply, which is empty then. */
void findings_take(struct findings *f, struct diagnose_reply *reply);

/* "ok", "unknown", "warning", "failure" */
const char *finding_status_name(enum finding_status status);

/* What a finding says of itself; a word that is not known is FINDING_UNKNOWN. */
enum finding_status finding_status_of(const struct finding_info *finding);

void findings_clear(struct findings *f);
