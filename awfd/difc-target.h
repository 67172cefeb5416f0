/* The DIFC proxy that a request names, and whether its user may have it. Pure. */
#pragma once

#include "awfd/difc-address.h"
#include "awfd/policy.h"

/* Reads both; without one of them, and for what cannot be one, ERR_INVALID_ARGUMENT of the field
 * `difcProxyHost` or `difcProxyCaCert`. */
int difc_target_parse(const char *host, const char *ca_pem, struct difc_address *ret,
		      struct err *e) _must_check_;

/* What the operator permits. All names of the runner host are one. */
struct policy_decision difc_target_decide(const struct difc_address *address,
					  const struct policy *p) _must_check_;
