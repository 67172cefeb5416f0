#include "awfd/manager.h"

#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

#include "awfd/audit.h"
#include "awfd/broker.h"
#include "awfd/config.h"
#include "awfd/docker.h"
#include "awfd/engine-watch.h"
#include "awfd/fd-store.h"
#include "awfd/host-ipv6.h"
#include "awfd/image-pulls.h"
#include "awfd/link-watch.h"
#include "awfd/lock.h"
#include "awfd/log-tail.h"
#include "awfd/metrics-file.h"
#include "awfd/metrics.h"
#include "awfd/names.h"
#include "awfd/network.h"
#include "awfd/nflog.h"
#include "awfd/nft-watch.h"
#include "awfd/nft.h"
#include "awfd/notify.h"
#include "awfd/policy.h"
#include "awfd/pool.h"
#include "awfd/quota.h"
#include "awfd/reconcile.h"
#include "awfd/relay-targets.h"
#include "awfd/sandbox.h"
#include "awfd/server.h"
#include "awfd/start-queue.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strv.h"

/* How long ending all sandboxes may take at SIGTERM: less than the 10 s that runners grant. */
#define STOP_TIMEOUT_S 8

/* How long the host's name services have for an answer, how long it counts (a new member of a
 * section waits as long for it to count), and when one that did not answer is asked again. */
#define NAMES_TIMEOUT_MS 10000
#define NAMES_FRESH_MS   60000
#define NAMES_RETRY_MS   5000

/* Starting a container keeps a processor busy, but for some waiting, in which one more start goes
 * on. */
static unsigned starts_at_once(void)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)MAX(processors, 1) + 1;
}

static void end_loop(struct manager *m)
{
	event_base_loopbreak(m->base);
}

/* How many sandboxes the end waits for: those that stay do not count. */
static unsigned count_to_end(struct manager *m)
{
	unsigned n = 0;

	for (struct sandbox *s = sandbox_first(m); s; s = sandbox_next(s))
		n += sandbox_state(s) != SANDBOX_EXITED &&
		     !(m->leaving && sandbox_state(s) == SANDBOX_RUNNING);
	return n;
}

void manager_at_rest(void)
{
	(void)malloc_trim(0);
}

void manager_sandbox_gone(struct manager *m)
{
	manager_update_status(m);
	if (sandbox_count_alive(m) == 0)
		manager_at_rest();
	if (m->stopping && count_to_end(m) == 0)
		end_loop(m);
}

void manager_update_status(struct manager *m)
{
	notify_sandboxes(m->notify, sandbox_count_alive(m));
	metrics_file_changed(m->metrics_file);
}

/* With `leaving`, those that run stay for the next awfd. */
static void begin_stop(struct manager *m, bool leaving)
{
	struct timeval tv = { .tv_sec = STOP_TIMEOUT_S };

	m->stopping = true;
	m->leaving = leaving;
	log_info("stopping: ending %u of %u sandboxes", count_to_end(m), sandbox_count_alive(m));
	notify_stopping(m->notify);
	server_stop(m->server);
	event_add(m->stop_timeout, &tv);
	for (struct sandbox *s = sandbox_first(m), *next; s; s = next) {
		next = sandbox_next(s);
		if (!leaving || sandbox_state(s) == SANDBOX_CREATING || sandbox_prepared_part(s))
			sandbox_destroy(s, "awfd is stopping");
	}
	manager_sandbox_gone(m);
}

static void on_stop_signal(evutil_socket_t number, short what _unused_, void *userdata)
{
	struct manager *m = userdata;

	log_info("received SIG%s", sigabbrev_np((int)number));
	if (m->stopping)
		end_loop(m);
	else
		begin_stop(m, number == SIGTERM && m->config->stop_jobs != CONFIG_YES);
}

static void on_named(void *userdata)
{
	struct manager *m = userdata;
	_cleanup_strv_ char **doubts = policy_rules_doubts(m->config->policy, m->names);

	m->naming = NULL;
	for (char **doubt = doubts; doubt && *doubt; doubt++)
		log_warning("%s", *doubt);
}

