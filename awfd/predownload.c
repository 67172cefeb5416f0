#include "awfd/predownload.h"

#include <sys/stat.h>

#include "awfd/audit-call.h"
#include "awfd/config.h"
#include "awfd/docker-pull.h"
#include "awfd/image-bring.h"
#include "awfd/image-reference.h"
#include "awfd/image-tar.h"
#include "awfd/policy.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strv.h"

#define FIELD_NAME "reference"

/* A call that waits for images. */
struct predownload {
	struct manager *manager;
	struct call *call;
	struct config *config; /* the policy borrows from it */
	struct policy *policy;
	struct image_needs needs;        /* before they are brought */
	struct docker_http_file archive; /* of LoadImages; fd -EBADF: none */
	struct docker_pull *load;
	struct image_bring *bring;
};

static void predownload_free(struct predownload *p)
{
	image_bring_cancel(p->bring);
	docker_pull_cancel(p->load);
	fd_close(p->archive.fd);
	image_needs_clear(&p->needs);
	policy_free(p->policy);
	config_free(p->config);
	free(p);
}
DEFINE_CLEANUP(struct predownload, predownload_free)

static void on_gone(void *userdata)
{
	predownload_free(userdata);
}

/* --- Replies ------------------------------------------------------------------------------------
 */

static struct layer_info *describe_layer(const struct docker_progress_layer *l)
{
	struct layer_info *info = xnew(struct layer_info);

	*info = (struct layer_info){ .id = xstrdup(l->id),
				     .status = xstrdup(l->status),
				     .current = (int64_t)l->current,
				     .total = (int64_t)l->total };
	return info;
}

static struct layer_info **describe_layers(const struct docker_progress *p, bool all)
{
	struct layer_info **list = xcalloc(docker_progress_count(p) + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < docker_progress_count(p); i++)
		if (all || docker_progress_layer(p, i)->changed)
			list[n++] = describe_layer(docker_progress_layer(p, i));
	return list;
}

static void on_news(const struct image_need *need, const struct docker_progress *progress, bool all,
		    void *userdata)
{
	struct predownload *p = userdata;
	struct predownload_reply reply = { .reference = xstrdup(need->reference) };

	if (progress)
		reply.layers = describe_layers(progress, all);
	if (call_wants_more(p->call))
		call_reply_continues(p->call, &predownload_reply_table, &reply);
	fields_clear(&predownload_reply_table, &reply);
}

static struct image_info *describe_image(const struct image_need *need, bool loaded)
{
	const enum image_origin origin = loaded ? IMAGE_LOADED : need->origin;
	struct image_info *info = xnew(struct image_info);

	*info = (struct image_info){ .reference = xstrdup(need->reference),
				     .id = xstrdup(need->id),
				     .origin = xstrdup(image_origin_name(origin)) };
	return info;
}

static void reply_images(struct call *call, const struct image_needs *needs, bool loaded)
{
	struct predownload_reply reply = { 0 };

	reply.images = xcalloc(needs->count + 1, sizeof(*reply.images));
	for (size_t i = 0; i < needs->count; i++)
		reply.images[i] = describe_image(&needs->list[i], loaded);
	call_reply(call, &predownload_reply_table, &reply);
	fields_clear(&predownload_reply_table, &reply);
}

static void on_ended(const struct image_needs *needs, const struct err *e, void *userdata)
{
	struct predownload *p = userdata;
	struct call *call = p->call;
	bool loaded = p->archive.fd >= 0;

	p->bring = NULL;
	call_on_gone(call, NULL, NULL);
	predownload_free(p);
	if (e)
		call_error(call, e);
	else
		reply_images(call, needs, loaded);
}

/* --- What is asked for --------------------------------------------------------------------------
 */

/* Root gives the engine what he likes anyway; others have the images that their jobs may have. */
static int check_policy(const struct predownload *p, const char *normal, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	const struct image_need need = { .reference = (char *)normal };

	if (conn_peer(call_conn(p->call))->uid == 0)
		return 0;
	policy_decisions_add(&decisions,
			     policy_check(p->policy, POLICY_IMAGES, FIELD_NAME, normal));
	if (image_need_has_registry(&need))
		policy_decisions_add(&decisions,
				     policy_check(p->policy, POLICY_PULL, FIELD_NAME, normal));
	return policy_decisions_result(&decisions, e);
}

static int check_reference(const struct predownload *p, const char *reference, struct err *e)
{
	_cleanup_free_ char *normal = reference ? image_reference_normalize(reference) : NULL;

	if (!reference)
		return 0;
	if (!image_reference_is_host(normal) && !image_reference_is_pullable(normal))
		return err_invalid(e, FIELD_NAME, reference,
				   "is no name that a registry could have: give NAME:TAG or "
				   "NAME@sha256:HEX, with the name in lower case");
	return check_policy(p, normal, e);
}

