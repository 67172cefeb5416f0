#include "awfd/probe/ask.h"

#include <string.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/escape.h"
#include "common/strbuf.h"

#define SERVER_NAME    "localhost"
#define USER_AGENT     "awf-difc-probe/" AWF_VERSION /* GitHub refuses who has none */
#define STATUS_GOOD    200
#define STATUS_SERVER  500  /* and more: the server failed */
#define BODY_MAX       4096 /* bytes of an answer that are looked at */
#define BODY_SHOWN     200
#define NOT_CONFIGURED "proxy enforcement not configured"

/* What is asked, one after the other on one connection. */
static const struct request {
	const char *path;
	const char *name;
	bool live;                /* asked only of a proxy that has to be ready for use */
	bool any_status;          /* only a missing policy counts against it */
	const char *good_refusal; /* what a body says that is as good as status 200 */
} requests[] = {
	{ "/api/v3/health", "its health check", false, false, NULL },
	/* GitHub itself has answered; a GitHub Enterprise Server may be without limits. */
	{ "/api/v3/rate_limit", "its request for the rate limit", true, false,
	  "Rate limiting is not enabled" },
	/* The proxy passes the other two on without its policy; this it refuses for want of one,
	 * while GitHub may refuse it for many reasons. */
	{ "/api/v3/user", "its request for the user", true, true, NULL },
};

/* What libcurl and OpenSSL tell about a failure. */
struct failure {
	char detail[CURL_ERROR_SIZE];
	long verification; /* X509_V_ERR_… */
	int64_t expires;   /* of the certificate */
};

/* The asking of one candidate. */
struct asking {
	const struct question *question;
	CURL *curl;
	uint64_t end; /* of the time, by clock_ms() */
	struct strbuf body;
	struct failure failure;
};

/* Keeps the beginning of a body and lets the rest pass. */
static size_t take_body(char *data, size_t size, size_t count, void *userdata)
{
	struct strbuf *body = userdata;

	strbuf_append(body, data, MIN(size * count, BODY_MAX - body->length));
	return size * count;
}

/* In seconds since the epoch. */
static int64_t expiry_of(const X509 *certificate)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? timegm(&tm) : 0;
}

/* Verifies a chain as usual, and remembers what was wrong with it: libcurl's own report shows only
 * the first of OpenSSL's errors, which may be about anything. */
static int verify(X509_STORE_CTX *chain, void *userdata)
{
	struct failure *failure = userdata;
	int r = X509_verify_cert(chain);

	failure->verification = X509_STORE_CTX_get_error(chain);
	failure->expires = expiry_of(X509_STORE_CTX_get0_cert(chain));
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
static void set_options(struct asking *x)
{
	const struct question *q = x->question;
	struct curl_blob ca = { (void *)q->ca, q->ca_length, CURL_BLOB_COPY };
	CURL *curl = x->curl;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_verification);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, x->failure.detail);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &x->failure);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &x->body);
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

static enum diagnosis diagnosis_of_status(long status, const char *body)
{
	if (strstr(body, NOT_CONFIGURED))
		return DIAGNOSIS_POLICY_MISSING;
	return status >= STATUS_SERVER ? DIAGNOSIS_HTTP_SERVER : DIAGNOSIS_HTTP_STATUS;
}

static char *status_text(const struct request *r, long status, const char *body)
{
	_cleanup_free_ char *begin = xstrndup(body, BODY_SHOWN);
	_cleanup_free_ char *shown = escape_control(begin);

	return xasprintf("%s failed with status %ld: %s", r->name, status, shown);
}

/* Judges what was answered to a request; whether it is good. */
static bool judge(CURL *curl, const struct request *r, const char *host, const char *body,
		  struct answer *a)
{
	_cleanup_free_ char *text = NULL;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == STATUS_GOOD || (r->good_refusal && strstr(body, r->good_refusal)))
		return true;
	a->diagnosis = diagnosis_of_status(status, body);
	if (r->any_status && a->diagnosis != DIAGNOSIS_POLICY_MISSING)
		return true;
	text = a->diagnosis == DIAGNOSIS_POLICY_MISSING
		       ? xasprintf("%s: " NOT_CONFIGURED, diagnosis_meaning(a->diagnosis))
		       : status_text(r, status, body);
	a->message = xasprintf("%s: %s", host, text);
	return false;
}

/* Makes one request, in what is left of the time; whether it was answered well. */
static bool make_request(struct asking *x, const struct request *r, struct answer *a)
{
	const struct question *q = x->question;
	_cleanup_free_ char *url = xasprintf("https://" SERVER_NAME ":%u%s", q->port, r->path);
	uint64_t now = clock_ms();
	CURLcode code;

	strbuf_clear(&x->body);
	strbuf_append(&x->body, "", 0);
	/* The certificate is seen once, when the connection is made. */
	x->failure = (struct failure){ .verification = X509_V_OK, .expires = x->failure.expires };
	curl_easy_setopt(x->curl, CURLOPT_URL, url);
	curl_easy_setopt(x->curl, CURLOPT_TIMEOUT_MS, now < x->end ? (long)(x->end - now) : 1L);
	code = curl_easy_perform(x->curl);
	if (code == CURLE_OK)
		return judge(x->curl, r, q->host, x->body.data, a);
	judge_failure(x->curl, code, q->host, &x->failure, a);
	return false;
}

void ask(const struct question *q, struct answer *ret)
{
	struct asking x = { .question = q,
			    .curl = curl_easy_init(),
			    .end = clock_ms() + q->timeout_ms };
	struct curl_slist *to = connect_to(q);
	char *address = NULL;

	if (!x.curl)
		abort();
	set_options(&x);
	curl_easy_setopt(x.curl, CURLOPT_CONNECT_TO, to);
	*ret = (struct answer){ .good = true };
	for (size_t i = 0; ret->good && i < ARRAY_SIZE(requests); i++)
		if (q->live || !requests[i].live)
			ret->good = make_request(&x, &requests[i], ret);
	(void)curl_easy_getinfo(x.curl, CURLINFO_PRIMARY_IP, &address);
	if (ret->good) {
		ret->address = xstrdup(address);
		ret->expires = x.failure.expires;
	}
	curl_easy_cleanup(x.curl);
	curl_slist_free_all(to);
	strbuf_clear(&x.body);
}

void answer_clear(struct answer *a)
{
	free(a->address);
	free(a->message);
	*a = (struct answer){ 0 };
}
