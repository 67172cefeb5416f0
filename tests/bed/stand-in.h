/* What the parts of the DIFC stand-in share: one stand-in, its faults, and a request with its
 * reply. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "tests/bed/http-reader.h"

struct evbuffer;
struct event_base;
struct json_object;
struct ssl_ctx_st;
struct strbuf;
struct stand_in_tls;

enum certificate {
	CERT_GOOD,
	CERT_EXPIRED,
	CERT_OTHER_NAME, /* for a host that nobody asked for */
	CERT_OTHER_CA,   /* signed by a CA that isn't in ca.crt */
	CERT_COUNT,
};

/* How the stand-in misbehaves; all zero is well. */
struct faults {
	bool refuse;      /* listens to nobody */
	bool hang;        /* accepts and never says a byte */
	bool reset;       /* resets what it has accepted */
	bool stall;       /* reads requests and never answers */
	unsigned delay;   /* milliseconds before an answer */
	unsigned rate;    /* bytes of an answer per second */
	unsigned status;  /* answers every request but health with this status */
	unsigned running; /* how many more times run 7 is found in progress */
	bool no_policy;   /* refuses what it would have to filter */
	enum certificate certificate;
};

struct stand_in {
	struct event_base *base;
	const char *identity;
	int record; /* JSON lines, or -EBADF */
	struct faults faults;
	struct stand_in_tls *tls;
	struct ssl_ctx_st *context; /* the certificate that new connections get */
	unsigned long connections;
};

struct request {
	struct http_head head;
	struct evbuffer *body;
};

struct reply {
	unsigned status;
	const char *type;
	char **headers;
	struct evbuffer *body;
};

/* What is answered at a path. Tables of them end with an empty row. */
struct route {
	const char *methods;
	const char *path; /* a * stands for one segment */
	bool healthy;     /* answered also when there is no policy */
	const char *type; /* of a static answer; NULL is JSON */
	const char *body; /* the static answer, or else the function makes one */
	void (*answer)(struct stand_in *s, const struct request *q, const char *path,
		       struct reply *r);
};

/* stand-in-routes.c: the answer to a request, a static text and a failure. In a text that is JSON
 * every ' becomes a ", and $host is whom the client asked. */
void stand_in_answer(struct stand_in *s, const struct request *q, struct reply *reply);
void stand_in_json(struct reply *r, const struct request *q, const char *text);
void stand_in_fail(struct reply *r, unsigned status, const char *error, const char *message);

/* By topic: stand-in-plain.c, stand-in-github.c, stand-in-actions.c, stand-in-releases.c. */
extern const struct route stand_in_plain[];
extern const struct route stand_in_github[];
extern const struct route stand_in_actions[];
extern const struct route stand_in_releases[];

/* stand-in-plain.c: the same bytes for the same length, every time. */
void stand_in_fill(struct evbuffer *out, size_t length);

/* stand-in-graphql.c: the answer of a GraphQL endpoint to a query. Static. */
const char *stand_in_graphql(const char *query);

/* stand-in-faults.c: obeys one command of the control socket or of --fault. */
int stand_in_obey(const char *command, struct strbuf *answer, void *stand_in) _must_check_;

/* stand-in-tls.c: makes a CA in dir; makes a leaf and the context that presents it. */
int stand_in_tls_new(const char *dir, struct stand_in_tls **ret) _must_check_;
struct ssl_ctx_st *stand_in_tls_context(struct stand_in_tls *t, enum certificate kind) _must_check_;

/* stand-in-record.c: one line of what happened. Takes `line`. */
struct json_object *record_new(unsigned long connection, const char *event);
void record_write(const struct stand_in *s, struct json_object *line);
struct json_object *record_request(const struct request *q);
char *record_sha256(struct evbuffer *data) _must_check_;

/* stand-in-conn.c: serves an accepted connection. */
void stand_in_serve(struct stand_in *s, int fd, const char *peer);

/* difc-stand-in.c: opens or closes the listeners, as the faults say. */
int stand_in_listen(struct stand_in *s) _must_check_;
