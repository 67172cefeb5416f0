#include "awfd/squid-log.h"

#include <string.h>

#include "awfd/denials.h"
#include "common/alloc.h"
#include "common/parse.h"
#include "common/utf8.h"

#define ABSENT "-" /* how squid writes a value that there isn't */

#define STATUS_MAX 999

static const struct {
	const char *token, *text;
} decisions[] = {
	[SQUID_ALLOWED] = { "allowed", "allowed" },
	[SQUID_NOT_ALLOWED] = { "not-allowed", DENIAL_NOT_ALLOWED },
	[SQUID_BLOCKED] = { "blocked", "blocked" },
	[SQUID_PRIVATE] = { "private-address", DENIAL_PRIVATE },
	[SQUID_PORT] = { "port", "only ports 80 for http and 443 for https are allowed" },
	[SQUID_SCHEME] = { "scheme", "only http and CONNECT are allowed" },
	[SQUID_METHOD] = { "method", "method not allowed" },
	[SQUID_SNI] = { "sni-mismatch", "TLS names another host or none, or can't be read" },
	[SQUID_NOT_TLS] = { "not-tls", "not TLS" },
	[SQUID_INVALID] = { "invalid", "invalid request" },
};

/* The words of a line, in the order of SQUID_LOG_FORMAT. */
enum field {
	TIME,
	CLIENT,
	METHOD,
	HOST,
	PORT,
	SNI,
	STATUS,
	RESULT,
	BUMP,
	DECISION,
	RULE,
	ERROR,
	BYTES_IN,
	BYTES_OUT,
	FIELD_COUNT,
};

const char *squid_decision_token(enum squid_decision decision)
{
	return decisions[decision].token;
}

const char *squid_decision_text(enum squid_decision decision)
{
	return decisions[decision].text;
}

/* Splits at single spaces into exactly the fields there are, none of them empty. */
static int split(char *line, char *fields[FIELD_COUNT])
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		size_t length = strcspn(line, " ");
		bool is_last = i == FIELD_COUNT - 1;

		if (length == 0 || (line[length] == '\0') != is_last)
			return -EINVAL;
		fields[i] = line;
		line[length] = '\0';
		line += length + 1;
	}
	return 0;
}

static bool is_absent(const char *field)
{
	return strcmp(field, ABSENT) == 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, c | ' ');

	return c != '\0' && found ? (int)(found - digits) : -1;
}

/* Decodes percent-encoding, except of a NUL and of one that was cut, in place. */
static int decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || (high | low) == 0)
			return -EINVAL;
		*to++ = (char)(high << 4 | low);
		text += 2;
	}
	*to = '\0';
	return 0;
}

/* The text of a field, NULL when it is absent. An agent can send any bytes as a name, and what
 * can't be shown decoded is still to be told, so it stays as squid wrote it. */
static char *take_text(const char *field)
{
	_cleanup_free_ char *text = NULL;

	if (is_absent(field))
		return NULL;
	text = xstrdup(field);
	if (decode(text) < 0 || !utf8_is_valid(text))
		return xstrdup(field);
	return TAKE_PTR(text);
}

static int take_number(const char *field, uint64_t max, uint64_t *ret)
{
	*ret = 0;
	return is_absent(field) ? 0 : parse_uint(field, 0, max, ret);
}

/* squid pads the status of a connection without a request ("000"), and counts bytes it knows not of
 * as less than none. */
static int take_status(const char *field, uint16_t *ret)
{
	uint64_t status;

	while (field[0] == '0' && field[1] != '\0')
		field++;
	if (take_number(field, STATUS_MAX, &status) < 0)
		return -EINVAL;
	*ret = (uint16_t)status;
	return 0;
}

static int take_decision(const char *field, enum squid_decision *ret)
{
	*ret = SQUID_INVALID;
	if (is_absent(field))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
		*ret = (enum squid_decision)i;
		if (strcmp(field, decisions[i].token) == 0)
			return 0;
	}
	return -EINVAL;
}

static int take_numbers(char *const fields[FIELD_COUNT], struct squid_event *event)
{
	uint64_t time, port;

	if (parse_uint(fields[TIME], 0, INT64_MAX, &time) < 0 ||
	    take_number(fields[PORT], UINT16_MAX, &port) < 0 ||
	    take_number(fields[BYTES_IN], INT64_MAX, &event->bytes_in) < 0 ||
	    take_number(fields[BYTES_OUT], INT64_MAX, &event->bytes_out) < 0)
		return -EINVAL;
	event->time_ms = (int64_t)time;
	event->port = (uint16_t)port;
	return take_status(fields[STATUS], &event->status);
}

static int take_texts(char *const fields[FIELD_COUNT], struct squid_event *event)
{
	const struct {
		enum field field;
		char **text;
	} texts[] = {
		{ CLIENT, &event->client }, { METHOD, &event->method }, { HOST, &event->host },
		{ SNI, &event->sni },       { RULE, &event->rule },     { ERROR, &event->error },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i].text = take_text(fields[texts[i].field]);
	return event->client ? 0 : -EINVAL;
}

/* Whether this is the line of an allowed CONNECT whose tunnel is only opened: the tunnel has its
 * own when it ends. */
static bool is_opening(char *const fields[FIELD_COUNT], const struct squid_event *event)
{
	return event->decision == SQUID_ALLOWED && event->status == 200 && !event->error &&
	       strcmp(fields[BUMP], "splice") == 0 && strcmp(fields[RESULT], "NONE_NONE") == 0;
}

int squid_log_parse(const char *line, struct squid_event *ret)
{
	_cleanup_(squid_event_clear) struct squid_event event = { 0 };
	_cleanup_free_ char *copy = NULL;
	char *fields[FIELD_COUNT];

	if (strnlen(line, SQUID_LOG_LINE_MAX + 1) > SQUID_LOG_LINE_MAX)
		return -EINVAL;
	copy = xstrdup(line);
	if (split(copy, fields) < 0 || take_numbers(fields, &event) < 0 ||
	    take_texts(fields, &event) < 0 || take_decision(fields[DECISION], &event.decision) < 0)
		return -EINVAL;
	if (!event.method || !event.host || is_opening(fields, &event))
		return 0;
	*ret = event;
	event = (struct squid_event){ 0 };
	return 1;
}

void squid_event_clear(struct squid_event *event)
{
	free(event->client);
	free(event->method);
	free(event->host);
	free(event->sni);
	free(event->rule);
	free(event->error);
	*event = (struct squid_event){ 0 };
}
