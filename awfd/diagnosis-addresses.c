#include "awfd/diagnosis-addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/route.h>

#include "awfd/docker-answer.h"
#include "common/alloc.h"

/* Of a route: wider ones are default routes in pieces, as VPNs make them. */
#define ROUTE_BITS_MIN 8

/* Lines of each of the host's tables: awfd has other things to do than to read those of a router.
 */
#define ROUTES_MAX 4096

/* What the egress network can have instead, the default first. */
static const char *const candidates[] = {
	"198.18.0.0/20", "198.18.64.0/20", "198.19.0.0/20",    "198.19.128.0/20",
	"172.29.0.0/20", "10.213.0.0/20",  "192.168.240.0/20",
};

static void add(struct taken_networks *t, const struct taken_network *taken)
{
	t->list = xrealloc(t->list, t->count + 1, sizeof(*t->list));
	t->list[t->count++] = *taken;
}

void taken_networks_clear(struct taken_networks *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->list[i].by);
	free(t->list);
	*t = (struct taken_networks){ 0 };
}

/* --- The host's ---------------------------------------------------------------------------------
 */

static bool is_ours(const char *interface)
{
	return strcmp(interface, DOCKER_NETWORK) == 0 || strcmp(interface, "lo") == 0;
}

static bool take_route(const char *interface, struct network *n, struct taken_network *ret)
{
	if (is_ours(interface) || n->bits < ROUTE_BITS_MIN)
		return false;
	*ret = (struct taken_network){ .network = *n,
				       .by = xasprintf("the route by %s", interface),
				       .route = true };
	return true;
}

/* "INTERFACE DESTINATION GATEWAY FLAGS REFERENCES USE METRIC MASK ...", in hexadecimal and in the
 * order of this host's bytes. */
bool diagnosis_addresses_parse_route(const char *line, struct taken_network *ret)
{
	struct network n = { .family = AF_INET };
	uint32_t destination, mask;
	char interface[IFNAMSIZ];
	unsigned flags;

	if (sscanf(line, "%15s %" SCNx32 " %*x %x %*s %*s %*s %" SCNx32, interface, &destination,
		   &flags, &mask) != 4 ||
	    !(flags & RTF_UP))
		return false;
	memcpy(n.address, &destination, sizeof(destination));
	n.bits = (unsigned)__builtin_popcount(mask);
	return take_route(interface, &n, ret);
}

static bool is_local6(const struct network *n)
{
	const struct in6_addr *a = (const struct in6_addr *)(const void *)n->address;

	return IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a);
}

/* "DESTINATION LENGTH SOURCE LENGTH NEXTHOP METRIC REFERENCES USE FLAGS INTERFACE", in hexadecimal.
 */
bool diagnosis_addresses_parse_route6(const char *line, struct taken_network *ret)
{
	struct network n = { .family = AF_INET6 };
	char destination[33], interface[IFNAMSIZ];
	unsigned flags;

	if (sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %x %15s", destination, &n.bits, &flags,
		   interface) != 4 ||
	    !(flags & RTF_UP))
		return false;
	for (size_t i = 0; i < sizeof(n.address); i++)
		if (sscanf(destination + 2 * i, "%2hhx", &n.address[i]) != 1)
			return false;
	return !is_local6(&n) && take_route(interface, &n, ret);
}

static void add_routes(struct taken_networks *t, const char *path,
		       bool (*parse)(const char *line, struct taken_network *ret))
{
	_cleanup_file_ FILE *file = fopen(path, "re");
	struct taken_network taken;
	char line[256];

	for (size_t n = 0; file && !t->cut && fgets(line, sizeof(line), file); n++) {
		if (n == ROUTES_MAX)
			t->cut = true;
		else if (parse(line, &taken))
			add(t, &taken);
	}
}

