/* squid's way to the bridge of the engine's network: plugged in by awfd, kept apart from others',
 * and plugged in once more when somebody removed the network and it was made anew. */
#include "awfd/sandbox-internal.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "awfd/background.h"
#include "awfd/config.h"
#include "awfd/docker-network.h"
#include "awfd/link-watch.h"
#include "awfd/link.h"
#include "awfd/network.h"
#include "common/alloc.h"
#include "common/log.h"

/* The host's end has the name of its number, which is that of its addresses, too: whose is whose is
 * what the kernel has, and none is given away twice, whatever became of the awfd that gave it.
 * Names that begin with veth are left alone by what configures or counts a host's interfaces. */
#define PORT_NAME "vethawf%u"

/* More than a bridge has ports (BR_MAX_PORTS of the kernel is 1024), many times. */
#define NUMBER_BITS_MAX 16

/* --- Addresses -----------------------------------------------------------------------------------
 */

/* One of squid's: the network's of that number, by its gateway. */
static struct link_address address_in(const struct network *network, uint32_t number)
{
	struct network own = network_host(network, number);
	struct network gateway = network_host(network, DOCKER_NETWORK_GATEWAY);
	struct link_address a = { .family = network->family, .bits = network->bits };

	memcpy(a.address, own.address, sizeof(a.address));
	memcpy(a.gateway, gateway.address, sizeof(a.gateway));
	return a;
}

static struct network parse(const char *subnet)
{
	struct network n;

	if (network_parse(subnet, &n) < 0) /* the configuration has checked it */
		abort();
	return n;
}

/* Behind the last number: IPv4's last address is for broadcast. */
static uint32_t number_end(const struct network *v4, const struct network *v6)
{
	unsigned bits = MIN(32 - v4->bits, 128 - v6->bits);

	return (1u << MIN(bits, NUMBER_BITS_MAX)) - 1;
}

/* --- In ------------------------------------------------------------------------------------------
 */

static int plug_number(struct sandbox *s, const struct network *v4, const struct network *v6,
		       uint32_t number, struct err *e)
{
	const struct link_address addresses[] = { address_in(v4, number), address_in(v6, number) };
	_cleanup_free_ char *port = xasprintf(PORT_NAME, number);
	int r = link_plug_in(s->containers[DOCKER_ROLE_SQUID].pidfd,
			     &(struct link_plug){ .bridge = DOCKER_NETWORK,
						  .port = port,
						  .interface = SANDBOX_LINK_EGRESS,
						  .alias = s->id,
						  .addresses = addresses,
						  .address_count = s->squid.has_v6 ? 2 : 1 },
			     &s->squid_port, e);

	if (r < 0)
		return r;
	memcpy(&s->squid.address, addresses[0].address, sizeof(s->squid.address));
	memcpy(&s->squid.address6, addresses[1].address, sizeof(s->squid.address6));
	return 0;
}

/* They go round, so that an address is not given away at once again. */
static uint32_t next_number(struct manager *m, uint32_t end)
{
	if (m->egress_number < DOCKER_NETWORK_FIRST || m->egress_number >= end)
		m->egress_number = DOCKER_NETWORK_FIRST;
	return m->egress_number++;
}

int sandbox_bridge_plug_in(struct sandbox *s, struct err *e)
{
	struct manager *m = s->manager;
	const struct network v4 = parse(m->config->egress_subnet);
	const struct network v6 = parse(m->config->egress_subnet6);
	const uint32_t end = number_end(&v4, &v6);

	for (uint32_t tries = DOCKER_NETWORK_FIRST; tries < end; tries++) {
		int r = plug_number(s, &v4, &v6, next_number(m, end), e);

		if (r != -EEXIST)
			return r;
		err_clear(e);
	}
	return err_set(e, -EADDRNOTAVAIL, ERR_SYSTEM,
		       "no address of %s is left for squid: give [Egress] Subnet= in awfd.conf a "
		       "larger network",
		       m->config->egress_subnet);
}

bool sandbox_bridge_is_used(struct manager *m)
{
	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		if (s->squid_port != 0)
			return true;
	return false;
}

/* --- Away ----------------------------------------------------------------------------------------
 */

static int remove_port(const void *data)
{
	const struct sandbox *s = data;

	return link_plug_remove(s->id);
}

static void on_removed(int result, void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err e = { 0 };

	background_free(TAKE_PTR(s->squid_removal));
	if (result < 0)
		(void)err_system(&e, result, "cannot remove squid's port of " DOCKER_NETWORK);
	else
		s->squid_port = 0;
	sandbox_bridge_removed(s, result < 0 ? &e : NULL);
}

/* Of what an earlier awfd left it is not known whether it has one. */
int sandbox_bridge_remove(struct sandbox *s, struct err *e)
{
	int r;

	if (!s->leftover && !sandbox_has_squid(s))
		return PLAN_STEP_DONE;
	s->squid_is_cut = false;
	r = background_start(s->manager->base, remove_port, s, on_removed, s, &s->squid_removal, e);
	return r < 0 ? r : PLAN_STEP_RUNNING;
}

void sandbox_bridge_remove_cancel(struct sandbox *s)
{
	background_free(TAKE_PTR(s->squid_removal));
}

/* --- What others do to it ------------------------------------------------------------------------
 */

