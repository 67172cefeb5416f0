#include "awfd/difc-ca.h"
#include "tests/unit/check.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"

/* A self-signed ECDSA P-256 certificate of "MCPG Proxy CA". */
#define BODY                                                                                       \
	"MIIBhTCCASugAwIBAgIUOwNH6jCR82PKGVUkeuWTn77qiVkwCgYIKoZIzj0EAwIw\n"                       \
	"GDEWMBQGA1UEAwwNTUNQRyBQcm94eSBDQTAeFw0yNjExMjMyMDExNTVaFw0zNjEx\n"                       \
	"MjAyMDExNTVaMBgxFjAUBgNVBAMMDU1DUEcgUHJveHkgQ0EwWTATBgcqhkjOPQIB\n"                       \
	"BggqhkjOPQMBBwNCAARlnpPZs8EcHh/eg3jSjAs3sPRcnkwFVIXxNdi2JdIcDaN4\n"                       \
	"nFGfIAwUqp6UUdG750Rf1RQYZ5n99yMRrj0mlmtlo1MwUTAdBgNVHQ4EFgQUV4GD\n"                       \
	"GHlZ+ULeZdRuCBYx+k5KA6gwHwYDVR0jBBgwFoAUV4GDGHlZ+ULeZdRuCBYx+k5K\n"                       \
	"A6gwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAghcEQIzqiA5T\n"                       \
	"D6Xz4OOYskNvxyx+2ocu5gDB4s75UgoCIEkhH64HwCL/ys5HTcLMJ5DOw40RjacJ\n"
#define LAST "T6AU2U0WioSd\n"
#define CERT BEGIN BODY LAST END

static const char *const accepted[] = {
	CERT,
	CERT CERT,
	"# CA of the proxy\nwritten by hand, in Zürich\n\n" CERT "\n\nthe end",
	"-----BEGIN CERTIFICATE----- \t\r\n" BODY LAST "\r\n-----END CERTIFICATE-----",
};

static const struct {
	const char *text;
	const char *reason;
} refused[] = {
	{ "", "it is empty" },
	{ "\n", "it holds no PEM certificate" },
	{ "hello", "it holds no PEM certificate" },
	{ BODY LAST, "it holds no PEM certificate" },
	{ " " BEGIN BODY LAST, "it holds no PEM certificate" },
	{ BEGIN, "a certificate in it has no END line" },
	{ BEGIN BODY LAST, "a certificate in it has no END line" },
	{ CERT BEGIN BODY LAST, "a certificate in it has no END line" },
	{ BEGIN BODY LAST BEGIN BODY LAST END, "a certificate in it has no END line" },
	{ BEGIN BODY LAST "-----END X509 CRL-----\n", "a certificate in it has no END line" },
	{ END, "it has an END line without a BEGIN line" },
	{ CERT END, "it has an END line without a BEGIN line" },
	{ BEGIN END, "a certificate in it is not valid base64" },
	{ BEGIN "MAA\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "M===\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "====\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "MAB=\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "MA=A\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "M A A\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "Proc-Type: 4,ENCRYPTED\n" BODY LAST END,
	  "a certificate in it is not valid base64" },
	{ BEGIN BODY END, "a certificate in it is damaged" },
	{ BEGIN BODY LAST "AAAA\n" END, "a certificate in it is damaged" },
	{ BEGIN "aGVsbG8=\n" END, "a certificate in it is damaged" },
	{ BEGIN "MA==\n" END, "a certificate in it is damaged" },
	{ BEGIN "MAA=\n" END, "a certificate in it is damaged" },
	{ BEGIN "MIAAAA==\n" END, "a certificate in it is damaged" },
	{ BEGIN "MP/////////\n" END, "a certificate in it is not valid base64" },
	{ BEGIN "MIT/////\n" END, "a certificate in it is damaged" },
	{ CERT "-----BEGIN PUBLIC KEY-----\n", "it holds something other than certificates" },
	{ "-----BEGIN TRUSTED CERTIFICATE-----\n", "it holds something other than certificates" },
	{ "-----BEGIN CERTIFICATE-----x\n", "it holds something other than certificates" },
	{ CERT "-----BEGIN PRIVATE KEY-----\n",
	  "it holds a private key: give the certificate only" },
	{ "-----BEGIN EC PRIVATE KEY-----\n" CERT,
	  "it holds a private key: give the certificate only" },
	{ CERT "  -----BEGIN RSA PRIVATE KEY-----\n",
	  "it holds a private key: give the certificate only" },
	{ CERT "\x1b[2J", "it holds control characters" },
	{ "\x7f" CERT, "it holds control characters" },
};

static void test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_err_ struct err e = { 0 };

		if (difc_ca_check(accepted[i], &e) < 0)
			fail_msg("row %zu: %s", i, e.message);
		assert_null(e.message);
	}
}

/* A refusal gives the reason and nothing of the text. */
static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_err_ struct err e = { 0 };

		assert_int_equal(difc_ca_check(refused[i].text, &e), -EINVAL);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_string_equal(e.subject, "difcProxyCaCert");
		assert_null(e.value);
		if (strcmp(e.message, refused[i].reason) != 0)
			fail_msg("row %zu: %s", i, e.message);
	}
}

static void test_size(void **state)
{
	_cleanup_free_ char *text = xcalloc(DIFC_CA_MAX + 2, 1);
	_cleanup_err_ struct err e = { 0 };

	(void)state;
	memset(text, '\n', DIFC_CA_MAX);
	memcpy(text, CERT, strlen(CERT));
	assert_int_equal(difc_ca_check(text, NULL), 0);
	text[DIFC_CA_MAX] = '\n';
	assert_int_equal(difc_ca_check(text, &e), -EINVAL);
	assert_string_equal(e.message, "it is larger than 64 KiB");
}

static void test_bundle(void **state)
{
	static const struct {
		const char *system, *ca, *bundle;
	} rows[] = {
		{ NULL, CERT, CERT },
		{ "", "ca", "ca\n" },
		{ "sys", "ca", "sys\nca\n" },
		{ "sys\n", "ca\n", "sys\nca\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *bundle = difc_ca_bundle(rows[i].system, rows[i].ca);

		assert_string_equal(bundle, rows[i].bundle);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_bundle),
	};

	return RUN_TESTS("difc-ca", tests);
}
