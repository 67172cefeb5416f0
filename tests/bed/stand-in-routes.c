/* What the stand-in answers: a table of routes, matched without a query and with or without the
 * /api/v3 of a GitHub Enterprise host in front. */
#include "tests/bed/stand-in.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#include "common/alloc.h"
#include "common/strv.h"

enum { MAX_BYTES = 256 * 1024 * 1024 };

static const char type_json[] = "application/json; charset=utf-8";

static void answer_json(struct reply *r, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	evbuffer_add(r->body, text, strlen(text));
	json_object_put(o);
}

static void fail(struct reply *r, unsigned status, const char *error, const char *message)
{
	struct json_object *o = json_object_new_object();

	r->status = status;
	json_object_object_add(o, "error", json_object_new_string(error));
	json_object_object_add(o, "message", json_object_new_string(message));
	answer_json(r, o);
}

static struct json_object *rate_of(int limit)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "limit", json_object_new_int(limit));
	json_object_object_add(o, "used", json_object_new_int(1));
	json_object_object_add(o, "remaining", json_object_new_int(limit - 1));
	json_object_object_add(o, "reset", json_object_new_int64(4102444800)); /* 2100 */
	return o;
}

static void answer_rate_limit(const struct stand_in *s, const struct request *q _unused_,
			      const char *path _unused_, struct reply *r)
{
	struct json_object *o = json_object_new_object(), *resources = json_object_new_object();

	json_object_object_add(resources, "core", rate_of(5000));
	json_object_object_add(resources, "search", rate_of(30));
	json_object_object_add(resources, "graphql", rate_of(5000));
	json_object_object_add(o, "resources", resources);
	json_object_object_add(o, "rate", rate_of(5000));
	json_object_object_add(o, "stand_in", json_object_new_string(s->identity));
	answer_json(r, o);
}

static void answer_echo(const struct stand_in *s, const struct request *q,
			const char *path _unused_, struct reply *r)
{
	struct json_object *o = record_request(q);
	size_t n = evbuffer_get_length(q->body);

	json_object_object_add(
		o, "body",
		json_object_new_string_len((char *)evbuffer_pullup(q->body, -1), (int)n));
	json_object_object_add(o, "stand_in", json_object_new_string(s->identity));
	answer_json(r, o);
}

/* The same bytes for the same length, every time (xorshift64*). */
static void fill(struct evbuffer *out, size_t n)
{
	uint64_t x = 0x9e3779b97f4a7c15, words[512];

	while (n > 0) {
		size_t part = MIN(n, sizeof(words));

		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			x ^= x >> 12;
			x ^= x << 25;
			x ^= x >> 27;
			words[i] = x * 0x2545f4914f6cdd1d;
		}
		evbuffer_add(out, words, part);
		n -= part;
	}
}

static void add_digest(struct reply *r, struct evbuffer *data)
{
	_cleanup_free_ char *digest = record_sha256(data);

	strv_appendf(&r->headers, "X-Sha256: %s", digest);
}

static void answer_bytes(const struct stand_in *s _unused_, const struct request *q _unused_,
			 const char *path, struct reply *r)
{
	char *end;
	unsigned long n = strtoul(strrchr(path, '/') + 1, &end, 10);

	if (*end || n > MAX_BYTES) {
		fail(r, 422, "unprocessable", "a number up to 268435456 is wanted");
		return;
	}
	r->type = "application/octet-stream";
	fill(r->body, n);
	add_digest(r, r->body);
}

static void answer_blob(const struct stand_in *s _unused_, const struct request *q,
			const char *path _unused_, struct reply *r)
{
	r->type = "application/octet-stream";
	add_digest(r, q->body);
	evbuffer_add_buffer_reference(r->body, q->body);
}

/* As GitHub does it, an artifact is somewhere else: the first in storage, the others where nobody
 * should be led. */
static void answer_artifact(const struct stand_in *s _unused_, const struct request *q _unused_,
			    const char *path, struct reply *r)
{
	bool first = strstr(path, "/artifacts/1/");

	r->status = 302;
	strv_appendf(&r->headers, "Location: https://%s",
		     first ? "blob.example/artifact.txt" : "granted.example/");
}

static void answer_graphql(const struct stand_in *s _unused_, const struct request *q,
			   const char *path _unused_, struct reply *r)
{
	size_t n = evbuffer_get_length(q->body);
	_cleanup_free_ char *text = xcalloc(n + 1, 1);
	struct json_object *o, *query;
	const char *answer;

	evbuffer_copyout(q->body, text, n);
	o = json_tokener_parse(text);
	if (o && json_object_object_get_ex(o, "query", &query)) {
		answer = stand_in_graphql(json_object_get_string(query));
		evbuffer_add(r->body, answer, strlen(answer));
	} else {
		fail(r, 400, "bad_request", "no query");
	}
	json_object_put(o);
}

