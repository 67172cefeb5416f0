/* squid's configuration, from what a sandbox was granted. Pure: all of what squid decides by is in
 * here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "awfd/domain.h"
#include "common/cleanup.h"

#define SQUID_PORT_NUMBER 3128

/* Paths in squid's container. */
#define SQUID_PATH_HOSTS "/etc/awf/pins"
#define SQUID_PATH_LOG   "/run/awf/access.log"

/* A proxy that squid chains through. user and password may be NULL. */
struct squid_upstream {
	const char *address; /* literal: of a name, the pinned one */
	uint16_t port;
	const char *user, *password;
	const struct domain_list *no_proxy; /* what is reached directly; may be NULL */
};

/* Strings are literal addresses where nothing else is said. Lists may be NULL: empty. */
struct squid_config {
	const char *listen;    /* squid's own on the agent's link */
	const char *agent;     /* who may use the grants */
	const char *cli_proxy; /* who may use redirect_hosts; NULL: nobody */
	const struct domain_list *allow;
	const struct domain_list *block;
	const struct domain_list *redirect_hosts;
	char *const *private_names; /* exact lower-case names that may have private addresses */
	char *const *dns_servers;
	const struct squid_upstream *upstream; /* NULL: none */
};

/* The text of squid.conf. The caller owns it. */
char *squid_config_text(const struct squid_config *c) _must_check_;

/* A name whose address was found, and checked, when the sandbox was made. */
struct squid_pin {
	const char *name;
	const char *address;
};

/* The text of squid's hosts file. The caller owns it. */
char *squid_hosts_text(const struct squid_config *c, const struct squid_pin *pins,
		       size_t count) _must_check_;
