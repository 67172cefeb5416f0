#include "awfd/docker-image.h"

#include <string.h>

#include "awfd/docker-answer.h"
#include "awfd/docker-http.h"
#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define OPERATION  "inspect image"
#define TIMEOUT_MS 15000

struct docker_call *docker_image_inspect(struct docker *d, const char *reference,
					 docker_reply_fn fn, void *userdata)
{
	_cleanup_free_ char *operation = xasprintf(OPERATION " %s", reference);
	_cleanup_free_ char *encoded = docker_http_encode(reference);
	_cleanup_free_ char *path = xasprintf("/images/%s/json", encoded);

	return docker_call_start(d,
				 &(struct docker_request){
					 .operation = operation,
					 .method = "GET",
					 .path = path,
					 .timeout_ms = TIMEOUT_MS,
				 },
				 fn, userdata);
}

/* --- Answers --- */

/* The value of PATH in an image's ENV, or NULL. The caller owns it. */
static char *path_of(struct json_object *env)
{
	static const char name[] = "PATH=";

	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(env, i));

		if (entry && strncmp(entry, name, strlen(name)) == 0)
			return xstrdup(entry + strlen(name));
	}
	return NULL;
}

/* The path without what says nothing (`//`, `.`, a slash at its end), or NULL when it has `..`. The
 * caller owns it. */
static char *cleaned(const char *path)
{
	_cleanup_strv_ char **names = strv_split(path, "/");
	_cleanup_strbuf_ struct strbuf clean = { 0 };

	for (size_t i = 0; names && names[i]; i++) {
		if (strcmp(names[i], "..") == 0)
			return NULL;
		if (strcmp(names[i], ".") != 0)
			strbuf_appendf(&clean, "/%s", names[i]);
	}
	return TAKE_PTR(clean.data);
}

/* Those that the engine would take for something else than is meant are refused. */
static int add_volume(struct docker_image *image, const char *volume, struct err *e)
{
	_cleanup_free_ char *path = *volume == '/' ? cleaned(volume) : NULL;
	_cleanup_free_ char *message = NULL;

	if (path) {
		strv_append(&image->volumes, path);
		return 0;
	}
	message = xasprintf("its volume '%s' is no absolute path below '/'; build it with one that "
			    "is, and has no '..'",
			    volume);
	return err_engine(e, -EINVAL, OPERATION, 200, message);
}

static int add_volumes(struct docker_image *image, struct json_object *volumes, struct err *e)
{
	if (!volumes)
		return 0;
	json_object_object_foreach (volumes, volume, value) {
		int r = add_volume(image, volume, e);

		(void)value; /* always {} */
		if (r < 0)
			return r;
	}
	return 0;
}

int docker_image_parse(struct json_object *body, struct docker_image *ret, struct err *e)
{
	struct json_object *id = docker_answer_member(body, "Id", json_type_string);
	struct json_object *config = docker_answer_member(body, "Config", json_type_object);
	struct docker_image image = { 0 };
	int r;

	if (!id)
		return err_engine(e, -EBADMSG, OPERATION, 200, "the answer lacks Id");
	r = add_volumes(&image, docker_answer_member(config, "Volumes", json_type_object), e);
	if (r < 0) {
		docker_image_clear(&image);
		return r;
	}
	image.id = xstrdup(json_object_get_string(id));
	image.path = path_of(docker_answer_member(config, "Env", json_type_array));
	*ret = image;
	return 0;
}

bool docker_image_has_digest(struct json_object *body, const char *digest)
{
	struct json_object *known = docker_answer_member(body, "RepoDigests", json_type_array);

	for (size_t i = 0; known && i < json_object_array_length(known); i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(known, i));
		const char *at = entry ? strchr(entry, '@') : NULL;

		if (at && strcmp(at + 1, digest) == 0)
			return true;
	}
	return false;
}

void docker_image_clear(struct docker_image *image)
{
	free(image->id);
	free(image->path);
	strv_free(image->volumes);
	*image = (struct docker_image){ 0 };
}
