/* What the stand-in for gh attacks with. */
#pragma once

/* Runs an attack and prints "reached" and returns 0 when it was let through, or the reason that it
 * was refused and 1; 2 when there is none of that name. */
int fake_gh_attack(const char *name, const char *target);
