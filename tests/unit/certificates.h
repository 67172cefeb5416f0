/* Certificates made on the spot, like those of a DIFC proxy: ECDSA P-256, a CA and a leaf. */
#pragma once

#include <openssl/ssl.h>

struct certificate {
	EVP_PKEY *key;
	X509 *x509;
};

struct certificate_spec {
	const char *name;      /* the common name */
	const char *alt_names; /* "DNS:localhost,IP:127.0.0.1", or NULL for none */
	long from, to;         /* seconds from now that it is valid */
	bool is_ca;
};

/* Makes a certificate that the issuer signed (NULL: itself). */
struct certificate certificate_make(const struct certificate_spec *spec,
				    const struct certificate *issuer);

/* Its PEM text. The caller owns it. */
char *certificate_pem(const struct certificate *c);

void certificate_clear(struct certificate *c);
