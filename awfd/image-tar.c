#include "awfd/image-tar.h"

#include <string.h>

#include "awfd/docker-answer.h"
#include "awfd/image-reference.h"
#include "common/alloc.h"
#include "common/strv.h"

#define BLOCK 512

/* A header as POSIX has it (ustar). */
struct header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32], major[8], minor[8];
	char prefix[155];
	char rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct walk {
	int fd;
	uint64_t size;
	uint64_t at;
	char **names;
};

static int refuse(struct err *e, const char *reason)
{
	return err_invalid(e, "archive", NULL, "%s; give one as 'docker save' writes it", reason);
}

static int read_at(const struct walk *w, uint64_t at, void *data, size_t length, struct err *e)
{
	ssize_t n;

	if (at > w->size || length > w->size - at)
		return refuse(e, "it breaks off");
	n = pread(w->fd, data, length, (off_t)at);
	if (n < 0)
		return err_system(e, -errno, "the archive");
	return (size_t)n == length ? 0 : refuse(e, "it breaks off");
}

/* --- Headers ------------------------------------------------------------------------------------
 */

static bool is_zero(const struct header *h)
{
	static const char zero[BLOCK];

	return memcmp(h, zero, BLOCK) == 0;
}

/* Octal digits up to a NUL or space. */
static int parse_octal(const char *text, size_t length, uint64_t *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; n < length && text[n] >= '0' && text[n] <= '7'; n++)
		*ret = *ret * 8 + (uint64_t)(text[n] - '0');
	return n > 0 && n < length && (text[n] == '\0' || text[n] == ' ') ? 0 : -EINVAL;
}

/* The sum of its bytes, with spaces in place of the sum. */
static bool has_good_checksum(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	uint64_t stated, sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	for (size_t i = 0; i < sizeof(h->checksum); i++)
		sum += ' ' - (uint64_t)(unsigned char)h->checksum[i];
	return parse_octal(h->checksum, sizeof(h->checksum), &stated) == 0 && stated == sum;
}

/* The caller owns it. */
static char *name_of(const struct header *h)
{
	_cleanup_free_ char *name = xstrndup(h->name, sizeof(h->name));
	_cleanup_free_ char *prefix = xstrndup(h->prefix, sizeof(h->prefix));

	return *prefix ? xasprintf("%s/%s", prefix, name) : TAKE_PTR(name);
}

static bool is_plain_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-/:";

	return *name && strchr("./", *name) == NULL && name[strspn(name, allowed)] == '\0' &&
	       !strstr(name, "//") && !strstr(name, "/.");
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && strcmp(text + length - n, end) == 0;
}

/* `docker save` writes links to layers that several images have. */
static bool is_good_type(char type, const char *name)
{
	return type == '0' || type == '\0' || type == '5' ||
	       (type == '2' && ends_in(name, "/layer.tar"));
}

static int check_header(const struct header *h, const char *name, struct err *e)
{
	if (memcmp(h->magic, "ustar", sizeof(h->magic)) != 0 || !has_good_checksum(h))
		return refuse(e, "it is no archive of images, or a compressed one");
	if (!is_plain_name(name))
		return refuse(e, "it has a file with an unusual name");
	if (!is_good_type(h->type, name))
		return refuse(e, "it has something else in it than files and directories");
	return 0;
}

/* --- What names images --------------------------------------------------------------------------
 */

/* Anywhere, as a name or a value: whichever part the engine reads. */
static const char *find_own(struct json_object *o)
{
	const char *own = NULL;

	if (json_object_is_type(o, json_type_string))
		return image_reference_is_own(json_object_get_string(o)) ? json_object_get_string(o)
									 : NULL;
	for (size_t i = 0;
	     json_object_is_type(o, json_type_array) && !own && i < json_object_array_length(o);
	     i++)
		own = find_own(json_object_array_get_idx(o, i));
	if (!json_object_is_type(o, json_type_object))
		return own;
	json_object_object_foreach (o, key, value) {
		if (!own)
			own = image_reference_is_own(key) ? key : find_own(value);
	}
	return own;
}

static int refuse_own(const char *name, struct err *e)
{
	return err_invalid(e, "archive", NULL,
			   "it has image '%s', and names that begin with awf/ are those of awfd's "
			   "own images: save it under another name",
			   name);
}

