#include "awfd/diagnosis.h"

#include <time.h>

#include "awfd/audit-call.h"
#include "awfd/config.h"
#include "awfd/diagnosis-addresses.h"
#include "awfd/diagnosis-engine.h"
#include "awfd/diagnosis-host.h"
#include "awfd/difc-probe.h"
#include "awfd/difc-target.h"
#include "awfd/docker-answer.h"
#include "awfd/docker-http.h"
#include "awfd/image-reference.h"
#include "awfd/nft.h"
#include "awfd/notify.h"
#include "awfd/sandbox.h"
#include "common/alloc.h"
#include "common/timestamp.h"
#include "proto/difc-advice.h"
#include "proto/findings.h"

#define FIREWALL      "firewall"
#define CONFIGURATION "configuration"
#define REMOVALS      "removals"
#define DIFC_PROXY    "difc-proxy"

#define ENGINE_TIMEOUT_MS 5000
#define STATUS_MISSING    404

/* A job that runs longer than a DIFC proxy's certificate counts loses it. */
#define EXPIRES_SOON_S (60 * 60)

/* What the engine is asked. */
enum {
	ASK_VERSION,
	ASK_INFO,
	ASK_NETWORKS,
	ASK_IMAGES, /* and behind it, in the order of `images` */
};

/* The images that awfd.conf names; who needs those that not every sandbox does. */
static const struct {
	size_t reference; /* offset in struct config */
	const char *for_whom;
} images[] = {
	{ offsetof(struct config, image_pause), NULL },
	{ offsetof(struct config, image_squid), "a sandbox with domains needs" },
	{ offsetof(struct config, image_cli_proxy), "a sandbox with a DIFC proxy needs" },
	{ offsetof(struct config, image_agent), "a sandbox that names no other image needs" },
};

#define QUESTIONS (ASK_IMAGES + ARRAY_SIZE(images))

struct question {
	struct diagnosis *diagnosis;
	struct docker_call *call;   /* NULL: it was answered */
	struct json_object *answer; /* NULL: there is none */
	struct err error;
};

struct diagnosis {
	struct diagnosis *next; /* of those that are being made */
	struct manager *manager;
	struct call *call;
	struct config *config;
	struct question questions[QUESTIONS];
	size_t pending; /* questions, and the probe */
	bool has_difc;
	struct difc_address difc;
	struct difc_probe *probe;
	int64_t difc_expires;
	struct err difc_error;
};

static void unlist(struct diagnosis *d)
{
	struct diagnosis **at = &d->manager->diagnoses;

	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
}

static void diagnosis_free(struct diagnosis *d)
{
	unlist(d);
	for (size_t i = 0; i < QUESTIONS; i++) {
		docker_call_cancel(d->questions[i].call);
		json_object_put(d->questions[i].answer);
		err_clear(&d->questions[i].error);
	}
	difc_probe_cancel(d->probe);
	difc_address_clear(&d->difc);
	err_clear(&d->difc_error);
	config_free(d->config);
	free(d);
}
DEFINE_CLEANUP(struct diagnosis, diagnosis_free)

/* --- What was found -----------------------------------------------------------------------------
 */

static const char *image_of(const struct diagnosis *d, size_t i)
{
	const char *reference = *(char *const *)((const char *)d->config + images[i].reference);

	return image_reference_is_host(reference) ? d->config->image_host : reference;
}

/* What a question was not answered is not known. */
static bool is_known(struct findings *f, const struct question *q, const char *name)
{
	_cleanup_free_ char *text = q->error.error ? err_text(&q->error) : NULL;

	if (text)
		findings_add(f, name, FINDING_UNKNOWN, NULL, "the engine does not say: %s", text);
	return !text;
}

static void find_images(struct findings *f, const struct diagnosis *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		const struct question *q = &d->questions[ASK_IMAGES + i];

		if (is_known(f, q, DIAGNOSIS_IMAGE))
			diagnosis_engine_image(f, image_of(d, i), images[i].for_whom, q->answer);
	}
}

