#include "awfctl/attach.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "awfctl/comeback.h"
#include "awfctl/complain.h"
#include "awfctl/detach-keys.h"
#include "awfctl/exit-code.h"
#include "awfctl/log-session.h"
#include "awfctl/progress.h"
#include "awfctl/pump.h"
#include "awfctl/refusals.h"
#include "awfctl/start.h"
#include "awfctl/terminal.h"
#include "awfctl/window.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"

/* How long a command may tidy up after the first signal. */
#define STOP_GRACE_MS 2000

/* In this time what one process sends is one request. timeout(1) signals its child and then its own
 * group, of which the child is one; systemd sends SIGHUP after SIGTERM where SendSIGHUP= says so.
 */
#define ECHO_MS 1000

/* Which of the pipelined calls is answered next. */
enum stage { STAGE_START, STAGE_ATTACH, STAGE_WAIT, STAGE_DONE };

struct session {
	const struct options *options;
	const struct log_copies *copies; /* NULL: none */
	struct client *client;           /* NULL while awfd is away */
	struct client *first;            /* borrowed: the one that it was at first */
	struct comeback back;
	bool leased; /* the sandbox is ours to end */
	char *id;    /* NULL until awfd told it */
	enum stage stage;
	int signals; /* signalfd */
	int stream;
	struct pump *input; /* NULL before and after */
	struct pump *output;
	int code;            /* of the command, or of a failure, once stage is STAGE_DONE */
	int forced_code;     /* what ends us early: a signal, an output that can't be written */
	int incomplete_code; /* what stands for success when some output is missing */
	bool signalled;      /* a signal was passed on; the next one kills */
	struct {
		uint32_t pid;
		uint64_t at_ms;
	} signaller;            /* who sent the last one, and when */
	bool killed;            /* output is not waited for any more */
	struct client *stopper; /* the connection on which Stop is called */
	bool answered;          /* awfd told how the command ended, and can be asked more */
	bool over;
	bool tty;                /* the command has a terminal */
	struct detach_keys keys; /* none where one cannot come back */
	struct window window;
};

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* A signal that awfctl was started to ignore (nohup, a shell's background job) stays ignored. */
static void watch_unless_ignored(sigset_t *set, int n)
{
	struct sigaction action;

	if (sigaction(n, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
		sigaddset(set, n);
}

static int watch_signals(struct session *s, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		watch_unless_ignored(&set, ending_signals[i]);
	watch_unless_ignored(&set, SIGTSTP);
	sigaddset(&set, SIGWINCH);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_system(e, -errno, "sigprocmask");
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return s->signals < 0 ? err_system(e, -errno, "signalfd") : 0;
}

/* Calls Stop on a new connection: on the first one, Wait is still unanswered. */
static void stop_sandbox(struct session *s, const char *signal_name, int64_t grace_ms)
{
	struct stop_request request = { .id = s->id,
					.signal = (char *)signal_name,
					.grace_ms = grace_ms };
	_cleanup_err_ struct err e = { 0 };
	int r;

	client_free(TAKE_PTR(s->stopper));
	r = client_open(options_socket(s->options), &s->stopper, &e);
	if (r == 0)
		r = client_call(s->stopper, AWF_INTERFACE ".Stop", &stop_request_table, &request,
				false, &e);
	if (r < 0) {
		(void)err_wrap(&e, "sandbox %s was not stopped", s->id);
		(void)complain(s->options, &e);
		s->over = true;
	}
}

/* Whether there is no sandbox that is ours, known, running and not being killed already; or no awfd
 * to ask, of which the next one ends what has no client. */
static bool cannot_stop(const struct session *s)
{
	return !s->client || s->killed || !s->leased || !s->id || s->stage == STAGE_DONE;
}

/* Ends the sandbox at once; when there is none to end, awfctl. A start that is not answered yet is
 * given up by awfd when the connection closes. */
static void kill_sandbox(struct session *s)
{
	if (cannot_stop(s)) {
		s->over = true;
		return;
	}
	s->killed = true;
	stop_sandbox(s, "SIGKILL", 0);
}

/* Whether a process says again what it has just said. A key is no process: who presses it twice
 * means it. */
static bool is_echo(const struct session *s, const struct signalfd_siginfo *info)
{
	return s->signalled && info->ssi_code == SI_USER && info->ssi_pid == s->signaller.pid &&
	       clock_ms() - s->signaller.at_ms < ECHO_MS;
}

/* The first signal goes to the command, which may tidy up; the second kills it; the third one ends
 * awfctl without waiting for anything. */
static void end_by_signal(struct session *s, const struct signalfd_siginfo *info)
{
	const int n = (int)info->ssi_signo;
	_cleanup_free_ char *name = xasprintf("SIG%s", sigabbrev_np(n));

	if (is_echo(s, info))
		return;
	s->signaller.pid = info->ssi_pid;
	s->signaller.at_ms = clock_ms();
	s->forced_code = exit_code_of_signal(n);
	if (s->signalled || cannot_stop(s)) {
		kill_sandbox(s);
		return;
	}
	s->signalled = true;
	stop_sandbox(s, name, STOP_GRACE_MS);
}

/* Stops as any program would, but not with the terminal in raw mode. */
static void suspend(void)
{
	bool raw = terminal_is_raw();

	progress_hide();
	terminal_restore();
	(void)raise(SIGSTOP);
	progress_show();
	if (raw)
		terminal_resume();
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP)
		suspend();
	else if (info.ssi_signo != SIGWINCH)
		end_by_signal(s, &info);
	else if (s->tty && s->stage == STAGE_WAIT)
		window_resize(&s->window, s->id);
}

static int call_wait(struct session *s, bool lease, struct err *e)
{
	struct wait_request request = { .id = s->id, .lease = lease };

	return client_call(s->client, AWF_INTERFACE ".Wait", &wait_request_table, &request, false,
			   e);
}

static int call_attach_and_wait(struct session *s, struct err *e)
{
	struct id_request request = { .id = s->id };
	int r = client_call(s->client, AWF_INTERFACE ".Attach", &id_request_table, &request, false,
			    e);

	if (r == 0)
		r = call_wait(s, false, e);
	s->stage = STAGE_ATTACH;
	return r;
}

static int take_start(struct session *s, const struct reply *reply, struct err *e)
{
	int r = start_take_reply(reply, &s->id, e);

	if (r == 0 && s->id)
		r = call_attach_and_wait(s, e);
	return r;
}

static int take_terminal(struct session *s, struct err *e)
{
	int r = terminal_make_raw(STDIN_FILENO);

	if (r < 0)
		return err_system(e, r, "cannot put the terminal into raw mode");
	s->tty = true;
	window_resize(&s->window, s->id);
	return 0;
}

/* A terminal that is not ours alone goes on when one of those who watch it has no input. */
static int start_input(struct session *s, struct err *e)
{
	static const struct detach_keys no_keys;

	if (!s->tty)
		return pump_start_input(s->stream, &no_keys, PUMP_END_STREAM, &s->input, e);
	return pump_start_input(s->stream, &s->keys,
				s->leased ? PUMP_END_TERMINAL : PUMP_END_SILENT, &s->input, e);
}

static int take_attach(struct session *s, const struct reply *reply, struct err *e)
{
	struct attach_reply attached = { 0 };
	int r = reply_read(reply, &attach_reply_table, &attached, e);

	if (r < 0)
		return r;
	s->stream = client_take_fd(s->client);
	if (s->stream < 0)
		return err_set(e, -EBADMSG, ERR_SYSTEM, "awfd passed no stream to attach to");
	if (attached.tty)
		r = take_terminal(s, e);
	if (r == 0)
		r = pump_start_output(s->stream, attached.tty, &s->output, e);
	if (r == 0)
		r = start_input(s, e);
	s->stage = STAGE_WAIT;
	return r;
}

static void report_oom(int64_t limit)
{
	const bool known = limit != FIELD_INT_ABSENT;
	_cleanup_free_ char *size = parse_format_size((uint64_t)limit);

	log_error("the command, or a process of it, was killed because it used more memory than it "
		  "may%s%s; give it more with --memory-limit",
		  known ? ": " : "", known ? size : "");
}

int attach_report_end(const struct options *o, const char *id, const struct reply *reply)
{
	_cleanup_err_ struct err e = { 0 };
	struct wait_reply ended = { 0 };
	int code;

	if (reply_read(reply, &wait_reply_table, &ended, &e) < 0)
		return complain(o, &e);
	if (ended.oom_killed)
		report_oom(ended.memory_limit);
	if (ended.reason)
		log_error("the sandbox was ended: %s", ended.reason);
	code = exit_code_of_wait(&ended);
	if (o->keep && (!ended.reason || code == EXIT_CODE_TIMED_OUT))
		log_info("sandbox %s is kept: awfctl stop %s removes it", id, id);
	fields_clear(&wait_reply_table, &ended);
	return code;
}

/* How a sandbox ended that awfctl itself ends is no news. */
static int take_wait(struct session *s, const struct reply *reply, struct err *e _unused_)
{
	if (s->forced_code == 0)
		s->code = attach_report_end(s->options, s->id, reply);
	s->answered = true;
	s->stage = STAGE_DONE;
	return 0;
}

static int (*const takers[])(struct session *s, const struct reply *reply, struct err *e) = {
	[STAGE_START] = take_start,
	[STAGE_ATTACH] = take_attach,
	[STAGE_WAIT] = take_wait,
};

/* --- awfd is restarted: the command runs on, its stream is with the engine, and how it ends can be
 * asked the next one --- */

static void drop_client(struct session *s)
{
	if (s->client != s->first)
		client_free(s->client);
	s->client = NULL;
}

/* What was being stopped ends with this client. */
static bool can_come_back(const struct session *s, const struct err *e)
{
	return comeback_helps(&s->back, s->client, e) && s->stage == STAGE_WAIT && !s->stopper &&
	       !s->killed;
}

/* A sandbox that the next awfd does not know, or whose lease it does not give: it was ended. */
static void explain_comeback(struct session *s, struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	(void)err_set(e, -ECONNRESET, ERR_SYSTEM,
		      "sandbox %s ended while awfd was restarted: %s; see: journalctl -u awfd",
		      s->id, text);
}

/* awfd refused, or is gone: without a stream that is the end, with one the command's output is
 * still worth having. What comes of a sandbox that is being stopped is no news. */
static void client_failed(struct session *s, struct err *e)
{
	if (s->client && s->client != s->first && !client_is_lost(s->client))
		explain_comeback(s, e);
	if (s->forced_code == 0)
		s->code = complain(s->options, e);
	if (s->forced_code == 0 && s->output)
		log_error("the exit code of sandbox %s is lost; its output is shown while it lasts",
			  s->id);
	s->stage = STAGE_DONE;
	s->over = s->over || !s->output;
}

/* Whether awfd is awaited, which it is until it is back, or the time is over. */
static bool is_away(const struct session *s)
{
	return !s->client && s->stage != STAGE_DONE && !s->over;
}

/* Until it works, or the time is over: then the error is news. */
static void come_back(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	int r;

	if (!comeback_is_due(&s->back, clock_ms()))
		return;
	r = comeback_try(&s->back, options_socket(s->options), &s->client, &e);
	if (r == 0)
		r = call_wait(s, s->leased, &e);
	if (r < 0 && !comeback_failed(&s->back, clock_ms()))
		client_failed(s, &e);
	else if (r < 0)
		drop_client(s);
}

/* Whether a sandbox of ours ended between its start and our coming for its stream: Wait is answered
 * next, and tells why. */
static bool ended_before_attach(const struct session *s, const struct err *e)
{
	return s->stage == STAGE_ATTACH && s->leased && !client_is_lost(s->client) &&
	       (e->kind == ERR_INVALID_ARGUMENT || e->kind == ERR_CANCELLED);
}

static void go_without_stream(struct session *s, struct err *e)
{
	_cleanup_free_ char *text = complain_text(s->options, e);

	if (s->forced_code == 0)
		log_error("what the command wrote is lost: %s", text);
	s->incomplete_code = EXIT_CODE_FAILED;
	s->stage = STAGE_WAIT;
	err_clear(e);
}

/* 1: a reply was taken, 0: there is none yet. */
static int take_reply(struct session *s, struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_receive(s->client, &reply, e);

	if (r > 0)
		return takers[s->stage](s, &reply, e) < 0 ? -1 : 1;
	if (r == 0 || !ended_before_attach(s, e))
		return r;
	go_without_stream(s, e);
	return 1;
}

static void on_client(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	int r = 1;

	while (r > 0 && s->stage != STAGE_DONE)
		r = take_reply(s, &e);
	if (r >= 0)
		return;
	if (can_come_back(s, &e) && comeback_lost(&s->back, clock_ms())) {
		log_debug("awfd closed the connection: connecting again");
		drop_client(s);
	} else {
		client_failed(s, &e);
	}
}

/* Stop was answered: the sandbox is gone, or was before, or could not be stopped. */
static void on_stopper(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	int r = client_receive(s->stopper, &reply, &e);

	if (r == 0)
		return;
	if (r < 0 && client_is_lost(s->stopper) && s->leased) {
		s->over = true; /* the next awfd ends what has no client */
		return;
	}
	client_free(TAKE_PTR(s->stopper));
	if (r < 0 && e.kind != ERR_NOT_FOUND) {
		(void)err_wrap(&e, "sandbox %s was not stopped", s->id);
		(void)complain(s->options, &e);
		s->over = true;
	}
}

static void on_output(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	int r = pump_end(TAKE_PTR(s->output), &e);

	if (r == 0 || s->forced_code != 0)
		return;
	if (r == -ENODATA) {
		s->incomplete_code = complain(s->options, &e);
		return;
	}
	s->forced_code = r == -EPIPE ? exit_code_of_signal(SIGPIPE) : complain(s->options, &e);
	kill_sandbox(s);
}

/* The sandbox goes on. */
static void detach(struct session *s)
{
	terminal_restore();
	log_info("detached from sandbox %s: awfctl attach %s comes back to it", s->id, s->id);
	s->over = true;
}

static void on_input(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };

	int r = pump_end(TAKE_PTR(s->input), &e);

	if (r == -ECANCELED)
		detach(s);
	else if (r < 0)
		log_warning("%s", e.message);
}

static void on_window(struct session *s)
{
	window_on_client(&s->window, s->id);
}

static bool finished(const struct session *s)
{
	if (s->over)
		return true;
	if ((s->stopper && !s->answered) || (s->output && !s->killed))
		return false;
	return s->forced_code != 0 || s->stage == STAGE_DONE;
}

/* Whether an answer of awfd is awaited. */
static bool is_asking(const struct session *s)
{
	return s->client && s->stage != STAGE_DONE;
}

static int run_loop(struct session *s, struct err *e)
{
	static void (*const handlers[])(struct session * s) = { on_signal, on_client, on_stopper,
								on_output, on_input,  on_window };

	while (!finished(s)) {
		struct pollfd p[] = {
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = is_asking(s) ? client_fd(s->client) : -1,
			  .events = is_asking(s) ? client_events(s->client) : 0 },
			{ .fd = s->stopper ? client_fd(s->stopper) : -1,
			  .events = s->stopper ? client_events(s->stopper) : 0 },
			{ .fd = s->output ? pump_fd(s->output) : -1, .events = POLLIN },
			{ .fd = s->input ? pump_fd(s->input) : -1, .events = POLLIN },
			{ .fd = s->window.client ? client_fd(s->window.client) : -1,
			  .events = s->window.client ? client_events(s->window.client) : 0 },
		};

		if (poll(p, ARRAY_SIZE(p), is_away(s) ? COMEBACK_RETRY_MS : -1) < 0 &&
		    errno != EINTR)
			return err_system(e, -errno, "poll");
		for (size_t i = 0; i < ARRAY_SIZE(p) && !s->over; i++)
			if (p[i].fd >= 0 && p[i].revents)
				handlers[i](s);
		if (is_away(s))
			come_back(s);
	}
	return 0;
}

