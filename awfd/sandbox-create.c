/* The create plan: from a checked request to a running agent. The table is the documentation. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "awfd/config.h"
#include "awfd/environment.h"
#include "awfd/link.h"
#include "awfd/netns.h"
#include "awfd/nft.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

#define READY_DELAY_FIRST_MS 2
#define READY_DELAY_MAX_MS   50

/* How often, and after which time each, the engine is asked again for a command's end. */
#define WAIT_RETRIES  20
#define WAIT_RETRY_MS 250

/* Names of the links inside the namespaces; none ever exists in the host's. */
#define LINK_TO_CLI_PROXY "cli-proxy"
#define LINK_TO_AGENT     "agent"

enum { DIFC, DIRS, PAUSE, CLI, LINKS, RELAY, READY, AGENT, ATTACH, RUN_AGENT, STEP_COUNT };

static const struct plan_step create_plan[STEP_COUNT];

static struct container *agent_of(struct sandbox *s)
{
	return &s->containers[DOCKER_ROLE_AGENT];
}

static int pidfd_of(const struct sandbox *s, enum docker_role role)
{
	return s->containers[role].pidfd;
}

static bool has_difc(const void *subject)
{
	return ((const struct sandbox *)subject)->has_difc;
}

static bool wants_attach(const void *subject)
{
	return ((const struct sandbox *)subject)->request.attach;
}

static void step_done(void *userdata, unsigned step, const struct err *e)
{
	plan_step_ended(((struct sandbox *)userdata)->plan, step, e);
}

/* --- reach DIFC proxy: before anything is created ----------------------------------------------
 */

static void on_probed(const struct sockaddr_storage *address, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;

	s->probe = NULL;
	if (!e)
		s->difc_target = *address;
	plan_step_ended(s->plan, DIFC, e);
}

static int probe_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	struct manager *m = s->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-difc-probe", m->config->helper_directory);
	struct difc_probe_spec spec = {
		.path = path,
		.uid = m->probe_uid,
		.gid = m->probe_gid,
		.address = &s->difc,
		.ca_pem = s->request.difc_proxy_ca_cert,
		.timeout_ms = (int)m->config->probe_timeout_ms,
	};
	int r = difc_probe_start(m->base, &spec, on_probed, s, &s->probe, e);

	return r < 0 ? r : PLAN_STEP_RUNNING;
}

static void probe_cancel(void *subject, unsigned step _unused_)
{
	difc_probe_cancel(TAKE_PTR(((struct sandbox *)subject)->probe));
}

/* --- state and directory -----------------------------------------------------------------------
 */

static int dirs_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	int r = sandbox_state_save(s, e);

	return r < 0 ? r : sandbox_dirs_make(s, e);
}

/* --- containers --------------------------------------------------------------------------------
 */

static struct json_object *container_spec(struct sandbox *s, enum docker_role role)
{
	const struct config *c = s->manager->config;
	_cleanup_free_ char *bundle = sandbox_dirs_ca_bundle(s);
	_cleanup_free_ char *gh = xasprintf("%s/awf-gh", c->helper_directory);
	struct docker_spec spec = {
		.id = s->id,
		.uid = s->owner.uid,
		.gid = s->owner.gid,
		.pause_image = c->image_pause,
		.cli_proxy_image = c->image_cli_proxy,
		.agent_image = s->image,
		.cgroup_parent = c->cgroup_parent,
		.command = s->request.command,
		.environment = s->environment,
		.workdir = s->request.workdir,
		.tty = s->request.tty,
		.open_stdin = s->request.open_stdin,
		.memory_bytes = c->memory_bytes,
		.pids = c->pids,
		.ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0,
		.difc = s->has_difc,
		.difc_port = s->difc.port,
		.ca_bundle_path = bundle,
		.gh_path = gh,
		.github_repository = environment_repository(s->request.environment),
	};

	return docker_spec_container(&spec, role);
}

static int container_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;
	enum docker_role role = create_plan[step].role;
	struct json_object *spec = container_spec(s, role);

	/* The agent is created only; it starts when everything around it is in place. */
	container_up(&s->containers[role], spec, role != DOCKER_ROLE_AGENT, step_done, s, step);
	json_object_put(spec);
	return PLAN_STEP_RUNNING;
}

static void container_step_cancel(void *subject, unsigned step)
{
	container_cancel(&((struct sandbox *)subject)->containers[create_plan[step].role]);
}

/* --- links and rules ---------------------------------------------------------------------------
 */

