/* A configuration from lists that domain_parse() accepted has the lines that it has without them,
 * and for each rule three ACLs and a line of a list: nothing of a name becomes a directive. Input:
 * one name a line, for the lists in turn; the last line is an upstream proxy's password.
 *
 * With AWF_SQUID set to a command that reads a configuration from a path (`squid -k parse -f`),
 * every text is also given to it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/squid-config.h"
#include "common/alloc.h"
#include "common/file.h"
#include "common/strv.h"

#define NAMES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum list { ALLOW, BLOCK, REDIRECT, NO_PROXY, LIST_COUNT };

struct input {
	struct domain_list lists[LIST_COUNT];
	const char *password;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static char *make(const struct input *in)
{
	struct squid_upstream upstream = {
		.address = "203.0.113.9",
		.port = 3128,
		.user = "user",
		.password = in->password,
		.no_proxy = &in->lists[NO_PROXY],
	};
	struct squid_config c = {
		.listen = "172.30.0.10",
		.agent = "172.30.0.20",
		.cli_proxy = "172.30.0.50",
		.allow = &in->lists[ALLOW],
		.block = &in->lists[BLOCK],
		.redirect_hosts = &in->lists[REDIRECT],
		.upstream = &upstream,
	};

	return squid_config_text(&c);
}

/* Lines that a list adds: for each rule its ACLs and one of the list of all of them. */
static size_t added_lines(const struct input *in)
{
	size_t marked = in->lists[ALLOW].count + in->lists[BLOCK].count + in->lists[REDIRECT].count;

	return marked * 4 + in->lists[NO_PROXY].count * 2;
}

static void check_harmless(const char *text)
{
	for (; *text; text++)
		require((*text >= ' ' && *text < 0x7f && *text != '"' && *text != '\'') ||
			*text == '\n' || *text == '\t');
}

/* Only at a replay, where it is set: squid takes 20 ms. */
static void check_with_squid(const char *text)
{
	const char *squid = getenv("AWF_SQUID");
	char path[] = "/tmp/awf-fuzz-squid-XXXXXX";
	_cleanup_free_ char *command = NULL;
	int fd;

	if (!squid)
		return;
	fd = mkstemp(path);
	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	command = xasprintf("chmod 644 %s && %s %s >/dev/null 2>&1", path, squid, path);
	require(system(command) == 0);
	unlink(path);
}

static void check(const struct input *in)
{
	static const struct input nothing = { .password = "" };
	_cleanup_free_ char *text = make(in), *without = make(&nothing);

	/* A list with rules has its first one on a line of its own, instead of `nothing`. */
	require(count_lines(text) == count_lines(without) + added_lines(in));
	check_harmless(text);
	check_with_squid(text);
}

static void add(char ***texts, size_t i, const char *line)
{
	struct domain d = { 0 };

	if (domain_parse("domains", line, &d, NULL) < 0)
		return;
	domain_clear(&d);
	strv_append(&texts[i % LIST_COUNT], line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct input in = { .password = "" };
	char **texts[LIST_COUNT] = { 0 }, *rest = text, *line;

	for (size_t i = 0; i < NAMES_MAX && (line = strsep(&rest, "\n")); i++) {
		add(texts, i, line);
		in.password = line;
	}
	for (size_t i = 0; i < LIST_COUNT; i++)
		require(domain_list_parse("domains", texts[i], &in.lists[i], NULL) == 0);
	check(&in);
	for (size_t i = 0; i < LIST_COUNT; i++) {
		domain_list_clear(&in.lists[i]);
		strv_free(texts[i]);
	}
	return 0;
}
