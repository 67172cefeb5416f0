/* The parts of exec-call, and what they share. */
#pragma once

#include "common/strbuf.h"
#include "containers/cli-proxy/downloads.h"
#include "containers/cli-proxy/exec-call.h"
#include "containers/cli-proxy/gh-process.h"
#include "containers/cli-proxy/gh-trouble.h"
#include "containers/cli-proxy/uploads.h"

#define EXEC_CALL_ID_BYTES 8
#define EXEC_CALL_PREVIEW  200

/* Why a call doesn't end by itself: what its client and the log are told. */
struct stop {
	int status; /* HTTP; 0 when nothing stopped it */
	char *text;
};

enum exec_call_phase {
	PHASE_WAITING,   /* for its turn */
	PHASE_RECEIVING, /* the agent's files */
	PHASE_RUNNING,   /* gh */
	PHASE_SENDING,   /* what gh has downloaded */
};

struct exec_call {
	struct exec_context *context;
	struct exec_request *request;
	struct answer *answer;
	enum exec_call_phase phase;
	struct uploads *uploads;
	struct gh_process *process;
	struct downloads *downloads;
	int exit_code;   /* of a gh that has ended */
	char *directory; /* its own, for HOME and the like */
	char id[EXEC_CALL_ID_BYTES * 2 + 1];
	bool streams;
	enum gh_company company; /* when it was started */
	bool held;               /* the client is slow, gh's output is not read */
	struct stop stop;
	struct event *deadline; /* of the waiting, then of the running */
	struct event *idle;
	struct event *finish; /* ends a call whose gh doesn't run */
	struct evhttp_request *piece;
	uint64_t input_bytes;
	uint64_t file_bytes; /* what it takes of the budget of files */
	uint64_t output_bytes[2];
	struct strbuf preview; /* the beginning of stderr */
	struct gh_trouble trouble;
	struct timespec started;
	exec_call_fn done;
	void *userdata;
};

/* Ends the call from outside; the first reason counts. */
void exec_call_stop(struct exec_call *c, int status, const char *fmt, ...) _printf_(3, 4);

/* The one end of every call: its answer and its line in the log. */
void exec_call_finish(struct exec_call *c, int exit_code);

/* Something moved: it is not idle. */
void exec_call_touch(struct exec_call *c);

/* Answers the piece of input that waits, if one does: taken, or -errno. */
void exec_call_answer_piece(struct exec_call *c, int error);

/* exec-call-log.c: the two lines of a call in the access log. */
void exec_call_log_start(const struct exec_call *c);
void exec_call_log_done(const struct exec_call *c, int exit_code);

/* exec-call-gh.c: runs gh; when that fails, or when gh ends, the call ends. */
void exec_call_run_gh(struct exec_call *c);

/* exec-call-files.c: all calls together have so much room for files; false when the call was
 * stopped for want of it. */
bool exec_call_reserve_files(struct exec_call *c);

/* Begins to receive the agent's files; when they are whole gh runs. */
void exec_call_begin_files(struct exec_call *c);
void exec_call_receive_files(struct exec_call *c, struct evbuffer *data);

/* Whether gh leaves files for the agent; sends them, and then ends the call. */
bool exec_call_makes_downloads(const struct exec_call *c);
void exec_call_send_downloads(struct exec_call *c);
