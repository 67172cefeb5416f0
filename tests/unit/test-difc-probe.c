/* Starts the real awf-difc-probe as awfd does, against small servers on the loopback that answer as
 * they shouldn't; and programs that are no awf-difc-probe. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "awfd/difc-probe.h"
#include "common/clock.h"
#include "common/fd.h"
#include "tests/unit/check.h"
#include "tests/unit/certificates.h"
#include "tests/unit/loopback.h"
#include "tests/unit/program.h"

#define NOBODY        65534
#define LIMIT_SECONDS 30
#define TIMEOUT_MS    5000
#define SHORT_MS      700
#define DAY           (24 * 3600L)

#define LABEL64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

#define OK_BODY "{\"status\":\"ok\"}"
#define NO_GUARD                                                                                   \
	"{\"error\":\"service_unavailable\",\"message\":\"proxy enforcement not configured\"}"
#define HEAD(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"

/* --- Certificates ---------------------------------------------------------------------------- */

enum identity { GOOD, EXPIRED, EARLY, OTHER_NAME, NAME_IN_CN, OTHER_CA, SELF_SIGNED, IDENTITIES };

static const struct {
	struct certificate_spec spec;
	enum { BY_CA, BY_OTHER_CA, BY_ITSELF } issuer;
} identities[IDENTITIES] = {
	[GOOD] = { { "localhost", "DNS:localhost,IP:127.0.0.1,IP:::1", -3600, DAY, false }, BY_CA },
	[EXPIRED] = { { "localhost", "DNS:localhost", -DAY, -3600, false }, BY_CA },
	[EARLY] = { { "localhost", "DNS:localhost", 3600, DAY, false }, BY_CA },
	[OTHER_NAME] = { { "localhost", "DNS:proxy.example,IP:127.0.0.1", -3600, DAY, false },
			 BY_CA },
	[NAME_IN_CN] = { { "localhost", NULL, -3600, DAY, false }, BY_CA },
	[OTHER_CA] = { { "localhost", "DNS:localhost", -3600, DAY, false }, BY_OTHER_CA },
	[SELF_SIGNED] = { { "localhost", "DNS:localhost", -3600, DAY, false }, BY_ITSELF },
};

static const struct certificate_spec ca_spec = { "MCPG Proxy CA", NULL, -3600, DAY, true };

static struct {
	struct certificate ca, other_ca, leaves[IDENTITIES];
	char *ca_pem;
} made;

static int make_certificates(void **state)
{
	const struct certificate *const issuers[] = { &made.ca, &made.other_ca, NULL };

	(void)state;
	made.ca = certificate_make(&ca_spec, NULL);
	made.other_ca = certificate_make(&ca_spec, NULL); /* of the same name, with another key */
	made.ca_pem = certificate_pem(&made.ca);
	for (size_t i = 0; i < IDENTITIES; i++)
		made.leaves[i] =
			certificate_make(&identities[i].spec, issuers[identities[i].issuer]);
	return 0;
}

static int clear_certificates(void **state)
{
	(void)state;
	for (size_t i = 0; i < IDENTITIES; i++)
		certificate_clear(&made.leaves[i]);
	certificate_clear(&made.ca);
	certificate_clear(&made.other_ca);
	free(made.ca_pem);
	return 0;
}

/* --- Servers, each in a process of its own -----------------------------------------------------
 */

struct behaviour {
	enum identity identity;
	const char *answer;                                       /* after a TLS handshake */
	void (*serve)(int fd, const struct behaviour *behaviour); /* NULL: as an HTTPS server */
};

/* What servers that are started from now on answer to these requests, when it is not the answer to
 * all. */
static struct {
	const char *rate_limit, *user;
} apart;

static const char *answer_to(const char *request, const struct behaviour *b)
{
	if (apart.rate_limit && strstr(request, "GET /api/v3/rate_limit "))
		return apart.rate_limit;
	return apart.user && strstr(request, "GET /api/v3/user ") ? apart.user : b->answer;
}

