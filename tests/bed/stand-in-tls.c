/* The certificates of the stand-in, made like the DIFC proxy's own: a CA "MCPG Proxy CA" and a leaf
 * for localhost, new at each start. */
#include "tests/bed/stand-in.h"

#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/alloc.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

struct stand_in_tls {
	const char *dir;
	struct authority ca;
	struct authority other; /* same name, another key */
};

struct validity {
	long from; /* seconds from now */
	long until;
};

/* What each kind of leaf has of its own. */
static const struct {
	const char *names;
	struct validity validity;
	bool other_ca;
} leaves[CERT_COUNT] = {
	[CERT_GOOD] = { "DNS:localhost,IP:127.0.0.1,IP:::1", { -HOUR, DAY - HOUR }, false },
	[CERT_EXPIRED] = { "DNS:localhost,IP:127.0.0.1,IP:::1", { -DAY - HOUR, -HOUR }, false },
	[CERT_OTHER_NAME] = { "DNS:other.example", { -HOUR, DAY - HOUR }, false },
	[CERT_OTHER_CA] = { "DNS:localhost,IP:127.0.0.1,IP:::1", { -HOUR, DAY - HOUR }, true },
};

static int add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -EIO;
}

static void set_name(X509 *x, const char *common_name)
{
	X509_NAME *n = X509_get_subject_name(x);

	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const unsigned char *)"MCPG", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1,
				   -1, 0);
}

static X509 *new_certificate(EVP_PKEY *key, const char *common_name, const struct validity *v)
{
	X509 *x = X509_new();
	uint64_t serial = 0;

	RAND_bytes((unsigned char *)&serial, sizeof(serial) - 1);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), v->from);
	X509_gmtime_adj(X509_getm_notAfter(x), v->until);
	X509_set_pubkey(x, key);
	set_name(x, common_name);
	return x;
}

static int new_authority(struct authority *a)
{
	static const struct validity v = { -HOUR, DAY - HOUR };

	a->key = EVP_EC_gen("P-256");
	if (!a->key)
		return -EIO;
	a->certificate = new_certificate(a->key, "MCPG Proxy CA", &v);
	X509_set_issuer_name(a->certificate, X509_get_subject_name(a->certificate));
	if (add_extension(a->certificate, a->certificate, NID_basic_constraints,
			  "critical,CA:TRUE") < 0 ||
	    add_extension(a->certificate, a->certificate, NID_key_usage,
			  "critical,digitalSignature,keyCertSign") < 0 ||
	    add_extension(a->certificate, a->certificate, NID_subject_key_identifier, "hash") < 0)
		return -EIO;
	return X509_sign(a->certificate, a->key, EVP_sha256()) ? 0 : -EIO;
}

static X509 *new_leaf(const struct authority *ca, EVP_PKEY *key, enum certificate kind)
{
	X509 *x = new_certificate(key, "localhost", &leaves[kind].validity);

	X509_set_issuer_name(x, X509_get_subject_name(ca->certificate));
	if (add_extension(x, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") == 0 &&
	    add_extension(x, ca->certificate, NID_key_usage, "critical,digitalSignature") == 0 &&
	    add_extension(x, ca->certificate, NID_ext_key_usage, "serverAuth") == 0 &&
	    add_extension(x, ca->certificate, NID_authority_key_identifier, "keyid") == 0 &&
	    add_extension(x, ca->certificate, NID_subject_alt_name, leaves[kind].names) == 0 &&
	    X509_sign(x, ca->key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* Complete or not there at all: whoever waits for the file must not read half of it. */
static FILE *open_pem(const char *dir, const char *name, mode_t mode, char **ret_temporary)
{
	char *path = xasprintf("%s/%s.new", dir, name);
	FILE *f = fopen(path, "we");

	if (f)
		fchmod(fileno(f), mode);
	*ret_temporary = path;
	return f;
}

static int close_pem(FILE *f, const char *dir, const char *name, const char *temporary)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	if (fclose(f) != 0 || rename(temporary, path) < 0)
		return -errno;
	return 0;
}

static int write_certificate(const char *dir, const char *name, X509 *x)
{
	_cleanup_free_ char *temporary = NULL;
	FILE *f = open_pem(dir, name, 0644, &temporary);

	if (!f)
		return -errno;
	PEM_write_X509(f, x);
	return close_pem(f, dir, name, temporary);
}

static int write_key(const char *dir, const char *name, EVP_PKEY *key)
{
	_cleanup_free_ char *temporary = NULL;
	FILE *f = open_pem(dir, name, 0600, &temporary);

	if (!f)
		return -errno;
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	return close_pem(f, dir, name, temporary);
}

int stand_in_tls_new(const char *dir, struct stand_in_tls **ret)
{
	struct stand_in_tls *t = xnew(struct stand_in_tls); /* lives as long as the program */

	t->dir = dir;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (new_authority(&t->ca) < 0 || new_authority(&t->other) < 0)
		return -EIO;
	*ret = t;
	return write_certificate(dir, "ca.crt", t->ca.certificate);
}

SSL_CTX *stand_in_tls_context(struct stand_in_tls *t, enum certificate kind)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = new_leaf(leaves[kind].other_ca ? &t->other : &t->ca, key, kind);

	if (ctx && leaf && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	    SSL_CTX_use_certificate(ctx, leaf) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	    write_certificate(t->dir, "server.crt", leaf) == 0 &&
	    write_key(t->dir, "server.key", key) == 0) {
		X509_free(leaf);
		EVP_PKEY_free(key);
		return ctx;
	}
	X509_free(leaf);
	EVP_PKEY_free(key);
	SSL_CTX_free(ctx);
	return NULL;
}
