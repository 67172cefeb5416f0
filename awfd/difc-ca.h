/* The CA certificate of a DIFC proxy, as PEM text from a request. Pure. */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

#define DIFC_CA_MAX 65536 /* bytes of PEM text */

/* Checks that the text has at most DIFC_CA_MAX bytes, holds CERTIFICATE blocks (RFC 7468) with
 * decodable contents and none of another kind, a PRIVATE KEY least of all, and has no control
 * bytes; text between the blocks is fine. ERR_INVALID_ARGUMENT of the field `difcProxyCaCert` with
 * the reason (never the text) otherwise. */
int difc_ca_check(const char *pem, struct err *e) _must_check_;

/* system_bundle (may be NULL or "") followed by the CA, one PEM text. The caller owns it. */
char *difc_ca_bundle(const char *system_bundle, const char *pem) _must_check_;
