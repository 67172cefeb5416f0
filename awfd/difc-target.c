#include "awfd/difc-target.h"

#include "awfd/difc-ca.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"

#define FIELD_HOST "difcProxyHost"
#define FIELD_CA   "difcProxyCaCert"

int difc_target_parse(const char *host, const char *ca_pem, struct difc_address *ret, struct err *e)
{
	struct difc_address address;
	int r;

	if (!ca_pem)
		return err_invalid(e, FIELD_CA, NULL,
				   "is missing: a DIFC proxy is verified by its CA certificate");
	if (!host)
		return err_invalid(e, FIELD_HOST, NULL,
				   "is missing: a CA certificate alone names no DIFC proxy");
	r = difc_address_parse(host, &address, e);
	if (r < 0)
		return r;
	r = difc_ca_check(ca_pem, e);
	if (r == 0 && address.port == SANDBOX_CLI_PORT)
		r = err_invalid(e, FIELD_HOST, host,
				"port %d is the cli-proxy's own; let the DIFC proxy use another",
				SANDBOX_CLI_PORT);
	if (r < 0)
		difc_address_clear(&address);
	else
		*ret = address;
	return r;
}

struct policy_decision difc_target_decide(const struct difc_address *address,
					  const struct policy *p)
{
	_cleanup_free_ char *text = address->is_host
					    ? xasprintf("localhost:%u", (unsigned)address->port)
					    : difc_address_format(address);

	return policy_check(p, POLICY_DIFC_ADDRESSES, FIELD_HOST, text);
}
