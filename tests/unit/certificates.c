#include "tests/unit/check.h"
#include "tests/unit/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define X509_VERSION_3 2 /* counted from 0 (RFC 5280, 4.1.2.1) */

static void add_extension(X509 *x509, const struct certificate *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer ? issuer->x509 : x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

struct certificate certificate_make(const struct certificate_spec *spec,
				    const struct certificate *issuer)
{
	struct certificate c = { .key = EVP_EC_gen("P-256"), .x509 = X509_new() };
	static long serial;
	X509_NAME *name;

	assert_true(c.key && c.x509);
	name = X509_get_subject_name(c.x509);
	X509_set_version(c.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), spec->from);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), spec->to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)spec->name, -1,
				   -1, 0);
	X509_set_issuer_name(c.x509, issuer ? X509_get_subject_name(issuer->x509) : name);
	X509_set_pubkey(c.x509, c.key);
	add_extension(c.x509, issuer, NID_basic_constraints,
		      spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(c.x509, issuer, NID_subject_key_identifier, "hash");
	add_extension(c.x509, issuer, NID_authority_key_identifier, "keyid");
	if (spec->alt_names)
		add_extension(c.x509, issuer, NID_subject_alt_name, spec->alt_names);
	assert_true(X509_sign(c.x509, issuer ? issuer->key : c.key, EVP_sha256()) > 0);
	return c;
}

char *certificate_pem(const struct certificate *c)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *data;
	long length;

	assert_int_equal(PEM_write_bio_X509(bio, c->x509), 1);
	length = BIO_get_mem_data(bio, &data);
	text = xstrndup(data, (size_t)length);
	BIO_free(bio);
	return text;
}

void certificate_clear(struct certificate *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	*c = (struct certificate){ 0 };
}
