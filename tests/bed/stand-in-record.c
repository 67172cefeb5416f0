/* What the stand-in saw, one JSON object a line. */
#include "tests/bed/stand-in.h"

#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <json-c/json.h>
#include <openssl/evp.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/utf8.h"

enum { MAX_TEXT = 256 * 1024 };

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

struct json_object *record_new(unsigned long connection, const char *event)
{
	struct json_object *o = json_object_new_object();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_object_add(
		o, "time", json_object_new_double((double)now.tv_sec + (double)now.tv_nsec / 1e9));
	json_object_object_add(o, "connection", json_object_new_int64((int64_t)connection));
	add_string(o, "event", event);
	return o;
}

void record_write(const struct stand_in *s, struct json_object *line)
{
	const char *text;

	add_string(line, "stand_in", s->identity);
	text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s->record >= 0)
		dprintf(s->record, "%s\n", text);
	json_object_put(line);
}

char *record_sha256(struct evbuffer *data)
{
	_cleanup_strbuf_ struct strbuf hex = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct evbuffer_iovec *v;
	unsigned length;
	int n;

	n = evbuffer_peek(data, -1, NULL, NULL, 0);
	v = xcalloc((size_t)n, sizeof(*v));
	evbuffer_peek(data, -1, NULL, v, n);
	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (int i = 0; i < n; i++)
		EVP_DigestUpdate(ctx, v[i].iov_base, v[i].iov_len);
	EVP_DigestFinal_ex(ctx, digest, &length);
	EVP_MD_CTX_free(ctx);
	free(v);
	for (unsigned i = 0; i < length; i++)
		strbuf_appendf(&hex, "%02x", digest[i]);
	return strbuf_take(&hex);
}

/* Names as they came; a name that comes twice has its values joined by a comma. */
static struct json_object *headers_object(char *const *headers)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; headers && headers[i]; i++) {
		_cleanup_free_ char *name = xstrdup(headers[i]), *joined = NULL;
		struct json_object *before;
		char *value = name + strcspn(name, ":");

		if (*value)
			*value++ = '\0';
		value += strspn(value, " \t");
		if (json_object_object_get_ex(o, name, &before))
			joined = xasprintf("%s, %s", json_object_get_string(before), value);
		add_string(o, name, joined ? joined : value);
	}
	return o;
}

/* What can be read of a request's body; of a larger one, or of bytes, the digest has to do. */
static void add_body(struct json_object *o, struct evbuffer *body)
{
	size_t n = evbuffer_get_length(body);
	_cleanup_free_ char *text = n <= MAX_TEXT ? xcalloc(n + 1, 1) : NULL;

	if (!text)
		return;
	evbuffer_copyout(body, text, n);
	if (strlen(text) == n && utf8_is_valid(text))
		add_string(o, "body", text);
}

struct json_object *record_request(const struct request *q)
{
	_cleanup_free_ char *digest = record_sha256(q->body);
	struct json_object *o = json_object_new_object();

	add_string(o, "method", q->head.method);
	add_string(o, "uri", q->head.uri);
	json_object_object_add(o, "headers", headers_object(q->head.headers));
	json_object_object_add(o, "body_length",
			       json_object_new_int64((int64_t)evbuffer_get_length(q->body)));
	add_string(o, "body_sha256", digest);
	add_body(o, q->body);
	return o;
}
