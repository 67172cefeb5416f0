#include "awfd/docker-http.h"

#include <curl/curl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/alloc.h"
#include "common/strbuf.h"

/* The host of the URL, which appears in the Host header only. */
#define URL_ORIGIN "http://docker"

struct docker_http {
	struct event_base *base;
	struct sockaddr_un address;
	CURLM *multi;
	struct event *timer;
	struct curl_slist *headers;     /* of requests with JSON, or nothing */
	struct curl_slist *tar_headers; /* of those with a file */
	LIST_HEAD(, docker_transfer) transfers;
};

struct docker_transfer {
	struct docker_http *http;
	LIST_ENTRY(docker_transfer) link;
	struct docker_http_request request;
	uint64_t sent; /* bytes of its file */
	CURL *easy;
	bool opened;         /* a socket was made */
	int open_error;      /* or why not: negative errno */
	struct event *begin; /* also again, while the engine's queue of connections is full */
	struct strbuf answer;
	size_t received; /* head and body */
	bool head_ended;
	char error[CURL_ERROR_SIZE];
	docker_http_fn fn;
	void *userdata;
};

#define SETOPT(...)                                                                                \
	do {                                                                                       \
		CURLcode _code = curl_easy_setopt(__VA_ARGS__);                                    \
		if (_code != CURLE_OK)                                                             \
			return _code;                                                              \
	} while (0)

/* --- The socket and the path --- */

const char *docker_http_socket_path(const struct docker_http *h)
{
	return h->address.sun_path;
}

int docker_http_dial(const struct docker_http *h)
{
	_cleanup_close_ int fd = -EBADF;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&h->address, sizeof(h->address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

char *docker_http_dial_reason(const struct docker_http *h, int error)
{
	bool absent = error == -ENOENT || error == -ECONNREFUSED;

	return xasprintf("no connection to %s: %s%s", h->address.sun_path, strerror(-error),
			 absent ? "; is the engine running? (systemctl status docker)" : "");
}

char *docker_http_encode(const char *text)
{
	char *encoded = curl_easy_escape(NULL, text, 0);
	char *ret;

	if (!encoded)
		abort(); /* out of memory */
	ret = xstrdup(encoded);
	curl_free(encoded);
	return ret;
}

/* --- The end of a transfer --- */

static void transfer_free(struct docker_transfer *t)
{
	LIST_REMOVE(t, link);
	if (t->easy) {
		(void)curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	if (t->begin)
		event_free(t->begin);
	strbuf_clear(&t->answer);
	free(t);
}

void docker_http_cancel(struct docker_transfer *t)
{
	if (t)
		transfer_free(t);
}

static void transfer_end(struct docker_transfer *t, const struct docker_http_answer *answer)
{
	docker_http_fn fn = t->fn;
	void *userdata = t->userdata;
	struct strbuf kept = t->answer; /* the answer points into it */

	t->answer = (struct strbuf){ 0 };
	transfer_free(t);
	fn(answer, userdata);
	strbuf_clear(&kept);
}

static void transfer_fail(struct docker_transfer *t, int error, const char *reason)
{
	transfer_end(t, &(struct docker_http_answer){ .error = error, .reason = reason });
}

/* libcurl's codes that mean something here; the rest is -EIO and libcurl's own words. */
static const struct {
	CURLcode code;
	int error;
	const char *reason;
} failures[] = {
	{ CURLE_GOT_NOTHING, -ECONNRESET, "the engine closed the connection without an answer" },
	{ CURLE_PARTIAL_FILE, -ECONNRESET, "the engine's answer breaks off" },
	{ CURLE_SEND_ERROR, -ECONNRESET, "the connection broke while the engine was asked" },
	{ CURLE_ABORTED_BY_CALLBACK, -EIO, "the file could not be read, or became shorter" },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EBADMSG, "the answer is not HTTP" },
	{ CURLE_WEIRD_SERVER_REPLY, -EBADMSG, "the answer is not HTTP" },
};

/* What the kernel said about the connection, as a negative errno. */
static int transfer_os_error(const struct docker_transfer *t)
{
	long number = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	return t->open_error < 0 ? t->open_error : -(int)number;
}

static void transfer_fail_curl(struct docker_transfer *t, CURLcode code)
{
	_cleanup_free_ char *reason = NULL;
	int error = transfer_os_error(t);

	if (code == CURLE_COULDNT_CONNECT && error < 0) {
		reason = docker_http_dial_reason(t->http, error);
		transfer_fail(t, error, reason);
		return;
	}
	if (t->received > DOCKER_HTTP_ANSWER_MAX) {
		reason =
			xasprintf("the answer is larger than %u MiB", DOCKER_HTTP_ANSWER_MAX >> 20);
		transfer_fail(t, -EMSGSIZE, reason);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].code == code) {
			transfer_fail(t, failures[i].error, failures[i].reason);
			return;
		}
	}
	reason = xstrdup(t->error[0] ? t->error : curl_easy_strerror(code));
	transfer_fail(t, -EIO, reason);
}

