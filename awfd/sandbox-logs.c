/* A sandbox's logs, /var/log/awfd/<id>/, as JSON lines: what gh was called with and what became of
 * it, what squid decided, what the firewall dropped, what became of connections through the relay,
 * and what awfd was asked about it; the second and third also counted among the sandbox's denials.
 * What the sidecars and the relay write is taken over by line, never as it is. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "awfd/config.h"
#include "awfd/denial-log.h"
#include "awfd/gh-log.h"
#include "awfd/squid-log.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/relay-event.h"
#include "common/timestamp.h"

#define LOG_MAX (64 << 20) /* bytes of one file; then it ends, and says so */

static const char *const files[] = {
	[SANDBOX_LOG_SQUID] = "squid.jsonl", [SANDBOX_LOG_GH] = "gh.jsonl",
	[SANDBOX_LOG_RELAY] = "relay.jsonl", [SANDBOX_LOG_FIREWALL] = "firewall.jsonl",
	[SANDBOX_LOG_AUDIT] = "audit.jsonl",
};

/* --- Files ---------------------------------------------------------------------------------------
 */

/* The owner may read it, in a directory that is root's: nobody can put something else in its place.
 */
static int make_log(const struct sandbox *s, const char *path, struct sandbox_log *log,
		    struct err *e)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);

	if (fd < 0)
		return err_system(e, -errno, "cannot make the log %s", path);
	if (fchown(fd, s->owner.uid, (gid_t)-1) < 0)
		return err_system(e, -errno, "cannot give the log %s to its owner", path);
	log->fd = TAKE_FD(fd);
	return 0;
}

/* awfd has no right to files of others: it takes one back while it opens it, in a directory where
 * nobody else can put another one in its place. It waits for nobody: who owned the file may hold a
 * lease on it (F_SETLEASE of fcntl(2)), which lets any other open wait. */
static int take_back(const char *path, int flags, int *ret, struct err *e)
{
	if (lchown(path, 0, (gid_t)-1) < 0 || chmod(path, 0600) < 0)
		return err_system(e, -errno, "cannot take %s back", path);
	*ret = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return *ret < 0 ? err_system(e, -errno, "cannot open %s", path) : 0;
}

/* Also when it could not be opened; `r` is how that went, and the first error counts. */
static int give_back(const char *path, uid_t owner, mode_t mode, int r, struct err *e)
{
	if (chmod(path, mode) == 0 && lchown(path, owner, (gid_t)-1) == 0)
		return r;
	return r < 0 ? r : err_system(e, -errno, "cannot give %s to its owner", path);
}

/* One that an earlier awfd did not have begins here. */
static int continue_log(const struct sandbox *s, const char *path, struct sandbox_log *log,
			struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return make_log(s, path, log, e);
	r = take_back(path, O_WRONLY | O_APPEND, &fd, e);
	r = give_back(path, s->owner.uid, 0400, r, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) == 0)
		log->size = st.st_size;
	log->fd = TAKE_FD(fd);
	return 0;
}

static char *path_of(const struct sandbox *s, size_t file)
{
	return xasprintf("%s/%s/%s", s->config->log_directory, s->id, files[file]);
}

char *sandbox_log_directory(const struct sandbox *s)
{
	return xasprintf("%s/%s", s->config->log_directory, s->id);
}

char *sandbox_log_directory_of_gone(const struct manager *m, const char *id, uid_t owner)
{
	_cleanup_free_ char *directory = xasprintf("%s/%s", m->config->log_directory, id);
	_cleanup_free_ char *log = xasprintf("%s/%s", directory, files[SANDBOX_LOG_AUDIT]);
	struct stat st;

	if (!parse_is_sandbox_id(id) || lstat(log, &st) < 0 || (owner != 0 && st.st_uid != owner))
		return NULL;
	return TAKE_PTR(directory);
}

int sandbox_logs_open(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *directory = sandbox_log_directory(s);
	int r = file_mkdir(directory, 0711, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = path_of(s, i);

		r = make_log(s, path, &s->logs[i], e);
	}
	if (r == 0)
		sandbox_audit_opened(s);
	return r;
}

void sandbox_logs_close(struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->logs); i++)
		s->logs[i].fd = fd_close(s->logs[i].fd);
}

