#include "tests/unit/outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const outside_addresses[] = {
	OUTSIDE_PUBLIC4,   OUTSIDE_DNS4,       OUTSIDE_GRANT4,  "10.1.2.4",    "100.64.0.9",
	"169.254.169.254", "172.16.9.9",       "172.31.255.9",  "192.0.0.9",   "192.168.7.7",
	"198.19.0.9",      "240.0.0.9",        OUTSIDE_PUBLIC6, OUTSIDE_DNS6,  OUTSIDE_GRANT6,
	"fd00::8",         "64:ff9b::a01:203", "64:ff9b:1::9",  "2001:0:1::9", "2002:a01:203::9",
	"fec0::9",         "::10.1.2.9",       "9.255.255.9",   "100.128.0.9", "172.32.0.9",
	"2001:1::9",       "198.20.0.9",       "11.0.0.9",
};
const size_t outside_address_count = ARRAY_SIZE(outside_addresses);

const struct outside_target outside_targets[] = {
	{ "tcp", OUTSIDE_PUBLIC4, 80, true },
	{ "tcp", OUTSIDE_PUBLIC4, 443, true },
	{ "tcp", OUTSIDE_PUBLIC4, 8080, false },
	{ "tcp", OUTSIDE_PUBLIC4, 53, false },
	{ "udp", OUTSIDE_PUBLIC4, 53, false },
	{ "udp", OUTSIDE_PUBLIC4, 443, false },
	{ "tcp", OUTSIDE_DNS4, 53, true },
	{ "udp", OUTSIDE_DNS4, 53, true },
	{ "udp", OUTSIDE_DNS4, 443, false },
	{ "tcp", OUTSIDE_DNS4, 8443, false },
	{ "tcp", OUTSIDE_PUBLIC6, 80, true },
	{ "tcp", OUTSIDE_PUBLIC6, 443, true },
	{ "tcp", OUTSIDE_PUBLIC6, 8080, false },
	{ "udp", OUTSIDE_PUBLIC6, 53, false },
	{ "tcp", OUTSIDE_DNS6, 53, true },
	{ "udp", OUTSIDE_DNS6, 53, true },
	{ "tcp", OUTSIDE_GRANT4, 8443, true },
	{ "tcp", OUTSIDE_GRANT4, 443, false },
	{ "udp", OUTSIDE_GRANT4, 443, false },
	{ "tcp", "10.1.2.4", 8443, false },
	{ "tcp", OUTSIDE_GRANT6, 8443, true },
	{ "tcp", OUTSIDE_GRANT6, 80, false },
	{ "tcp", "fd00::8", 8443, false },
	/* each private network, on a port that is open to the world */
	{ "tcp", "10.1.2.4", 80, false },
	{ "tcp", "100.64.0.9", 80, false },
	{ "tcp", "169.254.169.254", 80, false },
	{ "tcp", "172.16.9.9", 80, false },
	{ "tcp", "172.31.255.9", 443, false },
	{ "tcp", "192.0.0.9", 80, false },
	{ "tcp", "192.168.7.7", 443, false },
	{ "tcp", "198.19.0.9", 80, false },
	{ "tcp", "240.0.0.9", 80, false },
	{ "tcp", "fd00::8", 443, false },
	{ "tcp", "64:ff9b::a01:203", 80, false },
	{ "tcp", "64:ff9b:1::9", 80, false },
	{ "tcp", "2001:0:1::9", 80, false },
	{ "tcp", "2002:a01:203::9", 80, false },
	{ "tcp", "fec0::9", 80, false },
	{ "tcp", "::10.1.2.9", 80, false },
	/* and what is right beside them */
	{ "tcp", "9.255.255.9", 80, true },
	{ "tcp", "11.0.0.9", 443, true },
	{ "tcp", "100.128.0.9", 80, true },
	{ "tcp", "172.32.0.9", 80, true },
	{ "tcp", "198.20.0.9", 80, true },
	{ "tcp", "2001:1::9", 443, true },
};
const size_t outside_target_count = ARRAY_SIZE(outside_targets);

static const uint16_t tcp_ports[OUTSIDE_PORTS] = { 53, 80, 443, 8080, 8443 };
static const uint16_t udp_ports[OUTSIDE_UDP_PORTS] = { 53, 443 };

static void add_address(const struct place *p, const char *host)
{
	if (shell(p->pidfd, "ip addr add %s/%d dev lo %s", host, strchr(host, ':') ? 128 : 32,
		  strchr(host, ':') ? "nodad" : "") != 0) {
		fprintf(stderr, "cannot have %s\n", host);
		abort();
	}
}

struct outside outside_new(void)
{
	struct outside o = { .place = place_new() };

	if (shell(o.place.pidfd, "ip link set lo up") != 0)
		abort();
	for (size_t i = 0; i < outside_address_count; i++)
		add_address(&o.place, outside_addresses[i]);
	for (size_t i = 0; i < OUTSIDE_PORTS; i++)
		o.tcp[i] = tcp_listen(o.place.pidfd, "::", tcp_ports[i]);
	for (size_t i = 0; i < OUTSIDE_UDP_PORTS; i++)
		o.udp[i] = udp_bind(o.place.pidfd, "::", udp_ports[i]);
	return o;
}

void outside_end(struct outside *o)
{
	for (size_t i = 0; i < OUTSIDE_PORTS; i++)
		close(o->tcp[i]);
	for (size_t i = 0; i < OUTSIDE_UDP_PORTS; i++)
		close(o->udp[i]);
	place_end(&o->place);
}

bool outside_reached(const struct outside *o, int from, const struct outside_target *t)
{
	if (strcmp(t->protocol, "tcp") == 0)
		return tcp_reaches(from, t->host, t->port);
	return udp_reaches(from, t->host, t->port, o->udp[t->port == udp_ports[1]]);
}