static void transfer_begin_after(struct docker_transfer *t, int ms)
{
	struct timeval tv = { 0, ms * 1000 };

	if (event_add(t->begin, &tv) < 0)
		abort(); /* out of memory */
}

/* connect(2) of a Unix socket says EAGAIN when the listener's queue is full, which libcurl takes
 * for a connection in progress; then the socket is found not connected, without an error of its
 * own. */
static bool transfer_queue_was_full(const struct docker_transfer *t, CURLcode code)
{
	int error = transfer_os_error(t);

	return (code == CURLE_COULDNT_CONNECT && (error == 0 || error == -EAGAIN)) ||
	       (code == CURLE_SEND_ERROR && error == -ENOTCONN);
}

/* Begins once more; nothing was sent yet. */
static void transfer_try_again(struct docker_transfer *t)
{
	(void)curl_multi_remove_handle(t->http->multi, t->easy);
	transfer_begin_after(t, DOCKER_DIAL_AGAIN_MS);
}

static void transfer_finish(struct docker_transfer *t, CURLcode code)
{
	struct docker_http_answer answer = { 0 };
	long status = 0;

	if (transfer_queue_was_full(t, code)) {
		transfer_try_again(t);
		return;
	}
	if (code == CURLE_OK && !t->head_ended) /* libcurl takes half a head for an answer */
		code = CURLE_PARTIAL_FILE;
	if (code != CURLE_OK) {
		transfer_fail_curl(t, code);
		return;
	}
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	answer.status = (int)status;
	strbuf_append(&t->answer, "", 0);
	answer.body = t->answer.data;
	answer.length = t->answer.length;
	transfer_end(t, &answer);
}

/* --- libcurl on libevent --- */

/* Ends every transfer that libcurl is done with. Runs outside of libcurl, so that whatever a
 * completion does with the client is allowed. */
