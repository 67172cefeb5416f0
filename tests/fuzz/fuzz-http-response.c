/* A response is the same in whatever portions it comes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/strbuf.h"
#include "containers/agent/http-response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int append(const void *data, size_t length, void *userdata)
{
	strbuf_append(userdata, data, length);
	return 0;
}

/* Feeds all of data in portions; the body is collected, the result returned. */
static int feed(struct http_response *r, const uint8_t *data, size_t size, size_t portion,
		struct strbuf *body)
{
	for (size_t at = 0; at < size; at += portion) {
		int error = http_response_feed(r, data + at, MIN(portion, size - at), append, body);

		if (error != 0)
			return error;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(http_response_clear) struct http_response once = { 0 }, bytewise = { 0 };
	_cleanup_strbuf_ struct strbuf body = { 0 }, again = { 0 };

	if (size == 0)
		return 0;
	if (feed(&once, data, size, size, &body) != feed(&bytewise, data, size, 1, &again))
		abort();
	if (once.status != bytewise.status || once.state != bytewise.state)
		abort();
	if (body.length != again.length ||
	    (body.length > 0 && memcmp(body.data, again.data, body.length) != 0))
		abort();
	free(http_response_header(&once, "Awf-Exec-Id"));
	return 0;
}
