/* awf-relay: passes TCP connections from inherited listening sockets on to fixed upstreams. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/alloc.h"
#include "common/counters.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/strv.h"
#include "awfd/relay/limits.h"
#include "awfd/relay/listener.h"
#include "awfd/relay/pair.h"
#include "awfd/relay/pairs.h"
#include "awfd/relay/passed.h"
#include "awfd/relay/report.h"
#include "awfd/relay/sandboxing.h"
#include "awfd/relay/upstreams.h"

#define EXIT_USAGE 2

#define CONNECTIONS_DEFAULT        1024
#define CONNECTIONS_MAX            65536
#define CONNECT_TIMEOUT_DEFAULT_MS 10000
#define CONNECT_TIMEOUT_MAX_MS     600000
#define NO_COUNTERS                UINT64_MAX
#define NO_LOG                     0

struct relay {
	/* options */
	char **upstream_texts;
	const char *sandbox;
	uint64_t max_connections;
	uint64_t connect_timeout_ms;
	uint64_t ready_fd; /* 0: nobody waits */
	uint64_t counters_fd;
	uint64_t log_fd;
	/* parts */
	struct event_base *base;
	struct event *signals[2];
	struct passed passed;
	struct upstreams *upstreams;
	uint64_t uncounted[COUNTERS_MAX];
	uint64_t *counters;    /* NULL: nobody reads them */
	struct report *report; /* NULL: nobody wants to know */
	struct pairs *pairs;
	struct listeners *listeners;
};

enum option_kind { OPTION_TEXT, OPTION_TEXTS, OPTION_NUMBER };

static const struct {
	const char *name;
	enum option_kind kind;
	size_t offset;
	uint64_t min, max;
} options[] = {
	{ "upstream", OPTION_TEXTS, offsetof(struct relay, upstream_texts), 0, 0 },
	{ "sandbox", OPTION_TEXT, offsetof(struct relay, sandbox), 0, 0 },
	{ "max-connections", OPTION_NUMBER, offsetof(struct relay, max_connections), 1,
	  CONNECTIONS_MAX },
	{ "connect-timeout-ms", OPTION_NUMBER, offsetof(struct relay, connect_timeout_ms), 1,
	  CONNECT_TIMEOUT_MAX_MS },
	{ "ready-fd", OPTION_NUMBER, offsetof(struct relay, ready_fd), 1, INT32_MAX },
	{ "counters-fd", OPTION_NUMBER, offsetof(struct relay, counters_fd), 0, INT32_MAX },
	{ "log-fd", OPTION_NUMBER, offsetof(struct relay, log_fd), 1, INT32_MAX },
};

static const char usage[] =
	"usage: awf-relay --upstream [NAME=]HOST[,HOST...]:PORT... [--sandbox ID] [--max-connections N]\n"
	"                 [--connect-timeout-ms N] [--ready-fd FD] [--counters-fd FD] [--log-fd FD]\n"
	"       awf-relay --help | --version\n"
	"The listening sockets are inherited, see systemd-socket-activate(1). NAME is theirs; without\n"
	"it, the upstream is for all that no other is for. PORT may be *, for the socket's own.\n";

static int set_option(struct relay *r, size_t i, const char *value)
{
	void *field = (char *)r + options[i].offset;

	switch (options[i].kind) {
	case OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case OPTION_TEXTS:
		strv_append(field, value);
		return 0;
	case OPTION_NUMBER:
		break;
	}
	if (parse_uint(value, options[i].min, options[i].max, field) == 0)
		return 0;
	fprintf(stderr, "awf-relay: --%s: not a number from %ju to %ju\n", options[i].name,
		(uintmax_t)options[i].min, (uintmax_t)options[i].max);
	return -EINVAL;
}

static int parse_options(struct relay *r, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(options) + 1] = { 0 };
	int i, c;

	for (size_t n = 0; n < ARRAY_SIZE(options); n++)
		longs[n] = (struct option){ options[n].name, required_argument, NULL, 'o' };
	while ((c = getopt_long(argc, argv, "", longs, &i)) != -1)
		if (c != 'o' || set_option(r, (size_t)i, optarg) < 0)
			return -EINVAL;
	return r->upstream_texts && optind == argc ? 0 : -EINVAL;
}

static void on_signal(evutil_socket_t sig, short what, void *userdata)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(userdata);
}

static bool relay_full(struct upstream *upstream, void *userdata)
{
	const struct relay *r = userdata;

	return pairs_full(r->pairs, upstream);
}

static int relay_accepted(int fd, struct target *target, void *userdata)
{
	const struct relay *r = userdata;

	return pair_open(r->pairs, fd, target);
}

static void relay_room(void *userdata)
{
	const struct relay *r = userdata;

	listeners_room(r->listeners);
}

static int relay_open_loop(struct relay *r, struct err *e)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct event_config *config = event_config_new();

	if (config) {
		(void)event_config_set_flag(config,
					    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
		r->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (!r->base)
		return err_set(e, -ENOMEM, ERR_SYSTEM, "cannot make an event loop");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		r->signals[i] = evsignal_new(r->base, signals[i], on_signal, r->base);
		if (!r->signals[i] || event_add(r->signals[i], NULL) < 0)
			return err_set(e, -ENOMEM, ERR_SYSTEM, "cannot watch signals");
	}
	(void)signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
	(void)signal(SIGXFSZ, SIG_IGN); /* a log that is full ends nothing */
	return 0;
}

