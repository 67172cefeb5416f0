/* What one sandbox was refused: a bounded list in which attempts at the same thing are one entry
 * with a count. Pure but for memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define DENIALS_MAX 256 /* entries of one sandbox; further ones are only counted */

/* Why, where something can be done about it. */
#define DENIAL_NOT_ALLOWED "not allowed"
#define DENIAL_PRIVATE     "private address"

enum denial_source { DENIAL_SQUID, DENIAL_FIREWALL };

/* Strings are borrowed when one is passed in, and the list's in what it hands out. */
struct denial {
	int64_t time_ms; /* of the last attempt, since the epoch */
	enum denial_source source;
	const char *from;     /* the role of the container that asked */
	const char *protocol; /* HTTP method, or "tcp", "udp", "icmp", ... */
	const char *host;     /* name or address */
	uint16_t port;
	const char *sni;    /* or NULL */
	const char *reason; /* one of the refusals of squid-config, or the firewall's chain */
	uint64_t count;
};

struct denials;

struct denials *denials_new(void) _must_check_;
void denials_free(struct denials *d);

/* Adds the attempt, or counts it with those like it. The entry, or NULL when the list is full. */
const struct denial *denials_add(struct denials *d, const struct denial *attempt);

size_t denials_count(const struct denials *d);
const struct denial *denials_get(const struct denials *d, size_t i);

/* Attempts that found the list full. */
uint64_t denials_lost(const struct denials *d);

/* "squid", "firewall". */
const char *denial_source_name(enum denial_source source);

/* The option of awfctl that would grant it; NULL when none does. The caller owns it. */
char *denial_grant(const struct denial *denial) _must_check_;
