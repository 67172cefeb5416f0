/* A sandbox's state file, /var/lib/awfd/sandboxes/<id>.json: written before the acts it describes,
 * read by the next awfd. It holds nothing secret: no environment, no certificate, no password. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <string.h>

#include <json-c/json.h>

#include "awfd/config.h"
#include "awfd/process.h"
#include "awfd/resolvers.h"
#include "awfd/socket-address.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strv.h"

#define STATE_VERSION 2
#define STATE_MAX     (4 << 20) /* a request whose control characters are all escaped */
#define STATE_DEPTH   8
#define TIME_MAX      INT64_C(253402300799) /* the last second of the year 9999 */
#define AMOUNT_MAX    (INT64_C(1) << 50)

/* --- What is saved, and how it is written --------------------------------------------------------
 */

struct saved_process {
	int64_t pid;
	int64_t started;
};

struct saved {
	int64_t version;
	char *boot; /* the run of the machine that processes and times belong to */
	char *phase;
	int64_t uid, gid;
	struct saved_process *client; /* whose lease it was */
	struct start_request *request;
	char *user, *home, *image;
	char *memory_group;
	int64_t created_s;
	int64_t created_ms, deadline_ms; /* by clock_ms(); deadline 0: none */
	int64_t memory, pids, nano_cpus, timeout_s;
	char *difc, *difc_target;
	char **masked;
	char **host_ports;
	bool egress, redirects;
	char *squid_address, *squid_address6;
	char **squid_dns, **squid_grants;
	struct saved_process *pause, *squid, *cli_proxy, *relay;
	struct step_info **steps;
	int64_t exit_code;
	bool oom_killed, timed_out, command_ended, over;
	char *reason;
};

#define PROCESS(member)          FIELD(struct saved_process, member, #member, .type = FIELD_INT, REQUIRED)
#define SAVED(member, name, ...) FIELD(struct saved, member, name, __VA_ARGS__)
#define REQUIRED                 .flags = FIELD_REQUIRED

static const struct field process_fields[] = { PROCESS(pid), PROCESS(started) };
static const struct field_table process_table =
	FIELD_TABLE(struct saved_process, NULL, process_fields);

static const struct field saved_fields[] = {
	SAVED(version, "version", .type = FIELD_INT, REQUIRED),
	SAVED(boot, "bootId", .type = FIELD_STRING),
	SAVED(phase, "phase", .type = FIELD_STRING, REQUIRED),
	SAVED(uid, "ownerUid", .type = FIELD_INT, REQUIRED),
	SAVED(gid, "ownerGid", .type = FIELD_INT, REQUIRED),
	SAVED(client, "client", .type = FIELD_OBJECT, .table = &process_table),
	SAVED(request, "request", .type = FIELD_OBJECT, .table = &start_request_table, REQUIRED),
	SAVED(user, "user", .type = FIELD_STRING, REQUIRED),
	SAVED(home, "home", .type = FIELD_STRING),
	SAVED(image, "image", .type = FIELD_STRING, REQUIRED),
	SAVED(memory_group, "memoryGroup", .type = FIELD_STRING),
	SAVED(created_s, "createdAt", .type = FIELD_INT, REQUIRED),
	SAVED(created_ms, "createdMs", .type = FIELD_INT, REQUIRED),
	SAVED(deadline_ms, "deadlineMs", .type = FIELD_INT),
	SAVED(memory, "memory", .type = FIELD_INT),
	SAVED(pids, "pids", .type = FIELD_INT),
	SAVED(nano_cpus, "nanoCpus", .type = FIELD_INT),
	SAVED(timeout_s, "timeoutSeconds", .type = FIELD_INT),
	SAVED(difc, "difcProxy", .type = FIELD_STRING),
	SAVED(difc_target, "difcTarget", .type = FIELD_STRING),
	SAVED(masked, "masked", .type = FIELD_STRINGS, .max = MESSAGE_MASKED_MAX),
	SAVED(host_ports, "hostPorts", .type = FIELD_STRINGS),
	SAVED(egress, "egress", .type = FIELD_BOOL),
	SAVED(redirects, "redirects", .type = FIELD_BOOL),
	SAVED(squid_address, "squidAddress", .type = FIELD_STRING),
	SAVED(squid_address6, "squidAddress6", .type = FIELD_STRING),
	SAVED(squid_dns, "squidDns", .type = FIELD_STRINGS),
	SAVED(squid_grants, "squidGrants", .type = FIELD_STRINGS, .max = 64 * 1024),
	SAVED(pause, "pause", .type = FIELD_OBJECT, .table = &process_table),
	SAVED(squid, "squid", .type = FIELD_OBJECT, .table = &process_table),
	SAVED(cli_proxy, "cliProxy", .type = FIELD_OBJECT, .table = &process_table),
	SAVED(relay, "relay", .type = FIELD_OBJECT, .table = &process_table),
	SAVED(steps, "steps", .type = FIELD_OBJECTS, .max = 64 * 1024, .table = &step_info_table),
	SAVED(exit_code, "exitCode", .type = FIELD_INT),
	SAVED(oom_killed, "oomKilled", .type = FIELD_BOOL),
	SAVED(timed_out, "timedOut", .type = FIELD_BOOL),
	SAVED(command_ended, "commandEnded", .type = FIELD_BOOL),
	SAVED(over, "over", .type = FIELD_BOOL),
	SAVED(reason, "reason", .type = FIELD_STRING, .max = 64 * 1024),
};
static const struct field_table saved_table = FIELD_TABLE(struct saved, NULL, saved_fields);

