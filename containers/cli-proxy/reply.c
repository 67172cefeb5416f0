#include "containers/cli-proxy/reply.h"

#include <event2/buffer.h>

#include "common/alloc.h"

/* A client that is told to come back later is told when. */
static const char retry_after_seconds[] = "1";

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 409, "Conflict" },
	{ 413, "Payload Too Large" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

static const char *phrase_of(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Error";
}

/* An answer that libevent sends from where json-c wrote it. */
struct held {
	struct json_object *object;
	size_t *count;
};

static void release(const void *text _unused_, size_t length, void *userdata)
{
	struct held *h = userdata;

	if (h->count)
		*h->count -= length;
	json_object_put(h->object);
	free(h);
}

void reply_json(struct evhttp_request *req, int status, struct json_object *o, size_t *held)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();
	struct held *h = xnew(struct held);
	const char *text;
	size_t length;

	*h = (struct held){ o, held };
	text = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (held)
		*held += length;
	if (evbuffer_add_reference(body, text, length, release, h) < 0)
		abort();
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Content-Type", "application/json");
	if (status == 503)
		evhttp_add_header(headers, "Retry-After", retry_after_seconds);
	evhttp_send_reply(req, status, phrase_of(status), body);
	evbuffer_free(body);
}

void reply_error(struct evhttp_request *req, int status, const char *text)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "error", json_object_new_string(text));
	reply_json(req, status, o, NULL);
}

void reply_nothing(struct evhttp_request *req)
{
	evhttp_send_reply(req, 204, "No Content", NULL);
}
