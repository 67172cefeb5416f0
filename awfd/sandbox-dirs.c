/* A sandbox's runtime directory, /run/awfd/sandboxes/<id>/: what its containers mount. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "awfd/config.h"
#include "awfd/difc-ca.h"
#include "awfd/docker-spec.h"
#include "common/alloc.h"
#include "common/file.h"

#define CA_BUNDLE_MAX (4 * 1024 * 1024)

char *sandbox_dirs_cli_proxy(const struct sandbox *s)
{
	return xasprintf("%s/cli-proxy", s->directory);
}

char *sandbox_dirs_agent(const struct sandbox *s)
{
	return xasprintf("%s/agent", s->directory);
}

/* gh speaks with the DIFC proxy alone, and so trusts no CA but its own, unless it may follow a
 * redirect. That is also faster: gh reads all of them at each start. The caller owns the text; NULL
 * when there is none. */
static char *system_cas(const struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	char *text = NULL;

	if (sandbox_has_redirects(s) && s->config->ca_bundle &&
	    file_read(s->config->ca_bundle, CA_BUNDLE_MAX, &text, NULL, &e) < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "no system CA certificates for cli-proxy: %s",
			    e.message);
	return text;
}

static int write_ca_bundle(const struct sandbox *s, const char *directory, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/" DOCKER_SPEC_CA_BUNDLE, directory);
	_cleanup_free_ char *system = system_cas(s);
	_cleanup_free_ char *bundle = difc_ca_bundle(system, s->request.difc_proxy_ca_cert);

	return file_write_atomic(path, 0644, bundle, strlen(bundle), e);
}

/* --- Names: hosts(5) and resolv.conf(5), without a resolver --------------------------------------
 */

static const char *const localhosts = "127.0.0.1\tlocalhost\n"
				      "::1\tlocalhost ip6-localhost ip6-loopback\n";

/* Nothing listens there, so that a lookup fails at once. */
static const char *const no_resolver = "search .\nnameserver 127.0.0.1\n";

static int write_text(const char *directory, const char *name, const char *text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);

	return file_write_atomic(path, 0644, text, strlen(text), e);
}

static int write_names(const char *directory, const char *hosts, struct err *e)
{
	int r = write_text(directory, DOCKER_SPEC_HOSTS, hosts, e);

	return r < 0 ? r : write_text(directory, DOCKER_SPEC_RESOLV_CONF, no_resolver, e);
}

/* With the host's, if a port of it is granted. */
static int write_agent_names(const struct sandbox *s, const char *directory, struct err *e)
{
	struct in_addr address = config_address(s->config, SANDBOX_HOST_HOST);
	char text[INET_ADDRSTRLEN];
	_cleanup_free_ char *hosts = NULL;

	if (s->egress.host_ports.count == 0)
		return write_names(directory, localhosts, e);
	hosts = xasprintf("%s%s\t" SANDBOX_RELAY_HOST_NAME "\n", localhosts,
			  inet_ntop(AF_INET, &address, text, sizeof(text)));
	return write_names(directory, hosts, e);
}

/* --- The directories -----------------------------------------------------------------------------
 */

/* For a sidecar alone: what is in there tells of the job. */
static int make_for(gid_t sidecar, const char *path, struct err *e)
{
	int r = file_mkdir(path, 0750, e);

	if (r == 0 && chown(path, (uid_t)-1, sidecar) < 0)
		r = err_system(e, -errno, "cannot give %s to group %u", path, (unsigned)sidecar);
	return r;
}

int sandbox_dirs_make(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *squid = sandbox_squid_directory(s);
	_cleanup_free_ char *cli_proxy = sandbox_dirs_cli_proxy(s);
	_cleanup_free_ char *agent = sandbox_dirs_agent(s);
	int r = file_mkdir(s->directory, 0711, e);

	if (r == 0 && sandbox_has_squid(s))
		r = make_for(SANDBOX_SQUID_ID, squid, e);
	if (r == 0 && sandbox_has_squid(s) && !s->taken)
		r = write_names(squid, localhosts, e);
	if (r == 0 && sandbox_has_cli_proxy(s))
		r = make_for(SANDBOX_CLI_ID, cli_proxy, e);
	if (r == 0 && sandbox_has_cli_proxy(s) && !s->taken)
		r = write_names(cli_proxy, localhosts, e);
	if (r == 0 && sandbox_has_cli_proxy(s) && !s->ahead)
		r = write_ca_bundle(s, cli_proxy, e);
	if (r == 0 && !s->ahead)
		r = file_mkdir(agent, 0700, e); /* the engine enters it, and nobody else */
	if (r == 0 && !s->ahead)
		r = write_agent_names(s, agent, e);
	return r;
}

int sandbox_dirs_remove(struct sandbox *s, struct err *e)
{
	int r = sandbox_mounts_remove(s, e);

	return r < 0 ? r : file_remove_tree(s->directory, e);
}