static void http_reap(struct docker_http *h)
{
	CURLMsg *message;
	CURLcode code;
	char *t;
	int left;

	while ((message = curl_multi_info_read(h->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		transfer_finish((struct docker_transfer *)t, code);
	}
}

static void on_socket_ready(evutil_socket_t fd, short what, void *userdata)
{
	struct docker_http *h = userdata;
	int bits =
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(h->multi, fd, bits, &running);
	http_reap(h);
}

static void on_timer(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_http *h = userdata;
	int running;

	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	http_reap(h);
}

/* CURLMOPT_SOCKETFUNCTION: what libcurl wants to know about a socket; socketp is its event. */
static int on_socket_wanted(_unused_ CURL *easy, curl_socket_t fd, int what, void *userdata,
			    void *socketp)
{
	struct docker_http *h = userdata;
	struct event *event = socketp;
	short events = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
		       (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(h->base, fd, events, on_socket_ready, h);
		if (!event || event_add(event, NULL) < 0)
			abort(); /* out of memory */
	}
	(void)curl_multi_assign(h->multi, fd, event);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION: when libcurl wants to be called next; -1 for not at all. */
static int on_timer_wanted(_unused_ CURLM *multi, long timeout_ms, void *userdata)
{
	struct docker_http *h = userdata;
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (timeout_ms < 0)
		return event_del(h->timer);
	return event_add(h->timer, &tv);
}

/* --- A transfer --- */

/* The one connection of a transfer: libcurl never makes another one on its own. */
static curl_socket_t on_socket_open(void *userdata, _unused_ curlsocktype purpose,
				    struct curl_sockaddr *address)
{
	struct docker_transfer *t = userdata;

	int fd;

	if (t->opened)
		return CURL_SOCKET_BAD;
	fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	t->opened = fd >= 0;
	t->open_error = fd < 0 ? -errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Counts bytes of the answer; false when they are too many. */
static bool transfer_count(struct docker_transfer *t, size_t n)
{
	t->received += n;
	return t->received <= DOCKER_HTTP_ANSWER_MAX;
}

/* Called for each line of the head. The empty one ends it; a status line begins one, also behind
 * that of an interim answer. */
static size_t on_head(char *line, size_t size, size_t count, void *userdata)
{
	static const char status_line[] = "HTTP/";
	struct docker_transfer *t = userdata;
	size_t length = size * count;

	if (memcmp(line, status_line, MIN(length, strlen(status_line))) == 0)
		t->head_ended = false;
	else if (length == 2 && memcmp(line, "\r\n", 2) == 0)
		t->head_ended = true;
	return transfer_count(t, length) ? length : 0;
}

/* Whether the answer is one whose body the asker wants as it comes. */
static bool transfer_is_passed_on(const struct docker_transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return t->request.data && status >= 200 && status < 300;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct docker_transfer *t = userdata;

	if (transfer_is_passed_on(t)) {
		t->request.data(data, size * count, t->userdata);
		return size * count;
	}
	if (!transfer_count(t, size * count))
		return 0;
	strbuf_append(&t->answer, data, size * count);
	return size * count;
}

/* Reads on in the file. One that has become shorter meanwhile breaks the transfer off. */
static size_t on_file_wanted(char *data, size_t size, size_t count, void *userdata)
{
	struct docker_transfer *t = userdata;
	const struct docker_http_file *file = t->request.file;
	size_t length = MIN(size * count, file->size - t->sent);
	ssize_t n = length > 0 ? pread(file->fd, data, length, (off_t)t->sent) : 0;

	if (n < 0 || (n == 0 && length > 0))
		return CURL_READFUNC_ABORT;
	t->sent += (uint64_t)n;
	return (size_t)n;
}

static CURLcode transfer_set_file(struct docker_transfer *t)
{
	SETOPT(t->easy, CURLOPT_HTTPHEADER, t->http->tar_headers);
	SETOPT(t->easy, CURLOPT_POST, 1L);
	SETOPT(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request.file->size);
	SETOPT(t->easy, CURLOPT_READFUNCTION, on_file_wanted);
	SETOPT(t->easy, CURLOPT_READDATA, t);
	return CURLE_OK;
}

static CURLcode transfer_set_text(struct docker_transfer *t)
{
	const char *body = t->request.body ? t->request.body : "";

	SETOPT(t->easy, CURLOPT_HTTPHEADER, t->http->headers);
	if (t->request.body || strcmp(t->request.method, "POST") == 0) {
		SETOPT(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		SETOPT(t->easy, CURLOPT_POSTFIELDS, body);
	}
	return CURLE_OK;
}

static CURLcode transfer_set_request(struct docker_transfer *t)
{
	_cleanup_free_ char *url = xasprintf("%s%s", URL_ORIGIN, t->request.path);
	CURLcode code;

	SETOPT(t->easy, CURLOPT_URL, url);
	SETOPT(t->easy, CURLOPT_PATH_AS_IS, 1L);
	code = t->request.file ? transfer_set_file(t) : transfer_set_text(t);
	if (code != CURLE_OK)
		return code;
	if (strcmp(t->request.method, "HEAD") == 0)
		SETOPT(t->easy, CURLOPT_NOBODY, 1L);
	SETOPT(t->easy, CURLOPT_CUSTOMREQUEST, t->request.method);
	return CURLE_OK;
}

/* One connection, to this socket, speaking HTTP/1.1 and nothing else, whatever the environment of
 * the process says. */
static CURLcode transfer_set_connection(struct docker_transfer *t)
{
	SETOPT(t->easy, CURLOPT_UNIX_SOCKET_PATH, t->http->address.sun_path);
	SETOPT(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_open);
	SETOPT(t->easy, CURLOPT_OPENSOCKETDATA, t);
	SETOPT(t->easy, CURLOPT_FRESH_CONNECT, 1L);
	SETOPT(t->easy, CURLOPT_FORBID_REUSE, 1L);
	SETOPT(t->easy, CURLOPT_PROTOCOLS_STR, "http");
	SETOPT(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http");
	SETOPT(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SETOPT(t->easy, CURLOPT_PROXY, "");
	SETOPT(t->easy, CURLOPT_NOPROXY, "*");
	SETOPT(t->easy, CURLOPT_NOSIGNAL, 1L);
	return CURLE_OK;
}

static CURLcode transfer_set_answer(struct docker_transfer *t)
{
	SETOPT(t->easy, CURLOPT_HEADERFUNCTION, on_head);
	SETOPT(t->easy, CURLOPT_HEADERDATA, t);
	SETOPT(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	SETOPT(t->easy, CURLOPT_WRITEDATA, t);
	SETOPT(t->easy, CURLOPT_ERRORBUFFER, t->error);
	SETOPT(t->easy, CURLOPT_PRIVATE, t);
	return CURLE_OK;
}

static CURLcode transfer_set_up(struct docker_transfer *t)
{
	CURLcode code;

	t->easy = curl_easy_init();
	if (!t->easy)
		return CURLE_OUT_OF_MEMORY;
	code = transfer_set_request(t);
	if (code == CURLE_OK)
		code = transfer_set_connection(t);
	if (code == CURLE_OK)
		code = transfer_set_answer(t);
	return code;
}

static void on_begin(_unused_ evutil_socket_t fd, _unused_ short what, void *userdata)
{
	struct docker_transfer *t = userdata;
	CURLcode code = t->easy ? CURLE_OK : transfer_set_up(t);

	t->opened = false;
	t->sent = 0;
	if (code == CURLE_OK && curl_multi_add_handle(t->http->multi, t->easy) != CURLM_OK)
		code = CURLE_FAILED_INIT;
	if (code != CURLE_OK)
		transfer_fail(t, -EIO, curl_easy_strerror(code));
}

struct docker_transfer *docker_http_start(struct docker_http *h,
					  const struct docker_http_request *request,
					  docker_http_fn fn, void *userdata)
{
	struct docker_transfer *t = xnew(struct docker_transfer);

	*t = (struct docker_transfer){
		.http = h,
		.request = *request,
		.fn = fn,
		.userdata = userdata,
	};
	LIST_INSERT_HEAD(&h->transfers, t, link);
	t->begin = evtimer_new(h->base, on_begin, t);
	if (!t->begin)
		abort(); /* out of memory */
	transfer_begin_after(t, 0);
	return t;
}

/* --- The client --- */

static int http_set_address(struct docker_http *h, const char *socket_path, struct err *e)
{
	size_t length = strlen(socket_path);

	if (socket_path[0] != '/')
		return err_set(e, -EINVAL, ERR_SYSTEM, "engine socket %s: not an absolute path",
			       socket_path);
	if (length >= sizeof(h->address.sun_path))
		return err_set(e, -ENAMETOOLONG, ERR_SYSTEM,
			       "engine socket %s: longer than %zu bytes", socket_path,
			       sizeof(h->address.sun_path) - 1);
	h->address.sun_family = AF_UNIX;
	memcpy(h->address.sun_path, socket_path, length + 1);
	return 0;
}

/* Sets libcurl up. */
static int http_set_multi(struct docker_http *h)
{
	h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	/* libcurl's own wake-up sockets are not close-on-exec (7.88). Every descriptor of this
	 * program is, so saying it of all of them changes only those. */
	(void)close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) != CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK)
		return -EIO;
	return 0;
}

/* "Expect:" keeps libcurl from waiting for a 100 before it sends a large body. */
static int add_headers(struct curl_slist **list, const char *content_type)
{
	const char *const lines[] = { content_type, "Expect:", "User-Agent: awfd/" AWF_VERSION };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct curl_slist *longer = curl_slist_append(*list, lines[i]);

		if (!longer)
			return -ENOMEM;
		*list = longer;
	}
	return 0;
}

static int http_set_headers(struct docker_http *h)
{
	int r = add_headers(&h->headers, "Content-Type: application/json");

	return r < 0 ? r : add_headers(&h->tar_headers, "Content-Type: application/x-tar");
}

void docker_http_free(struct docker_http *h)
{
	if (!h)
		return;
	while (!LIST_EMPTY(&h->transfers))
		transfer_free(LIST_FIRST(&h->transfers));
	if (h->multi)
		(void)curl_multi_cleanup(h->multi);
	if (h->timer)
		event_free(h->timer);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->tar_headers);
	curl_global_cleanup();
	free(h);
}

DEFINE_CLEANUP(struct docker_http, docker_http_free)

int docker_http_new(struct event_base *base, const char *socket_path, struct docker_http **ret,
		    struct err *e)
{
	_cleanup_(docker_http_freep) struct docker_http *h = NULL;
	int r;

	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return err_set(e, -EIO, ERR_SYSTEM, "libcurl does not start");
	h = xnew(struct docker_http);
	h->base = base;
	LIST_INIT(&h->transfers);
	r = http_set_address(h, socket_path, e);
	if (r < 0)
		return r;
	h->timer = evtimer_new(base, on_timer, h);
	if (!h->timer)
		return err_system(e, -ENOMEM, "engine client");
	r = http_set_headers(h);
	if (r == 0)
		r = http_set_multi(h);
	if (r < 0)
		return err_system(e, r, "engine client: libcurl");
	*ret = TAKE_PTR(h);
	return 0;
}
