/* What the methods of io.awf.Sandbox have in common, and their functions for the table in
 * methods.c. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"
#include "awfd/sandbox.h"
#include "proto/messages.h"

/* Answers with an error, which is logged. */
void method_reply_error(struct call *call, const struct err *e);

/* The same of a call that was not allowed, which is audited. s: what it was about, or NULL. */
void method_refuse(struct manager *m, struct call *call, struct sandbox *s, const struct err *e);

void method_reply_empty(struct call *call);

/* A call that waits for something of a sandbox; it ends with its client's connection. */
struct method_waiting {
	struct call *call;
	struct sandbox_watch *watch;
	struct sandbox_attach *attach;
	struct docker_call *engine;
	bool tty;
};

/* fn: told what happens to the sandbox, with the result as userdata; NULL: not. */
struct method_waiting *method_waiting_new(struct call *call, struct sandbox *s,
					  sandbox_watch_fn fn);

/* Before it is answered. */
void method_waiting_free(struct method_waiting *w);

/* When its client has gone; userdata: the struct method_waiting. */
void method_waiting_gone(void *userdata);

/* in: the parsed parameters; sandbox: the one that they are about, NULL when the method is about
 * none. */
typedef void method_fn(struct manager *m, struct call *call, void *in, struct sandbox *s);

method_fn method_start, method_check, method_attach, method_resize, method_wait, method_stop,
	method_list, method_inspect, method_denials, method_logs, method_stats, method_metrics,
	method_reload, method_diagnose, method_predownload, method_load_images;
