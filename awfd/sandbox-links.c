/* Links and rules of a sandbox's namespaces: each is sealed and has its table before it gets a
 * link. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/link.h"
#include "awfd/netns.h"
#include "awfd/nft.h"
#include "awfd/resolvers.h"
#include "common/alloc.h"

/* Names of the links inside the namespaces; none ever exists in the host's. */
#define LINK_AGENT     "agent"
#define LINK_SQUID     "squid"
#define LINK_CLI_PROXY "cli-proxy"

#define FLOWS_MAX 2

static int pidfd_of(const struct sandbox *s, enum docker_role role)
{
	return s->containers[role].pidfd;
}

/* The sandbox's own ends: who they are, and where. */
static const struct place {
	enum docker_role role;
	unsigned host;
	const char *link; /* how the other end calls it */
} agent = { DOCKER_ROLE_PAUSE, SANDBOX_HOST_AGENT, LINK_AGENT },
  squid = { DOCKER_ROLE_SQUID, SANDBOX_HOST_SQUID, LINK_SQUID },
  cli_proxy = { DOCKER_ROLE_CLI_PROXY, SANDBOX_HOST_CLI, LINK_CLI_PROXY };

/* Who may connect to whom, and when: the one list of a sandbox's links. */
static const struct connection {
	const struct place *client, *server;
	uint16_t port;
	bool (*wanted)(const struct sandbox *s);
} connections[] = {
	{ &agent, &cli_proxy, SANDBOX_CLI_PORT, sandbox_has_cli_proxy },
	{ &agent, &squid, SANDBOX_SQUID_PORT, sandbox_has_egress },
	{ &cli_proxy, &squid, SANDBOX_SQUID_PORT, sandbox_has_redirects },
};

static struct in_addr address_of(const struct sandbox *s, const struct place *p)
{
	return config_address(s->config, p->host);
}

/* The flows of one place's table: what it serves and what it asks for. */
static size_t flows_of(const struct sandbox *s, const struct place *place,
		       struct nft_flow flows[FLOWS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(connections); i++) {
		const struct connection *c = &connections[i];
		bool serve = c->server == place;
		const struct place *peer = serve ? c->client : c->server;

		if ((c->client != place && !serve) || !c->wanted(s))
			continue;
		flows[n++] = (struct nft_flow){ .link = peer->link,
						.local = address_of(s, place),
						.peer = address_of(s, peer),
						.port = c->port,
						.serve = serve };
	}
	return n;
}

/* No namespace is the host's, and none has a link or a route that we don't know. One that was
 * prepared has been sealed, and has its links. */
static int seal(const struct sandbox *s, int pidfd, struct err *e)
{
	int r;

	if (s->taken)
		return 0;
	r = netns_is_own(pidfd);
	if (r != 0)
		return r < 0 ? err_system(e, r, "cannot look at the container's network")
			     : err_set(e, -EINVAL, ERR_SYSTEM,
				       "the container is in the host's network");
	return link_seal_namespace(pidfd, e);
}

/* The table of a prepared namespace gets what its job was granted. */
static int set_rules(const struct sandbox *s, int pidfd, const struct nft_namespace *table,
		     struct err *e)
{
	return s->taken ? nft_namespace_grant(pidfd, table, e)
			: nft_namespace_apply(pidfd, table, e);
}

static int prepare_agent(struct sandbox *s, struct err *e)
{
	struct nft_flow flows[FLOWS_MAX];
	const struct nft_namespace table = { .flows = flows,
					     .flow_count = flows_of(s, &agent, flows),
					     .loopback_any = true };
	int pidfd = pidfd_of(s, DOCKER_ROLE_PAUSE);
	int r = seal(s, pidfd, e);

	if (r == 0)
		r = nft_namespace_apply(pidfd, &table, e);
	if (r == 0 && s->egress.host_ports.count > 0)
		r = link_add_loopback(pidfd, config_address(s->config, SANDBOX_HOST_HOST), e);
	return r;
}

static int prepare_cli_proxy(struct sandbox *s, struct err *e)
{
	struct nft_flow flows[FLOWS_MAX];
	const struct nft_namespace table = { .flows = flows,
					     .flow_count = flows_of(s, &cli_proxy, flows),
					     .loopback_port = s->difc.port };
	int pidfd = pidfd_of(s, DOCKER_ROLE_CLI_PROXY);
	int r = seal(s, pidfd, e);

	return r < 0 ? r : set_rules(s, pidfd, &table, e);
}

/* --- squid: its namespace, its way to the bridge, and its place in the host's table --- */

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

