/* What a sandbox was refused, told when its command has failed. */
#pragma once

#include "awfctl/client.h"

/* Asks awfd what the sandbox was refused, and reports it on standard error; nothing when that is
 * nothing. Waits for the answer for a moment only, and not at all once `signals` is readable; what
 * awfd can't answer is not reported. No other call on the connection may be unanswered. */
void refusals_report(struct client *c, const char *id, int signals);
