/* GitHub's data-residency tenants: hosts NAME.ghe.com. Pure. */
#pragma once

#include "common/cleanup.h"

/* The first tenant's host that is in a text (an address, a URL, an answer), in lower case and
 * without what stands before NAME; NULL when there is none, or no text. The caller owns it. */
char *tenant_find(const char *text) _must_check_;
