/* What the stand-in answers that is not about a repository: health, limits, echoes, bytes, pages.
 */
#include "tests/bed/stand-in.h"

#include <stdint.h>
#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#include "common/alloc.h"
#include "common/strv.h"

enum { MAX_BYTES = 256 * 1024 * 1024, PAGES = 3, PAGE_ITEMS = 2 };

static void answer_json(struct reply *r, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	evbuffer_add(r->body, text, strlen(text));
	json_object_put(o);
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

static void answer_rate_limit(struct stand_in *s, const struct request *q _unused_,
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

static void answer_echo(struct stand_in *s, const struct request *q, const char *path _unused_,
			struct reply *r)
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
void stand_in_fill(struct evbuffer *out, size_t length)
{
	uint64_t x = 0x9e3779b97f4a7c15, words[512];

	while (length > 0) {
		size_t part = MIN(length, sizeof(words));

		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			x ^= x >> 12;
			x ^= x << 25;
			x ^= x >> 27;
			words[i] = x * 0x2545f4914f6cdd1d;
		}
		evbuffer_add(out, words, part);
		length -= part;
	}
}

static void add_digest(struct reply *r, struct evbuffer *data)
{
	_cleanup_free_ char *digest = record_sha256(data);

	strv_appendf(&r->headers, "X-Sha256: %s", digest);
}

static void answer_bytes(struct stand_in *s _unused_, const struct request *q _unused_,
			 const char *path, struct reply *r)
{
	char *end;
	unsigned long n = strtoul(strrchr(path, '/') + 1, &end, 10);

	if (*end || n > MAX_BYTES) {
		stand_in_fail(r, 422, "unprocessable", "a number up to 268435456 is wanted");
		return;
	}
	r->type = "application/octet-stream";
	stand_in_fill(r->body, n);
	add_digest(r, r->body);
}

static void answer_blob(struct stand_in *s _unused_, const struct request *q,
			const char *path _unused_, struct reply *r)
{
	r->type = "application/octet-stream";
	add_digest(r, q->body);
	evbuffer_add_buffer_reference(r->body, q->body);
}

/* What a shell's $(...) would lose. */
static void answer_newlines(struct stand_in *s _unused_, const struct request *q _unused_,
			    const char *path _unused_, struct reply *r)
{
	r->type = "text/plain";
	evbuffer_add_printf(r->body, "text");
	for (int i = 0; i < 100; i++)
		evbuffer_add(r->body, "\n", 1);
}

/* The number that a query parameter has, or 1. */
static unsigned long query_number(const char *uri, const char *name)
{
	_cleanup_free_ char *first = xasprintf("?%s=", name), *later = xasprintf("&%s=", name);
	const char *at = strstr(uri, first);

	if (!at)
		at = strstr(uri, later);
	return at ? strtoul(at + strlen(first), NULL, 10) : 1;
}

/* A list of which each page names the next one in its Link. */
static void answer_page(struct stand_in *s _unused_, const struct request *q,
			const char *path _unused_, struct reply *r)
{
	unsigned long page = query_number(q->head.uri, "page");
	const char *host = http_head_get(&q->head, "Host");

	if (page < PAGES)
		strv_appendf(&r->headers, "Link: <https://%s/api/v3/pages?page=%lu>; rel=\"next\"",
			     host ? host : "localhost", page + 1);
	evbuffer_add_printf(r->body, "[");
	for (unsigned long i = 0; i < PAGE_ITEMS; i++)
		evbuffer_add_printf(r->body, "%s{\"page\":%lu,\"item\":%lu}", i ? "," : "", page,
				    i);
	evbuffer_add_printf(r->body, "]");
}

#define META "{'installed_version':'3.12.0','verifiable_password_authentication':false}"

const struct route stand_in_plain[] = {
	{ "GET HEAD", "/health", true, NULL, "{'status':'ok'}", NULL },
	{ "GET HEAD", "/healthz", true, NULL, "{'status':'ok'}", NULL },
	{ "GET HEAD", "/rate_limit", false, NULL, NULL, answer_rate_limit },
	{ "GET", "/meta", false, NULL, META, NULL },
	{ "GET", "/zen", false, "text/plain", "Keep it logically awesome.", NULL },
	{ "GET", "/octocat", false, "text/plain", "=^..^=\n", NULL },
	{ "GET", "/versions", false, NULL, "['2022-11-28']", NULL },
	{ "GET HEAD POST PUT PATCH DELETE", "/echo", false, NULL, NULL, answer_echo },
	{ "GET", "/bytes/*", false, NULL, NULL, answer_bytes },
	{ "GET", "/newlines", false, NULL, NULL, answer_newlines },
	{ "GET", "/pages", false, NULL, NULL, answer_page },
	{ "POST PUT", "/blob", false, NULL, NULL, answer_blob },
	{ 0 },
};