static void serve_https(int fd, const struct behaviour *b)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl;
	char request[4096] = "";

	SSL_CTX_use_certificate(context, made.leaves[b->identity].x509);
	SSL_CTX_use_PrivateKey(context, made.leaves[b->identity].key);
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request) - 1) > 0 && b->answer) {
		SSL_write(ssl, answer_to(request, b), (int)strlen(answer_to(request, b)));
		SSL_shutdown(ssl);
	} else if (!b->answer) {
		poll(NULL, 0, -1);
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
}

/* A server without a certificate has no cipher to offer: an alert. */
static void serve_alert(int fd, const struct behaviour *b)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(context);

	(void)b;
	SSL_set_fd(ssl, fd);
	(void)SSL_accept(ssl);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
}

static void serve_text(int fd, const struct behaviour *b)
{
	char request[4096];

	(void)!read(fd, request, sizeof(request));
	(void)!write(fd, b->answer, strlen(b->answer));
	close(fd);
}

static void serve_nothing(int fd, const struct behaviour *b)
{
	(void)fd;
	(void)b;
	poll(NULL, 0, -1);
}

static void serve_reset(int fd, const struct behaviour *b)
{
	char byte;

	(void)b;
	(void)!read(fd, &byte, 1);
	loopback_reset(fd);
}

static void serve_end(int fd, const struct behaviour *b)
{
	char request[4096];

	(void)b;
	(void)!read(fd, request, sizeof(request));
	close(fd);
}

struct server {
	uint16_t port;
	pid_t pid;
};

static void serve(int listener, const struct behaviour *b)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			(b->serve ? b->serve : serve_https)(fd, b);
	}
}

static struct server server_start_on(int listener, uint16_t port, const struct behaviour *b)
{
	struct server s = { .port = port, .pid = fork() };

	assert_true(s.pid >= 0);
	if (s.pid == 0)
		serve(listener, b);
	close(listener);
	return s;
}

static struct server server_start(const struct behaviour *b)
{
	uint16_t port;
	int listener = loopback_listen(&port);

