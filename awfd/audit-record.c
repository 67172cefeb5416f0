#include "awfd/audit-record.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "common/alloc.h"
#include "common/escape.h"
#include "common/timestamp.h"
#include "common/utf8.h"

#define TEXT_MAX 512  /* bytes of one text */
#define LIST_MAX 4096 /* bytes of one list */

static const char *const reasons[] = {
	[ERR_SYSTEM] = "system",
	[ERR_INVALID_ARGUMENT] = "invalid",
	[ERR_PERMISSION_DENIED] = "denied",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_QUOTA_EXCEEDED] = "quota",
	[ERR_DIFC_UNREACHABLE] = "difc-unreachable",
	[ERR_ENGINE] = "engine",
	[ERR_CANCELLED] = "cancelled",
};

static_assert(ARRAY_SIZE(reasons) == ERR_KIND_COUNT, "a word for each kind");

const char *audit_reason(enum err_kind kind)
{
	return reasons[kind];
}

/* --- Building JSON --- */

static void put(struct json_object *o, const char *key, struct json_object *value)
{
	(void)json_object_object_add(o, key, value);
}

static struct json_object *text_of(const char *text)
{
	_cleanup_free_ char *escaped = escape_control(text), *cut = NULL;

	if (strlen(escaped) <= TEXT_MAX)
		return json_object_new_string(escaped);
	cut = xasprintf("%.*s…", (int)utf8_cut(escaped, TEXT_MAX), escaped);
	return json_object_new_string(cut);
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		put(o, key, text_of(text));
}

static void put_number(struct json_object *o, const char *key, uint64_t value)
{
	put(o, key, json_object_new_int64((int64_t)MIN(value, (uint64_t)INT64_MAX)));
}

static void put_true(struct json_object *o, const char *key, bool value)
{
	if (value)
		put(o, key, json_object_new_boolean(true));
}

static void put_time(struct json_object *o, int64_t ms)
{
	_cleanup_free_ char *time = timestamp_of_ms(ms);

	put_text(o, "time", time);
}

/* The beginning of a list, and how much is left out; of a KEY=value only the key. */
static void put_list(struct json_object *o, const char *key, char *const *list, bool only_keys)
{
	struct json_object *array = json_object_new_array();
	size_t used = 0;

	for (; list && *list; list++) {
		_cleanup_free_ char *item =
			xstrndup(*list, only_keys ? strcspn(*list, "=") : strlen(*list));

		used += MIN(strlen(item), (size_t)TEXT_MAX) + 1;
		if (used > LIST_MAX) {
			(void)json_object_array_add(array, json_object_new_string("…"));
			break;
		}
		(void)json_object_array_add(array, text_of(item));
	}
	if (json_object_array_length(array) > 0)
		put(o, key, array);
	else
		json_object_put(array);
}

/* --- What was granted --- */

static const struct {
	const char *key;
	size_t offset; /* of a strv in struct start_request */
	bool only_keys;
} lists[] = {
	{ "command", offsetof(struct start_request, command), false },
	{ "environment", offsetof(struct start_request, environment), true },
	{ "allowDomains", offsetof(struct start_request, allow_domains), false },
	{ "blockDomains", offsetof(struct start_request, block_domains), false },
	{ "allowPrivate", offsetof(struct start_request, allow_private), false },
	{ "dnsServers", offsetof(struct start_request, dns_servers), false },
	{ "allowHostPorts", offsetof(struct start_request, allow_host_ports), false },
	{ "allowHostServicePorts", offsetof(struct start_request, allow_host_service_ports),
	  false },
	{ "mounts", offsetof(struct start_request, mounts), false },
};

/* Host and port of a URL: in front of them there may be a password. */
static void put_proxy(struct json_object *o, const char *url)
{
	const char *at = url ? strrchr(url, '@') : NULL;
	const char *scheme = url ? strstr(url, "://") : NULL;

	if (url)
		put_text(o, "upstreamProxy", at ? at + 1 : scheme ? scheme + 3 : url);
}

struct json_object *audit_grants(const struct audit_grants *g)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		put_list(o, lists[i].key,
			 *(char *const *const *)((const char *)g->request + lists[i].offset),
			 lists[i].only_keys);
	put_text(o, "image", g->image);
	put_text(o, "workspace", g->workspace);
	put_text(o, "difcProxy", g->difc_proxy);
	put_proxy(o, g->request->upstream_proxy);
	put_true(o, "enableHostAccess", g->request->enable_host_access);
	put_number(o, "memoryLimit", g->limits->memory);
	put_number(o, "pidsLimit", g->limits->pids);
	if (g->limits->nano_cpus > 0)
		put_number(o, "nanoCpus", g->limits->nano_cpus);
	if (g->limits->timeout_s > 0)
		put_number(o, "agentTimeout", g->limits->timeout_s);
	return o;
}

/* --- Records --- */

/* An error's own words, which never have the value that it is about. */
static void put_refusal(struct json_object *o, const struct err *e)
{
	put_text(o, "reason", reasons[e->kind]);
	if (e->kind != ERR_NOT_FOUND)
		put_text(o, "subject", e->subject);
	put_text(o, "message", e->message);
}

struct json_object *audit_record_of_request(const struct audit_request *r,
					    struct json_object *grants)
{
	struct json_object *o = json_object_new_object();

	put_time(o, r->time_ms);
	put_text(o, "event", r->event);
	put_number(o, "uid", r->peer->uid);
	put_text(o, "user", r->user);
	put_number(o, "pid", (uint64_t)r->peer->pid);
	put_text(o, "program", r->program);
	put_text(o, "method", r->method);
	put_text(o, "decision", r->refusal ? "refused" : "allowed");
	put_text(o, "sandbox", r->sandbox);
	if (r->refusal)
		put_refusal(o, r->refusal);
	if (grants)
		put(o, "grants", grants);
	if (r->omitted > 0)
		put_number(o, "omitted", r->omitted);
	return o;
}

struct json_object *audit_record_of_masks(const struct audit_masks *m)
{
	struct json_object *o = json_object_new_object();

	put_time(o, m->time_ms);
	put_text(o, "event", "masks");
	put_text(o, "sandbox", m->sandbox);
	put_number(o, "uid", m->uid);
	put_text(o, "user", m->user);
	put_list(o, "masked", m->masked, false);
	put_list(o, "named", m->named, false);
	return o;
}

struct json_object *audit_record_of_end(const struct audit_end *end)
{
	struct json_object *o = json_object_new_object();

	put_time(o, end->time_ms);
	put_text(o, "event", "end");
	put_text(o, "sandbox", end->sandbox);
	if (end->has_owner) {
		put_number(o, "uid", end->uid);
		put_text(o, "user", end->user);
		put_number(o, "durationMs", end->duration_ms);
	}
	if (end->error)
		put_refusal(o, end->error);
	else
		put_text(o, "reason", end->reason);
	if (end->has_owner && !end->error) {
		put(o, "exitCode", json_object_new_int(end->exit_code));
		put_true(o, "oomKilled", end->oom_killed);
	}
	return o;
}