/* Whether it could be written: as a whole, or not at all. */
static bool write_text(struct sandbox_log *log, const char *text)
{
	size_t length = strlen(text);

	errno = ENOSPC; /* why only a part of it is written */
	if (write(log->fd, text, length) != (ssize_t)length) {
		int error = errno;

		(void)!ftruncate(log->fd, log->size);
		errno = error;
		return false;
	}
	log->size += (int64_t)length;
	return true;
}

/* With how many lines are missing before it, which is said as soon as there is room again. */
static char *text_after_lost(const struct sandbox_log *log, const char *text)
{
	if (log->lost == 0)
		return xstrdup(text);
	return xasprintf("{\"event\":\"lines_lost\",\"count\":%" PRIu64 "}\n%s", log->lost, text);
}

/* On a full disk the job goes on, and denials are still counted. */
static void write_line(struct sandbox *s, enum sandbox_log_kind kind, const char *text)
{
	struct sandbox_log *log = &s->logs[kind];
	_cleanup_free_ char *whole = text_after_lost(log, text);

	if (write_text(log, whole)) {
		log->lost = 0;
		return;
	}
	if (log->lost++ == 0)
		sandbox_log(LOG_LEVEL_WARNING, s,
			    "cannot write to %s/%s/%s, which will say how many lines it lost: %s",
			    s->config->log_directory, s->id, files[kind], strerror(errno));
}

