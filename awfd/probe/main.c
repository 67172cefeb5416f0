/* awf-difc-probe: asks whether a DIFC proxy answers, with a certificate for localhost that the given CA
 * signed. awfd runs it as an unprivileged user, so that awfd itself never connects to an address that
 * a user chose.
 *
 *     awf-difc-probe --timeout-ms N --port PORT HOST... <CA-PEM
 *
 * The hosts are tried in order. One JSON line on stdout: {"address":"127.0.0.1","port":18443} for the
 * first that answers, else {"diagnosis":"refused","message":"..."} of the most telling failure. */
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include <curl/curl.h>
#include <json-c/json.h>
#include <openssl/x509_vfy.h>

#include "common/alloc.h"
#include "common/parse.h"
#include "common/strbuf.h"

#define CA_MAX         (64 * 1024)
#define BODY_MAX       4096
#define SHOWN_BODY_MAX 200
#define EXIT_USAGE     2
#define NOT_CONFIGURED "proxy enforcement not configured"

/* From the least to the most telling: with several candidates the most telling failure is reported. */
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
	DIAGNOSIS_HTTP_STATUS,
};

static const char *const diagnosis_names[] = {
	[DIAGNOSIS_UNRESOLVABLE] = "unresolvable",
	[DIAGNOSIS_UNREACHABLE] = "unreachable",
	[DIAGNOSIS_REFUSED] = "refused",
	[DIAGNOSIS_TIMEOUT] = "timeout",
	[DIAGNOSIS_RESET] = "reset",
	[DIAGNOSIS_NOT_TLS] = "tls-not-tls",
	[DIAGNOSIS_TLS_OTHER] = "tls-other",
	[DIAGNOSIS_UNTRUSTED] = "tls-untrusted",
	[DIAGNOSIS_WRONG_NAME] = "tls-wrong-name",
	[DIAGNOSIS_EXPIRED] = "tls-expired",
	[DIAGNOSIS_HTTP_STATUS] = "http-status",
};

struct probe {
	uint64_t timeout_ms;
	uint16_t port;
	char ca[CA_MAX + 1];
	size_t ca_length;
};

struct outcome {
	bool answered;
	char address[64];
	enum diagnosis diagnosis;
	char *message;
};

static size_t take_body(char *data, size_t size, size_t count, void *userdata)
{
	struct strbuf *body = userdata;

	if (body->length + size * count > BODY_MAX)
		return 0;
	strbuf_append(body, data, size * count);
	return size * count;
}

static enum diagnosis of_verification(long verify_result)
{
	switch (verify_result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return DIAGNOSIS_EXPIRED;
	case X509_V_OK: /* the chain is good: curl itself refused the name */
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return DIAGNOSIS_WRONG_NAME;
	default:
		return DIAGNOSIS_UNTRUSTED;
	}
}

/* OpenSSL's words for a peer that does not speak TLS; it has no code of its own for that. */
static bool sounds_like_no_tls(const char *text)
{
	static const char *const words[] = { "wrong version number", "packet length too long",
					     "http request", "unknown protocol", "record layer failure" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static enum diagnosis of_connect(long os_errno)
{
	switch (os_errno) {
	case ECONNREFUSED:
		return DIAGNOSIS_REFUSED;
	case ETIMEDOUT:
		return DIAGNOSIS_TIMEOUT;
	case ECONNRESET:
		return DIAGNOSIS_RESET;
	default:
		return DIAGNOSIS_UNREACHABLE;
	}
}

static enum diagnosis of_handshake(long os_errno, const char *text)
{
	if (sounds_like_no_tls(text))
		return DIAGNOSIS_NOT_TLS;
	if (os_errno == ECONNRESET || strstr(text, "SSL_ERROR_SYSCALL") || strstr(text, "reset"))
		return DIAGNOSIS_RESET;
	return DIAGNOSIS_TLS_OTHER;
}

static enum diagnosis of_code(CURL *curl, CURLcode code, const char *text)
{
	long os_errno = 0, verify_result = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verify_result);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return DIAGNOSIS_UNRESOLVABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return DIAGNOSIS_TIMEOUT;
	case CURLE_COULDNT_CONNECT:
		return of_connect(os_errno);
	case CURLE_SSL_CONNECT_ERROR:
		return of_handshake(os_errno, text);
	case CURLE_PEER_FAILED_VERIFICATION:
		return of_verification(verify_result);
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		return DIAGNOSIS_RESET;
	default:
		return DIAGNOSIS_TLS_OTHER;
	}
}

