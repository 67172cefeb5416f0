/* Which invocations of gh the proxy runs. Pure. */
#pragma once

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

/* 0 when gh may be run with these arguments, else e says why not, with its HTTP status. */
int gh_rules_check(char *const *args, struct err *e) _must_check_;

/* OWNER/REPO without a host: ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ */
bool gh_rules_is_repository(const char *text);
