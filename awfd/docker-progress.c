#include "awfd/docker-progress.h"

#include <string.h>

#include "awfd/docker-answer.h"
#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/utf8.h"

#define ERROR_MAX 2048 /* bytes of the engine's message */

struct docker_progress {
	struct strbuf line; /* what came of one that is not whole */
	struct docker_progress_layer *layers;
	size_t count;
	int failure; /* negative errno, or 0 */
	char *error;
};

struct docker_progress *docker_progress_new(void)
{
	return xnew(struct docker_progress);
}

void docker_progress_free(struct docker_progress *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->layers[i].status);
	free(p->layers);
	strbuf_clear(&p->line);
	free(p->error);
	free(p);
}

static int fail(struct docker_progress *p, int error, const char *text)
{
	p->failure = error;
	p->error = xstrndup(text, utf8_cut(text, ERROR_MAX));
	return error;
}

/* --- Layers --- */

/* Other ids are tags, or names of images. */
static bool is_layer_id(const char *id)
{
	return strlen(id) == DOCKER_PROGRESS_ID_LENGTH &&
	       strspn(id, "0123456789abcdef") == DOCKER_PROGRESS_ID_LENGTH;
}

/* NULL: there are too many. */
static struct docker_progress_layer *find_or_add(struct docker_progress *p, const char *id)
{
	struct docker_progress_layer *layer;

	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->layers[i].id, id) == 0)
			return &p->layers[i];
	if (p->count == DOCKER_PROGRESS_LAYERS_MAX)
		return NULL;
	p->layers = xrealloc(p->layers, p->count + 1, sizeof(*p->layers));
	layer = &p->layers[p->count++];
	*layer = (struct docker_progress_layer){ .changed = true };
	memcpy(layer->id, id, DOCKER_PROGRESS_ID_LENGTH);
	return layer;
}

static uint64_t number_of(struct json_object *detail, const char *key)
{
	struct json_object *number = docker_answer_member(detail, key, json_type_int);
	int64_t value = number ? json_object_get_int64(number) : 0;

	return value > 0 ? (uint64_t)value : 0;
}

static void set_status(struct docker_progress_layer *layer, const char *status)
{
	free(layer->status);
	layer->status = xstrndup(status, utf8_cut(status, DOCKER_PROGRESS_STATUS_MAX));
}

/* What is unpacked is counted, too, but as the same bytes once more. */
static void update(struct docker_progress_layer *layer, const char *status,
		   struct json_object *detail)
{
	set_status(layer, status);
	layer->current = number_of(detail, "current");
	layer->total = number_of(detail, "total");
	layer->changed = true;
	if (strcmp(status, "Downloading") == 0)
		layer->download = MAX(layer->download, MAX(layer->current, layer->total));
}

/* --- Lines --- */

static int take_error(struct docker_progress *p, struct json_object *line)
{
	struct json_object *text = docker_answer_member(line, "error", json_type_string);

	if (!text)
		text = docker_answer_member(
			docker_answer_member(line, "errorDetail", json_type_object), "message",
			json_type_string);
	return text ? fail(p, -EREMOTEIO, json_object_get_string(text)) : 0;
}

static int take_object(struct docker_progress *p, struct json_object *line)
{
	struct json_object *id = docker_answer_member(line, "id", json_type_string);
	struct json_object *status = docker_answer_member(line, "status", json_type_string);
	struct docker_progress_layer *layer;
	int r = take_error(p, line);

	if (r < 0 || !id || !status || !is_layer_id(json_object_get_string(id)))
		return r;
	layer = find_or_add(p, json_object_get_string(id));
	if (!layer)
		return fail(p, -EMSGSIZE, "the image has too many layers");
	update(layer, json_object_get_string(status),
	       docker_answer_member(line, "progressDetail", json_type_object));
	return 0;
}

static int take_line(struct docker_progress *p, const char *text, size_t length)
{
	struct json_object *line;
	int r;

	if (strspn(text, " \t\r") == length)
		return 0;
	/* json-c takes more for UTF-8 than RFC 3629 does. */
	line = utf8_is_valid(text) ? docker_answer_json(text, length) : NULL;
	r = json_object_is_type(line, json_type_object)
		    ? take_object(p, line)
		    : fail(p, -EBADMSG, "what the engine tells of its progress is not JSON");
	json_object_put(line);
	return r;
}

/* The line is whole. */
static int end_line(struct docker_progress *p)
{
	int r = p->line.length > 0 ? take_line(p, p->line.data, p->line.length) : 0;

	strbuf_consume(&p->line, p->line.length);
	return r;
}

int docker_progress_feed(struct docker_progress *p, const char *data, size_t length)
{
	while (p->failure == 0 && length > 0) {
		const char *end = memchr(data, '\n', length);
		size_t n = end ? (size_t)(end - data) : length;

		if (n > DOCKER_PROGRESS_LINE_MAX - p->line.length)
			return fail(p, -EMSGSIZE, "a line of the engine's progress is too long");
		strbuf_append(&p->line, data, n);
		if (end)
			(void)end_line(p);
		n += end ? 1 : 0;
		data += n;
		length -= n;
	}
	return p->failure;
}

int docker_progress_end(struct docker_progress *p)
{
	return p->failure < 0 ? p->failure : end_line(p);
}

const char *docker_progress_error(const struct docker_progress *p)
{
	return p->error;
}

size_t docker_progress_count(const struct docker_progress *p)
{
	return p->count;
}

const struct docker_progress_layer *docker_progress_layer(const struct docker_progress *p, size_t i)
{
	return &p->layers[i];
}

uint64_t docker_progress_download(const struct docker_progress *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (__builtin_add_overflow(sum, p->layers[i].download, &sum))
			return UINT64_MAX;
	}
	return sum;
}

void docker_progress_settle(struct docker_progress *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->layers[i].changed = false;
}
