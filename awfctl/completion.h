/* What can follow on a command line that is being typed, for the completions of shells. */
#pragma once

#include "awfctl/options.h"
#include "common/strbuf.h"

/* First lines that stand for what the shell itself knows. */
#define COMPLETION_FILES       ":files"
#define COMPLETION_DIRECTORIES ":directories"
#define COMPLETION_COMMANDS    ":commands"

/* Whether sandboxes can follow. */
enum completion {
	COMPLETION_DONE,
	COMPLETION_SANDBOXES,
};

/* Appends what the last of the words (NULL-terminated, those after "awfctl") can become: a line for
 * each, with a description behind a tab; or one of the lines above. */
enum completion completion_of(struct strbuf *to, char *const *words) _must_check_;

/* Appends a line when the candidate begins with the word. */
void completion_offer(struct strbuf *to, const char *word, const char *candidate,
		      const char *description);