/* The exit code, once the loop has ended. */
static int session_code(const struct session *s)
{
	if (s->forced_code != 0)
		return s->forced_code;
	return s->code != 0 ? s->code : s->incomplete_code;
}

/* A sandbox of ours whose job is over is there until the connection ends, with what it was refused,
 * which may be why its command failed. */
static void explain_failure(const struct session *s)
{
	if (s->leased && s->answered && s->forced_code == 0 && session_code(s) != 0) {
		terminal_restore();
		refusals_report(s->client, s->id, s->signals);
	}
}

/* The logs of a sandbox whose job is over are whole. */
static void copy_logs(const struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *from = NULL;
	bool failed = session_code(s) != 0;

	if (!s->copies || !s->id || !log_copies_are_due(s->copies, failed))
		return;
	terminal_restore();
	if (log_session_directory(s->options, s->id, &from, &e) < 0)
		log_error("the logs of sandbox %s cannot be copied: %s", s->id, e.message);
	else
		log_copies_make(s->copies, from, failed);
}

/* The stream is shut down, not only closed: awfd holds it too, and a command must not wait for a
 * reader that is gone. */
static void session_end(struct session *s)
{
	terminal_restore();
	if (s->stream >= 0)
		(void)shutdown(s->stream, SHUT_RDWR);
	pump_abandon(s->input);
	pump_abandon(s->output);
	client_free(s->stopper);
	window_clear(&s->window);
	drop_client(s);
	s->stream = fd_close(s->stream);
	s->signals = fd_close(s->signals);
	free(s->id);
}

