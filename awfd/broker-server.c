/* The broker's side of the connection. */
#include "awfd/broker.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "awfd/broker-operations.h"
#include "awfd/netns-enter.h"

static int (*const operations[BROKER_OPERATIONS])(const struct broker_work *w, struct err *e) = {
	[BROKER_NETWORK] = broker_do_network,
	[BROKER_SOCKET] = broker_do_socket,
	[BROKER_STOP_FORWARDING] = broker_do_stop_forwarding,
	[BROKER_SPAWN] = broker_do_spawn,
	[BROKER_LOOK] = broker_do_look,
	[BROKER_STAGE] = broker_do_stage,
	[BROKER_UNSTAGE] = broker_do_unstage,
	[BROKER_COVER] = broker_do_cover,
};

int broker_refuse(struct err *e)
{
	return err_set(e, -EBADMSG, ERR_SYSTEM,
		       "the broker of namespaces was asked for nothing "
		       "that it does");
}

static int work(const struct broker_work *w, struct err *e)
{
	const int32_t what = w->request->what;

	return what < 0 || what >= BROKER_OPERATIONS ? broker_refuse(e) : operations[what](w, e);
}

void broker_answer(const char *programs, struct broker_message *request,
		   struct broker_message *answer)
{
	struct broker_work w = { .programs = programs, .request = request, .answer = answer };
	_cleanup_err_ struct err e = { 0 };
	int r = work(&w, &e);

	if (r < 0)
		broker_put_err(answer, &e);
	answer->owns_fds = true;
	answer->what = r;
}

static volatile sig_atomic_t stopped;

static void on_stop(int number _unused_)
{
	stopped = 1;
}

/* Only to be woken by it: what was started has ended. */
static void on_child(int number _unused_)
{
}

/* All but these are as they are by default. They come only while the broker waits for a request,
 * but SIGALRM, by which an operation that takes too long ends it. */
static void prepare_signals(sigset_t *while_waiting)
{
	static const struct {
		int number;
		void (*handler)(int number);
	} rows[] = {
		{ SIGTERM, on_stop },  { SIGINT, SIG_DFL },  { SIGHUP, SIG_DFL },
		{ SIGCHLD, on_child }, { SIGALRM, SIG_DFL }, { SIGPIPE, SIG_IGN },
	};
	sigset_t blocked;

	sigemptyset(while_waiting);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sigaction action = { .sa_handler = rows[i].handler };

		(void)sigaction(rows[i].number, &action, NULL);
	}
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void reap_children(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Waits for a request: whether there may be one. */
static bool await_request(int socket, const sigset_t *while_waiting)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };

	while (!stopped) {
		int n = ppoll(&p, 1, NULL, while_waiting);
		bool was_woken = n < 0 && errno == EINTR;

		reap_children();
		if (n > 0)
			return true;
		if (!was_woken)
			return false;
	}
	return false;
}

static int serve_one(int socket, const char *programs)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };
	int r;

	(void)alarm(BROKER_OPERATION_S);
	r = broker_message_receive(socket, &request);
	if (r < 0)
		return r;
	broker_answer(programs, &request, &answer);
	r = broker_message_send(socket, &answer);
	(void)alarm(0);
	return r;
}

/* A mount has a descriptor, a masked credential another. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int broker_serve(int socket, const char *programs, struct err *e)
{
	sigset_t while_waiting;
	int r = netns_enter_remember_home(e);

	if (r < 0)
		return r;
	raise_descriptor_limit();
	prepare_signals(&while_waiting);
	while (r == 0 && await_request(socket, &while_waiting))
		r = serve_one(socket, programs);
	(void)alarm(0);
	if (r == 0 || r == -ENODATA || r == -EPIPE)
		return 0;
	return err_system(e, r, "awfd asked for what the broker cannot read");
}
