#include "awfd/probe/ask.h"

#include <string.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "common/strbuf.h"

#define SERVER_NAME    "localhost"
#define HEALTH_PATH    "/api/v3/health"
#define STATUS_GOOD    200
#define BODY_MAX       4096 /* bytes of an answer that are looked at */
#define BODY_SHOWN     200
#define NOT_CONFIGURED "proxy enforcement not configured"

/* What libcurl and OpenSSL tell about a failure. */
struct failure {
	char detail[CURL_ERROR_SIZE];
	long verification; /* X509_V_ERR_… */
};

/* Keeps the beginning of a body and lets the rest pass. */
static size_t take_body(char *data, size_t size, size_t count, void *userdata)
{
	struct strbuf *body = userdata;

	strbuf_append(body, data, MIN(size * count, BODY_MAX - body->length));
	return size * count;
}

/* Verifies a chain as usual, and remembers what was wrong with it: libcurl's own report shows only
 * the first of OpenSSL's errors, which may be about anything. */
static int verify(X509_STORE_CTX *chain, void *userdata)
{
	long *verification = userdata;
	int r = X509_verify_cert(chain);

	*verification = X509_STORE_CTX_get_error(chain);
	return r;
}

/* Lets OpenSSL check the name by the certificate's alternative names only, as gh does: libcurl
 * would be content with a common name. */
static CURLcode set_verification(CURL *curl, void *context, void *userdata)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	(void)curl;
	SSL_CTX_set_cert_verify_callback(context, verify, userdata);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, SERVER_NAME, 0) == 1 ? CURLE_OK
								       : CURLE_OUT_OF_MEMORY;
}

/* Where localhost:PORT really is; a literal IPv6 address needs brackets. */
static struct curl_slist *connect_to(const struct question *q)
{
	bool v6 = strchr(q->host, ':');
	_cleanup_free_ char *to = xasprintf(SERVER_NAME ":%u:%s%s%s:%u", q->port, v6 ? "[" : "",
					    q->host, v6 ? "]" : "", q->port);
	struct curl_slist *list = curl_slist_append(NULL, to);

	if (!list)
		abort();
	return list;
}

/* No proxy, no other CA, no redirects (libcurl's default): nothing but what was asked for. */
static void set_options(CURL *curl, const struct question *q, struct strbuf *body,
			struct failure *failure)
{
	_cleanup_free_ char *url = xasprintf("https://" SERVER_NAME ":%u" HEALTH_PATH, q->port);
	struct curl_blob ca = { (void *)q->ca, q->ca_length, CURL_BLOB_COPY };

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_verification);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, q->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, failure->detail);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &failure->verification);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

static void judge_failure(CURL *curl, CURLcode code, const char *host, const struct failure *f,
			  struct answer *a)
{
	const char *detail = f->verification != X509_V_OK
				     ? X509_verify_cert_error_string(f->verification)
				     : (*f->detail ? f->detail : curl_easy_strerror(code));
	_cleanup_free_ char *text = escape_control(detail);

	a->diagnosis = diagnosis_of(curl, code, f->verification, f->detail);
	a->message = xasprintf("%s: %s: %s", host, diagnosis_meaning(a->diagnosis), text);
}

static void judge_status(const char *host, long status, struct strbuf *body, struct answer *a)
{
	_cleanup_free_ char *shown = NULL;

	a->diagnosis = DIAGNOSIS_HTTP_STATUS;
	if (body->data && strstr(body->data, NOT_CONFIGURED)) {
		a->message = xasprintf("%s: it is up but has no policy: " NOT_CONFIGURED, host);
		return;
	}
	body->length = MIN(body->length, (size_t)BODY_SHOWN);
	strbuf_append(body, "", 0);
	shown = escape_control(body->data);
	a->message = xasprintf("%s: %s with status %ld: %s", host, diagnosis_meaning(a->diagnosis),
			       status, shown);
}

static void judge(CURL *curl, const char *host, struct strbuf *body, struct answer *a)
{
	char *address = NULL;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
	a->good = status == STATUS_GOOD && address;
	if (a->good)
		a->address = xstrdup(address);
	else
		judge_status(host, status, body, a);
}

void ask(const struct question *q, struct answer *ret)
{
	_cleanup_strbuf_ struct strbuf body = { 0 };
	struct curl_slist *to = connect_to(q);
	struct failure failure = { .verification = X509_V_OK };
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!curl)
		abort();
	*ret = (struct answer){ 0 };
	set_options(curl, q, &body, &failure);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, to);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		judge(curl, q->host, &body, ret);
	else
		judge_failure(curl, code, q->host, &failure, ret);
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
}

void answer_clear(struct answer *a)
{
	free(a->address);
	free(a->message);
	*a = (struct answer){ 0 };
}
