/* What reading commands print for programs: --json, --format and --quiet. */
#pragma once

#include "awfctl/options.h"
#include "common/strbuf.h"
#include "proto/json-fields.h"

/* What is not printed with one of these options is a table. */
bool output_is_table(const struct options *o);

/* Whether the options go together, and --format names fields that these objects have. */
int output_check(const struct options *o, const struct field_table *table,
		 struct err *e) _must_check_;

/* Appends an object, or an array of such, as the options say; with `lines` each object is one in a
 * line of its own. */
void output_append(const struct options *o, struct strbuf *to, struct json_object *value,
		   bool lines);
