/* The manual's list of the options of GitHub's awf: complete, and true of the program. */
#include "awfctl/options.h"
#include "common/strv.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-awfd.h"
#include "tests/unit/golden.h"

#define MANUAL     "man/awf-migration.7"
#define MANUAL_MAX (256 * 1024)
#define SECTION    "\n.Sh OPTIONS\n"
#define ITEM       "\n.It "
#define NOT_HERE   "Not here: "

/* One item of the list. */
struct entry {
	char *name; /* without dashes */
	char *text; /* in one line */
};

#define ENTRIES_MAX 128

struct list {
	char *manual;
	struct entry entries[ENTRIES_MAX];
	size_t count;
};

/* What follows the item's line, up to the next macro: dashes are written as \-. */
static char *read_text(const char *p)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (; *p && *p != '.'; p += strcspn(p, "\n") + 1) {
		size_t length = strcspn(p, "\n");

		if (text.length > 0)
			strbuf_puts(&text, " ");
		for (size_t i = 0; i < length; i++)
			if (p[i] != '\\')
				strbuf_appendf(&text, "%c", p[i]);
	}
	return xstrdup(text.data);
}

/* .It Fl x , Fl -name */
static void add_entry(struct list *l, const char *line)
{
	size_t length = strcspn(line, "\n");
	const char *name = memmem(line, length, "Fl -", 4);

	assert_non_null(name);
	assert_true(l->count < ENTRIES_MAX);
	name += strlen("Fl -");
	l->entries[l->count++] = (struct entry){
		.name = xstrndup(name, strcspn(name, " \n")),
		.text = read_text(line + length + 1),
	};
}

static int read_list(void **state)
{
	struct list *l = xnew(struct list);
	_cleanup_err_ struct err e = { 0 };
	char *end;

	assert_int_equal(file_read(MANUAL, MANUAL_MAX, &l->manual, NULL, &e), 0);
	*state = l;
	end = strstr(l->manual, SECTION);
	assert_non_null(end);
	end = strstr(end, "\n.El\n");
	assert_non_null(end);
	*end = '\0';
	for (char *p = strstr(strstr(l->manual, SECTION), ITEM); p; p = strstr(p + 1, ITEM))
		add_entry(l, p + 1);
	return 0;
}

static int free_list(void **state)
{
	struct list *l = *state;

	for (size_t i = 0; i < l->count; i++) {
		free(l->entries[i].name);
		free(l->entries[i].text);
	}
	free(l->manual);
	free(l);
	return 0;
}

static const struct option_row *row_of(const char *name)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	fail_msg("--%s is in the list and is no option", name);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* The golden file has what `awf --help` shows. */
static void test_complete(void **state)
{
	struct list *l = *state;
	_cleanup_strbuf_ struct strbuf names = { 0 };

	qsort(l->entries, l->count, sizeof(*l->entries), by_name);
	for (size_t i = 0; i < l->count; i++)
		strbuf_appendf(&names, "%s\n", l->entries[i].name);
	golden_assert("awf-options", names.data);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What is said to be elsewhere is refused, and the other way round. */
static void test_kinds(void **state)
{
	const struct list *l = *state;
	size_t refused = 0, rows = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct entry *entry = &l->entries[i];
		bool not_here = begins(entry->text, NOT_HERE);

		assert_row(entry->name, not_here == (row_of(entry->name)->kind == OPTION_NOT_HERE));
		assert_row(entry->name, not_here || begins(entry->text, "Same") ||
						begins(entry->text, "Different: "));
		refused += not_here;
	}
	for (size_t i = 0; i < option_row_count; i++)
		rows += option_rows[i].kind == OPTION_NOT_HERE;
	assert_int_equal(refused, rows);
	assert_true(rows > 0);
}

static void assert_refused(const char *arg, const char *expected)
{
	_cleanup_options_ struct options o = { 0 };
	_cleanup_err_ struct err e = { 0 };
	const char *args[] = { arg, "x", NULL };

	assert_int_equal(
		options_parse(&o, OPTION_GLOBAL | OPTION_SANDBOX, false, (char **)args, &e),
		-EINVAL);
	assert_string_equal(e.message, expected);
}

