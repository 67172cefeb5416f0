/* What gh's errors mean when its way to the DIFC proxy is broken: gh sees a relay on localhost, and
 * says of it what nobody understands who does not know that. Pure. */
#pragma once

#include <stddef.h>

#define GH_TROUBLE_TAIL 2048 /* bytes of gh's stderr, the last, that are looked at */

struct gh_trouble {
	char tail[GH_TROUBLE_TAIL];
	size_t length;
};

/* Takes the next piece of gh's stderr. */
void gh_trouble_take(struct gh_trouble *t, const void *data, size_t length);

/* What to tell the user of a gh that failed: a sentence, or NULL when it is not this. */
const char *gh_trouble_advice(const struct gh_trouble *t);
