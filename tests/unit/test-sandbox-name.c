/* What a text means of one's sandboxes, and which names there can be. */
#include "awfd/sandbox-name.h"

#include "awfd/config.h"
#include "awfd/docker.h"
#include "awfd/fd-store.h"
#include "awfd/notify.h"
#include "awfd/quota.h"
#include "awfd/sandbox-internal.h"
#include "awfd/start-queue.h"
#include "tests/unit/check.h"

#define ALICE 60701
#define BOB   60702

/* In the order in which they were started. */
static const struct {
	const char *id;
	const char *name;
	uid_t owner;
	enum sandbox_state state;
} sandboxes[] = {
	{ "aaaaaaaaa2", "build", ALICE, SANDBOX_EXITED },
	{ "aaaaaaaaa3", "build", ALICE, SANDBOX_EXITED },
	{ "bbbbbbbbb2", "test", ALICE, SANDBOX_RUNNING },
	{ "bbbbccccc2", NULL, ALICE, SANDBOX_RUNNING },
	{ "ddddddddd2", "eee", ALICE, SANDBOX_CREATING },
	{ "eeeeeeeee2", NULL, ALICE, SANDBOX_RUNNING },
	{ "ggggggggg2", "bbbbbbbbb2", ALICE, SANDBOX_DESTROYING },
	{ "bbbbbddddd", "test", BOB, SANDBOX_RUNNING },
	{ "hhhhhhhhh2", "his", BOB, SANDBOX_RUNNING },
	{ "iiiiiiiii2", "hers", ALICE, SANDBOX_EXITED },
	{ "iiiiiiiii3", "hers", ALICE, SANDBOX_RUNNING },
	{ "jjjjjjjjj2", "roots", 0, SANDBOX_RUNNING },
	{ "jjjjjjjjj3", "roots", BOB, SANDBOX_RUNNING },
};

static void add(struct manager *m, size_t i)
{
	struct sandbox *s = sandbox_new_leftover(m, sandboxes[i].id);

	s->owner.uid = sandboxes[i].owner;
	s->request.name = xstrdup(sandboxes[i].name);
	s->state = sandboxes[i].state;
}

static int setup(void **state)
{
	struct manager *m = xnew(struct manager);

	assert_int_equal(config_load(NULL, &m->config, NULL), 0);
	m->base = event_base_new();
	m->notify = notify_new(m->base);
	m->fds = fd_store_new();
	m->sandboxes = sandbox_list_new();
	m->leaving = true; /* no record of these is removed */
	m->quota = quota_new(&m->config->quota_host);
	m->starts = start_queue_new(2);
	assert_int_equal(docker_new(m->base, "/nowhere", &m->docker, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sandboxes); i++)
		add(m, i);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct manager *m = *state;

	sandbox_list_free(m->sandboxes);
	start_queue_free(m->starts);
	quota_free(m->quota);
	docker_free(m->docker);
	fd_store_free(m->fds);
	notify_free(m->notify);
	config_free(m->config);
	event_base_free(m->base);
	free(m);
	return 0;
}