/* Seals a container's namespace and installs its table: no link without rules. */
static int prepare_namespace(int pidfd, const struct nft_namespace *table, struct err *e)
{
	int r = netns_is_own(pidfd);

	if (r != 0)
		return r < 0 ? err_system(e, r, "cannot look at the container's network")
			     : err_set(e, -EINVAL, ERR_SYSTEM,
				       "the container is in the host's network");
	r = link_seal_namespace(pidfd, e);
	return r < 0 ? r : nft_namespace_apply(pidfd, table, e);
}

static int prepare_agent(struct sandbox *s, struct in_addr agent, struct in_addr cli, struct err *e)
{
	const struct nft_flow flow = {
		.link = LINK_TO_CLI_PROXY, .local = agent, .peer = cli, .port = SANDBOX_CLI_PORT
	};
	const struct nft_namespace table = { .flows = &flow,
					     .flow_count = s->has_difc ? 1 : 0,
					     .loopback_any = true };

	return prepare_namespace(pidfd_of(s, DOCKER_ROLE_PAUSE), &table, e);
}

static int prepare_cli_proxy(struct sandbox *s, struct in_addr agent, struct in_addr cli,
			     struct err *e)
{
	const struct nft_flow flow = { .link = LINK_TO_AGENT,
				       .local = cli,
				       .peer = agent,
				       .port = SANDBOX_CLI_PORT,
				       .serve = true };
	const struct nft_namespace table = { .flows = &flow,
					     .flow_count = 1,
					     .loopback_port = s->difc.port };

	return prepare_namespace(pidfd_of(s, DOCKER_ROLE_CLI_PROXY), &table, e);
}

static int links_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	struct in_addr agent = config_address(s->manager->config, SANDBOX_HOST_AGENT);
	struct in_addr cli = config_address(s->manager->config, SANDBOX_HOST_CLI);
	int r = prepare_agent(s, agent, cli, e);

	if (r < 0 || !s->has_difc)
		return r;
	r = prepare_cli_proxy(s, agent, cli, e);
	if (r < 0)
		return r;
	return link_connect(&(struct link_end){ .pidfd = pidfd_of(s, DOCKER_ROLE_PAUSE),
						.name = LINK_TO_CLI_PROXY,
						.address = agent },
			    &(struct link_end){ .pidfd = pidfd_of(s, DOCKER_ROLE_CLI_PROXY),
						.name = LINK_TO_AGENT,
						.address = cli },
			    s->id, e);
}

/* --- relay -------------------------------------------------------------------------------------
 */

static int add_listener(struct sandbox *s, const void *address, socklen_t length, struct err *e)
{
	int fd = netns_listen(pidfd_of(s, DOCKER_ROLE_CLI_PROXY), address, length, e);

	if (fd >= 0)
		s->listeners[s->listener_count++] = fd;
	return fd < 0 ? fd : 0;
}

/* On 127.0.0.1, and on ::1 where the namespace has it. */
static int listen_for_difc(struct sandbox *s, struct err *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(s->difc.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(s->difc.port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int r = add_listener(s, &v4, sizeof(v4), e);

	if (r < 0)
		return r;
	r = add_listener(s, &v6, sizeof(v6), e);
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
		log_sandbox(LOG_LEVEL_INFO, s->id,
			    "no IPv6 in cli-proxy: listening on 127.0.0.1 only");
		err_clear(e);
		r = 0;
	}
	return r;
}

static void on_relay_ready(struct relay_proc *p _unused_, void *userdata)
{
	plan_step_ended(((struct sandbox *)userdata)->plan, RELAY, NULL);
}

static void on_relay_exited(struct relay_proc *p _unused_, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_free_ char *reason = xasprintf("relay ended: %s", e->message);

	if (s->plan && !s->destroying && plan_step_state(s->plan, RELAY) == PLAN_RUNNING)
		plan_step_ended(s->plan, RELAY, e);
	else
		sandbox_fail(s, reason);
}

static int relay_step(void *subject, unsigned step _unused_, struct err *e)
{
	static const struct relay_proc_events events = { on_relay_ready, on_relay_exited };
	struct sandbox *s = subject;
	struct manager *m = s->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-relay", m->config->helper_directory);
	struct relay_proc_spec spec = { .path = path,
					.sandbox = s->id,
					.uid = m->relay_uid,
					.gid = m->relay_gid,
					.upstream = &s->difc_target,
					.listeners = s->listeners };
	int r = listen_for_difc(s, e);

	if (r < 0)
		return r;
	spec.listener_count = s->listener_count;
	s->difc_target_known = true; /* before the act: the destroy plan removes it again */
	r = nft_relay_target_add(m->nft, &s->difc_target, e);
	if (r == 0)
		r = relay_proc_start(m->base, &spec, &events, s, &s->relay, e);
	return r < 0 ? r : PLAN_STEP_RUNNING;
}

static void relay_cancel(void *subject, unsigned step _unused_)
{
	relay_proc_free(TAKE_PTR(((struct sandbox *)subject)->relay));
}

/* --- sidecars ready: cli-proxy answers a connection from the agent's namespace -------------------
 */

static void try_cli_proxy(struct sandbox *s);

static void ready_stop(struct sandbox *s)
{
	if (s->ready_event)
		event_free(TAKE_PTR(s->ready_event));
	if (s->ready_retry)
		event_free(TAKE_PTR(s->ready_retry));
	s->ready_fd = fd_close(s->ready_fd);
}

static void ready_cancel(void *subject, unsigned step _unused_)
{
	ready_stop(subject);
}

static void on_ready_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	try_cli_proxy(userdata);
}

