/* Which calls the fake engine fails, and how. */
#include "tests/bed/fake-engine.h"

#include <regex.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/bed/http-reader.h"

/* One rule: the nth call that matches; nth 0 is every one. */
struct rule {
	struct rule *next;
	enum action action;
	unsigned long nth;
	unsigned long seen;
	char *method; /* "*" is any */
	regex_t path;
	unsigned status;
	char *message;
};

static const struct {
	const char *name;
	const char *help;
} actions[ACTION_COUNT] = {
	[ACTION_PASS] = { "pass", "" },
	[ACTION_FAIL] = { "fail", "STATUS MESSAGE: answers that without asking the engine" },
	[ACTION_CLOSE] = { "close", ": closes the connection without asking the engine" },
	[ACTION_HANG] = { "hang", ": never answers and doesn't ask the engine" },
	[ACTION_LOSE] = { "lose", ": asks the engine, then closes instead of answering" },
};

static void rule_free(struct rule *r)
{
	regfree(&r->path);
	free(r->method);
	free(r->message);
	free(r);
}

static bool rule_applies(struct rule *r, const struct http_head *head)
{
	if (strcmp(r->method, "*") != 0 && strcmp(r->method, head->method) != 0)
		return false;
	if (regexec(&r->path, head->uri, 0, NULL, 0) != 0)
		return false;
	return ++r->seen == r->nth || r->nth == 0;
}

struct verdict fake_engine_judge(struct fake_engine *e, const struct http_head *head)
{
	struct verdict v = { .action = ACTION_PASS };

	strv_appendf(&e->calls, "%s %s", head->method, head->uri);
	for (struct rule *r = e->rules; r; r = r->next)
		if (rule_applies(r, head))
			v = (struct verdict){ r->action, r->status, r->message };
	return v;
}

static int find_action(const char *name, enum action *ret)
{
	for (int i = ACTION_FAIL; i < ACTION_COUNT; i++) {
		if (strcmp(actions[i].name, name) == 0) {
			*ret = (enum action)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "ACTION N METHOD REGEX [STATUS MESSAGE...]" */
static int add_rule(struct fake_engine *e, char *rest)
{
	char *action = strsep(&rest, " "), *nth = strsep(&rest, " ");
	char *method = strsep(&rest, " "), *path = strsep(&rest, " "), *status = strsep(&rest, " ");
	struct rule *r;

	if (!path)
		return -EINVAL;
	r = xnew(struct rule);
	if (find_action(action, &r->action) < 0 ||
	    regcomp(&r->path, path, REG_EXTENDED | REG_NOSUB) != 0) {
		free(r);
		return -EINVAL;
	}
	r->nth = strtoul(nth, NULL, 10);
	r->method = xstrdup(method);
	r->status = status ? (unsigned)strtoul(status, NULL, 10) : 500;
	r->message = xstrdup(rest ? rest : "injected by the fake engine");
	r->next = e->rules;
	e->rules = r;
	return 0;
}

static void clear(struct fake_engine *e)
{
	while (e->rules) {
		struct rule *r = e->rules;

		e->rules = r->next;
		rule_free(r);
	}
	strv_free(e->calls);
	e->calls = NULL;
}

static void help(struct strbuf *answer)
{
	for (int i = ACTION_FAIL; i < ACTION_COUNT; i++)
		strbuf_appendf(answer, "%s N METHOD|* REGEX %s\n", actions[i].name,
			       actions[i].help);
	strbuf_puts(answer, "N counts the matching calls from now on; 0 is all of them\n"
			    "calls: lists the calls so far\n"
			    "clear: forgets the calls and the rules\n");
}

int fake_engine_obey(const char *command, struct strbuf *answer, void *fake_engine)
{
	_cleanup_free_ char *copy = xstrdup(command);
	struct fake_engine *e = fake_engine;

	if (strcmp(command, "help") == 0) {
		help(answer);
		return 0;
	}
	if (strcmp(command, "clear") == 0) {
		clear(e);
		return 0;
	}
	if (strcmp(command, "calls") == 0) {
		for (size_t i = 0; e->calls && e->calls[i]; i++)
			strbuf_appendf(answer, "%zu %s\n", i + 1, e->calls[i]);
		return 0;
	}
	return add_rule(e, copy);
}