void sandbox_logs_write(struct sandbox *s, enum sandbox_log_kind kind, struct json_object *line)
{
	struct sandbox_log *log = &s->logs[kind];
	_cleanup_free_ char *text = xasprintf(
		"%s\n", json_object_to_json_string_ext(
				line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(line);
	if (log->fd < 0 || log->size >= LOG_MAX)
		return;
	write_line(s, kind, text);
	if (log->size >= LOG_MAX)
		write_line(s, kind, "{\"event\":\"log_full\"}\n");
}

/* --- Fields --------------------------------------------------------------------------------------
 */

static void put_text(struct json_object *o, const char *key, const char *value)
{
	if (value)
		(void)json_object_object_add(o, key, json_object_new_string(value));
}

static void put_number(struct json_object *o, const char *key, uint64_t value)
{
	(void)json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static void put_time(struct json_object *o, int64_t ms)
{
	_cleanup_free_ char *text = timestamp_of_ms(ms);

	put_text(o, "time", text);
}

/* --- What squid decided --------------------------------------------------------------------------
 */

/* Who asked, by the address it came from: each is on a link of its own. */
static const char *client_of(const struct sandbox *s, const char *address)
{
	char cli[INET_ADDRSTRLEN];
	struct in_addr a = config_address(s->config, SANDBOX_HOST_CLI);

	inet_ntop(AF_INET, &a, cli, sizeof(cli));
	return strcmp(address, cli) == 0 ? "cli-proxy" : "agent";
}

static void log_squid_event(struct sandbox *s, const struct squid_event *event, const char *from)
{
	struct json_object *o = json_object_new_object();

	put_time(o, event->time_ms);
	put_text(o, "from", from);
	put_text(o, "method", event->method);
	put_text(o, "host", event->host);
	put_number(o, "port", event->port);
	put_text(o, "sni", event->sni);
	put_text(o, "decision", event->decision == SQUID_ALLOWED ? "allowed" : "denied");
	if (event->decision != SQUID_ALLOWED)
		put_text(o, "reason", squid_decision_text(event->decision));
	put_text(o, "rule", event->rule);
	put_text(o, "error", event->error);
	put_number(o, "status", event->status);
	put_number(o, "bytesIn", event->bytes_in);
	put_number(o, "bytesOut", event->bytes_out);
	sandbox_logs_write(s, SANDBOX_LOG_SQUID, o);
}

/* A block says which of the rules it was: the user wrote it. */
static void tell_squid_denial(struct sandbox *s, const struct squid_event *event, const char *from)
{
	_cleanup_free_ char *reason =
		denial_reason_of_squid(squid_decision_text(event->decision), event->rule);

	sandbox_denied(s, &(struct denial){ .time_ms = event->time_ms,
					    .source = DENIAL_SQUID,
					    .from = from,
					    .protocol = event->method,
					    .host = event->host,
					    .port = event->port,
					    .sni = event->sni,
					    .reason = reason });
}

static void on_squid_line(const char *line, size_t length, void *userdata)
{
	struct sandbox *s = userdata;
	struct squid_event event;
	const char *from;
	int r;

	if (strlen(line) != length)
		return; /* a NUL in it: not squid's */
	r = squid_log_parse(line, &event);
	if (r < 0)
		sandbox_log(LOG_LEVEL_DEBUG, s, "squid logged something that is none");
	if (r <= 0)
		return;
	sandbox_count(s, event.decision == SQUID_ALLOWED ? SANDBOX_REQUESTS_ALLOWED
							 : SANDBOX_REQUESTS_REFUSED);
	from = client_of(s, event.client);
	log_squid_event(s, &event, from);
	if (event.decision != SQUID_ALLOWED)
		tell_squid_denial(s, &event, from);
	squid_event_clear(&event);
}

/* --- What gh was called with ---------------------------------------------------------------------
 */

static void put_texts(struct json_object *o, const char *key, char *const *values)
{
	struct json_object *list = json_object_new_array();

	for (; values && *values; values++)
		json_object_array_add(list, json_object_new_string(*values));
	(void)json_object_object_add(o, key, list);
}

static void put_result(struct json_object *o, const struct gh_event *event)
{
	(void)json_object_object_add(o, "exitCode", json_object_new_int64(event->exit_code));
	put_number(o, "durationMs", (uint64_t)event->duration_ms);
	put_number(o, "stdinBytes", (uint64_t)event->stdin_bytes);
	put_number(o, "stdoutBytes", (uint64_t)event->stdout_bytes);
	put_number(o, "stderrBytes", (uint64_t)event->stderr_bytes);
	put_text(o, "stderrPreview", event->stderr_preview);
	put_text(o, "stopped", event->stopped);
}

static void log_gh_event(struct sandbox *s, const struct gh_event *event)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "time", event->time);
	put_text(o, "sandbox", s->id);
	put_number(o, "uid", s->owner.uid);
	put_text(o, "event", gh_event_name(event->kind));
	put_text(o, "id", event->id);
	put_text(o, "command", event->command);
	put_text(o, "subcommand", event->subcommand);
	put_texts(o, "args", event->args);
	put_text(o, "decision", event->kind == GH_DENIED ? "denied" : "allowed");
	put_text(o, "reason", event->reason);
	if (event->kind == GH_DONE)
		put_result(o, event);
	sandbox_logs_write(s, SANDBOX_LOG_GH, o);
}

static void on_gh_line(const char *line, size_t length, void *userdata)
{
	struct sandbox *s = userdata;
	struct gh_event event;
	int r = strlen(line) == length ? gh_log_parse(line, &event) : -EINVAL;

	if (r < 0)
		sandbox_log(LOG_LEVEL_DEBUG, s, "cli-proxy logged something that is no call");
	if (r <= 0)
		return;
	if (event.kind != GH_DONE)
		sandbox_count(s, event.kind == GH_DENIED ? SANDBOX_GH_REFUSED : SANDBOX_GH_ALLOWED);
	log_gh_event(s, &event);
	gh_event_clear(&event);
}

/* --- What the relay tells ------------------------------------------------------------------------
 */

static const struct {
	const char *event, *result, *reason;
} relay_events[] = {
	[RELAY_CLOSED] = { "connection", "closed", NULL },
	[RELAY_CLIENT_RESET] = { "connection", "reset", "the client broke it off" },
	[RELAY_UPSTREAM_RESET] = { "connection", "reset", "the service broke it off" },
	[RELAY_CUT_OFF] = { "connection", "reset", "the relay was ended" },
	[RELAY_FAILED] = { "connection", "failed", NULL },
	[RELAY_LIMIT] = { "waiting", NULL, "as many connections are open as there may be" },
	[RELAY_SHORTAGE] = { "waiting", NULL, NULL },
	[RELAY_UNTOLD] = { "lines_lost", NULL, NULL },
};

/* Who connects, and where to as that sees it; -EINVAL: this is no upstream that awfd gave. */
static int put_relay_ends(struct json_object *o, const struct sandbox *s,
			  const struct relay_event *event)
{
	const bool difc = strcmp(event->name, SANDBOX_RELAY_DIFC) == 0;

	if (!difc && strcmp(event->name, SANDBOX_RELAY_HOST) != 0)
		return -EINVAL;
	put_text(o, "from", difc ? "cli-proxy" : "agent");
	put_text(o, "host", difc ? s->difc.host : SANDBOX_RELAY_HOST_NAME);
	put_number(o, "port", event->port);
	return 0;
}

static void put_relay_numbers(struct json_object *o, const struct relay_event *event)
{
	put_number(o, "count", event->count);
	if (!relay_events[event->kind].result)
		return;
	put_number(o, "bytesSent", event->sent);
	put_number(o, "bytesReceived", event->received);
	put_number(o, "durationMs", event->duration_ms);
}

static void log_relay_event(struct sandbox *s, const struct relay_event *event)
{
	struct json_object *o = json_object_new_object();

	put_time(o, event->time_ms);
	put_text(o, "event", relay_events[event->kind].event);
	if (event->kind != RELAY_UNTOLD && put_relay_ends(o, s, event) < 0) {
		sandbox_log(LOG_LEVEL_DEBUG, s, "the relay told of an upstream that is none");
		json_object_put(o);
		return;
	}
	put_text(o, "result", relay_events[event->kind].result);
	put_text(o, "reason",
		 event->error ? strerror(event->error) : relay_events[event->kind].reason);
	put_relay_numbers(o, event);
	sandbox_logs_write(s, SANDBOX_LOG_RELAY, o);
}

static void on_relay_line(const char *line, size_t length, void *userdata)
{
	struct sandbox *s = userdata;
	struct relay_event event;

	if (strlen(line) == length && relay_event_parse(line, &event) == 0)
		log_relay_event(s, &event);
	else
		sandbox_log(LOG_LEVEL_DEBUG, s, "the relay logged something that is no event");
}

static struct json_object *relay_record(const char *event)
{
	struct json_object *o = json_object_new_object();

	put_time(o, (int64_t)clock_wall_ms());
	put_text(o, "event", event);
	return o;
}

void sandbox_logs_relay_began(struct sandbox *s, pid_t pid)
{
	struct json_object *o = relay_record("start");

	put_number(o, "pid", (uint64_t)pid);
	sandbox_logs_write(s, SANDBOX_LOG_RELAY, o);
}

/* With what it and those before it did in all, also what it could not tell any more. */
void sandbox_logs_relay_ended(struct sandbox *s, const char *reason)
{
	struct json_object *o = relay_record("end");
	uint64_t counters[COUNTERS_MAX];

	if (s->logs[SANDBOX_LOG_RELAY].tail)
		log_tail_drain(s->logs[SANDBOX_LOG_RELAY].tail);
	sandbox_relay_counters(s, counters);
	put_text(o, "reason", reason);
	put_number(o, "connections", counters[RELAY_CONNECTIONS]);
	put_number(o, "failed", counters[RELAY_CONNECTIONS_FAILED]);
	put_number(o, "bytesSent", counters[RELAY_BYTES_SENT]);
	put_number(o, "bytesReceived", counters[RELAY_BYTES_RECEIVED]);
	sandbox_logs_write(s, SANDBOX_LOG_RELAY, o);
}

/* --- What the sidecars and the relay write -------------------------------------------------------
 */

static const struct {
	const char *name;
	uid_t writer;
	log_tail_fn fn;
} sources[] = {
	[SANDBOX_LOG_SQUID] = { "squid.log", SANDBOX_SQUID_ID, on_squid_line },
	[SANDBOX_LOG_GH] = { "cli-proxy.log", SANDBOX_CLI_ID, on_gh_line },
	[SANDBOX_LOG_RELAY] = { "relay.log", 0, on_relay_line }, /* by a descriptor of awfd's */
};

char *sandbox_logs_source(const struct sandbox *s, enum sandbox_log_kind kind)
{
	return xasprintf("%s/%s", s->directory, sources[kind].name);
}

static int make_source(const char *path, int *ret, struct err *e)
{
	*ret = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	return *ret < 0 ? err_system(e, -errno, "cannot make %s", path) : 0;
}

/* Takes the descriptor over. */
static int follow(struct sandbox *s, enum sandbox_log_kind kind, int fd, struct err *e)
{
	return log_tail_open(s->manager->log_tails, fd, sources[kind].fn, s, &s->logs[kind].tail,
			     e);
}

static int give_to_writer(enum sandbox_log_kind kind, const char *path, struct err *e)
{
	uid_t writer = sources[kind].writer;

	return lchown(path, writer, writer) < 0
		       ? err_system(e, -errno, "cannot give %s to its writer", path)
		       : 0;
}

int sandbox_logs_follow(struct sandbox *s, enum sandbox_log_kind kind, struct err *e)
{
	_cleanup_free_ char *path = sandbox_logs_source(s, kind);
	int fd = -EBADF;
	int r = make_source(path, &fd, e);

	/* Given when it is followed: then awfd needs no right to others' files. */
	if (r == 0)
		r = follow(s, kind, fd, e);
	return r < 0 ? r : give_to_writer(kind, path, e);
}

int sandbox_logs_prepare(struct sandbox *s, enum sandbox_log_kind kind, struct err *e)
{
	_cleanup_free_ char *path = sandbox_logs_source(s, kind);
	_cleanup_close_ int fd = -EBADF;
	int r = make_source(path, &fd, e);

	return r < 0 ? r : give_to_writer(kind, path, e);
}

/* What was written while nobody read comes first. */
int sandbox_logs_resume(struct sandbox *s, enum sandbox_log_kind kind, struct err *e)
{
	_cleanup_free_ char *path = sandbox_logs_source(s, kind);
	int fd = -EBADF;
	int r = take_back(path, O_RDWR, &fd, e);

	if (r == 0)
		r = follow(s, kind, fd, e);
	r = give_back(path, sources[kind].writer, 0600, r, e);
	if (r == 0)
		log_tail_drain(s->logs[kind].tail);
	return r;
}

int sandbox_logs_of_relay(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = sandbox_logs_source(s, SANDBOX_LOG_RELAY);
	int r = 0, fd;

	if (!s->logs[SANDBOX_LOG_RELAY].tail)
		r = sandbox_logs_follow(s, SANDBOX_LOG_RELAY, e);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_system(e, -errno, "cannot open %s", path) : fd;
}

/* The beginning of what is read is a part of a line, but at the beginning of the file. */
static int read_end(int fd, size_t max, char **ret, struct err *e)
{
	_cleanup_free_ char *text = xcalloc(max + 1, 1);
	struct stat st;
	off_t start;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_system(e, -errno, "fstat");
	start = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
	n = pread(fd, text, max, start);
	if (n < 0)
		return err_system(e, -errno, "pread");
	*ret = TAKE_PTR(text);
	return 0;
}

int sandbox_logs_read_end(const struct sandbox *s, enum sandbox_log_kind kind, size_t max,
			  char **ret, struct err *e)
{
	_cleanup_free_ char *path = path_of(s, kind);
	_cleanup_close_ int fd = -EBADF;
	int r = take_back(path, O_RDONLY, &fd, e);

	if (r == 0 && read_end(fd, max, ret, e) < 0)
		r = err_wrap(e, "cannot read %s", path);
	return give_back(path, s->owner.uid, 0400, r, e);
}

/* Each log is worth a warning, not the job, nor the others. */
static void warn(const struct sandbox *s, int r, struct err *e)
{
	if (r < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "a log is not gone on with: %s", e->message);
	err_clear(e);
}

/* The relay of an earlier awfd has none. */
static bool relay_has_log(const struct sandbox *s)
{
	_cleanup_free_ char *path = sandbox_logs_source(s, SANDBOX_LOG_RELAY);

	return sandbox_has_relay(s) && access(path, F_OK) == 0;
}

void sandbox_logs_reopen(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	sandbox_counters_reopen(s);
	sandbox_denials_recall(s); /* before anything is added */
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = path_of(s, i);

		warn(s, continue_log(s, path, &s->logs[i], &e), &e);
	}
	if (sandbox_has_cli_proxy(s))
		warn(s, sandbox_logs_resume(s, SANDBOX_LOG_GH, &e), &e);
	if (sandbox_has_squid(s))
		warn(s, sandbox_logs_resume(s, SANDBOX_LOG_SQUID, &e), &e);
	if (relay_has_log(s))
		warn(s, sandbox_logs_resume(s, SANDBOX_LOG_RELAY, &e), &e);
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++)
		warn(s, sandbox_logs_follow_firewall(s, role, &e), &e);
}

