/* Links of network namespaces: veth pairs made by rtnetlink (rtnetlink(7), veth(4)). Those between
 * two of a sandbox's namespaces have both ends born inside, so that none ever exists in the host's;
 * that of squid to the bridge has its other end there, as an isolated port. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/err.h"

struct link_end {
	int pidfd;        /* a process in the namespace */
	const char *name; /* of the interface inside the namespace */
	struct in_addr address;
};

/* Makes the pair, sets the alias on both ends (the sandbox's id), gives each its /32 address with
 * the other as peer (which makes the one host route), no IPv6 address, and sets them and nothing
 * else up. On failure nothing is left. */
int link_connect(const struct link_end *a, const struct link_end *b, const char *alias,
		 struct err *e) _must_check_;

/* Sets the namespace's loopback up, forwarding (IPv4 and IPv6) off, and checks that there is no
 * default route and no interface up but loopback. To be called before link_connect() and
 * link_plug_in(). */
int link_seal_namespace(int pidfd, struct err *e) _must_check_;

/* Gives the namespace's loopback an address more; one that it has already is success. */
int link_add_loopback(int pidfd, struct in_addr address, struct err *e) _must_check_;

/* Isolates the port of the host's bridge that the namespace's interface (an end of a veth pair) is
 * connected to: it exchanges packets with the bridge itself and no more with other isolated ports.
 * *ret_port is its index, also then: -ENONET when it is in no bridge, or there is none of that
 * name. -ENOTCONN when the other end is no port of that bridge, in the caller's namespace. */
int link_isolate_bridge_port(int pidfd, const char *interface, const char *bridge,
			     unsigned *ret_port, struct err *e) _must_check_;

/* An address of an interface, and the router behind it. */
struct link_address {
	int family;          /* AF_INET or AF_INET6 */
	uint8_t address[16]; /* network byte order; IPv4 uses the first four bytes */
	uint8_t gateway[16];
	unsigned bits; /* of the network that both are in */
};

/* What connects a namespace with a bridge of the host. */
struct link_plug {
	const char *bridge;
	const char *port;                     /* how the host's end is to be named */
	const char *interface;                /* and the end inside */
	const char *alias;                    /* of both */
	const struct link_address *addresses; /* of the end inside; the first is IPv4 */
	size_t address_count;
};

/* Makes a veth pair with one end inside, which gets the addresses, default routes by their gateways
 * and no other address, and the other in the host's namespace, as a port of the bridge that is
 * isolated before it goes up. Without the bridge the host answers nobody there (arp_ignore). The
 * hardware address inside is made from the IPv4 address, so that who knew that before knows it
 * still. *ret_port is the port's index. -EEXIST when the host has an interface of that name,
 * -ENOTUNIQ when something inside is in the way. On failure nothing is left. */
int link_plug_in(int pidfd, const struct link_plug *plug, unsigned *ret_port,
		 struct err *e) _must_check_;

/* Sets the port down, so that nothing comes or goes, until it is plugged in again. */
int link_plug_out(unsigned port, struct err *e) _must_check_;

/* Makes a port one of the bridge, isolated, and sets it up; what is one already stays so, and one
 * that is down is so still on failure. -ENODEV when there is no such bridge. */
int link_plug_in_again(unsigned port, const char *bridge, struct err *e) _must_check_;

/* Removes the port with that alias, and with it the other end; without one it is done. The kernel
 * keeps its caller waiting for some 20 ms. 0 or -errno. */
int link_plug_remove(const char *alias) _must_check_;

/* Isolates that port again if it is not (*ret_mended). -ENODEV when it is gone, -ENOTCONN when it
 * is no port of the bridge any more, -ENONET when that is because there is no bridge. */
int link_keep_isolated(unsigned index, const char *bridge, bool *ret_mended,
		       struct err *e) _must_check_;
