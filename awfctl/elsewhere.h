/* What people type who know docker, podman, systemctl or gh: words for what is called otherwise
 * here, or is not needed. Only for what an error says. */
#pragma once

#include <stddef.h>

struct elsewhere {
	const char *name;   /* of a command, or of an option without its dashes */
	const char *advice; /* what the error says behind it */
	unsigned groups;    /* of an option: those of the commands that this is said for */
	char letter;        /* of an option: its short form, or '\0' */
};

extern const struct elsewhere elsewhere_commands[], elsewhere_options[];
extern const size_t elsewhere_command_count, elsewhere_option_count;

/* What is to be said of a command that is not here, or NULL. */
const char *elsewhere_command(const char *name);

/* The same of an option that a command with these groups does not have. */
const char *elsewhere_option(unsigned groups, const char *name);
const char *elsewhere_letter(unsigned groups, char letter);
