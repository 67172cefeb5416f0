/* Archives of images: those of `docker save`, and those that try to be read in two ways. */
#include "awfd/image-tar.h"

#include <sys/mman.h>

#include "common/fd.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/unit/check.h"

#define BLOCK     512
#define FILES_MAX 6

struct file {
	const char *name;
	const char *content;
	char type;
	const char *prefix;
	const char *magic; /* "ustar" when NULL */
	const char *size;  /* what the header says; the content's when NULL */
};

static void append_file(struct strbuf *to, const struct file *f)
{
	const char *content = f->content ? f->content : "";
	size_t length = strlen(content);
	_cleanup_free_ char *octal = xasprintf("%011zo", length);
	char block[BLOCK] = { 0 };
	unsigned sum = 0;

	memcpy(block, f->name, strlen(f->name));
	memcpy(block + 100, "0000644", 8);
	memcpy(block + 124, f->size ? f->size : octal,
	       MIN(strlen(f->size ? f->size : octal) + 1, (size_t)12));
	memset(block + 148, ' ', 8);
	block[156] = f->type ? f->type : '0';
	memcpy(block + 257,
	       f->magic ? f->magic
			: "ustar\0"
			  "00",
	       8);
	if (f->prefix)
		memcpy(block + 345, f->prefix, strlen(f->prefix));
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum % 0777777);
	strbuf_append(to, block, BLOCK);
	strbuf_puts(to, content);
	memset(block, 0, BLOCK);
	strbuf_append(to, block, (BLOCK - length % BLOCK) % BLOCK);
}

static void append_end(struct strbuf *to, unsigned blocks)
{
	static const char zero[BLOCK];

	while (blocks-- > 0)
		strbuf_append(to, zero, BLOCK);
}

static int names_of(const struct strbuf *archive, char ***names, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, archive->data ? archive->data : "", archive->length), 0);
	return image_tar_names(fd, archive->length, names, e);
}

static int names_of_files(const struct file *files, char ***names, struct err *e)
{
	_cleanup_strbuf_ struct strbuf archive = { 0 };

	for (size_t i = 0; i < FILES_MAX && files[i].name; i++)
		append_file(&archive, &files[i]);
	append_end(&archive, 2);
	return names_of(&archive, names, e);
}

#define MANIFEST(tags)                                                                             \
	{                                                                                          \
		.name = "manifest.json", .content = "[{\"Config\":\"0.json\",\"RepoTags\":" tags   \
						    ",\"Layers\":[\"0/layer.tar\"]}]"              \
	}
#define GOOD MANIFEST("[\"x:1\"]")

