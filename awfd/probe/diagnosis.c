#include "awfd/probe/diagnosis.h"

#include <string.h>

#include <openssl/x509_vfy.h>

/* A proxy that is being started is not there, or not ready: that passes. Its certificate and its
 * policy are made before it listens: what is wrong with them stays so until somebody mends it. */
static const struct {
	const char *name;
	const char *meaning;
	bool may_pass;
} texts[] = {
	[DIAGNOSIS_UNRESOLVABLE] = { "unresolvable", "the name has no address", true },
	[DIAGNOSIS_UNREACHABLE] = { "unreachable", "there is no way to this address", true },
	[DIAGNOSIS_REFUSED] = { "refused", "nothing listens there", true },
	[DIAGNOSIS_TIMEOUT] = { "timeout", "no answer in time", true },
	[DIAGNOSIS_RESET] = { "reset", "the connection was closed without an answer", true },
	[DIAGNOSIS_NOT_TLS] = { "tls-not-tls", "what answers there does not speak TLS", false },
	[DIAGNOSIS_TLS_OTHER] = { "tls-other", "no TLS connection could be made", false },
	[DIAGNOSIS_UNTRUSTED] = { "tls-untrusted", "its certificate is not signed by the given CA",
				  false },
	[DIAGNOSIS_WRONG_NAME] = { "tls-wrong-name", "its certificate is not for localhost",
				   false },
	[DIAGNOSIS_EXPIRED] = { "tls-expired", "its certificate has expired or is not valid yet",
				false },
	[DIAGNOSIS_HTTP_SERVER] = { "http-status", "it failed to answer", true },
	[DIAGNOSIS_HTTP_STATUS] = { "http-status", "its answer is not a DIFC proxy's", false },
	[DIAGNOSIS_POLICY_MISSING] = { "policy-missing", "it is up but has no policy", false },
};

/* A number of libcurl, the system or OpenSSL, and what it says. */
struct row {
	long number;
	enum diagnosis diagnosis;
};

static const struct row of_code[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, DIAGNOSIS_UNRESOLVABLE },
	{ CURLE_OPERATION_TIMEDOUT, DIAGNOSIS_TIMEOUT },
	{ CURLE_RECV_ERROR, DIAGNOSIS_RESET },
	{ CURLE_SEND_ERROR, DIAGNOSIS_RESET },
	{ CURLE_GOT_NOTHING, DIAGNOSIS_RESET },
	{ CURLE_PARTIAL_FILE, DIAGNOSIS_RESET },
	{ CURLE_PEER_FAILED_VERIFICATION, DIAGNOSIS_WRONG_NAME }, /* found by libcurl itself */
	{ CURLE_SSL_CACERT_BADFILE, DIAGNOSIS_UNTRUSTED },
	{ CURLE_WEIRD_SERVER_REPLY, DIAGNOSIS_HTTP_STATUS },
	{ CURLE_UNSUPPORTED_PROTOCOL, DIAGNOSIS_HTTP_STATUS }, /* HTTP/0.9 */
};

static const struct row of_connect_errno[] = {
	{ ECONNREFUSED, DIAGNOSIS_REFUSED },
	{ ETIMEDOUT, DIAGNOSIS_TIMEOUT },
	{ ECONNRESET, DIAGNOSIS_RESET },
};

static const struct row of_verification[] = {
	{ X509_V_ERR_HOSTNAME_MISMATCH, DIAGNOSIS_WRONG_NAME },
	{ X509_V_ERR_CERT_HAS_EXPIRED, DIAGNOSIS_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, DIAGNOSIS_EXPIRED },
};

/* Where one code of libcurl stands for many cases, the words tell them apart: OpenSSL's for a
 * handshake that fails, and its own for what took too long. */
static const struct {
	CURLcode code;
	const char *words;
	enum diagnosis diagnosis;
} of_words[] = {
	{ CURLE_OPERATION_TIMEDOUT, "Resolving timed out", DIAGNOSIS_UNRESOLVABLE },
	{ CURLE_SSL_CONNECT_ERROR, "wrong version number", DIAGNOSIS_NOT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, "packet length too long", DIAGNOSIS_NOT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, "http request", DIAGNOSIS_NOT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, "unknown protocol", DIAGNOSIS_NOT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, "record layer failure", DIAGNOSIS_NOT_TLS },
	{ CURLE_SSL_CONNECT_ERROR, "SSL_ERROR_SYSCALL", DIAGNOSIS_RESET },
	{ CURLE_SSL_CONNECT_ERROR, "unexpected eof", DIAGNOSIS_RESET },
	{ CURLE_SSL_CONNECT_ERROR, "reset by peer", DIAGNOSIS_RESET },
};

const char *diagnosis_name(enum diagnosis d)
{
	return texts[d].name;
}

const char *diagnosis_meaning(enum diagnosis d)
{
	return texts[d].meaning;
}

bool diagnosis_may_pass(enum diagnosis d)
{
	return texts[d].may_pass;
}

static enum diagnosis look_up(const struct row *rows, size_t count, long number,
			      enum diagnosis otherwise)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].number == number)
			return rows[i].diagnosis;
	return otherwise;
}

enum diagnosis diagnosis_of(CURL *curl, CURLcode code, long verification, const char *detail)
{
	long system_error = 0;

	if (verification != X509_V_OK)
		return look_up(of_verification, ARRAY_SIZE(of_verification), verification,
			       DIAGNOSIS_UNTRUSTED);
	for (size_t i = 0; i < ARRAY_SIZE(of_words); i++)
		if (of_words[i].code == code && strstr(detail, of_words[i].words))
			return of_words[i].diagnosis;
	if (code != CURLE_COULDNT_CONNECT)
		return look_up(of_code, ARRAY_SIZE(of_code), code, DIAGNOSIS_TLS_OTHER);
	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &system_error);
	return look_up(of_connect_errno, ARRAY_SIZE(of_connect_errno), system_error,
		       DIAGNOSIS_UNREACHABLE);
}