/* Has the users and groups that the policy is about looked up, ahead of the first start. */
static void look_up_named(struct manager *m)
{
	size_t count;
	_cleanup_free_ struct name_key *keys = policy_rules_names(m->config->policy, &count);

	names_cancel(m->naming);
	m->naming = names_await(m->names, keys, count, on_named, m);
	if (!m->naming)
		on_named(m);
}

static void warn_kept(char *const *kept)
{
	for (; kept && *kept; kept++)
		log_warning("%s changed, which counts only after a restart", *kept);
}

static void on_network(bool has_ipv6 _unused_, const struct err *e, void *userdata)
{
	struct manager *m = userdata;
	_cleanup_free_ char *text = e ? err_text(e) : NULL;

	m->network = NULL;
	notify_problem(m->notify, NOTIFY_EGRESS, text);
	if (m->stopping)
		return;
	sandbox_bridge_network_made(m, e);
	server_start(m->server);
	notify_ready(m->notify);
	pool_start(m->pool);
}

/* Ahead of the first sandbox that needs it, each of which looks again. */
static void prepare_network(struct manager *m)
{
	struct docker_network_spec spec = manager_network_spec(m);

	if (!m->network)
		m->network = docker_network_ensure(m->docker, &spec, on_network, m);
}

/* Whoever mended the engine, or its network, need not wait for the next sandbox. */
static void look_at_egress_again(struct manager *m)
{
	if (!m->stopping && notify_has_problem(m->notify, NOTIFY_EGRESS))
		prepare_network(m);
}

static void on_engine_back(void *userdata)
{
	look_at_egress_again(userdata);
}

static int load_again(struct manager *m, struct config **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	notify_reloading(m->notify);
	r = config_load(m->config->path, ret, e);
	if (r < 0) {
		r = err_wrap(e, "the old configuration stays in force");
		text = err_text(e);
	}
	notify_problem(m->notify, NOTIFY_CONFIG, text);
	notify_reloaded(m->notify);
	return r;
}

int manager_reload(struct manager *m, char ***kept, struct err *e)
{
	struct config *old = m->config, *next;
	int r = load_again(m, &next, e);

	if (r < 0)
		return r;
	m->config = config_succeed(old, next, kept);
	config_free(old);
	quota_set_host_limits(m->quota, &m->config->quota_host);
	if (!m->log_level_is_given)
		log_set_level((enum log_level)m->config->log_level);
	log_info("the configuration was read again");
	warn_kept(*kept);
	names_forget(m->names);
	look_up_named(m);
	look_at_egress_again(m);
	pool_wake(m->pool);
	return 0;
}

static void on_reload_signal(evutil_socket_t number _unused_, short what _unused_, void *userdata)
{
	_cleanup_strv_ char **kept = NULL;
	_cleanup_err_ struct err e = { 0 };

	log_info("received SIGHUP");
	if (manager_reload(userdata, &kept, &e) < 0)
		log_error("%s", e.message);
}

static void on_stop_timeout(evutil_socket_t fd _unused_, short what _unused_, void *userdata)
{
	struct manager *m = userdata;

	log_error("%u sandboxes could not be ended within %d s; the next awfd will find them",
		  count_to_end(m), STOP_TIMEOUT_S);
	end_loop(m);
}

static int prepare_directory(const char *base, mode_t mode, struct err *e)
{
	_cleanup_free_ char *sandboxes = xasprintf("%s/sandboxes", base);
	int r = file_mkdir(base, 0755, e);

	return r < 0 ? r : file_mkdir(sandboxes, mode, e);
}

static int find_user(const char *name, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(name);
	if (!entry)
		return err_set(e, -ENOENT, ERR_SYSTEM,
			       "there is no user '%s': run systemd-sysusers", name);
	if (entry->pw_uid == 0)
		return err_set(e, -EPERM, ERR_SYSTEM,
			       "user '%s' is root: helpers must be unprivileged", name);
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return 0;
}

static int find_users(struct manager *m, struct err *e)
{
	int r = find_user(m->config->relay_user, &m->relay_uid, &m->relay_gid, e);

	if (r == 0)
		r = find_user(m->config->probe_user, &m->probe_uid, &m->probe_gid, e);
	if (r == 0 && m->relay_uid == m->probe_uid)
		r = err_set(e, -EINVAL, ERR_SYSTEM,
			    "relay and probe need different users, both are '%s': the relay's user "
			    "reaches only live sandboxes' DIFC proxies",
			    m->config->relay_user);
	return r;
}

