#include "proto/difc-advice.h"

#include <string.h>

#include "common/cleanup.h"

static const struct {
	const char *diagnosis;
	const char *advice;
} advices[] = {
	{ "unresolvable", "check the spelling of the name, or give an address" },
	{ "refused", "is the DIFC proxy running, and is the port right?" },
	{ "timeout", "is the DIFC proxy hanging, or a firewall in the way?" },
	{ "unreachable", "check the address and this host's routes" },
	{ "reset", "look at the DIFC proxy's log" },
	{ "tls-not-tls", "is the port right?" },
	{ "tls-untrusted", "a DIFC proxy makes a new CA at each start: give its current ca.crt" },
	{ "tls-wrong-name", "a DIFC proxy's certificate has to be for localhost" },
	{ "tls-expired", "restart the DIFC proxy, which renews its certificate, or set the clock" },
	{ "http-status", "it runs but is not healthy: look at its log" },
	{ "policy-missing", "start the DIFC proxy with a policy" },
};

const char *difc_advice(const char *diagnosis)
{
	for (size_t i = 0; diagnosis && i < ARRAY_SIZE(advices); i++)
		if (strcmp(advices[i].diagnosis, diagnosis) == 0)
			return advices[i].advice;
	return NULL;
}