static void test_good(void **state _unused_)
{
	static const struct file files[] = {
		{ .name = "0/", .type = '5' },
		{ .name = "0/layer.tar", .content = "whatever" },
		{ .name = "1/layer.tar", .type = '2' },
		{ .name = "repositories", .content = "{\"x\":{\"1\":\"0\"}}" },
		{ .name = "manifest.json",
		  .content = "[{\"RepoTags\":[\"x:1\",\"ghcr.io/a/b\"]},{\"RepoTags\":null}]" },
		{ .name = "index.json", .content = "{\"manifests\":[]}" },
	};
	_cleanup_strv_ char **names = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (names_of_files(files, &names, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(strv_length(names), 2);
	assert_same_text(names[0], "x:1");
	assert_same_text(names[1], "ghcr.io/a/b:latest");
}

static const struct {
	struct file files[FILES_MAX];
	const char *message;
} refused[] = {
	{ { { .name = "0/layer.tar" } }, "no image with a name" },
	{ { MANIFEST("null") }, "no image with a name" },
	{ { MANIFEST("[]") }, "no image with a name" },
	{ { MANIFEST("[7]") }, "without a proper name" },
	{ { MANIFEST("[\"../x:1\"]") }, "without a proper name" },
	{ { MANIFEST("[\"host\"]"), GOOD }, "without a proper name" },
	{ { { .name = "manifest.json", .content = "{}" } }, "is no list" },
	{ { { .name = "manifest.json", .content = "[" } }, "is not JSON" },
	{ { { .name = "manifest.json", .content = "" } }, "is not JSON" },
	{ { GOOD, { .name = "repositories", .content = "x" } }, "is not JSON" },
	{ { MANIFEST("[\"x:1\",\"awf/squid:latest\"]") }, "it has image 'awf/squid:latest'" },
	{ { MANIFEST("[\"docker.io/awf/squid:1\"]") }, "it has image 'docker.io/awf/squid:1'" },
	{ { GOOD, MANIFEST("[\"awf/squid:latest\"]") }, "it has image 'awf/squid" },
	{ { MANIFEST("[\"awf/squid:latest\"]"), GOOD }, "it has image 'awf/squid" },
	{ { GOOD, { .name = "repositories", .content = "{\"awf/squid\":{\"latest\":\"0\"}}" } },
	  "it has image 'awf/squid'" },
	{ { GOOD,
	    { .name = "index.json",
	      .content = "{\"manifests\":[{\"annotations\":{\"io.containerd.image.name\":"
			 "\"docker.io/awf/squid:latest\"}}]}" } },
	  "it has image 'docker.io/awf/squid" },
	/* Go takes such a key for RepoTags. */
	{ { { .name = "manifest.json",
	      .content = "[{\"RepoTags\":[\"x:1\"],\"repotags\":[\"awf/squid:1\"]}]" } },
	  "it has image 'awf/squid:1'" },
	{ { GOOD, { .name = "./manifest.json" } }, "unusual name" },
	{ { GOOD, { .name = "/manifest.json" } }, "unusual name" },
	{ { GOOD, { .name = "a/../manifest.json" } }, "unusual name" },
	{ { GOOD, { .name = "a//b" } }, "unusual name" },
	{ { GOOD, { .name = "../manifest.json" } }, "unusual name" },
	{ { GOOD, { .name = "manifest.json", .prefix = "." } }, "unusual name" },
	{ { GOOD, { .name = "" } }, "unusual name" },
	{ { GOOD, { .name = "a b" } }, "unusual name" },
	{ { GOOD, { .name = "manifest.json", .type = '2' } }, "something else" },
	{ { GOOD, { .name = "manifest.json", .type = '1' } }, "something else" },
	{ { GOOD, { .name = "x", .type = 'x' } }, "something else" }, /* extended headers */
	{ { GOOD, { .name = "x", .type = 'g' } }, "something else" },
	{ { GOOD, { .name = "x", .type = 'L' } }, "something else" },
	{ { GOOD, { .name = "x", .type = '3' } }, "something else" },
	{ { GOOD, { .name = "x", .magic = "ustar  " } },
	  "no archive of images, or a compressed one" },
	{ { GOOD, { .name = "x", .magic = "\0\0\0\0\0\0\0" } },
	  "no archive of images, or a compressed one" },
	{ { GOOD, { .name = "x", .size = "8" } }, "no number" },
	{ { GOOD, { .name = "x", .size = "-1" } }, "no number" },
	{ { GOOD, { .name = "x", .size = "\200\0\0\1" } }, "no number" },
	{ { GOOD, { .name = "x", .size = "77777777777" } }, "breaks off" },
	{ { GOOD, { .name = "repositories", .size = "0000004000" } }, "breaks off" },
};

static void test_refused(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_err_ struct err e = { 0 };
		char **names = NULL;

		assert_row(refused[i].message, names_of_files(refused[i].files, &names, &e) < 0);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_same_text(e.subject, "archive");
		assert_text_contains(e.message, refused[i].message);
		assert_null(names);
	}
}

/* Cut anywhere, or with something behind its end, it is none. */
static void test_ends(void **state _unused_)
{
	static const struct file good = GOOD;
	_cleanup_strbuf_ struct strbuf archive = { 0 };
	size_t length;

	append_file(&archive, &good);
	length = archive.length;
	for (size_t n = 1; n < length; n++) {
		const struct strbuf part = { .data = archive.data, .length = n };
		char **names = NULL;

		/* What pads the last block may be missing, as for the engine. */
		if (n >= BLOCK + strlen(good.content))
			break;
		assert_true(names_of(&part, &names, NULL) < 0);
	}
	for (unsigned blocks = 0; blocks < 4; blocks++) {
		_cleanup_strv_ char **names = NULL;

		assert_int_equal(names_of(&archive, &names, NULL), 0);
		append_end(&archive, 1);
	}
	archive.length = length + BLOCK; /* one empty block, then more */
	append_file(&archive, &good);
	assert_true(names_of(&archive, &(char **){ NULL }, NULL) < 0);
}

static void test_limits(void **state _unused_)
{
	static const struct file good = GOOD, more = { .name = "x" };

	for (unsigned extra = 0; extra < 2; extra++) {
		_cleanup_strbuf_ struct strbuf archive = { 0 }, tags = { 0 };
		_cleanup_strv_ char **names = NULL;

		append_file(&archive, &good);
		for (unsigned i = 1; i < IMAGE_TAR_ENTRIES_MAX + extra; i++)
			append_file(&archive, &more);
		assert_int_equal(names_of(&archive, &names, NULL), extra ? -EINVAL : 0);
		for (unsigned i = 0; i < IMAGE_TAR_NAMES_MAX + extra; i++)
			strbuf_appendf(&tags, "%s\"x:%u\"", i ? "," : "[{\"RepoTags\":[", i);
		strbuf_puts(&tags, "]}]");
		strbuf_clear(&archive);
		append_file(&archive,
			    &(struct file){ .name = "manifest.json", .content = tags.data });
		strv_free(TAKE_PTR(names));
		assert_int_equal(names_of(&archive, &names, NULL), extra ? -EINVAL : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_limits),
	};

	return RUN_TESTS("image-tar", tests);
}