static void prepare_names(struct manager *m)
{
	_cleanup_free_ char *program = xasprintf("%s/awf-names", m->config->helper_directory);

	m->names = names_new(m->base, &(struct names_spec){ .program = program,
							    .uid = m->probe_uid,
							    .gid = m->probe_gid,
							    .timeout_ms = NAMES_TIMEOUT_MS,
							    .fresh_ms = NAMES_FRESH_MS,
							    .retry_ms = NAMES_RETRY_MS });
	look_up_named(m);
}

/* The host's CA certificates, which are read by who needs them; a host without them is no error,
 * but worth a word. */
static void look_for_ca_bundle(const struct manager *m)
{
	if (m->config->ca_bundle && access(m->config->ca_bundle, R_OK) < 0)
		log_warning("no system CA certificates for cli-proxy: %s: %s", m->config->ca_bundle,
			    strerror(errno));
}

static int prepare_directories(struct manager *m, struct err *e)
{
	int r = prepare_directory(m->config->runtime_directory, 0711, e);

	if (r == 0)
		r = prepare_directory(m->config->state_directory, 0700, e);
	return r < 0 ? r : file_mkdir(m->config->log_directory, 0711, e);
}

/* Before anything is touched that another awfd may have. */
static int take_lock(struct manager *m, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", m->config->runtime_directory);

	return lock_take(path, &m->lock, e);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void prepare_signals(struct manager *m)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} rows[] = {
		{ SIGTERM, on_stop_signal },
		{ SIGINT, on_stop_signal },
		{ SIGHUP, on_reload_signal },
	};

	_Static_assert(ARRAY_SIZE(rows) == ARRAY_SIZE(m->signals), "a signal without a place");
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		m->signals[i] = evsignal_new(m->base, rows[i].number, rows[i].fn, m);
		if (!m->signals[i])
			abort();
		event_add(m->signals[i], NULL);
	}
}

/* A squid's address must not be one of those that are the same in every sandbox. */
static int check_subnets(const struct config *c, struct err *e)
{
	struct network sandbox, egress;

	if (network_parse(c->network_prefix, &sandbox) < 0 ||
	    network_parse(c->egress_subnet, &egress) < 0 || !network_overlaps(&sandbox, &egress))
		return 0;
	return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT,
		       "[Egress] Subnet=%s overlaps [Network] Prefix=%s: change one of them",
		       c->egress_subnet, c->network_prefix);
}

static void on_host_packet(const struct nflog_packet *packet, const char *in _unused_,
			   const char *out _unused_, void *userdata)
{
	sandbox_host_packet_dropped(userdata, packet);
}

static int prepare_firewall(struct manager *m, struct err *e)
{
	struct nft_config config = { .relay_uid = m->relay_uid,
				     .egress_bridge = DOCKER_NETWORK,
				     .shared = m->config->table_owner == CONFIG_NO };
	struct network subnet6;
	int r;

	if (network_parse(m->config->egress_subnet6, &subnet6) == 0) {
		memcpy(&config.egress_subnet6, subnet6.address, sizeof(config.egress_subnet6));
		config.egress_prefix6 = subnet6.bits;
	}
	m->egress_ipv6 = m->config->egress_ipv6 == CONFIG_AUTO
				 ? host_ipv6_is_usable()
				 : m->config->egress_ipv6 == CONFIG_YES;
	r = manager_take_firewall(m, &config, e);
	if (r < 0)
		return r;
	relay_targets_use(m->relay_targets, m->nft);
	r = manager_watch_firewall(m, e);
	if (r < 0)
		return r;
	return nflog_open(m->base, NFLOG_HOST, on_host_packet, m, &m->nflog, e);
}

struct docker_network_spec manager_network_spec(struct manager *m)
{
	return (struct docker_network_spec){
		.subnet = m->config->egress_subnet,
		.subnet6 = m->egress_ipv6 ? m->config->egress_subnet6 : NULL,
		.require6 = m->config->egress_ipv6 == CONFIG_YES,
		.in_use = sandbox_bridge_is_used(m),
	};
}

const struct quota_limits *quota_limits_of(const struct manager *m,
					   const struct peer *peer _unused_)
{
	return &m->config->quota_user;
}