static void saved_clear(struct saved *v)
{
	fields_clear(&saved_table, v);
}

static char *state_path(const struct config *config, const char *id)
{
	return xasprintf("%s/sandboxes/%s.json", config->state_directory, id);
}

/* --- Saving --------------------------------------------------------------------------------------
 */

static struct saved_process *process_of(const struct process_id *id)
{
	struct saved_process *p;

	if (id->pid <= 0)
		return NULL;
	p = xnew(struct saved_process);
	*p = (struct saved_process){ .pid = id->pid, .started = (int64_t)id->started };
	return p;
}

static struct saved_process *process_of_container(const struct container *c)
{
	struct process_id id = { 0 };

	if (c->pidfd < 0 || process_identify(c->pidfd, c->pid, &id) < 0)
		return NULL;
	return process_of(&id);
}

static struct saved_process *process_of_relay(const struct relay_proc *relay)
{
	struct process_id id = { 0 };

	if (!relay || relay_proc_identify(relay, &id) < 0)
		return NULL;
	return process_of(&id);
}

/* The request without what is secret, large, or of no use once the agent runs. */
static struct start_request *request_of(const struct sandbox *s)
{
	struct start_request *r = xnew(struct start_request);
	struct json_object *whole;
	struct start_request bare = s->request;

	bare.environment = NULL;
	bare.difc_proxy_ca_cert = NULL;
	bare.upstream_proxy = NULL;
	whole = fields_build(&start_request_table, &bare);
	if (fields_parse(&start_request_table, whole, r, NULL) < 0)
		abort();
	json_object_put(whole);
	return r;
}

static char **texts_of_ports(const struct host_ports *ports)
{
	char **list = NULL;

	for (unsigned port = host_ports_first(ports); port != 0;
	     port = host_ports_next(ports, (uint16_t)port))
		strv_appendf(&list, "%u", port);
	return list;
}

static char **texts_of_addresses(const struct sockaddr_storage *addresses, size_t count)
{
	char **list = NULL;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *text = socket_address_format(&addresses[i]);

		if (text)
			strv_append(&list, text);
	}
	return list;
}

static void save_squid(const struct sandbox *s, struct saved *v)
{
	char text[INET6_ADDRSTRLEN];

	if (!s->squid_known)
		return;
	inet_ntop(AF_INET, &s->squid.address, text, sizeof(text));
	v->squid_address = xstrdup(text);
	if (s->squid.has_v6) {
		inet_ntop(AF_INET6, &s->squid.address6, text, sizeof(text));
		v->squid_address6 = xstrdup(text);
	}
	v->squid_dns = texts_of_addresses(s->squid.dns_servers, s->squid.dns_count);
	v->squid_grants = texts_of_addresses(s->squid.grants, s->squid.grant_count);
}

static void save_processes(const struct sandbox *s, struct saved *v)
{
	v->client = process_of(&s->client);
	v->pause = process_of_container(&s->containers[DOCKER_ROLE_PAUSE]);
	v->squid = process_of_container(&s->containers[DOCKER_ROLE_SQUID]);
	v->cli_proxy = process_of_container(&s->containers[DOCKER_ROLE_CLI_PROXY]);
	v->relay = process_of_relay(s->relay);
}

