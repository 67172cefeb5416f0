/* The name servers that squids ask: the host's own, or those a request names. Pure but for
 * resolvers_of_host(). */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

#define RESOLVERS_MAX 8 /* of one sandbox; squid asks them in turn */

/* Checks addresses that a user named ("8.8.8.8,2001:4860:4860::8888" or one each) and appends them,
 * in canonical form, to *ret (strv). Refused: what is no address, loopback (that of squid itself),
 * link-local, multicast, more than RESOLVERS_MAX. */
int resolvers_parse(const char *field, char *const *texts, char ***ret, struct err *e) _must_check_;

/* The usable `nameserver` lines of a resolv.conf(5), as resolvers_parse() takes them; others are
 * passed over. NULL when there are none. The caller owns it. */
char **resolvers_from_conf(const char *text) _must_check_;

/* The host's upstream servers: of /etc/resolv.conf, or, when that names a stub on loopback, of the
 * file in which systemd-resolved writes its servers. An error says what to configure. */
int resolvers_of_host(const char *root, char ***ret, struct err *e) _must_check_;

/* The address as text, into a buffer of INET6_ADDRSTRLEN bytes. */
void resolvers_format(const struct sockaddr_storage *address, char *text);

/* A literal address with a port. -EINVAL when it is none. */
int resolvers_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret) _must_check_;