static void ready_try_later(struct sandbox *s)
{
	struct timeval tv = { .tv_usec = s->ready_delay_ms * 1000 };

	ready_stop(s);
	s->ready_delay_ms = MIN(s->ready_delay_ms * 2, READY_DELAY_MAX_MS);
	s->ready_retry = evtimer_new(s->manager->base, on_ready_retry, s);
	if (!s->ready_retry)
		abort();
	event_add(s->ready_retry, &tv);
}

static void on_ready_connected(evutil_socket_t fd, short what _unused_, void *userdata)
{
	struct sandbox *s = userdata;
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error != 0) {
		ready_try_later(s);
		return;
	}
	ready_stop(s);
	plan_step_ended(s->plan, READY, NULL);
}

static int connect_cli_proxy(struct sandbox *s, struct err *e)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(SANDBOX_CLI_PORT),
				       .sin_addr = config_address(s->manager->config,
								  SANDBOX_HOST_CLI) };

	ready_stop(s);
	s->ready_fd = netns_socket(pidfd_of(s, DOCKER_ROLE_PAUSE), AF_INET, SOCK_STREAM, 0, e);
	if (s->ready_fd < 0)
		return s->ready_fd;
	if (connect(s->ready_fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
	    errno != EINPROGRESS)
		return err_system(e, -errno,
				  "cannot connect to cli-proxy from the agent's network");
	s->ready_event = event_new(s->manager->base, s->ready_fd, EV_WRITE, on_ready_connected, s);
	if (!s->ready_event)
		abort();
	event_add(s->ready_event, NULL);
	return 0;
}

static void try_cli_proxy(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };

	if (connect_cli_proxy(s, &e) < 0) {
		ready_stop(s);
		plan_step_ended(s->plan, READY, &e);
	}
}

static int ready_step(void *subject, unsigned step _unused_, struct err *e)
{
	struct sandbox *s = subject;
	int r;

	s->ready_delay_ms = READY_DELAY_FIRST_MS;
	r = connect_cli_proxy(s, e);
	return r < 0 ? r : PLAN_STEP_RUNNING;
}

/* --- attach ------------------------------------------------------------------------------------
 */

static void on_attached(int fd, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };
	int r;

	s->attach = NULL;
	s->stream = fd;
	r = e ? 0 : sandbox_keep_stream(s, fd, &s->kept_stream);
	if (r < 0)
		(void)err_system(&local, r, "cannot keep the agent's stream");
	plan_step_ended(s->plan, ATTACH, r < 0 ? &local : e);
}

static int attach_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	s->attach =
		docker_attach_start(s->manager->docker, agent_of(s)->name, s->request.open_stdin,
				    create_plan[step].timeout_ms, on_attached, s);
	return PLAN_STEP_RUNNING;
}

static void attach_cancel(void *subject, unsigned step _unused_)
{
	docker_attach_cancel(TAKE_PTR(((struct sandbox *)subject)->attach));
}

/* --- start agent, and learn how it ends --------------------------------------------------------
 */

static void on_agent_inspected(int status _unused_, struct json_object *body, const struct err *e,
			       void *userdata)
{
	struct sandbox *s = userdata;
	struct docker_container_state state = { 0 };

	s->wait = NULL;
	if (!e && docker_container_parse(body, &state, NULL) < 0)
		state.oom_killed = false;
	sandbox_command_ended(s, s->exit_code, state.oom_killed);
}

static void on_agent_ended(int status, struct json_object *body, const struct err *e,
			   void *userdata);

static void wait_for_agent(struct sandbox *s)
{
	s->wait = docker_container_wait(s->manager->docker, agent_of(s)->name, on_agent_ended, s);
}

void sandbox_on_wait_retry(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	wait_for_agent(userdata);
}

