/* Whether the DIFC proxy can be reached: itself, before anything is created, then as the sandbox's
 * gh will see it. Whatever there is to wait for, the two have one time to wait. */
#include "awfd/sandbox-internal.h"

#include "awfd/config.h"
#include "common/alloc.h"
#include "common/clock.h"

/* Meanwhile the pool may be filled. */
static void set_waiting(struct sandbox *s, bool waits)
{
	if (s->waits_for_difc == waits)
		return;
	s->waits_for_difc = waits;
	pool_wake(s->manager->pool);
}

static void on_waiting(const struct err *e, void *userdata)
{
	sandbox_turn_over(userdata);
	set_waiting(userdata, true);
	sandbox_tell(userdata, SANDBOX_WAITING, &(struct sandbox_news){ .error = e });
}

static uint64_t wait_left(const struct sandbox *s)
{
	uint64_t now = clock_ms();

	return now < s->difc_wait_end ? s->difc_wait_end - now : 0;
}

static void on_reached(const struct sockaddr_storage *address, const struct err *e, void *userdata)
{
	struct sandbox *s = userdata;

	s->probe = NULL;
	set_waiting(s, false);
	if (!e)
		s->relay_grant.difc = *address;
	sandbox_probe_ended(s, false, e);
}

static void on_lives(const struct sockaddr_storage *address _unused_, const struct err *e,
		     void *userdata)
{
	struct sandbox *s = userdata;
	_cleanup_err_ struct err named = { 0 };

	s->probe = NULL;
	set_waiting(s, false);
	if (e) {
		err_copy(&named, e);
		(void)err_wrap(&named, "through the relay");
	}
	sandbox_probe_ended(s, true, e ? &named : NULL);
}

/* Live: with cli-proxy's pidfd as network, the relay is asked instead of the proxy itself. */
int sandbox_probe_start(struct sandbox *s, bool live, struct err *e)
{
	struct manager *m = s->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-difc-probe", s->config->helper_directory);
	struct difc_probe_spec spec = {
		.path = path,
		.uid = m->probe_uid,
		.gid = m->probe_gid,
		.address = &s->difc,
		.ca_pem = s->request.difc_proxy_ca_cert,
		.network = live ? s->containers[DOCKER_ROLE_CLI_PROXY].pidfd : -EBADF,
		.live = live,
		.timeout_ms = s->config->probe_timeout_ms,
	};

	if (!live)
		s->difc_wait_end = clock_ms() + s->difc_wait_ms;
	spec.wait_ms = wait_left(s);
	return difc_probe_start(m->base, &spec, on_waiting, live ? on_lives : on_reached, s,
				&s->probe, e);
}

void sandbox_probe_cancel(struct sandbox *s)
{
	difc_probe_cancel(TAKE_PTR(s->probe));
}
