/* What is accepted stays acceptable beside a system bundle and when given twice. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/difc-ca.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *pem = xstrndup((const char *)data, size);
	_cleanup_free_ char *twice = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (difc_ca_check(pem, &e) < 0) {
		if (!e.message || e.value || strcmp(e.subject, "difcProxyCaCert") != 0)
			abort();
		return 0;
	}
	twice = difc_ca_bundle(pem, pem);
	if (strlen(twice) <= DIFC_CA_MAX && difc_ca_check(twice, &e) < 0)
		abort();
	return 0;
}
