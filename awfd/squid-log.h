/* Lines of squid's access log, in the format that squid-config asks for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* squid's format codes, and what a line is at most: what the agent wrote as host and SNI, which may
 * be tens of thousands of bytes, is cut (even within an encoding), so that it can't make a line too
 * long to be read, and hide what it tells. */
#define SQUID_LOG_FORMAT                                                                           \
	"%ts%03tu %>a %#>rm %#.512>rd %>rP %#.512ssl::>sni %>Hs %Ss %ssl::bump_mode "              \
	"%{decision}note %#{rule}note %err_code %>st %<st"
#define SQUID_LOG_LINE_MAX 8192

/* What became of a request. */
enum squid_decision {
	SQUID_ALLOWED,
	SQUID_NOT_ALLOWED,
	SQUID_BLOCKED,
	SQUID_PRIVATE,
	SQUID_PORT,
	SQUID_SCHEME,
	SQUID_METHOD,
	SQUID_SNI,
	SQUID_NOT_TLS,
	SQUID_INVALID,
	SQUID_DECISION_COUNT,
};

/* As squid's configuration and log write it: "not-allowed". */
const char *squid_decision_token(enum squid_decision decision);

/* As people read it: "not allowed". */
const char *squid_decision_text(enum squid_decision decision);

struct squid_event {
	int64_t time_ms; /* since the epoch */
	enum squid_decision decision;
	char *client; /* address */
	char *method; /* this and the names: UTF-8, or percent-encoded when they are something else
		       */
	char *host;   /* name, or address with brackets if IPv6 */
	uint16_t port;
	char *sni;       /* NULL: none was seen */
	char *rule;      /* that allowed or blocked it, as domain_format() has it; NULL: none did */
	char *error;     /* squid's name of a failure, "ERR_DNS_FAIL"; NULL: none */
	uint16_t status; /* HTTP status that the client got; 0: none */
	uint64_t bytes_in, bytes_out; /* from and to the client */
};

/* Parses a line without its newline. 1: an event. 0: the line tells nothing of its own (a tunnel
 * that is opened has another line when it ends; a connection without a request). -EINVAL: this is
 * not a line of that format. */
int squid_log_parse(const char *line, struct squid_event *ret) _must_check_;
void squid_event_clear(struct squid_event *event);