#define ISSUE(n, title)                                                                            \
	"{\"number\":" #n ",\"title\":\"" title "\",\"state\":\"open\",\"user\":{\"login\":"       \
	"\"alice\"},\"labels\":[{\"name\":\"bug\"}],\"body\":\"From the stand-in.\"}"

static const char repo[] =
	"{\"id\":1,\"name\":\"r\",\"full_name\":\"o/r\",\"private\":false,\"owner\":{\"login\":\"o\"},"
	"\"default_branch\":\"main\"}";
static const char meta[] =
	"{\"installed_version\":\"3.12.0\",\"verifiable_password_authentication\":false}";

static const struct {
	const char *methods;
	const char *path; /* a * stands for one segment */
	bool healthy;     /* answered also when there is no policy */
	const char *type; /* of a static answer; NULL is JSON */
	const char *body; /* the static answer, or else the function makes one */
	void (*answer)(const struct stand_in *s, const struct request *q, const char *path,
		       struct reply *r);
} routes[] = {
	{ "GET HEAD", "/health", true, NULL, "{\"status\":\"ok\"}", NULL },
	{ "GET HEAD", "/healthz", true, NULL, "{\"status\":\"ok\"}", NULL },
	{ "GET HEAD", "/rate_limit", false, NULL, NULL, answer_rate_limit },
	{ "GET", "/meta", false, NULL, meta, NULL },
	{ "GET", "/zen", false, "text/plain", "Keep it logically awesome.", NULL },
	{ "GET", "/octocat", false, "text/plain", "=^..^=\n", NULL },
	{ "GET", "/versions", false, NULL, "[\"2022-11-28\"]", NULL },
	{ "GET", "/user", false, NULL, "{\"login\":\"stand-in\",\"id\":1}", NULL },
	{ "GET", "/repos/*/*", false, NULL, repo, NULL },
	{ "GET", "/repos/*/*/issues", false, NULL,
	  "[" ISSUE(1, "The first issue") "," ISSUE(2, "The second issue") "]", NULL },
	{ "GET", "/repos/*/*/issues/*", false, NULL, ISSUE(1, "The first issue"), NULL },
	{ "GET", "/repos/*/*/pulls", false, NULL, "[" ISSUE(3, "The first pull request") "]",
	  NULL },
	{ "GET", "/repos/*/*/pulls/*", false, NULL, ISSUE(3, "The first pull request"), NULL },
	{ "GET", "/repos/*/*/actions/artifacts/*/zip", false, NULL, NULL, answer_artifact },
	{ "POST", "/graphql", false, NULL, NULL, answer_graphql },
	{ "POST", "/api/graphql", false, NULL, NULL, answer_graphql },
	{ "GET HEAD POST PUT PATCH DELETE", "/echo", false, NULL, NULL, answer_echo },
	{ "GET", "/bytes/*", false, NULL, NULL, answer_bytes },
	{ "POST PUT", "/blob", false, NULL, NULL, answer_blob },
};

/* The messages that the real one has for its own failures. */
static const struct {
	unsigned status;
	const char *error;
	const char *message;
} failures[] = {
	{ 403, "difc_forbidden", "blocked by DIFC policy" },
	{ 502, "bad_gateway", "upstream request failed" },
	{ 503, "service_unavailable", "proxy enforcement not configured" },
};

static void answer_failure(struct reply *r, unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].status == status) {
			fail(r, status, failures[i].error, failures[i].message);
			return;
		}
	}
	fail(r, status, "stand_in", "as told");
}

static bool method_is_in(const char *method, const char *methods)
{
	size_t n = strlen(method);
	const char *at = strstr(methods, method);

	return at && (at == methods || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
}

static void answer_route(const struct stand_in *s, const struct request *q, const char *path,
			 size_t i, struct reply *r)
{
	if (s->faults.status && !routes[i].healthy) {
		answer_failure(r, s->faults.status);
	} else if (!method_is_in(q->head.method, routes[i].methods)) {
		fail(r, 405, "method_not_allowed", q->head.method);
	} else if (routes[i].body) {
		r->type = routes[i].type ? routes[i].type : type_json;
		evbuffer_add(r->body, routes[i].body, strlen(routes[i].body));
	} else {
		routes[i].answer(s, q, path, r);
	}
}

static const char *without_prefix(const char *path)
{
	static const char prefix[] = "/api/v3";
	size_t n = sizeof(prefix) - 1;

	return strncmp(path, prefix, n) == 0 && path[n] == '/' ? path + n : path;
}

void stand_in_answer(const struct stand_in *s, const struct request *q, struct reply *r)
{
	_cleanup_free_ char *whole = xstrndup(q->head.uri, strcspn(q->head.uri, "?"));
	const char *path = without_prefix(whole);

	r->status = 200;
	r->type = type_json;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (fnmatch(routes[i].path, path, FNM_PATHNAME) == 0) {
			answer_route(s, q, path, i, r);
			return;
		}
	}
	if (s->faults.status)
		answer_failure(r, s->faults.status);
	else
		fail(r, 404, "not_found", "Not Found");
}
