/* Why a DIFC proxy can't be used, found from what libcurl and OpenSSL tell. */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "common/cleanup.h"

/* From the least to the most telling: of several failures the most telling is reported. */
enum diagnosis {
	DIAGNOSIS_UNRESOLVABLE,
	DIAGNOSIS_UNREACHABLE,
	DIAGNOSIS_REFUSED,
	DIAGNOSIS_TIMEOUT,
	DIAGNOSIS_RESET,
	DIAGNOSIS_NOT_TLS,
	DIAGNOSIS_TLS_OTHER,
	DIAGNOSIS_UNTRUSTED,
	DIAGNOSIS_WRONG_NAME,
	DIAGNOSIS_EXPIRED,
	DIAGNOSIS_HTTP_SERVER, /* a status of 500 or more */
	DIAGNOSIS_HTTP_STATUS, /* any other, and what is no HTTP */
	DIAGNOSIS_POLICY_MISSING,
};

/* The name that the interface knows: "refused", "tls-untrusted", … */
const char *diagnosis_name(enum diagnosis d);

/* What it means, for a person, as the end of a sentence "HOST: …". */
const char *diagnosis_meaning(enum diagnosis d);

/* Whether it may be over in a moment, as when the proxy is just being started. */
bool diagnosis_may_pass(enum diagnosis d);

/* The diagnosis of a transfer that failed; verification is what OpenSSL found wrong with the chain
 * (X509_V_OK: nothing), detail is libcurl's error buffer. */
enum diagnosis diagnosis_of(CURL *curl, CURLcode code, long verification, const char *detail);