	return server_start_on(listener, port, b);
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* --- Asking ---------------------------------------------------------------------------------- */

struct result {
	struct event_base *base;
	unsigned calls;
	char *address;
	uint16_t port;
	int64_t expires;
	struct err e;
	bool live;
	uint64_t wait_ms;
	char told[128];                   /* diagnoses that were waited for, each with a space */
	void (*waiting)(struct result *); /* what the test does then */
	struct server server;             /* what it started */
};

static void on_waiting(const struct err *e, void *userdata)
{
	struct result *r = userdata;

	assert_int_equal(e->kind, ERR_DIFC_UNREACHABLE);
	assert_true(strlen(r->told) + strlen(e->value) + 2 <= sizeof(r->told));
	strcat(strcat(r->told, e->value), " ");
	if (r->waiting)
		r->waiting(r);
}

static void on_result(const struct sockaddr_storage *address, const struct err *e, void *userdata)
{
	struct result *r = userdata;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	r->calls++;
	if (e) {
		err_copy(&r->e, e);
	} else {
		assert_int_equal(getnameinfo((const struct sockaddr *)address, sizeof(*address),
					     host, sizeof(host), port, sizeof(port),
					     NI_NUMERICHOST | NI_NUMERICSERV),
				 0);
		r->address = xstrdup(host);
		r->port = (uint16_t)atoi(port);
	}
	event_base_loopbreak(r->base);
}

static void result_clear(struct result *r)
{
	free(r->address);
	err_clear(&r->e);
	event_base_free(r->base);
	*r = (struct result){ 0 };
}

static struct difc_probe *start_probe(struct result *r, const char *program, const char *host,
				      uint16_t port, const char *ca, uint64_t timeout_ms)
{
	const struct difc_address address = { .host = (char *)host, .port = port };
	const struct difc_probe_spec spec = { .path = program,
					      .uid = geteuid() == 0 ? NOBODY : geteuid(),
					      .gid = geteuid() == 0 ? NOBODY : getegid(),
					      .address = &address,
					      .ca_pem = ca,
					      .network = -EBADF,
					      .live = r->live,
					      .timeout_ms = timeout_ms,
					      .expires = &r->expires,
					      .wait_ms = r->wait_ms };
	_cleanup_err_ struct err e = { 0 };
	struct difc_probe *p = NULL;

	r->base = event_base_new();
	if (difc_probe_start(r->base, &spec, on_waiting, on_result, r, &p, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(r->calls, 0);
	return p;
}

/* Probes and waits for the answer. */
static void probe_with(struct result *r, const char *host, uint16_t port, const char *ca,
		       uint64_t timeout_ms)
{
	const struct timeval limit = { .tv_sec = LIMIT_SECONDS };
	_cleanup_free_ char *program = program_path("awf-difc-probe");

	(void)start_probe(r, program, host, port, ca, timeout_ms);
	event_base_loopexit(r->base, &limit);
	event_base_dispatch(r->base);
	assert_int_equal(r->calls, 1);
}

/* --- Tests ----------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	struct behaviour behaviour;
	uint64_t timeout_ms;
	const char *diagnosis; /* NULL: it answers */
	const char *message;   /* part of it */
} rows[] = {
	{ "good", { GOOD, HEAD("200 OK") "\r\n" OK_BODY, NULL }, TIMEOUT_MS, NULL, NULL },
	{ "expired",
	  { EXPIRED, "", NULL },
	  TIMEOUT_MS,
	  "tls-expired",
	  "127.0.0.1: its certificate has expired or is not valid yet" },
	{ "early", { EARLY, "", NULL }, TIMEOUT_MS, "tls-expired", "not yet valid" },
	{ "other name",
	  { OTHER_NAME, "", NULL },
	  TIMEOUT_MS,
	  "tls-wrong-name",
	  "127.0.0.1: its certificate is not for localhost" },
	{ "name in CN",
	  { NAME_IN_CN, "", NULL },
	  TIMEOUT_MS,
	  "tls-wrong-name",
	  "its certificate is not for localhost" },
	{ "other CA",
	  { OTHER_CA, "", NULL },
	  TIMEOUT_MS,
	  "tls-untrusted",
	  "127.0.0.1: its certificate is not signed by the given CA" },
	{ "self-signed", { SELF_SIGNED, "", NULL }, TIMEOUT_MS, "tls-untrusted", "self-signed" },
	{ "alert", { GOOD, "", serve_alert }, TIMEOUT_MS, "tls-other", "alert" },
	{ "plain HTTP",
	  { GOOD, HEAD("400 Bad Request") "\r\n", serve_text },
	  TIMEOUT_MS,
	  "tls-not-tls",
	  "127.0.0.1: what answers there does not speak TLS" },
	{ "SSH",
	  { GOOD, "SSH-2.0-OpenSSH_9.2p1\r\n", serve_text },
	  TIMEOUT_MS,
	  "tls-not-tls",
	  "does not speak TLS" },
	{ "silence",
	  { GOOD, "", serve_nothing },
	  SHORT_MS,
	  "timeout",
	  "127.0.0.1: no answer in time" },
	{ "silence after TLS", { GOOD, NULL, NULL }, SHORT_MS, "timeout", "no answer in time" },
	{ "reset",
	  { GOOD, "", serve_reset },
	  TIMEOUT_MS,
	  "reset",
	  "127.0.0.1: the connection was closed without an answer" },
	{ "end", { GOOD, "", serve_end }, TIMEOUT_MS, "reset", "closed without an answer" },
	{ "end after TLS", { GOOD, "", NULL }, TIMEOUT_MS, "reset", "closed without an answer" },
	{ "no policy",
	  { GOOD, HEAD("503 Service Unavailable") "\r\n" NO_GUARD, NULL },
	  TIMEOUT_MS,
	  "policy-missing",
	  "127.0.0.1: it is up but has no policy: proxy enforcement not configured" },
	{ "500",
	  { GOOD, HEAD("500 Internal Server Error") "\r\nold\nnews", NULL },
	  TIMEOUT_MS,
	  "http-status",
	  "its health check failed with status 500: old\\x0anews" },
	{ "404",
	  { GOOD, HEAD("404 Not Found") "\r\nno\033[1m such page", NULL },
	  TIMEOUT_MS,
	  "http-status",
	  "its health check failed with status 404: no\\x1b[1m such page" },
	{ "redirect",
	  { GOOD, HEAD("302 Found") "Location: https://localhost:1/\r\n\r\n", NULL },
	  TIMEOUT_MS,
	  "http-status",
	  "status 302" },
	{ "not HTTP",
	  { GOOD, "220 mail.example ESMTP\r\n", NULL },
	  TIMEOUT_MS,
	  "http-status",
	  "its answer is not a DIFC proxy's" },
};

/* The rows of what is wrong and may pass; the rest stays. */
static const char *const passing[] = { "silence", "silence after TLS", "reset",
				       "end",     "end after TLS",     "500" };

static bool may_pass(const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (strcmp(passing[i], what) == 0)
			return true;
	return false;
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server s = server_start(&rows[i].behaviour);
		_cleanup_(result_clear) struct result r = { 0 };

		probe_with(&r, "127.0.0.1", s.port, made.ca_pem, rows[i].timeout_ms);
		server_stop(&s);
		if (!rows[i].diagnosis) {
			assert_row(rows[i].what, same_text(r.address, "127.0.0.1"));
			assert_row(rows[i].what, r.port == s.port);
			assert_row(rows[i].what, r.expires > (int64_t)time(NULL) + DAY - 600 &&
							 r.expires <= (int64_t)time(NULL) + DAY);
			continue;
		}
		if (!same_text(r.e.value, rows[i].diagnosis) ||
		    !strstr(r.e.message, rows[i].message))
			fail_msg("%s: %s: %s", rows[i].what, r.e.value ? r.e.value : "it answers",
				 r.e.message ? r.e.message : "");
		assert_int_equal(r.e.kind, ERR_DIFC_UNREACHABLE);
		assert_true(strlen(r.e.message) < 1024);
	}
}

static void give_up(struct result *r)
{
	event_base_loopbreak(r->base);
}

static void test_what_is_waited_for(void **state)
{
	const struct timeval limit = { .tv_sec = LIMIT_SECONDS };
	_cleanup_free_ char *program = program_path("awf-difc-probe");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server s = server_start(&rows[i].behaviour);
		struct result r = { .wait_ms = LIMIT_SECONDS * 1000, .waiting = give_up };
		struct difc_probe *p = start_probe(&r, program, "127.0.0.1", s.port, made.ca_pem,
						   rows[i].timeout_ms);

		event_base_loopexit(r.base, &limit);
		event_base_dispatch(r.base);
		assert_row(rows[i].what, r.calls == !may_pass(rows[i].what));
		assert_row(rows[i].what, (*r.told != '\0') == may_pass(rows[i].what));
		if (r.calls == 0)
			difc_probe_cancel(p);
		server_stop(&s);
		result_clear(&r);
	}
}

