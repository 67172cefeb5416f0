/* A sandbox's state file, /var/lib/awfd/sandboxes/<id>.json: written before the acts it describes.
 */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include <json-c/json.h>

#include "awfd/config.h"
#include "common/alloc.h"
#include "common/file.h"

static char *state_path(const struct sandbox *s)
{
	return xasprintf("%s/sandboxes/%s.json", s->config->state_directory, s->id);
}

int sandbox_state_save(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = state_path(s);
	struct json_object *state = json_object_new_object();
	const char *text;
	int r;

	json_object_object_add(state, "version", json_object_new_int(1));
	json_object_object_add(state, "id", json_object_new_string(s->id));
	json_object_object_add(state, "ownerUid", json_object_new_int64(s->owner.uid));
	json_object_object_add(state, "createdAt", json_object_new_int64(s->created_s));
	text = json_object_to_json_string_ext(state, JSON_C_TO_STRING_PLAIN);
	r = file_write_atomic(path, 0600, text, strlen(text), e);
	json_object_put(state);
	return r;
}

int sandbox_state_remove(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = state_path(s);

	return file_remove_atomic(path, e);
}