static void collect_needs(struct predownload *p, const struct predownload_request *request)
{
	const struct config *c = p->config;
	const char *agent = request->reference ? request->reference : c->image_agent;
	bool host = image_reference_is_host(agent);

	image_needs_add(&p->needs, host ? c->image_host : agent, request->reference && !host);
	image_needs_add(&p->needs, c->image_pause, false);
	image_needs_add(&p->needs, c->image_squid, false);
	if (request->difc_proxy)
		image_needs_add(&p->needs, c->image_cli_proxy, false);
}

/* What may be brought, for the audit log. */
static struct json_object *grants_of(const struct image_needs *needs)
{
	struct json_object *o = json_object_new_object(), *images = json_object_new_array();

	for (size_t i = 0; i < needs->count; i++)
		json_object_array_add(images, json_object_new_string(needs->list[i].reference));
	json_object_object_add(o, "images", images);
	return o;
}

static const struct image_bring_events bring_events = { on_news, on_ended };

static void bring(struct manager *m, struct predownload *p)
{
	const struct image_bring_ask ask = { .uid = conn_peer(call_conn(p->call))->uid,
					     .policy = p->policy,
					     .field = FIELD_NAME };

	p->bring = image_bring_start(m, &ask, &p->needs, &bring_events, p);
}

static struct predownload *predownload_new(struct manager *m, struct call *call)
{
	struct predownload *p = xnew(struct predownload);

	*p = (struct predownload){
		.manager = m, .call = call, .config = config_ref(m->config), .archive.fd = -EBADF
	};
	return p;
}

int predownload_start(struct manager *m, struct call *call,
		      const struct predownload_request *request, struct err *e)
{
	_cleanup_(predownload_freep) struct predownload *p = predownload_new(m, call);
	int r;

	if (m->stopping)
		return err_set(e, -ECANCELED, ERR_CANCELLED, "awfd is stopping");
	r = policy_of_peer(p->config->policy, m->names, conn_peer(call_conn(call)), &p->policy, e);
	if (r == 0)
		r = check_reference(p, request->reference, e);
	if (r < 0)
		return r;
	collect_needs(p, request);
	audit_call(m, call, NULL, NULL, NULL, grants_of(&p->needs));
	bring(m, p);
	call_on_gone(call, on_gone, TAKE_PTR(p));
	return 0;
}

/* --- An archive ---------------------------------------------------------------------------------
 */

/* The engine tells of an archive's layers, and not whose they are. */
static void on_load_progress(const struct docker_progress *progress, void *userdata)
{
	struct predownload *p = userdata;

	on_news(&p->needs.list[0], progress, false, p);
}

static void on_loaded(const struct err *e, void *userdata)
{
	struct predownload *p = userdata;

	p->load = NULL;
	if (e)
		on_ended(NULL, e, p);
	else
		bring(p->manager, p);
}

/* What was looked at must be what the engine gets. */
static int check_archive(struct predownload *p, struct err *e)
{
	struct stat status;

	if (p->archive.fd < 0)
		return err_invalid(e, "archive", NULL, "no file descriptor came with the call");
	if (fstat(p->archive.fd, &status) < 0)
		return err_system(e, -errno, "the archive");
	if (!S_ISREG(status.st_mode))
		return err_invalid(e, "archive", NULL, "is not a regular file");
	if (status.st_uid != 0 || status.st_mode & (S_IWGRP | S_IWOTH))
		return err_invalid(e, "archive", NULL,
				   "others than root could change the file while it is loaded: "
				   "give a copy of it, as by install -m 600");
	p->archive.size = (uint64_t)status.st_size;
	return 0;
}

static int read_names(struct predownload *p, struct err *e)
{
	_cleanup_strv_ char **names = NULL;
	int r = image_tar_names(p->archive.fd, p->archive.size, &names, e);

	for (size_t i = 0; r == 0 && names[i]; i++)
		image_needs_add(&p->needs, names[i], false);
	return r;
}

int predownload_load(struct manager *m, struct call *call,
		     const struct load_images_request *request, struct err *e)
{
	static const struct docker_pull_events events = { on_load_progress, on_loaded };
	_cleanup_(predownload_freep) struct predownload *p = predownload_new(m, call);
	int r;

	p->archive.fd = call_take_fd(call);
	if (request->archive != 0)
		return err_invalid(e, "archive", NULL, "is not 0, the index of the descriptor");
	r = check_archive(p, e);
	if (r == 0)
		r = read_names(p, e);
	if (r < 0)
		return r;
	audit_call(m, call, NULL, NULL, NULL, grants_of(&p->needs));
	p->load = docker_pull_start(m->docker,
				    &(struct docker_pull_spec){
					    .file = &p->archive,
					    .download_max = UINT64_MAX,
					    .timeout_s = p->config->pull_seconds,
				    },
				    &events, p);
	call_on_gone(call, on_gone, TAKE_PTR(p));
	return 0;
}
