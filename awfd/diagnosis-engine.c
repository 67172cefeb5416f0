#include "awfd/diagnosis-engine.h"

#include <string.h>

#include "awfd/docker-answer.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"
#include "common/strbuf.h"

/* What of an image's digest is shown: as many letters as the engine's own programs show. */
#define DIGEST_SHOWN 12

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *text = docker_answer_member(o, key, json_type_string);

	return text ? json_object_get_string(text) : "?";
}

static bool is_true(struct json_object *o, const char *key)
{
	struct json_object *value = docker_answer_member(o, key, json_type_boolean);

	return value && json_object_get_boolean(value);
}

void diagnosis_engine_itself(struct findings *f, const char *socket, struct json_object *version,
			     struct json_object *info)
{
	findings_add(f, DIAGNOSIS_ENGINE, FINDING_OK, NULL,
		     "Docker Engine %s at %s, API %s, storage %s, cgroups v%s by %s, %s",
		     text_of(version, "Version"), socket, text_of(version, "ApiVersion"),
		     text_of(info, "Driver"), text_of(info, "CgroupVersion"),
		     text_of(info, "CgroupDriver"),
		     is_true(info, "LiveRestoreEnabled")
			     ? "with live-restore"
			     : "without live-restore: jobs end when it is restarted");
}

/* Nobody listens, or who listens does not answer. */
static const char *engine_cure(const struct err *e)
{
	static const struct {
		int error;
		const char *cure;
	} cures[] = {
		{ -ENOENT, "sudo systemctl start docker" },
		{ -ECONNREFUSED, "sudo systemctl start docker" },
		{ -ETIMEDOUT, "sudo systemctl restart docker" },
	};

	for (size_t i = 0; e->status == 0 && i < ARRAY_SIZE(cures); i++)
		if (cures[i].error == e->error)
			return cures[i].cure;
	return NULL;
}

void diagnosis_engine_away(struct findings *f, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);

	findings_add(f, DIAGNOSIS_ENGINE, FINDING_FAILURE, engine_cure(e), "%s", text);
}

/* --- Confinement --------------------------------------------------------------------------------
 */

static bool has_seccomp(struct json_object *info)
{
	static const char name[] = "name=seccomp";
	struct json_object *list = docker_answer_member(info, "SecurityOptions", json_type_array);

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string) &&
		    strncmp(json_object_get_string(item), name, strlen(name)) == 0)
			return true;
	}
	return false;
}

static const char *const bounds[][2] = {
	{ "MemoryLimit", "memory" },
	{ "PidsLimit", "processes" },
	{ "CpuCfsQuota", "processors' time" },
};

void diagnosis_engine_confinement(struct findings *f, struct json_object *info)
{
	_cleanup_strbuf_ struct strbuf lacking = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (!is_true(info, bounds[i][0]))
			strbuf_appendf(&lacking, "%s%s", lacking.length > 0 ? ", " : "",
				       bounds[i][1]);
	if (!has_seccomp(info))
		strbuf_appendf(&lacking, "%s%s", lacking.length > 0 ? ", " : "", "system calls");
	if (lacking.length > 0)
		findings_add(f, DIAGNOSIS_CONFINE, FINDING_FAILURE, NULL,
			     "this kernel, or the engine, cannot bound %s: start a kernel that has "
			     "these cgroup controllers and seccomp, as by cgroup_enable=memory",
			     lacking.data);
	else
		findings_add(f, DIAGNOSIS_CONFINE, FINDING_OK, NULL,
			     "memory, processes, processors' time and system calls can be bounded");
}

/* --- Images -------------------------------------------------------------------------------------
 */

/* Those that awfd came with everybody may have imported. */
static const char *image_cure(const char *reference)
{
	return image_reference_is_own(reference) ? "awfctl predownload --difc-proxy"
						 : "sudo awfctl predownload --difc-proxy";
}

/* "sha256:0123456789ab" */
static size_t shown_length(const char *id)
{
	const char *colon = strchr(id, ':');

	return (colon ? (size_t)(colon + 1 - id) : 0) + DIGEST_SHOWN;
}

void diagnosis_engine_image(struct findings *f, const char *reference, const char *for_whom,
			    struct json_object *image)
{
	_cleanup_free_ char *normal = image_reference_normalize(reference);
	const char *id = text_of(image, "Id");

	if (image)
		findings_add(f, DIAGNOSIS_IMAGE, FINDING_OK, NULL, "%s is %.*s", normal,
			     (int)shown_length(id), id);
	else
		findings_add(f, DIAGNOSIS_IMAGE, for_whom ? FINDING_WARNING : FINDING_FAILURE,
			     image_cure(normal), "the engine does not have %s, which %s", normal,
			     for_whom ? for_whom : "every sandbox of its kind needs");
}

/* --- The network --------------------------------------------------------------------------------
 */

static struct json_object *find_network(struct json_object *networks)
{
	for (size_t i = 0; i < json_object_array_length(networks); i++) {
		struct json_object *n = json_object_array_get_idx(networks, i);

		if (strcmp(text_of(n, "Name"), DOCKER_NETWORK) == 0)
			return n;
	}
	return NULL;
}

void diagnosis_engine_network(struct findings *f, const struct docker_network_spec *spec,
			      struct json_object *networks)
{
	struct json_object *ours = find_network(networks);
	_cleanup_err_ struct err e = { 0 };

	if (!ours)
		findings_add(f, DIAGNOSIS_NETWORK, FINDING_OK, NULL,
			     "the engine has no network " DOCKER_NETWORK
			     " yet: awfd makes it for the next sandbox with domains");
	else if (docker_network_check(ours, spec, &e) < 0)
		findings_add(f, DIAGNOSIS_NETWORK, FINDING_FAILURE,
			     "sudo docker network rm " DOCKER_NETWORK
			     " && sudo systemctl restart awfd",
			     "%s", e.message);
	else
		findings_add(f, DIAGNOSIS_NETWORK, FINDING_OK, NULL,
			     DOCKER_NETWORK " is there, with %s", spec->subnet);
}