int manager_new(struct config *config, struct manager **ret, struct err *e)
{
	_cleanup_(manager_freep) struct manager *m = xnew(struct manager);
	int r;

	m->config = config;
	m->lock = -EBADF;
	m->base = event_base_new();
	if (!m->base)
		abort();
	m->notify = notify_new(m->base);
	m->stop_timeout = evtimer_new(m->base, on_stop_timeout, m);
	m->metrics = metrics_new();
	m->fds = fd_store_new();
	m->image_pulls = image_pulls_new(m);
	m->sandboxes = sandbox_list_new();
	m->relay_targets = relay_targets_new(&config->host_addresses);
	m->quota = quota_new(&config->quota_host);
	m->starts = start_queue_new(starts_at_once());
	raise_descriptor_limit();
	prepare_signals(m);
	look_for_ca_bundle(m);
	r = find_users(m, e);
	if (r == 0)
		r = prepare_directories(m, e);
	if (r == 0)
		r = take_lock(m, e);
	if (r == 0)
		r = audit_open(config->log_directory, AUDIT_MAX, &m->audit, e);
	if (r == 0)
		r = broker_connect(e);
	if (r == 0)
		r = docker_new(m->base, config->engine_socket, &m->docker, e);
	if (r == 0)
		m->engine_watch =
			engine_watch_new(m->base, m->docker, m->notify, on_engine_back, m);
	if (r == 0)
		r = check_subnets(config, e);
	if (r == 0)
		sandbox_load_all(m);
	if (r == 0)
		r = prepare_firewall(m, e);
	if (r == 0)
		r = log_tails_new(m->base, &m->log_tails, e);
	if (r == 0)
		r = server_new(m, &m->server, e);
	if (r < 0)
		return r;
	prepare_names(m);
	m->pool = pool_new(m);
	m->metrics_file = metrics_file_new(m);
	*ret = TAKE_PTR(m);
	return 0;
}

/* Leftovers are being destroyed: serve. Also without an engine: calls then say what is wrong. */
static void on_reconciled(const struct err *e, void *userdata)
{
	struct manager *m = userdata;
	_cleanup_free_ char *text = e ? err_text(e) : NULL;

	if (e)
		log_error("%s", text);
	if (m->stopping)
		return;
	prepare_network(m);
}

int manager_run(struct manager *m, struct err *e)
{
	reconcile_relays(m);
	sandbox_adopt_all(m);
	manager_update_status(m);
	fd_store_forget_rest(m->fds);
	m->reconcile = reconcile_start(m, on_reconciled, m);
	if (event_base_dispatch(m->base) < 0)
		return err_set(e, -EIO, ERR_SYSTEM, "the event loop failed");
	if (count_to_end(m) > 0)
		return err_set(e, -EBUSY, ERR_SYSTEM, "%u sandboxes were not ended",
			       count_to_end(m));
	log_info("stopped");
	return 0;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	m->leaving = true;
	reconcile_free(m->reconcile);
	server_free(m->server);
	pool_free(TAKE_PTR(m->pool));
	sandbox_list_free(m->sandboxes);
	metrics_file_free(m->metrics_file);
	metrics_free(m->metrics);
	image_pulls_free(m->image_pulls);
	start_queue_free(m->starts);
	quota_free(m->quota);
	names_cancel(m->naming);
	names_free(m->names);
	docker_network_cancel(m->network);
	docker_network_cancel(m->egress_mending);
	engine_watch_free(m->engine_watch);
	audit_free(m->audit);
	log_tails_free(m->log_tails);
	nflog_free(m->nflog);
	link_watch_free(m->link_watch);
	nft_watch_free(m->nft_watch);
	relay_targets_free(m->relay_targets);
	if (m->nft)
		nft_free(m->nft, false);
	docker_free(m->docker);
	broker_disconnect();
	fd_store_free(m->fds);
	for (size_t i = 0; i < ARRAY_SIZE(m->signals); i++)
		if (m->signals[i])
			event_free(m->signals[i]);
	if (m->stop_timeout)
		event_free(m->stop_timeout);
	notify_free(m->notify);
	event_base_free(m->base);
	config_free(m->config);
	fd_close(m->lock);
	free(m);
}
