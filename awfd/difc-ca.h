/* The CA certificate of a DIFC proxy, as PEM text from a request. Pure. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

/* Checks that the text holds at least one CERTIFICATE block (RFC 7468) with decodable contents, no
 * PRIVATE KEY block and no control bytes. ERR_INVALID_ARGUMENT of the field `difcProxyCaCert` with
 * the reason (never the text) otherwise. */
int difc_ca_check(const char *pem, struct err *e) _must_check_;

/* system_bundle (may be NULL or "") followed by the CA, one PEM text. The caller owns it. */
char *difc_ca_bundle(const char *system_bundle, const char *pem) _must_check_;
