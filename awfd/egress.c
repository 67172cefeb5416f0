#include "awfd/egress.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/network.h"
#include "awfd/private-networks.h"
#include "awfd/resolvers.h"
#include "common/alloc.h"
#include "common/strv.h"

/* --- Domains --- */

/* The keyword for the host is not squid's business. */
static int parse_domains(const char *field, char *const *texts, struct domain_list *list,
			 struct err *e)
{
	_cleanup_strv_ char **names = NULL;

	for (; texts && *texts; texts++)
		if (!domain_is_localhost(*texts))
			strv_append(&names, *texts);
	return domain_list_parse(field, names, list, e);
}

static bool names_localhost(char *const *texts)
{
	for (; texts && *texts; texts++)
		if (domain_is_localhost(*texts))
			return true;
	return false;
}

/* A name that may have private addresses is allowed, of course. */
static void allow_exact(struct egress *egress, const char *name)
{
	struct domain_list *list = &egress->allow;

	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct domain){ .kind = DOMAIN_EXACT, .name = xstrdup(name) };
}

/* Exact names: what such a name resolves to is looked up once, which nothing else would allow. */
static int parse_private(char *const *texts, struct egress *egress, struct err *e)
{
	static const char field[] = "allowPrivate";

	if (strv_length(texts) > EGRESS_PRIVATE_MAX)
		return err_invalid(e, field, NULL, "has %zu names, of which %d are possible",
				   strv_length(texts), EGRESS_PRIVATE_MAX);
	for (; texts && *texts; texts++) {
		_cleanup_(domain_clear) struct domain d = { 0 };
		int r = domain_parse(field, *texts, &d, e);

		if (r < 0)
			return r;
		if ((d.kind != DOMAIN_TREE && d.kind != DOMAIN_EXACT) || d.scheme != DOMAIN_ANY)
			return err_invalid(e, field, *texts,
					   "is not one exact name: its addresses are looked up "
					   "when the sandbox starts");
		strv_append(&egress->private_names, d.name);
		allow_exact(egress, d.name);
	}
	return 0;
}

static int check_domains(const struct start_request *r, struct egress *egress, struct err *e)
{
	int error = parse_domains("allowDomains", r->allow_domains, &egress->allow, e);

	if (error == 0)
		error = parse_domains("blockDomains", r->block_domains, &egress->block, e);
	if (error == 0)
		error = parse_private(r->allow_private, egress, e);
	egress->wanted = egress->allow.count > 0;
	return error;
}

/* --- Name servers --- */

/* Those of the configuration, or of the host. */
static int find_own_resolvers(const struct config *config, char ***ret, struct err *e)
{
	int error = resolvers_parse("DnsServers", config->dns_servers, ret, e);

	return error < 0 || *ret ? error : resolvers_of_host("", ret, e);
}

/* Those of the request, or else the operator's. */
static int check_resolvers(const struct start_request *r, const struct config *config,
			   struct egress *egress, struct err *e)
{
	int error = resolvers_parse("dnsServers", r->dns_servers, &egress->dns_servers, e);

	if (error < 0)
		return error;
	egress->dns_is_users = egress->dns_servers;
	error = find_own_resolvers(config, &egress->own_resolvers, egress->dns_is_users ? NULL : e);
	if (egress->dns_is_users)
		return 0; /* a host without any has none to permit */
	egress->dns_servers = strv_copy(egress->own_resolvers);
	return error;
}

/* --- Upstream proxy --- */

static bool is_proxy(const char *url)
{
	return url && *url != '\0' && strcmp(url, "none") != 0;
}

static int check_upstream(const struct start_request *r, const struct config *config,
			  struct egress *egress, struct err *e)
{
	const char *url = r->upstream_proxy ? r->upstream_proxy : config->upstream_proxy;
	int error;

	egress->upstream_is_avoided = !is_proxy(url) && is_proxy(config->upstream_proxy);
	if (!is_proxy(url))
		return 0;
	error = upstream_proxy_parse("upstreamProxy", url, &egress->upstream, e);
	if (error < 0)
		return error;
	egress->has_upstream = true;
	egress->upstream_is_users = r->upstream_proxy != NULL;
	egress->no_proxy = strv_copy(config->no_proxy);
	return 0;
}

/* --- The host's ports --- */

/* What is granted when no port is named: as GitHub's awf. */
static int add_default_ports(const struct start_request *r, struct egress *egress, struct err *e)
{
	int error = 0;

	if (strv_length(r->allow_host_ports) > 0)
		return 0;
	if (r->enable_host_access)
		error = host_ports_parse("allowHostPorts", host_ports_default, false,
					 &egress->host_ports, e);
	if (error == 0 && names_localhost(r->allow_domains))
		error = host_ports_parse("allowHostPorts", host_ports_localhost, false,
					 &egress->host_ports, e);
	return error;
}

