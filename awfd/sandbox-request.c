/* From a request to a sandbox that may be: what it asks for is checked, allowed and charged for. */
#include "awfd/sandbox-internal.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "awfd/config.h"
#include "awfd/difc-target.h"
#include "awfd/environment.h"
#include "awfd/host-view.h"
#include "awfd/image-reference.h"
#include "awfd/names.h"
#include "awfd/sandbox-name.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/home.h"
#include "common/strv.h"

/* How long the start waits for the DIFC proxy. */
static int check_difc_wait(struct sandbox *s, const struct start_request *r, struct err *e)
{
	_cleanup_free_ char *value = xasprintf("%" PRId64, r->difc_wait);

	s->difc_wait_ms = s->config->difc_wait_s * 1000;
	if (r->difc_wait == FIELD_INT_ABSENT)
		return 0;
	if (!s->has_difc)
		return err_invalid(e, "difcWait", value,
				   "there is no DIFC proxy to wait for; name it, too");
	if (r->difc_wait < 0 || r->difc_wait > DIFC_PROBE_WAIT_MAX_S)
		return err_invalid(e, "difcWait", value, "is not between 0 and %d seconds",
				   DIFC_PROBE_WAIT_MAX_S);
	s->difc_wait_ms = (uint64_t)r->difc_wait * 1000;
	return 0;
}

static int check_difc(struct sandbox *s, const struct start_request *r, struct err *e)
{
	int error;

	if (!r->difc_proxy_host && !r->difc_proxy_ca_cert)
		return 0;
	error = difc_target_parse(r->difc_proxy_host, r->difc_proxy_ca_cert, &s->difc, e);
	if (error < 0)
		return error;
	s->has_difc = true;
	s->has_redirects = strv_length(s->config->redirect_hosts) > 0;
	return 0;
}

/* What all its containers may use, from now until its job is over. */
static struct quota_amounts amounts_of(const struct sandbox *s)
{
	struct quota_amounts amounts = { .of = { [QUOTA_SANDBOXES] = 1 } };

	sandbox_limits(s, &amounts.of[QUOTA_MEMORY], &amounts.of[QUOTA_PIDS]);
	return amounts;
}

static struct quota_account *account_of(const struct sandbox *s)
{
	const struct manager *m = s->manager;

	return quota_open(m->quota, s->owner.uid, quota_limits_of(m, &s->owner));
}

static int charge(struct sandbox *s, struct err *e)
{
	struct quota_amounts wanted = amounts_of(s);
	struct quota_account *account = account_of(s);
	int r;

	wanted.of[QUOTA_STARTS] = 1;
	r = quota_charge(&s->charge, account, &wanted, clock_ms(), e);
	quota_close(account);
	return r;
}

void sandbox_charge_anyway(struct sandbox *s)
{
	const struct quota_amounts used = amounts_of(s);
	struct quota_account *account = account_of(s);

	quota_charge_anyway(&s->charge, account, &used);
	quota_close(account);
}

static int check_limits(struct sandbox *s, const struct start_request *r, struct err *e)
{
	int error = policy_of_peer(s->config->policy, s->manager->names, &s->owner, &s->policy, e);

	return error < 0 ? error : job_limits_take(r, s->config, s->policy, &s->limits, e);
}

static int check_request(struct sandbox *s, const struct start_request *r, struct err *e)
{
	int error;

	if (!r->command || !r->command[0])
		return err_invalid(e, "command", NULL, "is empty");
	if (*r->command[0] == '\0')
		return err_invalid(e, "command", "", "the program's name is empty");
	if (r->workdir && r->workdir[0] != '/')
		return err_invalid(e, "workdir", r->workdir, "is not an absolute path");
	if (r->image && *r->image == '\0')
		return err_invalid(e, "image", r->image, "is empty");
	error = environment_check(r->environment, e);
	if (error == 0)
		error = sandbox_images_check(s, r, e);
	if (error == 0)
		error = check_difc(s, r, e);
	if (error == 0)
		error = check_difc_wait(s, r, e);
	if (error == 0)
		error = mount_specs_parse("mounts", r->mounts, &s->mounts, e);
	if (error == 0)
		error = check_limits(s, r, e);
	return error < 0 ? error : egress_check(r, s->config, &s->egress, e);
}

static void make_environment(struct sandbox *s)
{
	char address[INET_ADDRSTRLEN];
	struct in_addr cli = config_address(s->config, SANDBOX_HOST_CLI);
	char proxy[INET_ADDRSTRLEN];
	struct in_addr squid = config_address(s->config, SANDBOX_HOST_SQUID);
	struct environment_input in = { .requested = s->request.environment,
					.user = s->user,
					.home = s->home };

	inet_ntop(AF_INET, &cli, address, sizeof(address));
	if (s->has_difc)
		in.cli_proxy_address = address;
	inet_ntop(AF_INET, &squid, proxy, sizeof(proxy));
	if (s->egress.wanted)
		in.squid_address = proxy;
	if (s->has_difc && sandbox_has_host_view(s))
		in.programs = HOST_VIEW_PROGRAMS;
	in.host_access = s->egress.host_ports.count > 0;
	s->environment = environment_of_agent(&in, &s->dropped);
}

static int choose_image(struct sandbox *s, const struct start_request *r, struct err *e)
{
	s->image = image_reference_normalize(r->image ? r->image : s->config->image_agent);
	s->home = home_in_sandbox(s->user, s->owner.uid);
	return sandbox_host_view_add(s, r, e);
}

/* The object with what the request says of it, as long as that can be granted at all. */
static int sandbox_of_request(struct manager *m, const struct peer *owner,
			      const struct start_request *request, struct sandbox **ret,
			      struct err *e)
{
	struct sandbox *s = sandbox_alloc(m, NULL);
	int r;

	s->owner = peer_copy(owner);
	r = check_request(s, request, e);
	if (r == 0)
		r = names_user(m->names, owner->uid, &s->user, e);
	if (r == 0)
		r = choose_image(s, request, e);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int check_policy(const struct sandbox *s, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };

	sandbox_decide(s, &decisions);
	return policy_decisions_result(&decisions, e);
}

int sandbox_new(struct manager *m, const struct peer *owner, struct start_request *request,
		struct sandbox **ret, struct err *e)
{
	struct sandbox *s;
	int r = sandbox_of_request(m, owner, request, &s, e);

	if (r < 0)
		return r;
	r = check_policy(s, e);
	if (r == 0)
		r = sandbox_name_check(m, owner->uid, request->name, e);
	if (r == 0)
		r = charge(s, e);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	s->request = *request;
	memset(request, 0, sizeof(*request));
	make_environment(s);
	pool_serve(m->pool, s);
	*ret = s;
	return 0;
}

int sandbox_check(struct manager *m, const struct peer *owner, const struct start_request *request,
		  struct policy_decisions *ret, struct err *e)
{
	struct sandbox *s;
	int r = sandbox_of_request(m, owner, request, &s, e);

	if (r < 0)
		return r;
	sandbox_decide(s, ret);
	sandbox_free(s);
	return 0;
}