/* The engine dropped the call, not the command: asks again, for a while. */
static void wait_failed(struct sandbox *s, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);
	struct timeval tv = { .tv_usec = WAIT_RETRY_MS * 1000 };

	if (e->status != 404 && s->wait_failures++ < WAIT_RETRIES) {
		log_sandbox(LOG_LEVEL_WARNING, s->id, "%s; asking again", text);
		event_add(s->wait_retry, &tv);
		return;
	}
	sandbox_fail(s, text);
}

static void on_agent_ended(int status _unused_, struct json_object *body, const struct err *e,
			   void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err local = { 0 };

	s->wait = NULL;
	if (!e && docker_container_parse_wait(body, &s->exit_code, &local) < 0)
		e = &local;
	if (e) {
		wait_failed(s, e);
	} else if (s->exit_code == 0) {
		sandbox_command_ended(s, 0, false);
	} else {
		s->wait = docker_container_inspect(s->manager->docker, agent_of(s)->name,
						   on_agent_inspected, s);
	}
}

static void on_agent_started(void *userdata, unsigned step, const struct err *e)
{
	struct sandbox *s = userdata;

	/* After the start, so that it is answered also when the command has ended already. */
	if (!e)
		wait_for_agent(s);
	plan_step_ended(s->plan, step, e);
}

static int run_agent_step(void *subject, unsigned step, struct err *e _unused_)
{
	struct sandbox *s = subject;

	container_start(agent_of(s), on_agent_started, s, step);
	return PLAN_STEP_RUNNING;
}

/* --- the plan ----------------------------------------------------------------------------------
 */

/* Calls that make something are drained, not cancelled: what the engine makes late must be seen. */
static const struct plan_step create_plan[STEP_COUNT] = {
	[DIFC] = { .name = "reach DIFC proxy",
		   .timeout_ms = 70000,
		   .start = probe_step,
		   .cancel = probe_cancel,
		   .wanted = has_difc },
	[DIRS] = { .name = "state and directory", .after = AFTER(DIFC), .start = dirs_step },
	[PAUSE] = { .name = "start pause",
		    .after = AFTER(DIRS),
		    .timeout_ms = 30000,
		    .start = container_step,
		    .cancel = container_step_cancel,
		    .drain = true,
		    .role = DOCKER_ROLE_PAUSE },
	[CLI] = { .name = "start cli-proxy",
		  .after = AFTER(DIRS),
		  .timeout_ms = 30000,
		  .start = container_step,
		  .cancel = container_step_cancel,
		  .drain = true,
		  .wanted = has_difc,
		  .role = DOCKER_ROLE_CLI_PROXY },
	[LINKS] = { .name = "links and rules",
		    .after = AFTER(PAUSE) | AFTER(CLI),
		    .start = links_step },
	[RELAY] = { .name = "relay",
		    .after = AFTER(LINKS),
		    .timeout_ms = 5000,
		    .start = relay_step,
		    .cancel = relay_cancel,
		    .wanted = has_difc },
	[READY] = { .name = "sidecars ready",
		    .after = AFTER(LINKS) | AFTER(RELAY),
		    .timeout_ms = 30000,
		    .start = ready_step,
		    .cancel = ready_cancel,
		    .wanted = has_difc },
	[AGENT] = { .name = "create agent",
		    .after = AFTER(PAUSE),
		    .timeout_ms = 30000,
		    .start = container_step,
		    .cancel = container_step_cancel,
		    .drain = true,
		    .role = DOCKER_ROLE_AGENT },
	[ATTACH] = { .name = "attach",
		     .after = AFTER(AGENT),
		     .timeout_ms = 5000,
		     .start = attach_step,
		     .cancel = attach_cancel,
		     .wanted = wants_attach },
	[RUN_AGENT] = { .name = "start agent",
			.after = AFTER(LINKS) | AFTER(READY) | AFTER(ATTACH) | AFTER(AGENT),
			.timeout_ms = 30000,
			.start = run_agent_step,
			.cancel = container_step_cancel,
			.drain = true,
			.role = DOCKER_ROLE_AGENT },
};

static void on_step_ended(void *subject, const char *name, int64_t elapsed_us)
{
	struct sandbox_news news = { .phase = name, .elapsed_us = elapsed_us };

	sandbox_tell(subject, SANDBOX_PHASE, &news);
}

static void on_ended(void *subject, const struct err *e)
{
	sandbox_created(subject, e);
}

struct plan *sandbox_create_plan(struct sandbox *s)
{
	static const struct plan_events events = { on_step_ended, on_ended };

	return plan_start(s->manager->base, create_plan, STEP_COUNT, PLAN_STOP_ON_ERROR, &events,
			  s);
}

unsigned sandbox_create_plan_length(void)
{
	return STEP_COUNT;
}

const char *sandbox_create_plan_step(unsigned step)
{
	return create_plan[step].name;
}