static int check_host_ports(const struct start_request *r, struct egress *egress, struct err *e)
{
	bool localhost = names_localhost(r->allow_domains);
	int error;

	if (r->allow_host_ports && r->allow_host_ports[0] && !r->enable_host_access && !localhost)
		return err_invalid(e, "allowHostPorts", NULL,
				   "needs host access to be enabled (--enable-host-access)");
	error = host_ports_parse("allowHostPorts", r->allow_host_ports, false, &egress->host_ports,
				 e);
	if (error == 0)
		error = host_ports_parse("allowHostServicePorts", r->allow_host_service_ports, true,
					 &egress->host_ports, e);
	if (error == 0)
		error = add_default_ports(r, egress, e);
	return error;
}

int egress_check(const struct start_request *request, const struct config *config,
		 struct egress *ret, struct err *e)
{
	_cleanup_(egress_clear) struct egress egress = { 0 };
	int r = check_domains(request, &egress, e);

	if (r == 0)
		r = check_host_ports(request, &egress, e);
	if (r == 0)
		r = check_upstream(request, config, &egress, e);
	if (r == 0 && (egress.wanted || strv_length(config->redirect_hosts) > 0 ||
		       strv_length(request->dns_servers) > 0))
		r = check_resolvers(request, config, &egress, e);
	if (r < 0)
		return r;
	*ret = egress;
	egress = (struct egress){ 0 };
	return 0;
}

/* --- Names that are pinned --- */

const char *egress_next_name(const struct egress *egress, const char **field)
{
	unsigned done = egress->pin_count;
	size_t private = strv_length(egress->private_names);

	*field = "allowPrivate";
	if (done < private)
		return egress->private_names[done];
	*field = "upstreamProxy";
	return egress->has_upstream && done == private ? egress->upstream.host : NULL;
}

/* Whether the operator's networks have it. */
static bool is_permitted(const struct sockaddr_storage *address, char *const *networks)
{
	for (; networks && *networks; networks++) {
		struct network network;

		if (network_parse(*networks, &network) == 0 && network_contains(&network, address))
			return true;
	}
	return false;
}

static int check_address(const struct resolved *resolved, const struct sockaddr_storage *address,
			 const struct config *config, const char *field, struct err *e)
{
	char text[INET6_ADDRSTRLEN];

	if (!private_networks_contain(address) || is_permitted(address, config->private_networks))
		return 0;
	resolvers_format(address, text);
	return err_invalid(e, field, resolved->name,
			   "has the private address %s here, which [Egress] PrivateNetworks= of "
			   "awfd.conf does not permit",
			   text);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET ||
		       v4->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

/* The operator's own proxy may be anywhere, except where every host has another one. */
static int check_proxy_address(const struct resolved *resolved,
			       const struct sockaddr_storage *address, struct err *e)
{
	char text[INET6_ADDRSTRLEN];

	resolvers_format(address, text);
	if (!is_loopback(address))
		return 0;
	return err_set(e, -EADDRNOTAVAIL, ERR_SYSTEM,
		       "the upstream proxy %s has the address %s here, where in a sandbox nothing "
		       "listens: let [Egress] UpstreamProxy= of awfd.conf name a proxy on another "
		       "host, or none",
		       resolved->name, text);
}

int egress_pin(struct egress *egress, const struct config *config, const struct resolved *resolved,
	       struct err *e)
{
	const char *field;
	struct egress_pin *pin;
	bool is_upstream;

	(void)egress_next_name(egress, &field);
	is_upstream = egress->pin_count == strv_length(egress->private_names);
	for (size_t i = 0; i < resolved->count; i++) {
		const struct sockaddr_storage *address = &resolved->addresses[i];
		int r = is_upstream && !egress->upstream_is_users
				? check_proxy_address(resolved, address, e)
				: check_address(resolved, address, config, field, e);

		if (r < 0)
			return r;
	}
	egress->pins = xrealloc(egress->pins, egress->pin_count + 1, sizeof(*egress->pins));
	pin = &egress->pins[egress->pin_count];
	*pin = (struct egress_pin){ .resolved = *resolved, .is_upstream = is_upstream };
	pin->resolved.name = xstrdup(resolved->name);
	egress->pin_count++;
	return 0;
}

const struct sockaddr_storage *egress_pin_address(const struct egress_pin *pin)
{
	const struct resolved *r = &pin->resolved;

	for (size_t i = 0; i < r->count; i++)
		if (r->addresses[i].ss_family == AF_INET)
			return &r->addresses[i];
	return &r->addresses[0];
}

void egress_clear(struct egress *egress)
{
	domain_list_clear(&egress->allow);
	domain_list_clear(&egress->block);
	strv_free(egress->private_names);
	strv_free(egress->dns_servers);
	strv_free(egress->own_resolvers);
	strv_free(egress->no_proxy);
	upstream_proxy_clear(&egress->upstream);
	for (unsigned i = 0; i < egress->pin_count; i++)
		free(egress->pins[i].resolved.name);
	free(egress->pins);
	*egress = (struct egress){ 0 };
}