/* In the words of the list, whatever form the option has. */
static void test_refused(void **state)
{
	const struct list *l = *state;

	for (size_t i = 0; i < l->count; i++) {
		const struct option_row *row = row_of(l->entries[i].name);
		_cleanup_free_ char *item = xasprintf(NOT_HERE "%s.", row->help);
		_cleanup_free_ char *said = xasprintf("--%s is not here: %s", row->name, row->help);
		_cleanup_free_ char *name = xasprintf("--%s", row->name);
		_cleanup_free_ char *with_value = xasprintf("--%s=x", row->name);
		_cleanup_free_ char *letter = xasprintf("-%c", row->letter);

		if (row->kind != OPTION_NOT_HERE)
			continue;
		assert_string_equal(l->entries[i].text, item);
		assert_refused(name, said);
		assert_refused(with_value, said);
		if (row->letter)
			assert_refused(letter, said);
	}
}

/* A command line of each option that the program can judge alone: "1" unless it is here. What
 * begins with '@' is the content of a file, whose path is the value; '/' is a directory. */
static const struct sample {
	const char *option;
	const char *value;
	const char *also[2]; /* what it needs beside it; "@" for the same file */
} samples[] = {
	{ "allow-domains-file", "@a.b\n", { NULL } },
	{ "block-domains-file", "@a.b\n", { NULL } },
	{ "ruleset-file", "@version: 1\nrules: []\n", { NULL } },
	{ "env-file", "@A=b\n", { NULL } },
	{ "config", "@{}\n", { NULL } },
	{ "difc-proxy-ca-cert", "@-----BEGIN", { "--difc-proxy-host", "h" } },
	{ "difc-proxy-host", "h", { "--difc-proxy-ca-cert", "@" } },
	{ "log-level", "warn", { NULL } },
	{ "session-state-dir", "/", { NULL } },
	{ "proxy-logs-dir", "/", { NULL } },
	{ "audit-dir", "/", { NULL } },
	{ "work-dir", "/", { NULL } },
	{ "diagnostic-logs", "", { "--work-dir", "/" } },
};

static const struct sample *sample_of(const char *option)
{
	static const struct sample other = { .value = "1" };

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		if (strcmp(samples[i].option, option) == 0)
			return &samples[i];
	return &other;
}

/* What stands for a path is one in the directory. */
static void add_value(char ***args, const char *value, const char *directory)
{
	switch (value[0]) {
	case '@':
		strv_appendf(args, "%s/file", directory);
		break;
	case '/':
		strv_append(args, directory);
		break;
	default:
		strv_append(args, value);
	}
}

/* The arguments of a run with this option. */
static void build(const struct option_row *row, const char *directory, char ***args)
{
	const struct sample *s = sample_of(row->name);
	const char *content = s->value[0] == '@' ? s->value + 1 : "x";
	_cleanup_free_ char *file = xasprintf("%s/file", directory);
	_cleanup_err_ struct err e = { 0 };

	assert_int_equal(file_write_atomic(file, 0600, content, strlen(content), &e), 0);
	strv_append(args, "run");
	strv_appendf(args, "--%s", row->name);
	if (row->argument)
		add_value(args, s->value, directory);
	for (size_t i = 0; i < ARRAY_SIZE(s->also) && s->also[i]; i++)
		add_value(args, s->also[i], directory);
	strv_append(args, "--");
	strv_append(args, "x");
}

/* The program reads what there is to read, and asks awfd for a sandbox. */
static void try_option(const struct option_row *row)
{
	_cleanup_scratch_ char *directory = scratch_new();
	_cleanup_strv_ char **args = NULL;
	struct fake fake;
	struct fake_conn conn;

	build(row, directory, &args);
	fake_setup(&fake);
	fake_spawn(&fake, &(struct fake_stdio){ 0 }, (const char *const *)args);
	json_object_put(fake_accept_call(&fake, &conn, "io.awf.Sandbox.Start"));
	fake_close(&conn);
	(void)fake_wait(&fake);
	fake_teardown(&fake);
}

/* --help and --version ask for no sandbox. */
static void test_accepted(void **state)
{
	const struct list *l = *state;
	size_t tried = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct option_row *row = row_of(l->entries[i].name);

		if (row->kind == OPTION_NOT_HERE || row->letter == 'h' || row->letter == 'V')
			continue;
		try_option(row);
		tried++;
	}
	assert_true(tried > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_complete, read_list, free_list),
		cmocka_unit_test_setup_teardown(test_kinds, read_list, free_list),
		cmocka_unit_test_setup_teardown(test_refused, read_list, free_list),
		cmocka_unit_test_setup_teardown(test_accepted, read_list, free_list),
	};

	return RUN_TESTS("awfctl-from-awf", tests);
}
