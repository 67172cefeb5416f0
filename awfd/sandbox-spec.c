/* What a sandbox's containers are created from: its own values, and those of the configuration that
 * it was asked for with. */
#include "awfd/sandbox-internal.h"

#include <unistd.h>

#include "awfd/config.h"
#include "awfd/environment.h"
#include "common/alloc.h"

struct json_object *sandbox_container_spec(struct sandbox *s, enum docker_role role)
{
	const struct config *c = s->config;
	_cleanup_free_ char *cli_proxy_directory = sandbox_dirs_cli_proxy(s);
	_cleanup_free_ char *agent_directory = sandbox_dirs_agent(s);
	_cleanup_free_ char *hold = xasprintf("%s/awf-hold", c->helper_directory);
	_cleanup_free_ char *gh = xasprintf("%s/awf-gh", c->helper_directory);
	_cleanup_free_ char *squid_directory = sandbox_squid_directory(s);
	_cleanup_free_ char *squid_log = sandbox_logs_source(s, SANDBOX_LOG_SQUID);
	_cleanup_free_ char *cli_proxy_log = sandbox_logs_source(s, SANDBOX_LOG_GH);
	_cleanup_free_ char *squid_url = sandbox_squid_url(s);
	struct docker_spec spec = {
		.id = s->id,
		.uid = s->owner.uid,
		.gid = s->owner.gid,
		.pause_image = c->image_pause,
		.cli_proxy_image = c->image_cli_proxy,
		.agent_image = s->image_content.id,
		.volumes = s->image_content.volumes,
		.host_view = sandbox_has_host_view(s),
		.cgroup_parent = c->cgroup_parent,
		.command = s->request.command,
		.environment = s->environment,
		.workdir = sandbox_workdir(s),
		.tty = s->request.tty,
		.open_stdin = s->request.open_stdin,
		.stdin_stays = s->request.tty && !s->request.lease,
		.memory_bytes = s->limits.memory,
		.pids = s->limits.pids,
		.nano_cpus = s->limits.nano_cpus,
		.home = s->home,
		.ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0,
		.difc = s->has_difc,
		.difc_port = s->difc.port,
		.cli_proxy_directory = cli_proxy_directory,
		.agent_directory = agent_directory,
		.hold_path = s->ahead ? hold : NULL,
		.squid_hold_path = sandbox_squid_waits(s) ? hold : NULL,
		.gh_path = gh,
		.github_repository = environment_repository(s->request.environment),
		.cli_proxy_limits = &c->gh,
		.squid_image = c->image_squid,
		.squid_directory = squid_directory,
		.squid_log = squid_log,
		.cli_proxy_log = cli_proxy_log,
		.redirect_proxy = sandbox_has_redirects(s) ? squid_url : NULL,
	};

	struct docker_mount *mounts = sandbox_mounts_list(s, &spec.mount_count);
	struct json_object *container;

	spec.mounts = mounts;
	container = docker_spec_container(&spec, role);
	sandbox_mounts_list_free(mounts, spec.mount_count);
	return container;
}