static void judge_status(CURL *curl, const struct strbuf *body, struct outcome *o)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	o->answered = status == 200;
	o->diagnosis = DIAGNOSIS_HTTP_STATUS;
	if (body->data && strstr(body->data, NOT_CONFIGURED))
		o->message = xasprintf("it answers but has no policy yet (status %ld: %s)", status,
				       NOT_CONFIGURED);
	else
		o->message = xasprintf("its health check answered status %ld: %.*s", status,
				       SHOWN_BODY_MAX, body->data ? body->data : "");
}

/* A literal IPv6 address needs brackets for curl. */
static char *connect_to(const struct probe *p, const char *host)
{
	return strchr(host, ':') ? xasprintf("localhost:%u:[%s]:%u", p->port, host, p->port)
				 : xasprintf("localhost:%u:%s:%u", p->port, host, p->port);
}

static void set_options(CURL *curl, const struct probe *p, const char *url, struct strbuf *body,
			char *error)
{
	struct curl_blob ca = { .data = (void *)p->ca, .len = p->ca_length,
				.flags = CURL_BLOB_NOCOPY };

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

/* Asks one candidate; the TLS name is localhost whatever its address is. */
static void try_host(const struct probe *p, const char *host, struct outcome *o)
{
	_cleanup_free_ char *to = connect_to(p, host);
	_cleanup_free_ char *url =
		xasprintf("https://localhost:%u/api/v3/health", (unsigned)p->port);
	_cleanup_strbuf_ struct strbuf body = { 0 };
	struct curl_slist *list = curl_slist_append(NULL, to);
	CURL *curl = curl_easy_init();
	char error[CURL_ERROR_SIZE] = "";
	char *address = NULL;
	CURLcode code;

	if (!curl || !list)
		abort();
	set_options(curl, p, url, &body, error);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, list);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		judge_status(curl, &body, o);
		curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
		snprintf(o->address, sizeof(o->address), "%s", address ? address : "");
	} else {
		const char *text = *error ? error : curl_easy_strerror(code);

		o->diagnosis = of_code(curl, code, text);
		o->message = xasprintf("%s: %s", host, text);
	}
	curl_slist_free_all(list);
	curl_easy_cleanup(curl);
}

static void try_all(const struct probe *p, char **hosts, struct outcome *best)
{
	for (; *hosts && !best->answered; hosts++) {
		struct outcome o = { 0 };

		try_host(p, *hosts, &o);
		if (!best->message || o.answered || o.diagnosis > best->diagnosis) {
			free(best->message);
			*best = o;
		} else {
			free(o.message);
		}
	}
}

static void print_outcome(const struct probe *p, const struct outcome *o)
{
	struct json_object *line = json_object_new_object();

	if (o->answered) {
		json_object_object_add(line, "address", json_object_new_string(o->address));
		json_object_object_add(line, "port", json_object_new_int(p->port));
	} else {
		json_object_object_add(line, "diagnosis",
				       json_object_new_string(diagnosis_names[o->diagnosis]));
		json_object_object_add(line, "message", json_object_new_string(o->message));
	}
	puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
	json_object_put(line);
}

static bool read_ca(struct probe *p)
{
	p->ca_length = fread(p->ca, 1, sizeof(p->ca), stdin);
	return p->ca_length > 0 && p->ca_length <= CA_MAX;
}

static bool parse_arguments(int argc, char **argv, struct probe *p)
{
	static const struct option options[] = {
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't' && parse_uint(optarg, 1, 600000, &p->timeout_ms) == 0)
			continue;
		if (option == 'p' && parse_port(optarg, &p->port) == 0)
			continue;
		return false;
	}
	return p->timeout_ms > 0 && p->port > 0 && optind < argc;
}

int main(int argc, char **argv)
{
	static struct probe probe;
	struct outcome outcome = { 0 };

	if (!parse_arguments(argc, argv, &probe)) {
		fputs("usage: awf-difc-probe --timeout-ms N --port PORT HOST... <CA-PEM\n", stderr);
		return EXIT_USAGE;
	}
	if (!read_ca(&probe)) {
		fprintf(stderr, "awf-difc-probe: no CA on stdin, or more than %d bytes\n", CA_MAX);
		return EXIT_FAILURE;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
	try_all(&probe, argv + optind, &outcome);
	print_outcome(&probe, &outcome);
	free(outcome.message);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
