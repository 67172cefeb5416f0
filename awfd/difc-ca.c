#include "awfd/difc-ca.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/strbuf.h"

#define FIELD "difcProxyCaCert"

#define BEGIN        "-----BEGIN "
#define END          "-----END "
#define DASHES       "-----"
#define CERTIFICATE  "CERTIFICATE-----"
#define DER_SEQUENCE 0x30

/* NULL when nothing is wrong, else the reason. */
typedef const char *reason;

struct pem {
	bool inside; /* between a BEGIN and its END line */
	size_t certificates;
	struct strbuf base64; /* of the block so far, without line ends */
};

static bool starts_with(const char *line, size_t length, const char *prefix)
{
	return length >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

static bool equals(const char *line, size_t length, const char *text)
{
	return length == strlen(text) && memcmp(line, text, length) == 0;
}

/* The value of a base64 digit (RFC 4648, table 1), or -1. */
static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Decodes text in place: whole groups of four, padding at the end only, no stray bits. */
static bool base64_decode(struct strbuf *b)
{
	size_t digits = b->length, out = 0;
	uint32_t bits = 0;

	while (digits > 0 && b->length - digits < 2 && b->data[digits - 1] == '=')
		digits--;
	if (b->length == 0 || b->length % 4 != 0)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int value = base64_digit(b->data[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 0)
			b->data[out++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
	}
	if (digits % 4 != 0 && (bits & ((1U << (2 * (4 - digits % 4))) - 1)) != 0)
		return false;
	b->length = out;
	return true;
}

/* Reads a DER header (X.690, 8.1.2 and 8.1.3) of a SEQUENCE; its size, or 0 when it is none. */
static size_t der_sequence(const unsigned char *der, size_t size, size_t *content)
{
	size_t octets, value = 0;

	if (size < 2 || der[0] != DER_SEQUENCE)
		return 0;
	octets = der[1] < 0x80 ? 0 : der[1] - 0x80u;
	if (octets > 3 || size < 2 + octets || der[1] == 0x80)
		return 0;
	for (size_t i = 0; i < octets; i++)
		value = value << 8 | der[2 + i];
	*content = octets ? value : der[1];
	return 2 + octets;
}

/* A certificate (RFC 5280, 4.1) is one SEQUENCE, of all the bytes, that begins with another. What
 * is deeper is for those to parse who have no privileges. */
static bool looks_like_certificate(const struct strbuf *der)
{
	const unsigned char *data = (const unsigned char *)der->data;
	size_t outer, inner, content;

	outer = der_sequence(data, der->length, &content);
	if (outer == 0 || content != der->length - outer)
		return false;
	inner = der_sequence(data + outer, content, &content);
	return inner > 0 && content > 0 && content < der->length - outer - inner;
}

static reason end_block(struct pem *p)
{
	if (!base64_decode(&p->base64))
		return "a certificate in it is not valid base64";
	if (!looks_like_certificate(&p->base64))
		return "a certificate in it is damaged";
	p->base64.length = 0;
	p->inside = false;
	p->certificates++;
	return NULL;
}

static reason take_line(struct pem *p, const char *line, size_t length)
{
	if (p->inside) {
		if (equals(line, length, END CERTIFICATE))
			return end_block(p);
		if (starts_with(line, length, DASHES))
			return "a certificate in it has no END line";
		strbuf_append(&p->base64, line, length);
		return NULL;
	}
	if (starts_with(line, length, END))
		return "it has an END line without a BEGIN line";
	if (!starts_with(line, length, BEGIN))
		return NULL;
	if (!equals(line, length, BEGIN CERTIFICATE))
		return "it holds something other than certificates";
	p->inside = true;
	return NULL;
}

static reason take_lines(struct pem *p, const char *pem)
{
	for (const char *line = pem; *line;) {
		size_t whole = strcspn(line, "\n"), length = whole;
		reason why;

		while (length > 0 && strchr(" \t\r", line[length - 1]))
			length--;
		why = take_line(p, line, length);
		if (why)
			return why;
		line += whole + (line[whole] == '\n');
	}
	if (p->inside)
		return "a certificate in it has no END line";
	return p->certificates == 0 ? "it holds no PEM certificate" : NULL;
}

static bool has_control_byte(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && !strchr("\t\r\n", *text)) || *text == 0x7f)
			return true;
	return false;
}

int difc_ca_check(const char *pem, struct err *e)
{
	struct pem p = { 0 };
	reason why;

	if (strnlen(pem, DIFC_CA_MAX + 1) > DIFC_CA_MAX)
		why = "it is larger than 64 KiB";
	else if (*pem == '\0')
		why = "it is empty";
	else if (has_control_byte(pem))
		why = "it holds control characters";
	else if (strstr(pem, "PRIVATE KEY" DASHES))
		why = "it holds a private key: give the certificate only";
	else
		why = take_lines(&p, pem);
	strbuf_clear(&p.base64);
	return why ? err_invalid(e, FIELD, NULL, "%s", why) : 0;
}

char *difc_ca_bundle(const char *system_bundle, const char *pem)
{
	const char *const parts[] = { system_bundle ? system_bundle : "", pem };
	struct strbuf bundle = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		strbuf_puts(&bundle, parts[i]);
		if (bundle.length > 0 && bundle.data[bundle.length - 1] != '\n')
			strbuf_puts(&bundle, "\n");
	}
	return strbuf_take(&bundle);
}
