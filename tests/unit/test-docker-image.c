/* What is read of an image. */
#include "awfd/docker-image.h"

#include "common/strv.h"

#include "tests/unit/check.h"

#define ANSWER(config) "{\"Id\":\"sha256:ab\",\"Config\":" config "}"

/* volumes: with a space between them. */
static const struct {
	const char *answer;
	const char *path;
	const char *volumes;
} images[] = {
	{ ANSWER("{}"), NULL, "" },
	{ ANSWER("null"), NULL, "" },
	{ "{\"Id\":\"sha256:ab\"}", NULL, "" },
	{ ANSWER("{\"Env\":null,\"Volumes\":null}"), NULL, "" },
	{ ANSWER("{\"Env\":[\"A=1\",\"PATH=/opt/bin:/bin\",\"B=2\"]}"), "/opt/bin:/bin", "" },
	{ ANSWER("{\"Env\":[\"PATH\",\"XPATH=/x\",\"PATH=\"]}"), "", "" },
	{ ANSWER("{\"Env\":[7,{},null]}"), NULL, "" },
	{ ANSWER("{\"Volumes\":{\"/data\":{}}}"), NULL, "/data" },
	{ ANSWER("{\"Volumes\":{\"/a//b/./c/\":{},\"/d\":{}}}"), NULL, "/a/b/c /d" },
	{ ANSWER("{\"Volumes\":[\"/data\"]}"), NULL, "" },
};

static void test_images(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct json_object *body = json_tokener_parse(images[i].answer);
		_cleanup_strv_ char **volumes = strv_split(images[i].volumes, " ");
		struct docker_image image = { 0 };

		assert_row(images[i].answer, docker_image_parse(body, &image, NULL) == 0);
		assert_same_text(image.id, "sha256:ab");
		assert_row(images[i].answer, same_text(image.path, images[i].path));
		assert_row(images[i].answer, strv_length(image.volumes) == strv_length(volumes));
		for (size_t j = 0; volumes && volumes[j]; j++)
			assert_same_text(image.volumes[j], volumes[j]);
		docker_image_clear(&image);
		json_object_put(body);
	}
}

static const struct {
	const char *answer;
	const char *message;
} refused[] = {
	{ "{}", "the answer lacks Id" },
	{ "[]", "the answer lacks Id" },
	{ "{\"Id\":7}", "the answer lacks Id" },
	{ ANSWER("{\"Volumes\":{\"data\":{}}}"), "its volume 'data' is no absolute path" },
	{ ANSWER("{\"Volumes\":{\"/\":{}}}"), "its volume '/' is no absolute path" },
	{ ANSWER("{\"Volumes\":{\"/./\":{}}}"), "its volume '/./' is no absolute path" },
	{ ANSWER("{\"Volumes\":{\"\":{}}}"), "its volume '' is no absolute path" },
	{ ANSWER("{\"Volumes\":{\"/ok\":{},\"/a/../b\":{}}}"), "its volume '/a/../b' is no" },
};

static void test_refused(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct json_object *body = json_tokener_parse(refused[i].answer);
		struct docker_image image = { 0 };
		_cleanup_err_ struct err e = { 0 };

		assert_row(refused[i].answer, docker_image_parse(body, &image, &e) < 0);
		assert_int_equal(e.kind, ERR_ENGINE);
		assert_text_contains(e.message, refused[i].message);
		assert_null(image.id);
		json_object_put(body);
	}
	assert_int_equal(docker_image_parse(NULL, &(struct docker_image){ 0 }, NULL), -EBADMSG);
}

static void test_digests(void **state _unused_)
{
	static const struct {
		const char *answer;
		bool known;
	} rows[] = {
		{ "{\"RepoDigests\":[\"a/b@sha256:00\",\"c@sha256:01\"]}", true },
		{ "{\"RepoDigests\":[\"c@sha256:010\",\"c@sha256:0\"]}", false },
		{ "{\"RepoDigests\":[\"sha256:01\",7,null]}", false },
		{ "{\"RepoDigests\":\"c@sha256:01\"}", false },
		{ "{\"RepoDigests\":null}", false },
		{ "[]", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *body = json_tokener_parse(rows[i].answer);

		assert_row(rows[i].answer,
			   docker_image_has_digest(body, "sha256:01") == rows[i].known);
		json_object_put(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_digests),
	};

	return RUN_TESTS("docker-image", tests);
}