/* What awfd itself could not do is told when the engine's answer does not show it any more. */
static void find_network(struct findings *f, const struct diagnosis *d)
{
	struct docker_network_spec spec = manager_network_spec(d->manager);
	const struct question *q = &d->questions[ASK_NETWORKS];
	_cleanup_free_ char *problem = notify_problem_text(d->manager->notify, NOTIFY_EGRESS);

	if (!is_known(f, q, DIAGNOSIS_NETWORK))
		return;
	if (problem)
		findings_add(f, DIAGNOSIS_NETWORK, FINDING_FAILURE, "sudo systemctl reload awfd",
			     "%s", problem);
	else
		diagnosis_engine_network(f, &spec, q->answer);
}

static void find_engine(struct findings *f, const struct diagnosis *d)
{
	const struct question *version = &d->questions[ASK_VERSION];
	const struct question *info = &d->questions[ASK_INFO];

	if (version->error.error || info->error.error)
		diagnosis_engine_away(f, version->error.error ? &version->error : &info->error);
	else
		diagnosis_engine_itself(f, d->config->engine_socket, version->answer, info->answer);
	if (is_known(f, info, DIAGNOSIS_CONFINE))
		diagnosis_engine_confinement(f, info->answer);
	find_images(f, d);
	find_network(f, d);
}

static char *configuration_directory(const struct config *c)
{
	return xasprintf("%s.d", c->path ? c->path : AWF_SYSCONFDIR "/awfd/awfd.conf");
}

static void find_addresses(struct findings *f, const struct diagnosis *d)
{
	struct docker_network_spec spec = manager_network_spec(d->manager);
	_cleanup_free_ char *directory = configuration_directory(d->config);
	struct taken_networks taken = { 0 };

	diagnosis_addresses_of_host(&taken);
	if (d->questions[ASK_NETWORKS].answer)
		diagnosis_addresses_of_engine(&taken, d->questions[ASK_NETWORKS].answer);
	diagnosis_addresses(f, &spec, &taken, directory);
	taken_networks_clear(&taken);
}

static void find_forwarding(struct findings *f, const struct diagnosis *d)
{
	diagnosis_host_forwarding(f, d->manager->egress_ipv6);
}

static void find_disks(struct findings *f, const struct diagnosis *d)
{
	struct json_object *root = docker_answer_member(d->questions[ASK_INFO].answer,
							"DockerRootDir", json_type_string);

	diagnosis_host_disk(f, d->config->runtime_directory, &disk_need_runtime);
	diagnosis_host_disk(f, d->config->state_directory, &disk_need_state);
	diagnosis_host_disk(f, d->config->log_directory, &disk_need_logs);
	if (root)
		diagnosis_host_disk(f, json_object_get_string(root), &disk_need_engine);
}

/* What awfd holds, and how well. */
static void find_firewall(struct findings *f, const struct diagnosis *d)
{
	const struct manager *m = d->manager;
	_cleanup_free_ char *problem = notify_problem_text(m->notify, NOTIFY_FIREWALL);

	if (problem)
		findings_add(f, FIREWALL, FINDING_FAILURE, NULL,
			     "%s; stop the program that changes the table inet awf", problem);
	else if (m->nft && nft_is_shared(m->nft) && m->config->table_owner == CONFIG_AUTO)
		findings_add(f, FIREWALL, FINDING_WARNING, NULL,
			     "other programs of root can change the table inet awf until awfd puts "
			     "it back: it takes Linux 6.9 to keep them from it");
	else
		findings_add(f, FIREWALL, FINDING_OK, NULL, "the table inet awf is awfd's %s",
			     m->nft && nft_is_shared(m->nft) ? "to put back" : "alone");
}

static void find_configuration(struct findings *f, const struct diagnosis *d)
{
	_cleanup_free_ char *problem = notify_problem_text(d->manager->notify, NOTIFY_CONFIG);

	if (problem)
		findings_add(f, CONFIGURATION, FINDING_WARNING, "sudo awfd --check-config", "%s",
			     problem);
	else
		findings_add(f, CONFIGURATION, FINDING_OK, NULL, "it was read without an error");
}

