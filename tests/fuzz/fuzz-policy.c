/* Lines of a policy, "SECTION|KEY|TEXT" or "KEY|VALUE" for what is asked for. Whatever is accepted
 * is accepted when it is set again; a decision names what decides, and refuses with an error; a
 * path that is granted has no `..` in it. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/policy.h"
#include "common/alloc.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void set(struct policy_rules *r, const char *section, const char *key, const char *text,
		unsigned line)
{
	const struct policy_place place = { section, "/p", line };
	_cleanup_err_ struct err e = { 0 };
	int error;

	if (!policy_is_section(section))
		return;
	error = policy_rules_set(r, &place, key, text, &e);
	require(error == 0 || (error == -EINVAL && e.message));
	require(policy_rules_set(r, &place, key, text, NULL) == error);
}

static void ask(const struct policy_rules *r, const char *number, const char *value)
{
	gid_t groups[] = { 2 };
	const struct peer peer = {
		.uid = 1, .gid = 1, .groups = groups, .group_count = 1, .pidfd = -EBADF
	};
	enum policy_key key = (unsigned char)*number % POLICY_KEY_COUNT;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(policy_decisions_clear) struct policy_decisions d = { 0 };
	_cleanup_free_ char *where = NULL;
	_cleanup_err_ struct err e = { 0 };

	if (policy_of_peer(r, NULL, &peer, &p, &e) < 0) { /* there are no names here */
		require(e.error == -EAGAIN && e.message);
		return;
	}
	policy_decisions_add(&d, key < POLICY_MEMORY_MAX
					 ? policy_check(p, key, "f", value)
					 : policy_check_number(p, key, "f", strlen(value)));
	where = policy_decision_where(&d.items[0]);
	require(*where == '[' && d.items[0].value);
	require(policy_decisions_result(&d, &e) == (d.items[0].allowed ? 0 : -EACCES));
	require(key != POLICY_MOUNT_ROOTS || !d.items[0].allowed || !strstr(value, "/../"));
}

static void run_line(struct policy_rules *r, char *line, unsigned number)
{
	char *first = strsep(&line, "|"), *second = strsep(&line, "|");

	if (second && line)
		set(r, first, second, line, number);
	else if (second)
		ask(r, first, second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_(policy_rules_freep) struct policy_rules *r = policy_rules_new();
	char *rest = text, *line;
	unsigned number = 0;

	while (number < LINES_MAX && (line = strsep(&rest, "\n")))
		run_line(r, line, ++number);
	return 0;
}
