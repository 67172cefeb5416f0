#include "awfctl/ruleset.h"

#include <stdbool.h>
#include <string.h>

#include "awfctl/yaml-reader.h"
#include "common/alloc.h"

struct rule {
	char *domain;
	bool subdomains;
};

static int read_domain(struct yaml_reader *r, const struct yaml_key *key _unused_, void *target)
{
	struct rule *rule = target;

	if (!yaml_is(r, YAML_SCALAR_EVENT))
		return yaml_refuse(r, "'domain' has to be one domain");
	if (yaml_has_nul(r))
		return yaml_refuse(r, "there is a NUL character in the domain");
	if (*yaml_scalar(r) == '\0')
		return yaml_refuse(r, "'domain' is empty");
	if (!yaml_is_text(r))
		return yaml_refuse(r, "'%s' is no domain", yaml_scalar(r));
	if (*yaml_scalar(r) == '=')
		return yaml_refuse(r, "'%s': give the name alone, and 'subdomains: false'",
				   yaml_scalar(r));
	rule->domain = xstrdup(yaml_scalar(r));
	return 0;
}

static int read_subdomains(struct yaml_reader *r, const struct yaml_key *key _unused_, void *target)
{
	struct rule *rule = target;

	rule->subdomains = yaml_is_plain(r, "true");
	if (!rule->subdomains && !yaml_is_plain(r, "false"))
		return yaml_refuse(r, "'subdomains' has to be true or false");
	return 0;
}

static const struct yaml_key rule_keys[] = {
	{ .name = "domain", .required = true, .read = read_domain },
	{ .name = "subdomains", .read = read_subdomains },
};
static const struct yaml_shape rule_shape = YAML_SHAPE("a rule", rule_keys);

/* The domain as awfd takes it: what says that it is exact stands behind the scheme. */
static char *rule_word(const struct rule *rule)
{
	const char *scheme_end = strstr(rule->domain, "://");
	const char *host = scheme_end ? scheme_end + strlen("://") : rule->domain;

	if (rule->subdomains)
		return xstrdup(rule->domain);
	return xasprintf("%.*s=%s", (int)(host - rule->domain), rule->domain, host);
}

static int read_rule(struct yaml_reader *r, struct word_list *to)
{
	size_t line = yaml_line(r);
	struct rule rule = { .subdomains = true };
	_cleanup_free_ char *word = NULL;
	int failed = yaml_read_mapping(r, &rule_shape, &rule);

	if (failed == 0)
		word = rule_word(&rule);
	free(rule.domain);
	if (failed == 0 && word_list_add(to, word) < 0)
		return yaml_refuse_line(r, line,
					"too many domains; a pattern such as '*.example.com' "
					"stands for many");
	return failed;
}

static int read_rules(struct yaml_reader *r, const struct yaml_key *key _unused_, void *target)
{
	if (!yaml_is(r, YAML_SEQUENCE_START_EVENT))
		return yaml_refuse(r, "'rules' has to be a list of rules");
	for (;;) {
		if (yaml_next(r) < 0)
			return -EINVAL;
		if (yaml_is(r, YAML_SEQUENCE_END_EVENT))
			return 0;
		if (read_rule(r, target) < 0)
			return -EINVAL;
	}
}

static int read_version(struct yaml_reader *r, const struct yaml_key *key _unused_,
			void *target _unused_)
{
	if (yaml_is_plain(r, "1"))
		return 0;
	if (yaml_is(r, YAML_SCALAR_EVENT))
		return yaml_refuse(r, "version '%s' is not known: it has to be the number 1",
				   yaml_scalar(r));
	return yaml_refuse(r, "'version' has to be the number 1");
}

static const struct yaml_key ruleset_keys[] = {
	{ .name = "version", .required = true, .read = read_version },
	{ .name = "rules", .required = true, .read = read_rules },
};
static const struct yaml_shape ruleset_shape = YAML_SHAPE("a ruleset", ruleset_keys);

int ruleset_parse(const char *name, const char *text, size_t length, struct word_list *to,
		  struct err *e)
{
	return yaml_read(name, text, length, &ruleset_shape, to, e);
}