static int add_name(struct walk *w, struct json_object *tag, struct err *e)
{
	const char *text =
		json_object_is_type(tag, json_type_string) ? json_object_get_string(tag) : "";
	_cleanup_free_ char *normal = image_reference_normalize(text);

	if (!image_reference_is_pullable(normal))
		return refuse(e, "it has an image without a proper name");
	if (strv_length(w->names) == IMAGE_TAR_NAMES_MAX)
		return refuse(e, "it has too many images");
	strv_append(&w->names, normal);
	return 0;
}

static int add_image(struct walk *w, struct json_object *image, struct err *e)
{
	struct json_object *tags = docker_answer_member(image, "RepoTags", json_type_array);
	int r = 0;

	for (size_t i = 0; r == 0 && tags && i < json_object_array_length(tags); i++)
		r = add_name(w, json_object_array_get_idx(tags, i), e);
	return r;
}

static int add_manifest(struct walk *w, struct json_object *manifest, struct err *e)
{
	int r = 0;

	if (!json_object_is_type(manifest, json_type_array))
		return refuse(e, "its manifest.json is no list");
	for (size_t i = 0; r == 0 && i < json_object_array_length(manifest); i++)
		r = add_image(w, json_object_array_get_idx(manifest, i), e);
	return r;
}

static int take_json(struct walk *w, const char *name, struct json_object *o, struct err *e)
{
	const char *own = find_own(o);

	if (!o)
		return refuse(e, "what names its images is not JSON");
	if (own)
		return refuse_own(own, e);
	return strcmp(name, "manifest.json") == 0 ? add_manifest(w, o, e) : 0;
}

static bool names_images(const char *name)
{
	static const char *const files[] = { "manifest.json", "repositories", "index.json" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(files[i], name) == 0)
			return true;
	return false;
}

static int read_json(struct walk *w, const char *name, uint64_t size, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *o;
	int r;

	if (size > IMAGE_TAR_JSON_MAX)
		return refuse(e, "what names its images is too large");
	text = xcalloc(size + 1, 1);
	r = read_at(w, w->at + BLOCK, text, size, e);
	if (r < 0)
		return r;
	o = docker_answer_json(text, size);
	r = take_json(w, name, o, e);
	json_object_put(o);
	return r;
}

/* --- The walk -----------------------------------------------------------------------------------
 */

static int take_entry(struct walk *w, const struct header *h, struct err *e)
{
	_cleanup_free_ char *name = name_of(h);
	uint64_t size = 0;
	int r = check_header(h, name, e);

	if (r == 0 && parse_octal(h->size, sizeof(h->size), &size) < 0)
		r = refuse(e, "a size in it is no number");
	if (r == 0 && size > w->size - w->at - BLOCK)
		r = refuse(e, "it breaks off");
	if (r == 0 && names_images(name))
		r = read_json(w, name, size, e);
	w->at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	return r;
}

/* An empty block ends it; what is behind must be one, too, or nothing. */
static int check_end(const struct walk *w, struct err *e)
{
	struct header h;
	int r;

	if (w->at + BLOCK >= w->size)
		return 0;
	r = read_at(w, w->at + BLOCK, &h, MIN(sizeof(h), w->size - w->at - BLOCK), e);
	return r < 0 || is_zero(&h) ? r : refuse(e, "it goes on behind its end");
}

static int walk_entries(struct walk *w, struct err *e)
{
	struct header h = { 0 };
	int r = 0;

	for (unsigned n = 0; r == 0 && w->at < w->size; n++) {
		r = read_at(w, w->at, &h, sizeof(h), e);
		if (r < 0)
			break;
		if (is_zero(&h))
			return check_end(w, e);
		r = n < IMAGE_TAR_ENTRIES_MAX ? take_entry(w, &h, e)
					      : refuse(e, "it has too many files");
	}
	return r;
}

int image_tar_names(int fd, uint64_t size, char ***names, struct err *e)
{
	struct walk w = { .fd = fd, .size = size };
	int r = walk_entries(&w, e);

	if (r == 0 && !w.names)
		r = refuse(e, "it has no image with a name");
	if (r < 0)
		strv_free(w.names);
	else
		*names = w.names;
	return r;
}
