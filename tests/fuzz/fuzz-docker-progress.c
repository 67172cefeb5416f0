/* The engine's progress is read the same however it is cut; what is known of it stays within its
 * bounds, and what is refused has a reason. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/docker-progress.h"
#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void require_layer(const struct docker_progress_layer *l)
{
	require(strlen(l->id) == DOCKER_PROGRESS_ID_LENGTH && l->changed && l->status);
	require(strlen(l->status) <= DOCKER_PROGRESS_STATUS_MAX && utf8_is_valid(l->status));
	require(l->current <= INT64_MAX && l->total <= INT64_MAX && l->download <= INT64_MAX);
}

/* All that is known, as text. */
static char *told(const struct docker_progress *p, int result)
{
	const char *error = docker_progress_error(p);
	struct strbuf text = { 0 };

	require((result < 0) == (error != NULL) && (!error || utf8_is_valid(error)));
	require(docker_progress_count(p) <= DOCKER_PROGRESS_LAYERS_MAX);
	strbuf_appendf(&text, "%d %s %" PRIu64 "\n", result, error ? error : "",
		       docker_progress_download(p));
	for (size_t i = 0; i < docker_progress_count(p); i++) {
		const struct docker_progress_layer *l = docker_progress_layer(p, i);

		require_layer(l);
		strbuf_appendf(&text, "%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", l->id,
			       l->status, l->current, l->total, l->download);
	}
	return strbuf_take(&text);
}

static char *feed(const uint8_t *data, size_t size, size_t portion)
{
	_cleanup_(docker_progress_freep) struct docker_progress *p = docker_progress_new();
	int r = 0;

	for (size_t at = 0; r == 0 && at < size; at += portion)
		r = docker_progress_feed(p, (const char *)data + at, MIN(portion, size - at));
	if (r == 0)
		r = docker_progress_end(p);
	require(docker_progress_feed(p, "x", 1) == r || r == 0);
	return told(p, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *whole = NULL, *portions = NULL;

	if (size < 2)
		return 0;
	whole = feed(data + 1, size - 1, size - 1);
	portions = feed(data + 1, size - 1, data[0] + 1u);
	require(strcmp(whole, portions) == 0);
	return 0;
}
