/* The relay of a sandbox: its one process for every way to the host. It listens for the DIFC proxy
 * on cli-proxy's loopback, and for granted host ports on an address of the agent's own. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "awfd/config.h"
#include "awfd/netns.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

#define NAME_DIFC "difc"
#define NAME_HOST "host"

static int add_listener(struct sandbox *s, const char *name, enum docker_role role,
			const void *address, socklen_t length, struct err *e)
{
	int fd = netns_listen(s->containers[role].pidfd, address, length, e);

	if (fd < 0)
		return fd;
	s->listeners[s->listener_count] = fd;
	s->listener_names[s->listener_count++] = name;
	return 0;
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
	int r = add_listener(s, NAME_DIFC, DOCKER_ROLE_CLI_PROXY, &v4, sizeof(v4), e);

	if (r < 0)
		return r;
	r = add_listener(s, NAME_DIFC, DOCKER_ROLE_CLI_PROXY, &v6, sizeof(v6), e);
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
		log_sandbox(LOG_LEVEL_INFO, s->id,
			    "no IPv6 in cli-proxy: listening on 127.0.0.1 only");
		err_clear(e);
		r = 0;
	}
	return r;
}

/* The agent's own loopback has the address already; nothing but these sockets answers there. */
static int listen_for_host_ports(struct sandbox *s, struct err *e)
{
	const struct host_ports *ports = &s->egress.host_ports;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = config_address(s->config, SANDBOX_HOST_HOST) };

	for (unsigned port = host_ports_first(ports); port != 0;
	     port = host_ports_next(ports, port)) {
		int r;

		address.sin_port = htons((uint16_t)port);
		r = add_listener(s, NAME_HOST, DOCKER_ROLE_PAUSE, &address, sizeof(address), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_relay_ready(struct relay_proc *p _unused_, void *userdata)
{
	sandbox_relay_started(userdata, NULL);
}

static void on_relay_exited(struct relay_proc *p _unused_, const struct err *e, void *userdata)
{
	sandbox_relay_started(userdata, e);
}

static int start_process(struct sandbox *s, struct err *e)
{
	static const struct relay_proc_events events = { on_relay_ready, on_relay_exited };
	struct manager *m = s->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-relay", s->config->helper_directory);
	const struct relay_upstream upstreams[] = {
		{ .name = NAME_DIFC, .address = &s->relay_grant.difc },
		{ .name = NAME_HOST, .host_ports = true },
	};
	const bool has_host = s->relay_grant.ports.count > 0;
	struct relay_proc_spec spec = {
		.path = path,
		.sandbox = s->id,
		.uid = m->relay_uid,
		.gid = m->relay_gid,
		.upstreams = s->has_difc ? &upstreams[0] : &upstreams[1],
		.upstream_count = (size_t)s->has_difc + has_host,
		.listeners = s->listeners,
		.listener_names = s->listener_names,
		.listener_count = s->listener_count,
	};

	return relay_proc_start(m->base, &spec, &events, s, &s->relay, e);
}

int sandbox_relay_start(struct sandbox *s, struct err *e)
{
	size_t max = SANDBOX_DIFC_LISTENERS + s->egress.host_ports.count;
	int r = 0;

	s->listeners = xcalloc(max, sizeof(*s->listeners));
	s->listener_names = xcalloc(max, sizeof(*s->listener_names));
	if (s->has_difc)
		r = listen_for_difc(s, e);
	if (r == 0)
		r = listen_for_host_ports(s, e);
	if (r < 0)
		return r;
	s->relay_grant.has_difc = s->has_difc;
	s->relay_grant.ports = s->egress.host_ports;
	r = relay_targets_add(s->manager->relay_targets, &s->relay_grant, e);
	s->relay_granted = r == 0;
	return r < 0 ? r : start_process(s, e);
}

void sandbox_relay_end(struct sandbox *s)
{
	relay_proc_free(TAKE_PTR(s->relay));
	for (size_t i = 0; i < s->listener_count; i++)
		fd_close(s->listeners[i]);
	s->listener_count = 0;
	free(TAKE_PTR(s->listeners));
	free(TAKE_PTR(s->listener_names));
}

int sandbox_relay_revoke(struct sandbox *s, struct err *e)
{
	int r = s->relay_granted
			? relay_targets_remove(s->manager->relay_targets, &s->relay_grant, e)
			: 0;

	if (r == 0)
		s->relay_granted = false;
	return r;
}
