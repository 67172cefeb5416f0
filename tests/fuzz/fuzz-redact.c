/* No token is left, nothing is read or written outside, and what is redacted stays as it is. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/alloc.h"
#include "containers/cli-proxy/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char token[] = "ghp_0123456789abcdef";
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_free_ char *with_token = xasprintf("%s%s", text, token);
	_cleanup_free_ char *redacted = redact(with_token);

	require(!strstr(redacted, token));
	(void)redact_is_secret((char *[]){ text, text, NULL }, 1);
	require(strlen(redacted) <= strlen(with_token) * strlen(REDACTED));
	return 0;
}