/* --- What the firewall dropped -------------------------------------------------------------------
 */

static void packet_dropped(struct sandbox *s, const char *from, const struct nflog_packet *p)
{
	struct json_object *o = json_object_new_object();
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	const char *protocol = nflog_protocol_name(p->protocol);
	int64_t time_ms = (int64_t)clock_wall_ms();

	sandbox_count(s, SANDBOX_PACKETS_DROPPED);
	inet_ntop(p->family, p->source, source, sizeof(source));
	inet_ntop(p->family, p->destination, destination, sizeof(destination));
	put_time(o, time_ms);
	put_text(o, "container", from);
	put_text(o, "protocol", protocol);
	put_text(o, "source", source);
	put_text(o, "destination", destination);
	put_number(o, "port", p->port);
	put_text(o, "rule", p->prefix);
	put_text(o, "reason", denial_reason_of_chain(p->prefix));
	sandbox_logs_write(s, SANDBOX_LOG_FIREWALL, o);
	sandbox_denied(s, &(struct denial){ .time_ms = time_ms,
					    .source = DENIAL_FIREWALL,
					    .from = from,
					    .protocol = protocol,
					    .host = destination,
					    .port = p->port,
					    .reason = denial_reason_of_chain(p->prefix) });
}

static void on_agent_packet(const struct nflog_packet *p, const char *in _unused_,
			    const char *out _unused_, void *userdata)
{
	packet_dropped(userdata, "agent", p);
}

