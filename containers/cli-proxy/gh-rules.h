/* What is checked of the values of a gh call, once its spelling is known. Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "containers/gh/arguments.h"

/* 0 when gh may be run so, else e says why not, with its HTTP status. */
int gh_rules_check(const struct gh_arguments *a, struct err *e) _must_check_;

/* OWNER/REPO without a host: ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ */
bool gh_rules_is_repository(const char *text);