/* The pinned addresses with the ports that they may be reached on. */
static size_t pinned_targets(const struct egress *egress, struct sockaddr_storage *list)
{
	static const uint16_t web[] = { 80, 443 };
	size_t n = 0;

	for (unsigned i = 0; i < egress->pin_count; i++) {
		const struct egress_pin *pin = &egress->pins[i];
		const uint16_t *ports = pin->is_upstream ? &egress->upstream.port : web;
		size_t port_count = pin->is_upstream ? 1 : ARRAY_SIZE(web);

		for (size_t j = 0; j < pin->resolved.count * port_count; j++) {
			list[n] = pin->resolved.addresses[j / port_count];
			set_port(&list[n++], ports[j % port_count]);
		}
	}
	return n;
}

static size_t resolver_targets(const struct egress *egress, struct sockaddr_storage *list)
{
	size_t n = 0;

	for (char **text = egress->dns_servers; text && *text && n < RESOLVERS_MAX; text++)
		if (resolvers_sockaddr(*text, 53, &list[n]) == 0)
			n++;
	return n;
}

/* They stay with the sandbox, without the room that there is for more: what was granted is what
 * will be taken back. */
static void collect_targets(struct sandbox *s)
{
	struct sockaddr_storage
		all[RESOLVERS_MAX + (EGRESS_PRIVATE_MAX * 2 + 1) * RESOLVE_ADDRESSES_MAX];
	size_t dns = resolver_targets(&s->egress, all);
	size_t grants = pinned_targets(&s->egress, all + dns);

	s->squid_targets = xcalloc(dns + grants + 1, sizeof(*s->squid_targets));
	memcpy(s->squid_targets, all, (dns + grants) * sizeof(*all));
	s->squid.dns_servers = s->squid_targets;
	s->squid.dns_count = dns;
	s->squid.grants = s->squid_targets + dns;
	s->squid.grant_count = grants;
}

/* Its place in the host's table. */
static int open_way_out(struct sandbox *s, struct err *e)
{
	s->squid_known = true; /* before the act: the destroy plan removes it again */
	return nft_squid_add(s->manager->nft, &s->squid, e);
}

/* Without a job there is no way out, neither here nor in the host's table. */
static int prepare_squid(struct sandbox *s, struct err *e)
{
	struct nft_flow flows[FLOWS_MAX];
	struct nft_egress out;
	const struct nft_namespace table = { .flows = flows,
					     .flow_count = flows_of(s, &squid, flows),
					     .loopback_helpers = true,
					     .egress = s->ahead ? NULL : &out };
	int pidfd = pidfd_of(s, DOCKER_ROLE_SQUID);
	int r = seal(s, pidfd, e);

	if (!s->ahead)
		collect_targets(s);
	out = (struct nft_egress){ .link = SANDBOX_LINK_EGRESS,
				   .dns_servers = s->squid.dns_servers,
				   .dns_count = s->squid.dns_count,
				   .grants = s->squid.grants,
				   .grant_count = s->squid.grant_count };
	if (r == 0)
		r = set_rules(s, pidfd, &table, e);
	if (r == 0 && !s->taken)
		r = sandbox_bridge_plug_in(s, e);
	return r < 0 || s->ahead ? r : open_way_out(s, e);
}

/* --- All of it --- */

/* Those whose rules depend on the job are done once more when a prepared sandbox is taken. */
static const struct {
	int (*prepare)(struct sandbox *s, struct err *e);
	bool has_grants;
} places[] = {
	[DOCKER_ROLE_PAUSE] = { prepare_agent, false },
	[DOCKER_ROLE_CLI_PROXY] = { prepare_cli_proxy, true },
	[DOCKER_ROLE_SQUID] = { prepare_squid, true },
};

int sandbox_links_rules(struct sandbox *s, enum docker_role role, struct err *e)
{
	return s->taken && !places[role].has_grants ? 0 : places[role].prepare(s, e);
}

static int connect_places(struct sandbox *s, const struct connection *c, struct err *e)
{
	return link_connect(&(struct link_end){ .pidfd = pidfd_of(s, c->client->role),
						.name = c->server->link,
						.address = address_of(s, c->client) },
			    &(struct link_end){ .pidfd = pidfd_of(s, c->server->role),
						.name = c->client->link,
						.address = address_of(s, c->server) },
			    s->id, e);
}

int sandbox_links_make(struct sandbox *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(connections); i++)
		if (connections[i].wanted(s))
			r = connect_places(s, &connections[i], e);
	return r;
}