static void save_grants(const struct sandbox *s, struct saved *v)
{
	v->memory = (int64_t)s->limits.memory;
	v->pids = (int64_t)s->limits.pids;
	v->nano_cpus = (int64_t)s->limits.nano_cpus;
	v->timeout_s = (int64_t)s->limits.timeout_s;
	v->difc = s->has_difc && !s->ahead ? difc_address_format(&s->difc) : NULL;
	v->difc_target =
		s->relay_grant.has_difc ? socket_address_format(&s->relay_grant.difc) : NULL;
	v->host_ports = texts_of_ports(&s->egress.host_ports);
	v->egress = s->egress.wanted;
	v->redirects = s->has_redirects;
	save_squid(s, v);
}

static void save_result(const struct sandbox *s, struct saved *v)
{
	v->exit_code = s->exit_code;
	v->oom_killed = s->oom_killed;
	v->timed_out = s->timed_out;
	v->command_ended = s->command_ended;
	v->over = s->over;
	v->reason = xstrdup(s->reason);
}

static void save_all(const struct sandbox *s, const char *phase, struct saved *v)
{
	*v = (struct saved){ .version = STATE_VERSION,
			     .boot = process_boot_id(),
			     .phase = xstrdup(phase),
			     .uid = s->owner.uid,
			     .gid = s->owner.gid,
			     .request = request_of(s),
			     .user = xstrdup(s->user),
			     .home = xstrdup(s->home),
			     .image = xstrdup(s->image),
			     .memory_group = xstrdup(s->memory_group),
			     .masked = sandbox_masked(s),
			     .created_s = s->created_s,
			     .created_ms = (int64_t)s->created_ms,
			     .deadline_ms = (int64_t)s->deadline_ms,
			     .steps = sandbox_describe_steps(s) };
	save_processes(s, v);
	save_grants(s, v);
	save_result(s, v);
}

int sandbox_state_save(struct sandbox *s, const char *phase, struct err *e)
{
	_cleanup_free_ char *path = state_path(s->config, s->id);
	_cleanup_(saved_clear) struct saved saved = { 0 };
	struct json_object *state;
	const char *text;
	int r;

	save_all(s, phase, &saved);
	state = fields_build(&saved_table, &saved);
	text = json_object_to_json_string_ext(state, JSON_C_TO_STRING_PLAIN);
	r = file_write_atomic(path, 0600, text, strlen(text), e);
	json_object_put(state);
	return r;
}

void sandbox_state_update(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	if (!s->leftover && sandbox_state_save(s, sandbox_state_name(s->state), &e) < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "%s; a restart of awfd would end this sandbox",
			    e.message);
}

int sandbox_state_remove(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = state_path(s->config, s->id);

	return file_remove_atomic(path, e);
}

/* --- Loading -------------------------------------------------------------------------------------
 */

static struct process_id id_of_process(const struct saved_process *p)
{
	return p ? (struct process_id){ .pid = (pid_t)p->pid, .started = (uint64_t)p->started }
		 : (struct process_id){ 0 };
}

/* Its process if that still runs. */
static void load_container(struct container *c, const struct saved_process *p)
{
	struct process_id id = id_of_process(p);
	int fd = process_open(&id);

	if (fd < 0)
		return;
	c->pidfd = fd;
	c->pid = id.pid;
}

/* Not when the machine was started since: then nothing of it runs. */
static void load_processes(struct sandbox *s, const struct saved *v)
{
	_cleanup_free_ char *boot = process_boot_id();

	s->same_boot = boot && v->boot && strcmp(boot, v->boot) == 0;
	if (!s->same_boot)
		return;
	s->client = id_of_process(v->client);
	s->relay_id = id_of_process(v->relay);
	load_container(&s->containers[DOCKER_ROLE_PAUSE], v->pause);
	load_container(&s->containers[DOCKER_ROLE_SQUID], v->squid);
	load_container(&s->containers[DOCKER_ROLE_CLI_PROXY], v->cli_proxy);
}

static int load_addresses(const char *field, char *const *texts, struct sockaddr_storage *list,
			  struct err *e)
{
	for (; texts && *texts; texts++, list++)
		if (socket_address_parse(*texts, list) < 0)
			return err_invalid(e, field, *texts, "is no address");
	return 0;
}

static int load_squid_address(const struct saved *v, struct nft_squid *ret, struct err *e)
{
	ret->has_v6 = v->squid_address6 != NULL;
	if (inet_pton(AF_INET, v->squid_address, &ret->address) != 1)
		return err_invalid(e, "squidAddress", v->squid_address, "is no address");
	if (ret->has_v6 && inet_pton(AF_INET6, v->squid_address6, &ret->address6) != 1)
		return err_invalid(e, "squidAddress6", v->squid_address6, "is no address");
	return 0;
}