/* Of others' sandboxes the number, and nothing more. */
static void find_removals(struct findings *f, const struct diagnosis *d)
{
	uid_t uid = conn_peer(call_conn(d->call))->uid;
	unsigned others = 0, own = 0;

	for (struct sandbox *s = sandbox_first(d->manager); s; s = sandbox_next(s)) {
		if (!sandbox_left(s))
			continue;
		if (uid != 0 && uid != sandbox_owner(s)) {
			others++;
			continue;
		}
		own++;
		findings_add(f, REMOVALS, FINDING_WARNING, NULL,
			     "something of sandbox %s is left, which awfd goes on trying to "
			     "remove: %s",
			     sandbox_id(s), sandbox_left(s));
	}
	if (others > 0)
		findings_add(f, REMOVALS, FINDING_WARNING, NULL,
			     "something of sandboxes of others is left, of %u of them, which awfd "
			     "goes on trying to remove",
			     others);
	else if (own == 0)
		findings_add(f, REMOVALS, FINDING_OK, NULL, "nothing is left of what has ended");
}

static void find_difc_failure(struct findings *f, const struct err *e)
{
	const char *advice = e->kind == ERR_DIFC_UNREACHABLE ? difc_advice(e->value) : NULL;
	_cleanup_free_ char *text = err_text(e);

	findings_add(f, DIFC_PROXY, FINDING_FAILURE, NULL, "%s%s%s", text, advice ? "; " : "",
		     advice ? advice : "");
}

static void find_difc_success(struct findings *f, const struct diagnosis *d)
{
	_cleanup_free_ char *until = timestamp_of_seconds(d->difc_expires);
	_cleanup_free_ char *address = difc_address_format(&d->difc);
	const char *where = d->difc.is_host ? " on this host" : "";

	if (d->difc_expires - (int64_t)time(NULL) < EXPIRES_SOON_S)
		findings_add(f, DIFC_PROXY, FINDING_WARNING, NULL,
			     "%s%s is ready, but its certificate ends at %s: start it anew before "
			     "jobs that run longer",
			     address, where, until);
	else
		findings_add(f, DIFC_PROXY, FINDING_OK, NULL,
			     "%s%s is ready, with a certificate for localhost until %s", address,
			     where, until);
}

static void find_difc(struct findings *f, const struct diagnosis *d)
{
	if (!d->has_difc)
		findings_add(f, DIFC_PROXY, FINDING_UNKNOWN, NULL,
			     "not asked: give --difc-proxy-host and --difc-proxy-ca-cert");
	else if (d->difc_error.error)
		find_difc_failure(f, &d->difc_error);
	else
		find_difc_success(f, d);
}

static void (*const finders[])(struct findings *f, const struct diagnosis *d) = {
	find_engine,   find_addresses,     find_forwarding, find_disks,
	find_firewall, find_configuration, find_removals,   find_difc,
};

static void reply(struct diagnosis *d)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct diagnose_reply answer;
	struct call *call = d->call;

	for (size_t i = 0; i < ARRAY_SIZE(finders); i++)
		finders[i](&f, d);
	answer = (struct diagnose_reply){ .findings = f.list };
	call_on_gone(call, NULL, NULL);
	diagnosis_free(d);
	call_reply(call, &diagnose_reply_table, &answer);
}

static void one_less_pending(struct diagnosis *d)
{
	if (--d->pending == 0)
		reply(d);
}

/* --- Questions ----------------------------------------------------------------------------------
 */

static void on_answer(int status, struct json_object *body, const struct err *e, void *userdata)
{
	struct question *q = userdata;

	q->call = NULL;
	if (e)
		err_copy(&q->error, e);
	else if (status != STATUS_MISSING)
		q->answer = json_object_get(body);
	one_less_pending(q->diagnosis);
}

static void ask(struct diagnosis *d, size_t i, const char *path)
{
	struct question *q = &d->questions[i];

	q->diagnosis = d;
	q->call = docker_call_start(d->manager->docker,
				    &(struct docker_request){
					    .operation = "look at the host",
					    .method = "GET",
					    .path = path,
					    .timeout_ms = ENGINE_TIMEOUT_MS,
					    .accept = (const int[]){ STATUS_MISSING, 0 },
				    },
				    on_answer, q);
	d->pending++;
}

