/* For tests of awfctl: the real program as a child process, and the test itself as awfd, which
 * reads calls and answers them from a script. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "proto/frame.h"

/* A connection that awfctl made. */
struct fake_conn {
	int fd;
	struct frame_reader in;
};

/* A place for awfd's socket and one awfctl. */
struct fake {
	char directory[64];
	char socket[80];
	int listener;
	pid_t pid; /* of awfctl; 0: none */
	int in;    /* writes to its standard input; -EBADF when the test gave another one */
	int out;
	int err;
};

/* What awfctl is started with; 0 means a pipe to the test. */
struct fake_stdio {
	int in;
	int out;
	int err;
	bool close_in;   /* no descriptor 0 at all */
	bool as_nobody;  /* as another user, when the test runs as root */
	bool in_project; /* with HOME and GITHUB_WORKSPACE as the test has them */
};

void fake_setup(struct fake *f);
void fake_teardown(struct fake *f);

/* The same as cmocka calls them: the state is a struct fake. */
int fake_test_setup(void **state);
int fake_test_teardown(void **state);

/* Starts awfctl with these arguments (NULL-terminated). */
void fake_spawn(struct fake *f, const struct fake_stdio *stdio, const char *const *args);
#define FAKE_RUN(f, stdio, ...) fake_spawn(f, stdio, (const char *const[]){ __VA_ARGS__, NULL })

/* fork(2); the child dies with the test. */
pid_t fake_fork(void);

/* Waits for the end of awfctl: its exit code, or 1000 + the signal that killed it. */
int fake_wait(struct fake *f);

/* Reads exactly this much, which awfctl has to have printed by now. */
void fake_assert_printed(struct fake *f, const char *expected);

/* Reads a descriptor to its end. The caller owns the text. */
char *fake_read_all(int fd, size_t *length);

/* The next connection; the next call on it, which must be this method: its parameters (the caller
 * owns them). */
void fake_accept(struct fake *f, struct fake_conn *c);
struct json_object *fake_expect(struct fake_conn *c, const char *method);
/* Accepts a connection and expects this call on it. */
struct json_object *fake_accept_call(struct fake *f, struct fake_conn *c, const char *method);

/* Answers with this text, a JSON object, and with a descriptor when it is >= 0. */
void fake_send(struct fake_conn *c, const char *message, int passed);
/* Whether the other side has closed it; waits for that or for data. */
bool fake_is_closed(struct fake_conn *c);
void fake_close(struct fake_conn *c);

/* The text of a member, or "". Borrowed. */
const char *fake_text(struct json_object *object, const char *key);