static int session_run(struct session *s)
{
	_cleanup_err_ struct err e = { 0 };
	int r = watch_signals(s, &e);

	if (r == 0 && s->id)
		r = call_attach_and_wait(s, &e);
	if (r == 0)
		r = run_loop(s, &e);
	if (r == 0)
		explain_failure(s);
	copy_logs(s);
	session_end(s);
	if (r < 0)
		return complain(s->options, &e);
	return session_code(s);
}

int attach_started(const struct options *o, struct client *c, const struct log_copies *copies)
{
	struct session s = { .options = o,
			     .copies = copies,
			     .client = c,
			     .first = c,
			     .leased = true,
			     .window = { .options = o },
			     .stream = -EBADF,
			     .signals = -EBADF };

	return session_run(&s);
}

int attach_existing(const struct options *o, struct client *c, const char *id)
{
	struct session s = { .options = o,
			     .client = c,
			     .first = c,
			     .window = { .options = o, .redraw = true },
			     .stream = -EBADF,
			     .signals = -EBADF };
	_cleanup_err_ struct err e = { 0 };
	const char *keys = o->detach_keys ? o->detach_keys : DETACH_KEYS_DEFAULT;

	if (detach_keys_parse(keys, &s.keys, &e) < 0)
		return complain(o, &e);
	s.id = xstrdup(id);
	return session_run(&s);
}