static void ask_engine(struct diagnosis *d)
{
	ask(d, ASK_VERSION, "/version");
	ask(d, ASK_INFO, "/info");
	ask(d, ASK_NETWORKS, "/networks");
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		_cleanup_free_ char *normal = image_reference_normalize(image_of(d, i));
		_cleanup_free_ char *encoded = docker_http_encode(normal);
		_cleanup_free_ char *path = xasprintf("/images/%s/json", encoded);

		ask(d, ASK_IMAGES + i, path);
	}
}

static void on_probed(const struct sockaddr_storage *address _unused_, const struct err *e,
		      void *userdata)
{
	struct diagnosis *d = userdata;

	d->probe = NULL;
	if (e)
		err_copy(&d->difc_error, e);
	one_less_pending(d);
}

/* As for a sandbox that is about to be started, without waiting for what may come up. */
static void ask_difc(struct diagnosis *d, const char *ca_pem)
{
	struct manager *m = d->manager;
	_cleanup_free_ char *path = xasprintf("%s/awf-difc-probe", d->config->helper_directory);
	const struct difc_probe_spec spec = { .path = path,
					      .uid = m->probe_uid,
					      .gid = m->probe_gid,
					      .address = &d->difc,
					      .ca_pem = ca_pem,
					      .network = -EBADF,
					      .live = true,
					      .timeout_ms = d->config->probe_timeout_ms,
					      .expires = &d->difc_expires };

	if (difc_probe_start(m->base, &spec, NULL, on_probed, d, &d->probe, &d->difc_error) == 0)
		d->pending++;
}

/* --- The call -----------------------------------------------------------------------------------
 */

/* Root must be able to look. */
static int check_quota(const struct manager *m, uid_t uid, struct err *e)
{
	for (const struct diagnosis *d = m->diagnoses; uid != 0 && d; d = d->next) {
		if (conn_peer(call_conn(d->call))->uid != uid)
			continue;
		(void)err_set(e, -EDQUOT, ERR_QUOTA_EXCEEDED,
			      "one of yours is being made: try again when it has ended");
		if (e)
			e->subject = xstrdup("diagnoses");
		return -EDQUOT;
	}
	return 0;
}

static int check_difc(struct diagnosis *d, const struct diagnose_request *r, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	_cleanup_(policy_freep) struct policy *policy = NULL;
	const struct peer *peer = conn_peer(call_conn(d->call));
	int error;

	if (!r->difc_proxy_host && !r->difc_proxy_ca_cert)
		return 0;
	error = difc_target_parse(r->difc_proxy_host, r->difc_proxy_ca_cert, &d->difc, e);
	if (error < 0)
		return error;
	d->has_difc = true;
	error = policy_of_peer(d->config->policy, d->manager->names, peer, &policy, e);
	if (error < 0)
		return error;
	policy_decisions_add(&decisions, difc_target_decide(&d->difc, policy));
	return policy_decisions_result(&decisions, e);
}

static void on_gone(void *userdata)
{
	diagnosis_free(userdata);
}

static struct diagnosis *diagnosis_new(struct manager *m, struct call *call)
{
	struct diagnosis *d = xnew(struct diagnosis);

	*d = (struct diagnosis){
		.next = m->diagnoses, .manager = m, .call = call, .config = config_ref(m->config)
	};
	m->diagnoses = d;
	return d;
}

int diagnosis_start(struct manager *m, struct call *call, const struct diagnose_request *request,
		    struct err *e)
{
	_cleanup_(diagnosis_freep) struct diagnosis *d = NULL;
	int r = check_quota(m, conn_peer(call_conn(call))->uid, e);

	if (r < 0)
		return r;
	d = diagnosis_new(m, call);
	r = check_difc(d, request, e);
	if (r < 0)
		return r;
	audit_call(m, call, NULL, NULL, NULL, NULL);
	ask_engine(d);
	if (d->has_difc)
		ask_difc(d, request->difc_proxy_ca_cert);
	call_on_gone(call, on_gone, TAKE_PTR(d));
	return 0;
}