static bool take_address(const struct ifaddrs *a, struct taken_network *ret)
{
	struct network n = { .family = a->ifa_addr->sa_family };

	if (n.family == AF_INET) {
		n.bits = 32;
		memcpy(n.address, &((const struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr, 4);
	} else {
		n.bits = 128;
		memcpy(n.address, &((const struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr,
		       sizeof(n.address));
	}
	*ret = (struct taken_network){ .network = n, .by = xasprintf("%s's address", a->ifa_name) };
	return true;
}

static bool is_address(const struct ifaddrs *a)
{
	return a->ifa_addr &&
	       (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6) &&
	       !is_ours(a->ifa_name);
}

static void add_addresses(struct taken_networks *t)
{
	struct ifaddrs *all = NULL;
	struct taken_network taken;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		if (is_address(a) && take_address(a, &taken))
			add(t, &taken);
	freeifaddrs(all);
}

void diagnosis_addresses_of_host(struct taken_networks *t)
{
	add_addresses(t);
	add_routes(t, "/proc/net/route", diagnosis_addresses_parse_route);
	add_routes(t, "/proc/net/ipv6_route", diagnosis_addresses_parse_route6);
}

/* --- The engine's -------------------------------------------------------------------------------
 */

static void add_subnet(struct taken_networks *t, const char *name, struct json_object *item)
{
	struct json_object *text = docker_answer_member(item, "Subnet", json_type_string);
	struct taken_network taken = { 0 };

	if (!text || network_parse(json_object_get_string(text), &taken.network) < 0)
		return;
	taken.by = xasprintf("the engine's network %s", name);
	add(t, &taken);
}

static void add_network(struct taken_networks *t, struct json_object *network)
{
	struct json_object *name = docker_answer_member(network, "Name", json_type_string);
	struct json_object *ipam = docker_answer_member(network, "IPAM", json_type_object);
	struct json_object *list = docker_answer_member(ipam, "Config", json_type_array);

	if (!name || !list || strcmp(json_object_get_string(name), DOCKER_NETWORK) == 0)
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_subnet(t, json_object_get_string(name), json_object_array_get_idx(list, i));
}

void diagnosis_addresses_of_engine(struct taken_networks *t, struct json_object *networks)
{
	for (size_t i = 0; i < json_object_array_length(networks); i++)
		add_network(t, json_object_array_get_idx(networks, i));
}

/* --- What it means ------------------------------------------------------------------------------
 */

static const struct taken_network *find_conflict(const struct taken_networks *t, const char *subnet)
{
	struct network ours;

	if (!subnet || network_parse(subnet, &ours) < 0)
		return NULL;
	for (size_t i = 0; i < t->count; i++)
		if (network_overlaps(&t->list[i].network, &ours))
			return &t->list[i];
	return NULL;
}

const char *diagnosis_addresses_free(const struct taken_networks *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (!find_conflict(t, candidates[i]))
			return candidates[i];
	return NULL;
}

/* Gives the egress network other addresses; what others have is theirs to change. Without a
 * backslash, which is shown as two. */
static char *cure_of(const struct taken_networks *t, const char *directory)
{
	const char *other = diagnosis_addresses_free(t);

	if (!other)
		return NULL;
	return xasprintf("sudo mkdir -p %s && { echo '[Egress]'; echo Subnet=%s; } | sudo tee "
			 "%s/egress.conf && sudo docker network rm " DOCKER_NETWORK
			 "; sudo systemctl restart awfd",
			 directory, other, directory);
}

static void tell_conflict(struct findings *f, const char *subnet, const struct taken_network *taken,
			  const char *cure)
{
	_cleanup_free_ char *text = network_format(&taken->network);
	struct network ours;
	bool wider = network_parse(subnet, &ours) == 0 && taken->route &&
		     taken->network.bits < ours.bits;

	if (wider)
		findings_add(f, DIAGNOSIS_ADDRESSES, FINDING_WARNING, cure,
			     "%s of " DOCKER_NETWORK " lies in %s (%s): what has these addresses "
			     "there cannot be reached from this host",
			     subnet, text, taken->by);
	else
		findings_add(f, DIAGNOSIS_ADDRESSES, FINDING_FAILURE, cure,
			     "%s of " DOCKER_NETWORK " and %s (%s) have addresses in common: a "
			     "sandbox with one of them reaches nothing",
			     subnet, text, taken->by);
}

void diagnosis_addresses(struct findings *f, const struct docker_network_spec *spec,
			 const struct taken_networks *t, const char *directory)
{
	const struct taken_network *conflict = find_conflict(t, spec->subnet);
	const struct taken_network *conflict6 = find_conflict(t, spec->subnet6);
	_cleanup_free_ char *cure = conflict ? cure_of(t, directory) : NULL;

	if (conflict)
		tell_conflict(f, spec->subnet, conflict, cure);
	if (conflict6)
		tell_conflict(f, spec->subnet6, conflict6, NULL);
	if (!conflict && !conflict6 && t->cut)
		findings_add(f, DIAGNOSIS_ADDRESSES, FINDING_UNKNOWN, NULL,
			     "this host has more routes than the %d of each table that were looked "
			     "at, none of which leads to %s",
			     ROUTES_MAX, spec->subnet);
	else if (!conflict && !conflict6)
		findings_add(f, DIAGNOSIS_ADDRESSES, FINDING_OK, NULL,
			     "nothing else of this host has addresses of %s%s%s", spec->subnet,
			     spec->subnet6 ? " or " : "", spec->subnet6 ? spec->subnet6 : "");
}
