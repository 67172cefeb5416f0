/* What names a host names it to a server, too: OpenSSL, given the same bytes, sees this name or
 * refuses the hello. It names no other host, and is the same in records of one byte. */
#include <strings.h>

#include <openssl/ssl.h>

#include "common/strbuf.h"
#include "containers/squid/client-hello.h"

#define HOST "granted.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Where the server has read the hello. Goes no further: there is no certificate. */
static int on_name(SSL *ssl, int *alert, void *arg _unused_)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	require(name && strcasecmp(name, HOST) == 0);
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	require(context && SSL_CTX_set_tlsext_servername_callback(context, on_name) == 1);
	SSL_CTX_set_security_level(context, 0);
	return context;
}

static void serve(const uint8_t *data, size_t size)
{
	static SSL_CTX *context;
	SSL *ssl;

	if (!context)
		context = make_context();
	ssl = SSL_new(context);
	require(ssl != NULL);
	SSL_set_bio(ssl, BIO_new_mem_buf(data, (int)size), BIO_new(BIO_s_mem()));
	require(SSL_accept(ssl) <= 0);
	SSL_free(ssl);
}

/* The records of the hello, each byte in one of its own; what follows them is none. */
static void put_bytewise(struct strbuf *to, const uint8_t *data, size_t size)
{
	while (size > 5 && data[0] == 22) {
		size_t length = (size_t)data[3] << 8 | data[4];

		for (size_t i = 0; i < length && i < size - 5; i++) {
			strbuf_append(to, "\x16\3\1\0\1", 5);
			strbuf_append(to, data + 5 + i, 1);
		}
		if (length > size - 5)
			return;
		data += 5 + length;
		size -= 5 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf bytewise = { 0 };

	if (!client_hello_names(data, size, HOST))
		return 0;
	require(!client_hello_names(data, size, "other.example"));
	put_bytewise(&bytewise, data, size);
	require(client_hello_names((const uint8_t *)bytewise.data, bytewise.length, HOST));
	serve(data, size);
	return 0;
}