#define ANSWER(status, body) HEAD(status) "\r\n" body

/* What is asked beside its health of a proxy that has to be ready for use. */
static const struct {
	const char *what;
	const char *rate_limit, *user;
	const char *diagnosis; /* NULL: it is ready */
	const char *message;
} lives[] = {
	{ "ready", ANSWER("200 OK", "{}"), ANSWER("200 OK", "{}"), NULL, NULL },
	{ "no user", ANSWER("200 OK", "{}"), ANSWER("403 Forbidden", "by policy"), NULL, NULL },
	{ "a server without limits",
	  ANSWER("404 Not Found", "{\"message\":\"Rate limiting is not enabled.\"}"),
	  ANSWER("200 OK", "{}"), NULL, NULL },
	{ "no GitHub", ANSWER("502 Bad Gateway", "upstream\033[1m failed"), ANSWER("200 OK", "{}"),
	  "http-status",
	  "127.0.0.1: its request for the rate limit failed with status 502: upstream\\x1b[1m failed" },
	{ "a bad token", ANSWER("401 Unauthorized", "{\"message\":\"Bad credentials\"}"),
	  ANSWER("200 OK", "{}"), "http-status", "status 401: {\"message\":\"Bad credentials\"}" },
	{ "no policy", ANSWER("200 OK", "{}"), ANSWER("503 Service Unavailable", NO_GUARD),
	  "policy-missing",
	  "127.0.0.1: it is up but has no policy: proxy enforcement not configured" },
	{ "no policy at all", ANSWER("503 Service Unavailable", NO_GUARD),
	  ANSWER("503 Service Unavailable", NO_GUARD), "policy-missing", "has no policy" },
};

