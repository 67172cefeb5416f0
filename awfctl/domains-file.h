/* Files of domains: one or more a line with commas between them, '#' comments, empty lines. */
#pragma once

#include "awfctl/word-list.h"
#include "common/err.h"

/* Adds the domains of the text (NUL-terminated; length without that NUL). A line may end with a
 * comma. The error begins with "name:line: ". */
int domains_file_parse(const char *name, const char *text, size_t length, struct word_list *to,
		       struct err *e) _must_check_;
