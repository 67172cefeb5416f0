/* A run of awfctl that is under way, for the unit tests: the real program against a scripted awfd
 * (fake-awfd.h) and a scripted command. */
#pragma once

#include "common/stdcopy.h"
#include "tests/unit/fake-awfd.h"

#define ID           "abcdefghij"
#define BULK         (16 * 1024 * 1024)
#define SOON_MSEC    1500 /* before awfctl would give up waiting by itself */
#define NOT_YET_MSEC 150  /* how long to look whether something happens that must not */

#define STARTED     "{\"parameters\":{\"id\":\"" ID "\"}}"
#define ATTACHED    "{\"parameters\":{\"stream\":0,\"tty\":false}}"
#define ENDED(code) "{\"parameters\":{\"exitCode\":" #code ",\"oomKilled\":false}}"
#define NO_DENIALS  "{\"parameters\":{\"denials\":[]}}"
#define STOPPED     "{\"parameters\":{}}"
#define FAILED(error, parameters)                                                                  \
	"{\"error\":\"io.awf.Sandbox." error "\",\"parameters\":" parameters "}"

/* A run that is under way: awfctl, its connection, and the command's end of the stream. */
struct run {
	struct fake fake;
	struct fake_conn conn;
	int engine;
};

/* Of each test: `*state` is the run. */
int run_setup(void **state);
int run_teardown(void **state);
void run_next(void **state); /* the one and then the other */

/* --- awfd's side ------------------------------------------------------------------------------ */

void run_expect(struct fake_conn *c, const char *method);
void run_accept_start(struct run *r);
void run_answer_attach(struct run *r, const char *answer);

/* From Start to the moment in which the command runs and awfctl is attached. */
void run_begin(struct run *r, const struct fake_stdio *stdio);
void run_finish(struct run *r, const char *answer);

/* A command that failed: what was refused is asked on the same connection. */
void run_finish_failed(struct run *r, const char *answer, const char *denials);

/* The Stop call that awfctl makes on another connection. */
void run_expect_stop(struct run *r, struct fake_conn *c, const char *signal_name, int64_t grace_ms);

/* --- The command's side ----------------------------------------------------------------------- */

void run_send_frame(int engine, enum stdcopy_type type, const void *data, size_t length);
void run_send_text(struct run *r, const char *text);

/* --- What awfctl makes of it ------------------------------------------------------------------ */

void run_assert_output(int fd, const char *expected);
void run_assert_complained(struct run *r, const char *part);
bool run_ends_within(struct run *r, int msec);
