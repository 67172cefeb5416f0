/* What a call waits for: the name of its user, and, if it is decided by the policy, the users and
 * groups that are named there (awfd/names.h). Other connections go on meanwhile. */
#pragma once

#include <stdbool.h>

#include "awfd/conn.h"
#include "awfd/manager.h"

/* Has the name of a user who connected looked up, ahead of his first call. */
void caller_expect(struct manager *m, uid_t uid);

/* Has refusals of his quota call him by his name, if it is known. */
void caller_name(struct manager *m, uid_t uid);

typedef void (*caller_fn)(struct manager *m, struct call *call);

/* Calls fn, at once or later, when all of it is known or could not be found out in time; not at all
 * if the connection ends before. */
void caller_await(struct manager *m, struct call *call, bool by_policy, caller_fn fn);
