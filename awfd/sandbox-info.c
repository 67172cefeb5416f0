/* What a sandbox says of itself. */
#include "awfd/sandbox-internal.h"

#include "awfd/config.h"
#include "common/alloc.h"
#include "common/strv.h"
#include "common/timestamp.h"

const char *sandbox_state_name(enum sandbox_state state)
{
	static const char *const names[] = {
		[SANDBOX_CREATING] = "creating", [SANDBOX_PREPARED] = "prepared",
		[SANDBOX_RUNNING] = "running",   [SANDBOX_DESTROYING] = "destroying",
		[SANDBOX_EXITED] = "exited",
	};

	return names[state];
}

const char *sandbox_id(const struct sandbox *s)
{
	return s->id;
}

uid_t sandbox_owner(const struct sandbox *s)
{
	return s->owner.uid;
}

enum sandbox_state sandbox_state(const struct sandbox *s)
{
	return s->state;
}

bool sandbox_is_kept(const struct sandbox *s)
{
	return s->state == SANDBOX_RUNNING && s->command_ended;
}

bool sandbox_is_over(const struct sandbox *s)
{
	return s->over || s->state == SANDBOX_EXITED;
}

bool sandbox_tty(const struct sandbox *s)
{
	return s->request.tty;
}

char *const *sandbox_dropped_environment(const struct sandbox *s)
{
	return s->dropped;
}

bool sandbox_has_cli_proxy(const struct sandbox *s)
{
	return s->has_difc;
}

bool sandbox_has_egress(const struct sandbox *s)
{
	return s->egress.wanted;
}

bool sandbox_has_redirects(const struct sandbox *s)
{
	return s->has_redirects;
}

/* Redirects have a squid for them alone, if need be. */
bool sandbox_has_squid(const struct sandbox *s)
{
	return sandbox_has_egress(s) || sandbox_has_redirects(s);
}

bool sandbox_has_mounts(const struct sandbox *s)
{
	return s->mounts.count > 0;
}

bool sandbox_has_relay(const struct sandbox *s)
{
	return s->has_difc || s->egress.host_ports.count > 0;
}

void sandbox_limits(const struct sandbox *s, uint64_t *memory, uint64_t *pids)
{
	const struct docker_spec spec = { .memory_bytes = s->limits.memory,
					  .pids = s->limits.pids,
					  .cli_proxy_limits = &s->config->gh };
	const bool has[DOCKER_ROLE_COUNT] = { [DOCKER_ROLE_PAUSE] = true,
					      [DOCKER_ROLE_SQUID] = sandbox_has_squid(s),
					      [DOCKER_ROLE_CLI_PROXY] = sandbox_has_cli_proxy(s),
					      [DOCKER_ROLE_AGENT] = true };

	*memory = *pids = 0;
	for (unsigned role = 0; role < DOCKER_ROLE_COUNT; role++) {
		if (!has[role])
			continue;
		*memory += docker_spec_memory(&spec, role);
		*pids += docker_spec_pids(&spec, role);
	}
}

const struct nft_squid *sandbox_squid(const struct sandbox *s)
{
	return s->squid_known ? &s->squid : NULL;
}

static struct step_record current_step(const struct sandbox *s, unsigned i)
{
	if (s->step_count > 0)
		return s->steps[i];
	if (s->plan && !s->destroying)
		return (struct step_record){ .name = sandbox_create_plan_step(i),
					     .state = plan_step_state(s->plan, i),
					     .elapsed_us = plan_step_elapsed_us(s->plan, i) };
	return (struct step_record){ .name = sandbox_create_plan_step(i) };
}

struct step_info **sandbox_describe_steps(const struct sandbox *s)
{
	unsigned n = sandbox_create_plan_length();
	struct step_info **steps = xcalloc(n + 1, sizeof(*steps));

	for (unsigned i = 0; i < n; i++) {
		struct step_record record = current_step(s, i);

		steps[i] = xnew(struct step_info);
		*steps[i] =
			(struct step_info){ .name = xstrdup(record.name),
					    .state = xstrdup(plan_step_state_name(record.state)),
					    .elapsed_us = record.elapsed_us };
	}
	return steps;
}

char **sandbox_mounts_asked(const struct sandbox *s)
{
	return s->request.mounts ? strv_copy(s->request.mounts) : NULL;
}

char **sandbox_masked(const struct sandbox *s)
{
	return s->masked ? strv_copy(s->masked) : NULL;
}

void sandbox_describe(const struct sandbox *s, struct sandbox_info *ret)
{
	*ret = (struct sandbox_info){
		.id = xstrdup(s->id),
		.name = xstrdup(s->request.name),
		.state = xstrdup(sandbox_is_kept(s) ? "kept" : sandbox_state_name(s->state)),
		.owner_uid = s->ahead ? -1 : (int64_t)s->owner.uid,
		.owner = xstrdup(s->user),
		.image = xstrdup(s->image),
		.command = strv_copy(s->request.command),
		.created_at = timestamp_of_seconds(s->created_s),
		.difc_proxy = s->has_difc && !s->ahead ? difc_address_format(&s->difc) : NULL,
		.exit_code = s->exit_code,
		.oom_killed = s->oom_killed,
		.reason = xstrdup(s->reason),
		.left = xstrdup(s->left),
		.pool = xstrdup(s->pool),
	};
}

void sandbox_result(const struct sandbox *s, struct wait_reply *ret)
{
	*ret = (struct wait_reply){ .exit_code = s->exit_code,
				    .oom_killed = s->oom_killed,
				    .memory_limit = s->oom_killed ? (int64_t)s->limits.memory
								  : FIELD_INT_ABSENT,
				    .reason = xstrdup(s->reason) };
}