static int load_squid(struct sandbox *s, const struct saved *v, struct err *e)
{
	size_t dns = strv_length(v->squid_dns), grants = strv_length(v->squid_grants);
	int r;

	if (!v->squid_address)
		return 0;
	s->squid_targets = xcalloc(dns + grants + 1, sizeof(*s->squid_targets));
	s->squid.dns_servers = s->squid_targets;
	s->squid.dns_count = dns;
	s->squid.grants = s->squid_targets + dns;
	s->squid.grant_count = grants;
	r = load_squid_address(v, &s->squid, e);
	if (r == 0)
		r = load_addresses("squidDns", v->squid_dns, s->squid_targets, e);
	if (r == 0)
		r = load_addresses("squidGrants", v->squid_grants, s->squid_targets + dns, e);
	s->squid_known = r == 0;
	return r;
}

/* What has ended has nothing in the firewall, which another could get: the engine gives a squid's
 * address to the next one. The others' share of the relays' targets is counted. */
static void take_state(struct sandbox *s, enum sandbox_state state)
{
	s->state = state;
	if (state == SANDBOX_EXITED)
		s->destroying = true; /* it has been: there is nothing to be done again */
	if (state == SANDBOX_EXITED || s->containers[DOCKER_ROLE_SQUID].pidfd < 0)
		s->squid_known = false;
	if (state == SANDBOX_EXITED || !s->same_boot)
		s->relay_granted = false;
	if (s->relay_granted)
		relay_targets_adopt(s->manager->relay_targets, &s->relay_grant);
}

static int load_grants(struct sandbox *s, const struct saved *v, struct err *e)
{
	int r = 0;

	s->limits = (struct job_limits){ .memory = (uint64_t)v->memory,
					 .pids = (uint64_t)v->pids,
					 .nano_cpus = (uint64_t)v->nano_cpus,
					 .timeout_s = (uint64_t)v->timeout_s };
	s->egress.wanted = v->egress;
	s->has_redirects = v->redirects;
	s->has_difc = v->difc != NULL;
	if (v->difc)
		r = difc_address_parse(v->difc, &s->difc, e);
	if (r == 0 && v->difc_target &&
	    socket_address_parse(v->difc_target, &s->relay_grant.difc) < 0)
		r = err_invalid(e, "difcTarget", v->difc_target, "is no address");
	if (r == 0 && v->host_ports)
		r = host_ports_parse("hostPorts", v->host_ports, true, &s->egress.host_ports, e);
	s->relay_grant.has_difc = v->difc_target != NULL;
	s->relay_grant.ports = s->egress.host_ports;
	s->relay_granted = sandbox_has_relay(s);
	return r < 0 ? r : load_squid(s, v, e);
}

static void load_steps(struct sandbox *s, struct step_info *const *steps)
{
	s->step_count = sandbox_create_plan_length();
	for (unsigned i = 0; i < s->step_count; i++) {
		s->steps[i].name = sandbox_create_plan_step(i);
		for (size_t j = 0; steps && steps[j]; j++) {
			if (strcmp(steps[j]->name, s->steps[i].name) != 0)
				continue;
			s->steps[i].state = plan_step_state_parse(steps[j]->state);
			s->steps[i].elapsed_us = steps[j]->elapsed_us;
		}
	}
}

static void load_result(struct sandbox *s, struct saved *v)
{
	s->exit_code = (int)v->exit_code;
	s->oom_killed = v->oom_killed;
	s->timed_out = v->timed_out;
	s->command_ended = v->command_ended;
	s->over = v->over;
	s->reason = TAKE_PTR(v->reason);
}

static int load_all(struct sandbox *s, struct saved *v, struct err *e)
{
	s->owner = PEER_NONE;
	s->owner.uid = (uid_t)v->uid;
	s->owner.gid = (gid_t)v->gid;
	s->created_s = v->created_s;
	s->created_ms = (uint64_t)v->created_ms;
	s->deadline_ms = (uint64_t)v->deadline_ms;
	s->user = TAKE_PTR(v->user);
	s->home = TAKE_PTR(v->home);
	s->image = TAKE_PTR(v->image);
	s->memory_group = TAKE_PTR(v->memory_group);
	s->masked = TAKE_PTR(v->masked);
	s->request = *v->request;
	*v->request = (struct start_request){ 0 };
	load_processes(s, v);
	load_steps(s, v->steps);
	load_result(s, v);
	return load_grants(s, v, e);
}

