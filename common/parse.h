/* Strict parsers of small values: the whole text or nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/* A decimal number from min to max, without sign, spaces or leading zeros. -EINVAL when the text is
 * not such a number, -ERANGE when it is outside. */
int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret) _must_check_;

/* Bytes, with an optional B, K, M or G (of 1024) in either case; as parse_uint(). */
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret) _must_check_;

/* The same without bounds. */
int parse_bytes(const char *text, uint64_t *ret) _must_check_;

/* In the largest unit that needs no fraction, as parse_size() takes it. The caller owns it. */
char *parse_format_size(uint64_t bytes) _must_check_;

/* A decimal fraction with at most 9 digits behind the point, as in "1.5", in billionths. -EINVAL or
 * -ERANGE, as parse_uint(). */
int parse_nano(const char *text, uint64_t *ret) _must_check_;

/* A TCP or UDP port: 1 to 65535, as parse_uint(). */
int parse_port(const char *text, uint16_t *ret) _must_check_;

/* yes/no, true/false, on/off, 1/0, as systemd.syntax(7). -EINVAL for anything else. */
int parse_boolean(const char *text, bool *ret) _must_check_;

/* A sandbox id: exactly 10 lowercase base32 characters (RFC 4648, a-z and 2-7). */
bool parse_is_sandbox_id(const char *text);
