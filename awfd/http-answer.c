#include "awfd/http-answer.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"
#include "common/parse.h"

#define LENGTH_MAX (1u << 30)

static const char version[] = "HTTP/1.";

size_t http_answer_head_length(const char *data, size_t length)
{
	static const char end[] = "\r\n\r\n";
	const char *found = length ? memmem(data, length, end, strlen(end)) : NULL;

	return found ? (size_t)(found - data) + strlen(end) : 0;
}

bool http_answer_begins(const char *data, size_t length)
{
	return memcmp(data, version, MIN(length, strlen(version))) == 0;
}

/* "HTTP/1.1 101 UPGRADED" */
static int parse_status_line(const char *line, struct http_answer *ret)
{
	_cleanup_free_ char *digits = NULL;
	uint64_t status;

	if (!http_answer_begins(line, strlen(line)) || strlen(line) < strlen("HTTP/1.1 101") ||
	    line[strlen("HTTP/1.1")] != ' ')
		return -EBADMSG;
	line += strlen("HTTP/1.1 ");
	digits = xstrndup(line, strcspn(line, " "));
	if (parse_uint(digits, 100, 599, &status) < 0)
		return -EBADMSG;
	ret->status = (int)status;
	return 0;
}

/* "Name: value"; only what says where the body ends is read. */
static int parse_field(const char *line, struct http_answer *ret)
{
	static const char length_name[] = "Content-Length:";
	static const char coding_name[] = "Transfer-Encoding:";
	uint64_t length;

	if (strncasecmp(line, coding_name, strlen(coding_name)) == 0) {
		line += strlen(coding_name);
		ret->chunked = strcasecmp(line + strspn(line, " \t"), "chunked") == 0;
		return ret->chunked ? 0 : -EBADMSG;
	}
	if (strncasecmp(line, length_name, strlen(length_name)) != 0)
		return 0;
	line += strlen(length_name);
	if (parse_uint(line + strspn(line, " \t"), 0, LENGTH_MAX, &length) < 0)
		return -EBADMSG;
	ret->has_length = true;
	ret->length = length;
	return 0;
}

int http_answer_parse(const char *head, size_t length, struct http_answer *ret)
{
	_cleanup_free_ char *copy = xstrndup(head, length);
	struct http_answer answer = { 0 };
	char *line, *next;
	int r;

	if (length == 0 || strlen(copy) != length ||
	    http_answer_head_length(copy, length) != length)
		return -EBADMSG;
	for (line = copy; *line; line = next) {
		next = strstr(line, "\r\n");
		*next = '\0';
		next += strlen("\r\n");
		r = line == copy ? parse_status_line(line, &answer) : parse_field(line, &answer);
		if (r < 0)
			return r;
	}
	*ret = answer;
	return 0;
}

/* The size line of a chunk: its length with the CRLF, 0 while incomplete, -EBADMSG. */
static ssize_t chunk_size(const char *raw, size_t length, size_t *size)
{
	_cleanup_free_ char *line = NULL;
	const char *end = length ? memmem(raw, length, "\r\n", 2) : NULL;
	size_t n;
	char *rest;

	if (!end)
		return 0;
	n = (size_t)(end - raw);
	line = xstrndup(raw, n);
	if (!strchr("0123456789abcdefABCDEF", line[0]) || !line[0])
		return -EBADMSG;
	errno = 0;
	*size = strtoul(line, &rest, 16);
	if (errno || *size > LENGTH_MAX || (*rest && *rest != ';' && *rest != ' '))
		return -EBADMSG;
	return (ssize_t)n + 2;
}

static int chunked_body(const char *raw, size_t length, struct strbuf *ret)
{
	size_t size;
	ssize_t n;

	for (;;) {
		n = chunk_size(raw, length, &size);
		if (n <= 0)
			return (int)n;
		if (size == 0)
			return 1;
		raw += n;
		length -= (size_t)n;
		strbuf_append(ret, raw, MIN(size, length));
		if (length < size + 2)
			return 0;
		if (memcmp(raw + size, "\r\n", 2) != 0)
			return -EBADMSG;
		raw += size + 2;
		length -= size + 2;
	}
}

int http_answer_body(const struct http_answer *a, const char *raw, size_t length,
		     struct strbuf *ret)
{
	if (a->chunked)
		return chunked_body(raw, length, ret);
	if (!a->has_length) {
		strbuf_append(ret, raw, length);
		return 0;
	}
	strbuf_append(ret, raw, MIN(length, a->length));
	return length >= a->length;
}
