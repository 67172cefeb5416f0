/* What a TLS client says first, read strictly: what is not understood to the last byte names
 * nobody. A server reads the same bytes, so nothing is passed over in which it could see another
 * name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a hello may have, with its header, in however many records it comes. */
#define CLIENT_HELLO_MAX 16384

/* Whether bytes begin with a whole ClientHello (RFC 8446, 4.1.2) whose only server name is host,
 * but for case. What comes behind its last record doesn't matter. */
bool client_hello_names(const uint8_t *bytes, size_t length, const char *host);