/* What an earlier relay counted is gone on with; the file itself is closed, so that nothing can be
 * written to it but numbers. */
static int relay_open_counters(struct relay *r, struct err *e)
{
	_cleanup_close_ int null = -EBADF;
	int error;

	if (r->counters_fd == NO_COUNTERS)
		return 0;
	error = counters_map((int)r->counters_fd, &r->counters, e);
	if (error < 0)
		return error;
	r->counters[RELAY_CONNECTIONS_OPEN] = 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, (int)r->counters_fd) < 0)
		return err_system(e, -errno, "cannot close the counters");
	return 0;
}

/* Nothing waits for who reads the log. */
static int relay_open_log(struct relay *r, struct err *e)
{
	int error;

	if (r->log_fd == NO_LOG)
		return 0;
	error = fd_set_nonblock((int)r->log_fd, true);
	if (error < 0)
		return err_system(e, error, "descriptor %d", (int)r->log_fd);
	r->report = report_new(r->base, (int)r->log_fd);
	return 0;
}

static int relay_open_parts(struct relay *r, struct err *e)
{
	const struct listeners_config listening = { .base = r->base,
						    .passed = &r->passed,
						    .upstreams = r->upstreams,
						    .report = r->report,
						    .log = r->report ? (int)r->log_fd : -EBADF,
						    .full = relay_full,
						    .accepted = relay_accepted,
						    .userdata = r };
	const struct demand demand = { .connections = r->max_connections,
				       .upstreams = upstreams_count(r->upstreams),
				       .listeners = r->passed.count };
	struct limits limits = limits_apply(&demand);
	const struct pairs_config connections = {
		.base = r->base,
		.sandbox = r->sandbox,
		.max = limits.connections,
		.upstreams = demand.upstreams,
		.max_pipes = limits.pipes,
		.connect_timeout_ms = (int)r->connect_timeout_ms,
		.counters = r->counters ? r->counters : r->uncounted,
		.report = r->report,
		.room = relay_room,
		.userdata = r,
	};

	r->pairs = pairs_new(&connections);
	return listeners_new(&listening, &r->listeners, e);
}

/* Tells whoever started the relay that it serves. */
static int relay_tell_ready(const struct relay *r, struct err *e)
{
	static const char text[] = "READY=1\n";
	int error;

	if (r->ready_fd == 0)
		return 0;
	error = fd_write_all((int)r->ready_fd, text, sizeof(text) - 1);
	if (r->ready_fd > STDERR_FILENO)
		close((int)r->ready_fd);
	return error < 0 ? err_system(e, error, "cannot tell that the relay is ready") : 0;
}

static int relay_run(struct relay *r, struct err *e)
{
	int error;

	if ((error = passed_find(&r->passed, e)) < 0 ||
	    (error = upstreams_new(r->upstream_texts, &r->upstreams, e)) < 0 ||
	    (error = relay_open_counters(r, e)) < 0 || (error = relay_open_loop(r, e)) < 0 ||
	    (error = relay_open_log(r, e)) < 0 || (error = relay_open_parts(r, e)) < 0 ||
	    (error = sandboxing_drop_root(e)) < 0 || (error = sandboxing_enter(e)) < 0)
		return error;
	listeners_start(r->listeners);
	error = relay_tell_ready(r, e);
	if (error < 0)
		return error;
	if (event_base_dispatch(r->base) < 0)
		return err_set(e, -EIO, ERR_SYSTEM, "the event loop failed");
	return 0;
}

static void relay_close(struct relay *r)
{
	pairs_free(TAKE_PTR(r->pairs));
	listeners_free(TAKE_PTR(r->listeners));
	report_free(TAKE_PTR(r->report));
	for (size_t i = 0; i < ARRAY_SIZE(r->signals); i++)
		if (r->signals[i])
			event_free(r->signals[i]);
	if (r->base)
		event_base_free(r->base);
	upstreams_free(TAKE_PTR(r->upstreams));
	passed_clear(&r->passed);
	counters_unmap(TAKE_PTR(r->counters));
	strv_free(TAKE_PTR(r->upstream_texts));
}

int main(int argc, char **argv)
{
	_cleanup_(relay_close) struct relay r = {
		.max_connections = CONNECTIONS_DEFAULT,
		.connect_timeout_ms = CONNECT_TIMEOUT_DEFAULT_MS,
		.counters_fd = NO_COUNTERS,
	};
	_cleanup_err_ struct err e = { 0 };

	(void)prctl(PR_SET_NAME, "awf-relay"); /* it may have been executed by descriptor */
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("awf-relay " AWF_VERSION) < 0;
	if (parse_options(&r, argc, argv) < 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (relay_run(&r, &e) < 0) {
		_cleanup_free_ char *text = err_text(&e);

		log_sandbox(LOG_LEVEL_ERROR, r.sandbox, "awf-relay: %s", text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