/* A port that goes with a squid that ends is not why: its end will be told, and nothing is open. */
static void fail(struct sandbox *s, int error, const char *why)
{
	_cleanup_free_ char *reason =
		xasprintf("squid was cut off from " DOCKER_NETWORK " (by `ip link`, say): %s", why);

	s->squid_port = 0;
	s->squid_is_cut = false;
	if (error != -ENODEV || !container_is_ending(&s->containers[DOCKER_ROLE_SQUID]))
		sandbox_fail(s, reason);
}

/* Its addresses are those of the network that its port has the number of: the network may be made
 * anew by another configuration. */
static bool has_its_addresses(const struct sandbox *s)
{
	const struct network v4 = parse(s->manager->config->egress_subnet);
	const struct network v6 = parse(s->manager->config->egress_subnet6);
	char port[IF_NAMESIZE];
	struct link_address a;
	unsigned number;

	if (!if_indextoname(s->squid_port, port) || sscanf(port, PORT_NAME, &number) != 1)
		return false;
	a = address_in(&v4, number);
	if (memcmp(a.address, &s->squid.address, sizeof(s->squid.address)) != 0)
		return false;
	a = address_in(&v6, number);
	return !s->squid.has_v6 ||
	       memcmp(a.address, &s->squid.address6, sizeof(s->squid.address6)) == 0;
}

static int plug_in_again(struct sandbox *s, struct err *e)
{
	return has_its_addresses(s)
		       ? link_plug_in_again(s->squid_port, DOCKER_NETWORK, e)
		       : err_set(e, -EADDRNOTAVAIL, ERR_SYSTEM,
				 "its addresses are not of %s, by [Egress] Subnet= in awfd.conf",
				 s->manager->config->egress_subnet);
}

static void end_mending(struct sandbox *s, const struct err *network)
{
	_cleanup_free_ char *text = network ? err_text(network) : NULL;
	_cleanup_err_ struct err e = { 0 };
	int r = network ? network->error : plug_in_again(s, &e);

	if (r < 0) {
		fail(s, r, text ? text : e.message);
		return;
	}
	s->squid_is_cut = false;
	sandbox_log(LOG_LEVEL_WARNING, s,
		    "somebody removed the engine's network " DOCKER_NETWORK
		    " (docker network prune?): it is made anew, and squid is on it again");
}

static void end_all_mending(struct manager *m, const struct err *e)
{
	for (struct sandbox *s = sandbox_first(m), *next; s; s = next) {
		next = sandbox_next(s);
		if (s->squid_is_cut && !s->destroying)
			end_mending(s, e);
	}
}

static void on_network(bool has_ipv6 _unused_, const struct err *e, void *userdata)
{
	struct manager *m = userdata;

	m->egress_mending = NULL;
	end_all_mending(m, e);
}

/* The bridge went, and with it what squid's port was one of. It is put down, for as long as it is
 * in no bridge, and waits for the next one. */
static int cut(struct sandbox *s, struct err *e)
{
	int r = link_plug_out(s->squid_port, e);

	s->squid_is_cut = r == 0;
	return r;
}

static int mend(struct sandbox *s, struct err *e)
{
	struct manager *m = s->manager;
	struct docker_network_spec spec = manager_network_spec(m);
	int r = cut(s, e);

	if (r == 0 && !m->egress_mending)
		m->egress_mending = docker_network_ensure(m->docker, &spec, on_network, m);
	return r;
}

/* A port that is open to the others is closed again; without one there is no way out, and a sandbox
 * that was granted one is none. */
static void check(struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	bool mended = false;
	int r = link_keep_isolated(s->squid_port, DOCKER_NETWORK, &mended, &e);

	if (r == -ENONET) {
		err_clear(&e);
		r = mend(s, &e);
	}
	if (r < 0)
		fail(s, r, e.message);
	else if (mended)
		sandbox_log(LOG_LEVEL_WARNING, s,
			    "somebody opened squid's port of " DOCKER_NETWORK
			    " to other containers: it is isolated again");
}

void sandbox_bridge_changed(struct manager *m, unsigned index)
{
	for (struct sandbox *s = sandbox_first(m), *next; s; s = next) {
		next = sandbox_next(s);
		if (s->squid_port != 0 && !s->squid_is_cut && !s->destroying &&
		    (index == LINK_WATCH_ALL || index == s->squid_port))
			check(s);
	}
}

/* --- With the next awfd --------------------------------------------------------------------------
 */

/* The bridge may have gone while no awfd was there: then it waits for the one that awfd makes
 * before it serves. An awfd that was killed while it plugged squid in again left the port down. */
int sandbox_bridge_adopt(struct sandbox *s, struct err *e)
{
	int pidfd = s->containers[DOCKER_ROLE_SQUID].pidfd, r;

	if (pidfd < 0)
		return 0;
	r = link_isolate_bridge_port(pidfd, SANDBOX_LINK_EGRESS, DOCKER_NETWORK, &s->squid_port, e);
	if (r == 0)
		return link_plug_in_again(s->squid_port, DOCKER_NETWORK, e);
	if (r != -ENONET)
		return r;
	err_clear(e);
	return cut(s, e);
}

void sandbox_bridge_network_made(struct manager *m, const struct err *e)
{
	bool is_away = e && e->kind == ERR_ENGINE && e->status == 0;

	if (!is_away)
		end_all_mending(m, e);
}
