/* Point-to-point links between two network namespaces: veth pairs made by rtnetlink (rtnetlink(7),
 * veth(4)) with both ends born inside their namespaces, so that none ever exists in the host's. */
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
 * default route and no interface up but loopback. To be called before link_connect(). */
int link_seal_namespace(int pidfd, struct err *e) _must_check_;

/* The same for squid's namespace, which the engine has connected already: the interface must be
 * there, may be up, and default routes may lead through it alone. */
int link_seal_egress_namespace(int pidfd, const char *interface, struct err *e) _must_check_;

/* Gives the namespace's loopback an address more; one that it has already is success. */
int link_add_loopback(int pidfd, struct in_addr address, struct err *e) _must_check_;

/* Isolates the port of the host's bridge that the namespace's interface (an end of a veth pair) is
 * connected to: it exchanges packets with the bridge itself and no more with other isolated ports.
 * *ret_port is its index. -ENOTCONN when the other end is no port of that bridge, in the caller's
 * namespace. */
int link_isolate_bridge_port(int pidfd, const char *interface, const char *bridge,
			     unsigned *ret_port, struct err *e) _must_check_;

/* Isolates that port again if it is not (*ret_mended). -ENODEV when it is gone, -ENOTCONN when it
 * is no port of the bridge any more. */
int link_keep_isolated(unsigned index, const char *bridge, bool *ret_mended,
		       struct err *e) _must_check_;