static void test_lookup(void **state)
{
	static const struct {
		uid_t user;
		const char *text;
		const char *id; /* NULL: there is none */
	} cases[] = {
		{ ALICE, "ddddddddd2", "ddddddddd2" },
		{ ALICE, "ddd", "ddddddddd2" },
		{ ALICE, "dd", NULL },
		{ ALICE, "", NULL },
		{ ALICE, "ddddddddd", "ddddddddd2" },
		{ ALICE, "ddddddddd22", NULL },
		{ ALICE, "DDD", NULL },
		{ ALICE, "test", "bbbbbbbbb2" },
		{ ALICE, "tes", NULL },
		{ ALICE, "bbbbbbbbb2", "bbbbbbbbb2" }, /* an id wins over a name */
		{ ALICE, "eee", "ddddddddd2" },        /* a name over a beginning */
		{ ALICE, "eeee", "eeeeeeeee2" },
		{ ALICE, "build", "aaaaaaaaa3" }, /* the newest of those that have ended */
		{ ALICE, "hers", "iiiiiiiii3" },  /* one that has not ended wins */
		{ ALICE, "bbbbc", "bbbbccccc2" },
		{ ALICE, "bbbbb", "bbbbbbbbb2" }, /* bob's is not counted */
		{ ALICE, "his", NULL },
		{ ALICE, "hhh", NULL },
		{ ALICE, "hhhhhhhhh2", NULL },
		{ BOB, "hhh", "hhhhhhhhh2" },
		{ BOB, "test", "bbbbbddddd" },
		{ BOB, "bbb", "bbbbbddddd" },
		{ BOB, "ddddddddd2", NULL },
		{ 0, "hhhhhhhhh2", "hhhhhhhhh2" },
		{ 0, "his", "hhhhhhhhh2" },
		{ 0, "hhh", "hhhhhhhhh2" },
		{ 0, "roots", "jjjjjjjjj2" }, /* one's own win */
		{ 0, "jjj", "jjjjjjjjj2" },
		{ 0, "none", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct sandbox *s = NULL;
		int r = sandbox_lookup(*state, cases[i].user, cases[i].text, &s, &e);

		assert_row(cases[i].text, (r == 0) == (cases[i].id != NULL));
		assert_same_text(s ? sandbox_id(s) : NULL, cases[i].id);
		assert_row(cases[i].text, r == 0 || e.kind == ERR_NOT_FOUND);
		assert_same_text(e.subject, cases[i].id ? NULL : cases[i].text);
	}
}

static void test_not_clear(void **state)
{
	static const struct {
		uid_t user;
		const char *text;
		const char *message;
	} cases[] = {
		{ ALICE, "bbb", "means 2 sandboxes; give the whole id of one" },
		{ ALICE, "aaaaaaaaa", "means 2 sandboxes; give the whole id of one" },
		{ 0, "test", "means 2 sandboxes; give the whole id of one" },
		{ 0, "bbb", "means 3 sandboxes; give the whole id of one" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct sandbox *s = NULL;

		assert_int_equal(sandbox_lookup(*state, cases[i].user, cases[i].text, &s, &e),
				 -EINVAL);
		assert_null(s);
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_same_text(e.subject, "id");
		assert_same_text(e.value, cases[i].text);
		assert_same_text(e.message, cases[i].message);
	}
}

#define LONGEST "a234567890123456789012345678901234567890123456789012345678901234"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		const char *part; /* of the error; NULL: it is good */
	} cases[] = {
		{ NULL, NULL },
		{ "a", NULL },
		{ "7.x_Y-Z", NULL },
		{ LONGEST, NULL },
		{ "build", NULL }, /* that of ended ones is free */
		{ "his", NULL },   /* another's does not matter */
		{ "", "1 to 64 letters" },
		{ LONGEST "5", "1 to 64 letters" },
		{ "-a", "begins with a letter" },
		{ ".a", "begins with a letter" },
		{ "_a", "begins with a letter" },
		{ "a/b", "1 to 64" },
		{ "a b", "1 to 64" },
		{ "a\n", "1 to 64" },
		{ "\xc3\xa4", "1 to 64" },
		{ "a\x1b[2J", "1 to 64" },
		{ "test", "your sandbox bbbbbbbbb2 already" },
		{ "eee", "your sandbox ddddddddd2 already" }, /* also while it starts */
		{ "bbbbbbbbb2", "your sandbox ggggggggg2 already" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err e = { 0 };
		int r = sandbox_name_check(*state, ALICE, cases[i].name, &e);

		assert_row(cases[i].name, (r == 0) == !cases[i].part);
		if (!cases[i].part)
			continue;
		assert_int_equal(e.kind, ERR_INVALID_ARGUMENT);
		assert_same_text(e.subject, "name");
		assert_same_text(e.value, cases[i].name);
		assert_text_contains(e.message, cases[i].part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	};

	return RUN_TESTS("sandbox-name", tests);
}
