/* Whatever is accepted has a host without brackets and control characters, a port, and is the same
 * again after format and parse. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/difc-address.h"
#include "common/alloc.h"
#include "common/strv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_accepted(const struct difc_address *a)
{
	_cleanup_(difc_address_clear) struct difc_address again = { 0 };
	_cleanup_strv_ char **candidates = difc_address_candidates(a);
	_cleanup_free_ char *formatted = difc_address_format(a);

	require(*a->host != '\0' && a->port != 0 && strv_length(candidates) > 0);
	require(strspn(a->host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == strlen(a->host));
	require(a->host[0] != '-');
	require(difc_address_parse(formatted, &again, NULL) == 0);
	require(strcmp(a->host, again.host) == 0);
	require(a->port == again.port && a->is_host == again.is_host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(difc_address_clear) struct difc_address a = { 0 };
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_err_ struct err e = { 0 };

	if (difc_address_parse(text, &a, &e) == 0)
		check_accepted(&a);
	else
		require(e.message && strcmp(e.subject, "difcProxyHost") == 0 && !a.host);
	return 0;
}