/* What integers may be: others, as they are converted, would be something else. */
static const struct range {
	const char *name;
	size_t offset;
	int64_t min, max;
} ranges[] = {
	{ "ownerUid", offsetof(struct saved, uid), 0, UINT32_MAX - 1 },
	{ "ownerGid", offsetof(struct saved, gid), 0, UINT32_MAX - 1 },
	{ "createdAt", offsetof(struct saved, created_s), 0, TIME_MAX },
	{ "createdMs", offsetof(struct saved, created_ms), 0, TIME_MAX },
	{ "deadlineMs", offsetof(struct saved, deadline_ms), 0, TIME_MAX },
	{ "memory", offsetof(struct saved, memory), 0, AMOUNT_MAX },
	{ "pids", offsetof(struct saved, pids), 0, AMOUNT_MAX },
	{ "nanoCpus", offsetof(struct saved, nano_cpus), 0, INT64_MAX },
	{ "timeoutSeconds", offsetof(struct saved, timeout_s), 0, AMOUNT_MAX },
	{ "exitCode", offsetof(struct saved, exit_code), INT32_MIN, INT32_MAX },
};

static int check_range(const char *name, int64_t value, int64_t min, int64_t max, struct err *e)
{
	_cleanup_free_ char *text = NULL;

	if (value >= min && value <= max)
		return 0;
	text = xasprintf("%" PRId64, value);
	return err_invalid(e, name, text, "is not between %" PRId64 " and %" PRId64, min, max);
}

static int check_process(const char *name, const struct saved_process *p, struct err *e)
{
	int r = p ? check_range(name, p->pid, 1, INT32_MAX, e) : 0;

	return p && r == 0 ? check_range(name, p->started, 0, INT64_MAX, e) : r;
}

static int check_saved(const struct saved *v, struct err *e)
{
	const struct {
		const char *name;
		const struct saved_process *process;
	} processes[] = { { "client", v->client },
			  { "pause", v->pause },
			  { "squid", v->squid },
			  { "cliProxy", v->cli_proxy },
			  { "relay", v->relay } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ranges); i++)
		r = check_range(ranges[i].name,
				*(const int64_t *)((const char *)v + ranges[i].offset),
				ranges[i].min, ranges[i].max, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(processes); i++)
		r = check_process(processes[i].name, processes[i].process, e);
	return r;
}

static int read_saved(const char *path, struct saved *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct json_tokener *tokener;
	struct json_object *object;
	size_t length;
	int r = file_read(path, STATE_MAX, &text, &length, e);

	if (r < 0)
		return r;
	tokener = json_tokener_new_ex(STATE_DEPTH);
	if (!tokener)
		abort();
	object = json_tokener_parse_ex(tokener, text, (int)length + 1);
	json_tokener_free(tokener);
	if (!json_object_is_type(object, json_type_object))
		r = err_set(e, -EBADMSG, ERR_SYSTEM, "%s is no JSON object", path);
	else
		r = fields_parse(&saved_table, object, ret, e);
	json_object_put(object);
	return r;
}

/* The phases in which there is something to go on with. */
static const struct {
	const char *name;
	enum sandbox_state state;
} phases[] = {
	{ "running", SANDBOX_RUNNING },
	{ "destroying", SANDBOX_DESTROYING },
	{ "exited", SANDBOX_EXITED },
};

static int find_phase(const char *name, enum sandbox_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		if (strcmp(phases[i].name, name) == 0) {
			*ret = phases[i].state;
			return 0;
		}
	}
	return -ENOENT;
}

int sandbox_state_load(struct manager *m, const char *id, struct sandbox **ret, struct err *e)
{
	_cleanup_free_ char *path = state_path(m->config, id);
	_cleanup_(saved_clear) struct saved saved = { 0 };
	enum sandbox_state state;
	struct sandbox *s;
	int r = read_saved(path, &saved, e);

	if (r < 0)
		return r;
	if (saved.version != STATE_VERSION)
		return err_set(e, -EBADMSG, ERR_SYSTEM,
			       "%s has version %" PRId64 ", and this awfd knows %d", path,
			       saved.version, STATE_VERSION);
	if (find_phase(saved.phase, &state) < 0)
		return err_set(e, -ECANCELED, ERR_SYSTEM, "it was %s", saved.phase);
	r = check_saved(&saved, e);
	if (r < 0)
		return r;
	s = sandbox_new_loaded(m, id);
	r = load_all(s, &saved, e);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	take_state(s, state);
	*ret = s;
	return 0;
}