static void test_live(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		const struct behaviour b = { GOOD, ANSWER("200 OK", OK_BODY), NULL };
		struct server s;
		_cleanup_(result_clear) struct result healthy = { 0 }, live = { .live = true };

		apart.rate_limit = lives[i].rate_limit;
		apart.user = lives[i].user;
		s = server_start(&b);

		probe_with(&healthy, "127.0.0.1", s.port, made.ca_pem, TIMEOUT_MS);
		probe_with(&live, "127.0.0.1", s.port, made.ca_pem, TIMEOUT_MS);
		server_stop(&s);
		assert_row(lives[i].what, same_text(healthy.address, "127.0.0.1"));
		assert_row(lives[i].what, same_text(live.e.value, lives[i].diagnosis));
		if (lives[i].message)
			assert_text_contains(live.e.message, lives[i].message);
		else
			assert_row(lives[i].what, same_text(live.address, "127.0.0.1"));
	}
	apart.rate_limit = apart.user = NULL;
}

/* --- Waiting --------------------------------------------------------------------------------- */

static const struct behaviour proxy_good = { GOOD, ANSWER("200 OK", OK_BODY), NULL };
static const struct behaviour proxy_ill = { GOOD, ANSWER("502 Bad Gateway", "soon"), NULL };

/* Begins, or goes on, to serve on the port of r->server. */
static void serve_as(struct result *r, const struct behaviour *b)
{
	const int on = 1;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(r->server.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (r->server.pid > 0)
		server_stop(&r->server);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	r->server = server_start_on(fd, r->server.port, b);
}

/* It comes up, falls ill, and is well in the end. */
static void mend(struct result *r)
{
	serve_as(r, strstr(r->told, "http-status") ? &proxy_good : &proxy_ill);
}

static void test_waiting(void **state)
{
	struct result r = { .wait_ms = LIMIT_SECONDS * 1000, .waiting = mend };

	(void)state;
	close(loopback_listen(&r.server.port));
	probe_with(&r, "127.0.0.1", r.server.port, made.ca_pem, TIMEOUT_MS);
	server_stop(&r.server);
	assert_same_text(r.address, "127.0.0.1");
	/* And perhaps refused or reset once more, between the two. */
	assert_int_equal(strncmp(r.told, "refused ", strlen("refused ")), 0);
	assert_text_contains(r.told, "http-status ");
	result_clear(&r);
}

/* The waiting has an end, and then the failure is told that there was last. */
static void test_wait_ends(void **state)
{
	_cleanup_(result_clear) struct result r = { .wait_ms = SHORT_MS };
	uint64_t began = clock_ms();
	uint16_t port;

	(void)state;
	close(loopback_listen(&port));
	probe_with(&r, "127.0.0.1", port, made.ca_pem, TIMEOUT_MS);
	assert_true(clock_ms() - began >= SHORT_MS);
	assert_same_text(r.told, "refused ");
	assert_same_text(r.e.value, "refused");
}

static void test_cancel_waiting(void **state)
{
	struct result r = { .wait_ms = LIMIT_SECONDS * 1000, .waiting = give_up };
	_cleanup_free_ char *program = program_path("awf-difc-probe");
	struct difc_probe *p;
	uint16_t port;

	(void)state;
	close(loopback_listen(&port));
	p = start_probe(&r, program, "127.0.0.1", port, made.ca_pem, TIMEOUT_MS);
	event_base_dispatch(r.base);
	difc_probe_cancel(p);
	assert_same_text(r.told, "refused ");
	assert_int_equal(r.calls, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	result_clear(&r);
}

/* A helper whose awfd was killed does not wait on. */
static void test_orphan(void **state)
{
	_cleanup_free_ char *program = program_path("awf-difc-probe");
	_cleanup_free_ char *port_text = NULL;
	struct pollfd ended = { .events = POLLIN };
	char line[4096];
	int in[2], out[2];
	uint16_t port;
	pid_t pid;

	(void)state;
	close(loopback_listen(&port));
	port_text = xasprintf("%u", port);
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, "--timeout-ms", "1000", "--wait-ms", "3600000", "--port",
		      port_text, "127.0.0.1", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	assert_true(write(in[1], made.ca_pem, strlen(made.ca_pem)) > 0);
	close(in[1]);
	assert_true(read(out[0], line, sizeof(line)) > 0); /* it waits now */
	close(out[0]);
	ended.fd = pidfd_open(pid, 0);
	assert_int_equal(poll(&ended, 1, LIMIT_SECONDS * 1000), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ended.fd);
}

/* An answer of any length is looked at only as far as is shown. */
static void test_long_answer(void **state)
{
	_cleanup_free_ char *answer = xcalloc(200000, 1);
	const struct behaviour b = { GOOD, answer, NULL };
	struct server s;
	_cleanup_(result_clear) struct result r = { 0 };

	(void)state;
	strcpy(answer, HEAD("500 Internal Server Error") "\r\n");
	memset(answer + strlen(answer), 'x', 150000);
	s = server_start(&b);
	probe_with(&r, "127.0.0.1", s.port, made.ca_pem, TIMEOUT_MS);
	server_stop(&s);
	assert_same_text(r.e.value, "http-status");
	assert_text_contains(r.e.message, "status 500: xxx");
	assert_true(strlen(r.e.message) < 512);
}

static void test_refused(void **state)
{
	uint16_t port;
	_cleanup_(result_clear) struct result r = { 0 };
	_cleanup_free_ char *subject = NULL;

	(void)state;
	close(loopback_listen(&port));
	probe_with(&r, "127.0.0.1", port, made.ca_pem, TIMEOUT_MS);
	subject = xasprintf("127.0.0.1:%u", port);
	assert_same_text(r.e.subject, subject);
	assert_same_text(r.e.value, "refused");
	assert_text_contains(r.e.message, "127.0.0.1: nothing listens there");
}

/* No resolver is ever asked for a label of 64 characters. */
static void test_unresolvable(void **state)
{
	_cleanup_(result_clear) struct result r = { 0 };

	(void)state;
	probe_with(&r, LABEL64 ".invalid", 443, made.ca_pem, TIMEOUT_MS);
	assert_same_text(r.e.value, "unresolvable");
	assert_text_contains(r.e.message, "the name has no address");
}

/* Of localhost's two addresses the one that answers counts, and else the one that tells more. */
static void test_localhost(void **state)
{
	const struct behaviour bad = { OTHER_CA, "", NULL };
	const struct behaviour good = { GOOD, HEAD("200 OK") "\r\n" OK_BODY, NULL };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t length = sizeof(address);
	struct server s = server_start(&bad);
	struct result r = { 0 };
	int listener;

	(void)state;
	probe_with(&r, "localhost", s.port, made.ca_pem, TIMEOUT_MS);
	server_stop(&s);
	assert_same_text(r.e.value, "tls-untrusted");
	assert_text_contains(r.e.message, "127.0.0.1: ");
	result_clear(&r);

	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0) {
		print_message("# no IPv6 on the loopback\n");
		return;
	}
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	s = server_start_on(listener, ntohs(address.sin6_port), &good);
	probe_with(&r, "localhost", s.port, made.ca_pem, TIMEOUT_MS);
	server_stop(&s);
	assert_same_text(r.address, "::1");
	assert_int_equal(r.port, s.port);
	result_clear(&r);
}

/* Only the given CA counts, and what is none is told. */
static void test_other_ca(void **state)
{
	const struct behaviour good = { GOOD, HEAD("200 OK") "\r\n" OK_BODY, NULL };
	_cleanup_free_ char *other = certificate_pem(&made.other_ca);
	_cleanup_free_ char *both = xasprintf("%s%s", other, made.ca_pem);
	struct server s = server_start(&good);
	struct result r = { 0 };

	(void)state;
	probe_with(&r, "127.0.0.1", s.port, other, TIMEOUT_MS);
	assert_same_text(r.e.value, "tls-untrusted");
	result_clear(&r);
	probe_with(&r, "127.0.0.1", s.port, both, TIMEOUT_MS);
	assert_same_text(r.address, "127.0.0.1");
	result_clear(&r);
	probe_with(&r, "127.0.0.1", s.port,
		   "-----BEGIN CERTIFICATE-----\nMAYwAgUABQA=\n-----END CERTIFICATE-----\n",
		   TIMEOUT_MS);
	assert_same_text(r.e.value, "tls-untrusted");
	result_clear(&r);
	server_stop(&s);
}

static const struct {
	const char *script;
	const char *value; /* diagnosis, or NULL: not an answer */
	const char *message;
	uint64_t timeout_ms;
} impostors[] = {
	{ "exit 0", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "echo", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "echo hello", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "echo '{}'", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "echo '{\"address\":\"example.com\"}'", NULL, "awf-difc-probe gave no answer",
	  TIMEOUT_MS },
	{ "echo '{\"address\":7,\"port\":1}'", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "echo '{\"diagnosis\":\"refused\"}'", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "printf '{\"address\":\"127.0.0.1\",\"port\":1'", NULL, "awf-difc-probe gave no answer",
	  TIMEOUT_MS },
	{ "yes", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "kill -SEGV $$", NULL, "awf-difc-probe gave no answer", TIMEOUT_MS },
	{ "sleep 60", "timeout", "no answer in time", 1 },
	{ "cat >/dev/null; echo '{\"diagnosis\":\"refused\",\"message\":\"m\"}'", "refused", "m",
	  TIMEOUT_MS },
};

static void test_impostors(void **state)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/script", directory);
	const struct timeval limit = { .tv_sec = LIMIT_SECONDS };

	(void)state;
	assert_int_equal(chmod(directory, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(impostors); i++) {
		FILE *f = fopen(path, "we");
		struct result r = { 0 };

		fprintf(f, "#!/bin/sh\n%s\n", impostors[i].script);
		fclose(f);
		assert_int_equal(chmod(path, 0755), 0);
		(void)start_probe(&r, path, "127.0.0.1", 1, made.ca_pem, impostors[i].timeout_ms);
		event_base_loopexit(r.base, &limit);
		event_base_dispatch(r.base);
		assert_row(impostors[i].script, r.calls == 1);
		assert_row(impostors[i].script, same_text(r.e.value, impostors[i].value));
		assert_same_text(r.e.message, impostors[i].message);
		result_clear(&r);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_cancel(void **state)
{
	const struct behaviour silence = { GOOD, "", serve_nothing };
	const struct timeval moment = { .tv_usec = 100000 };
	_cleanup_free_ char *program = program_path("awf-difc-probe");
	struct server s = server_start(&silence);
	struct difc_probe *p;
	struct result r = { 0 };

	(void)state;
	p = start_probe(&r, program, "127.0.0.1", s.port, made.ca_pem, TIMEOUT_MS);
	event_base_loopexit(r.base, &moment);
	event_base_dispatch(r.base);
	difc_probe_cancel(p);
	server_stop(&s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	event_base_loopexit(r.base, &moment);
	event_base_dispatch(r.base);
	assert_int_equal(r.calls, 0);
	result_clear(&r);
	difc_probe_cancel(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_long_answer),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unresolvable),
		cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_other_ca),
		cmocka_unit_test(test_impostors),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_what_is_waited_for),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_wait_ends),
		cmocka_unit_test(test_cancel_waiting),
		cmocka_unit_test(test_orphan),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("difc-probe", tests, make_certificates,
					   clear_certificates);
}
