/* --config: options from a file as GitHub's awf has it, in JSON or YAML. awfctl/config.schema.json
 * describes it; a test compares the two. */
#pragma once

#include "awfctl/options.h"
#include "awfctl/yaml-reader.h"

#define CONFIG_FILE_MAX (256 * 1024) /* bytes */

/* The keys, for tests: of a section `shape` is set. */
extern const struct yaml_shape config_file_shape;

/* Sets the options that the file has values for and the command line has not set. The error begins
 * with the file's name and the line. */
int config_file_parse(const char *name, const char *text, size_t length, struct options *o,
		      struct err *e) _must_check_;

/* The same with the file that --config names ("-": standard input); without it nothing. */
int config_file_apply(struct options *o, struct err *e) _must_check_;
