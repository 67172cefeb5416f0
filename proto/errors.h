/* Error objects as Varlink errors and back: kind <-> "io.awf.Sandbox.Name" and its parameters. */
#pragma once

#include <json-c/json.h>

#include "common/err.h"

/* The error's full Varlink name. Static. */
const char *error_name(enum err_kind kind);

/* The error's parameters. The caller owns them. */
struct json_object *error_parameters(const struct err *e) _must_check_;

/* Fills e from a reply's error name and parameters (may be NULL); unknown names, those of
 * org.varlink.service included, become ERR_SYSTEM with the name in the message. */
void error_parse(const char *name, struct json_object *parameters, struct err *e);