static void on_cli_proxy_packet(const struct nflog_packet *p, const char *in _unused_,
				const char *out _unused_, void *userdata)
{
	packet_dropped(userdata, "cli-proxy", p);
}

static void on_squid_packet(const struct nflog_packet *p, const char *in _unused_,
			    const char *out _unused_, void *userdata)
{
	packet_dropped(userdata, "squid", p);
}

/* Whose namespace it is, and who is named; the agent is in pause's. */
static const nflog_fn watched[DOCKER_ROLE_COUNT] = {
	[DOCKER_ROLE_PAUSE] = on_agent_packet,
	[DOCKER_ROLE_CLI_PROXY] = on_cli_proxy_packet,
	[DOCKER_ROLE_SQUID] = on_squid_packet,
};

int sandbox_logs_follow_firewall(struct sandbox *s, enum docker_role role, struct err *e)
{
	int pidfd = s->containers[role].pidfd;

	return !watched[role] || pidfd < 0
		       ? 0
		       : nflog_open(s->manager->base, pidfd, watched[role], s, &s->nflogs[role], e);
}

static bool is_from_squid(const struct sandbox *s, const struct nflog_packet *p)
{
	if (!s->squid_known)
		return false;
	if (p->family == AF_INET)
		return memcmp(p->source, &s->squid.address, sizeof(s->squid.address)) == 0;
	return s->squid.has_v6 &&
	       memcmp(p->source, &s->squid.address6, sizeof(s->squid.address6)) == 0;
}

void sandbox_host_packet_dropped(struct manager *m, const struct nflog_packet *packet)
{
	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s)) {
		if (is_from_squid(s, packet)) {
			packet_dropped(s, "squid", packet);
			return;
		}
	}
	log_debug("a packet was dropped by chain %s of the host's table", packet->prefix);
}

/* Before the namespaces go, so that what was dropped last is told too. */
void sandbox_logs_end(struct sandbox *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->logs); i++) {
		if (s->logs[i].tail)
			log_tail_drain(s->logs[i].tail);
		log_tail_free(TAKE_PTR(s->logs[i].tail));
	}
	for (size_t i = 0; i < ARRAY_SIZE(s->nflogs); i++)
		nflog_free(TAKE_PTR(s->nflogs[i]));
}
