#include "awfctl/config-file.h"

#include <string.h>

#include "awfctl/input-file.h"
#include "common/strv.h"

#define DIGITS "0123456789"

static const struct input_file config_file = {
	.option = "config",
	.max = CONFIG_FILE_MAX,
	.missing = "give the path of a file in JSON or YAML, or '-' for standard input",
	.form = "give the path of a file in JSON or YAML",
	.large = "a --ruleset-file can have the domains",
	.or_stdin = true,
};

/* --- Values --- */

static const struct option_row *row_of(const struct yaml_key *key)
{
	const struct option_row *row = option_of_name(key->option);

	if (!row)
		abort(); /* a misspelt row of a table below */
	return row;
}

/* The scalar becomes the option's value, unless the command line has one. */
static int set(struct yaml_reader *r, const struct yaml_key *key, struct options *o)
{
	size_t line = yaml_line(r);

	if (option_set(o, row_of(key), options_keep(o, yaml_scalar(r)), r->e) < 0)
		return err_wrap(r->e, "%s:%zu", r->name, line);
	return 0;
}

static int check_text(struct yaml_reader *r, const struct yaml_key *key)
{
	if (!yaml_is(r, YAML_SCALAR_EVENT) || !yaml_is_text(r))
		return yaml_refuse(r, "'%s' has to be a text", key->name);
	if (yaml_has_nul(r))
		return yaml_refuse(r, "there is a NUL character in '%s'", key->name);
	return 0;
}

static bool is_number(const struct yaml_reader *r)
{
	const char *s;

	if (!yaml_is(r, YAML_SCALAR_EVENT) || yaml_is_text(r))
		return false;
	s = yaml_scalar(r);
	return *s != '\0' && strspn(s, DIGITS) == strlen(s);
}

/* What is set already, by the command line, wins; it is judged all the same. */
static int set_unless_given(struct yaml_reader *r, const struct yaml_key *key, struct options *o)
{
	return option_is_set(o, row_of(key)) ? 0 : set(r, key, o);
}

static int read_text(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	return check_text(r, key) < 0 ? -EINVAL : set_unless_given(r, key, target);
}

static int read_number(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	if (!is_number(r))
		return yaml_refuse(r, "'%s' has to be a whole number", key->name);
	return set_unless_given(r, key, target);
}

static int read_flag(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	if (yaml_is_plain(r, "false"))
		return 0;
	if (!yaml_is_plain(r, "true"))
		return yaml_refuse(r, "'%s' has to be true or false", key->name);
	return set_unless_given(r, key, target);
}

typedef int (*check_fn)(struct yaml_reader *r, const struct yaml_key *key);

static int read_items(struct yaml_reader *r, const struct yaml_key *key, struct options *o,
		      check_fn check)
{
	bool given = option_is_set(o, row_of(key));

	if (!yaml_is(r, YAML_SEQUENCE_START_EVENT))
		return yaml_refuse(r, "'%s' has to be a list", key->name);
	for (;;) {
		if (yaml_next(r) < 0)
			return -EINVAL;
		if (yaml_is(r, YAML_SEQUENCE_END_EVENT))
			return 0;
		if (check(r, key) < 0 || (!given && set(r, key, o) < 0))
			return -EINVAL;
	}
}

static int read_list(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	return read_items(r, key, target, check_text);
}

static int check_port(struct yaml_reader *r, const struct yaml_key *key)
{
	return is_number(r) ? 0 : check_text(r, key);
}

/* One port or range, several with commas between them, or a list of such. */
static int read_ports(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	if (!yaml_is(r, YAML_SCALAR_EVENT))
		return read_items(r, key, target, check_port);
	return check_port(r, key) < 0 ? -EINVAL : set_unless_given(r, key, target);
}

/* What is switched off is not asked for. */
static int read_not_here(struct yaml_reader *r, const struct yaml_key *key, void *target _unused_)
{
	if (yaml_is_plain(r, "false"))
		return 0;
	return yaml_refuse(r, "'%s' is not here: %s", key->name, row_of(key)->help);
}

static int read_ignored(struct yaml_reader *r, const struct yaml_key *key, void *target _unused_)
{
	return check_text(r, key);
}

static int read_section(struct yaml_reader *r, const struct yaml_key *key, void *target)
{
	return yaml_read_mapping(r, key->shape, target);
}

/* --- Keys --- */

#define VALUE(name, reader, option)                                                                \
	{                                                                                          \
		(name), false, (reader), (option), NULL                                            \
	}
#define SECTION(name, shape)                                                                       \
	{                                                                                          \
		(name), false, read_section, NULL, (shape)                                         \
	}

static const struct yaml_key network_keys[] = {
	VALUE("allowDomains", read_list, "allow-domains"),
	VALUE("blockDomains", read_list, "block-domains"),
	VALUE("dnsServers", read_list, "dns-servers"),
	VALUE("upstreamProxy", read_text, "upstream-proxy"),
};
static const struct yaml_shape network_shape = YAML_SHAPE("'network'", network_keys);

static const struct yaml_key api_proxy_keys[] = {
	VALUE("enabled", read_not_here, "enable-api-proxy"),
	VALUE("anthropicAutoCache", read_not_here, "anthropic-auto-cache"),
	VALUE("anthropicCacheTailTtl", read_not_here, "anthropic-cache-tail-ttl"),
	VALUE("auth", read_not_here, "enable-api-proxy"),
	VALUE("enableTokenSteering", read_not_here, "enable-token-steering"),
	VALUE("logging", read_not_here, "enable-api-proxy"),
	VALUE("maxEffectiveTokens", read_not_here, "enable-api-proxy"),
	VALUE("maxRuns", read_not_here, "enable-api-proxy"),
	VALUE("modelFallback", read_not_here, "enable-api-proxy"),
	VALUE("modelMultipliers", read_not_here, "enable-api-proxy"),
	VALUE("models", read_not_here, "enable-api-proxy"),
	VALUE("requestedModel", read_not_here, "enable-api-proxy"),
	VALUE("targets", read_not_here, "enable-api-proxy"),
};
static const struct yaml_shape api_proxy_shape = YAML_SHAPE("'apiProxy'", api_proxy_keys);

static const struct yaml_key difc_proxy_keys[] = {
	VALUE("host", read_text, "difc-proxy-host"),
	VALUE("caCert", read_text, "difc-proxy-ca-cert"),
};
static const struct yaml_shape difc_proxy_shape = YAML_SHAPE("'difcProxy'", difc_proxy_keys);

static const struct yaml_key security_keys[] = {
	VALUE("sslBump", read_not_here, "ssl-bump"),
	VALUE("enableDlp", read_not_here, "enable-dlp"),
	VALUE("enableHostAccess", read_flag, "enable-host-access"),
	VALUE("allowHostPorts", read_ports, "allow-host-ports"),
	VALUE("allowHostServicePorts", read_ports, "allow-host-service-ports"),
	SECTION("difcProxy", &difc_proxy_shape),
};
static const struct yaml_shape security_shape = YAML_SHAPE("'security'", security_keys);

static const struct yaml_key container_keys[] = {
	VALUE("memoryLimit", read_text, "memory-limit"),
	VALUE("pidsLimit", read_number, "pids-limit"),
	VALUE("agentTimeout", read_number, "agent-timeout"),
	VALUE("enableDind", read_not_here, "enable-dind"),
	VALUE("workDir", read_text, "work-dir"),
	VALUE("containerWorkDir", read_text, "container-workdir"),
	VALUE("imageRegistry", read_not_here, "image-registry"),
	VALUE("imageTag", read_text, "image-tag"),
	VALUE("skipPull", read_flag, "skip-pull"),
	VALUE("buildLocal", read_not_here, "build-local"),
	VALUE("agentImage", read_text, "agent-image"),
	VALUE("tty", read_flag, "tty"),
	VALUE("dockerHost", read_not_here, "docker-host"),
	VALUE("dockerHostPathPrefix", read_not_here, "docker-host-path-prefix"),
};
static const struct yaml_shape container_shape = YAML_SHAPE("'container'", container_keys);

static const struct yaml_key environment_keys[] = {
	VALUE("envFile", read_text, "env-file"),
	VALUE("envAll", read_flag, "env-all"),
	VALUE("excludeEnv", read_list, "exclude-env"),
};
static const struct yaml_shape environment_shape = YAML_SHAPE("'environment'", environment_keys);

static const struct yaml_key logging_keys[] = {
	VALUE("logLevel", read_text, "log-level"),
	VALUE("diagnosticLogs", read_flag, "diagnostic-logs"),
	VALUE("auditDir", read_text, "audit-dir"),
	VALUE("proxyLogsDir", read_text, "proxy-logs-dir"),
	VALUE("sessionStateDir", read_text, "session-state-dir"),
};
static const struct yaml_shape logging_shape = YAML_SHAPE("'logging'", logging_keys);

static const struct yaml_key rate_limiting_keys[] = {
	VALUE("enabled", read_not_here, "no-rate-limit"),
	VALUE("requestsPerMinute", read_not_here, "rate-limit-rpm"),
	VALUE("requestsPerHour", read_not_here, "rate-limit-rph"),
	VALUE("bytesPerMinute", read_not_here, "rate-limit-bytes-pm"),
};
static const struct yaml_shape rate_limiting_shape =
	YAML_SHAPE("'rateLimiting'", rate_limiting_keys);

static const struct yaml_key keys[] = {
	VALUE("$schema", read_ignored, NULL),   SECTION("network", &network_shape),
	SECTION("apiProxy", &api_proxy_shape),  SECTION("security", &security_shape),
	SECTION("container", &container_shape), SECTION("environment", &environment_shape),
	SECTION("logging", &logging_shape),     SECTION("rateLimiting", &rate_limiting_shape),
};
const struct yaml_shape config_file_shape = YAML_SHAPE("the configuration", keys);

/* --- The file --- */

int config_file_parse(const char *name, const char *text, size_t length, struct options *o,
		      struct err *e)
{
	return yaml_read(name, text, length, &config_file_shape, o, e);
}

int config_file_apply(struct options *o, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	const char *name = o->config;
	size_t length;
	int r;

	if (!o->config)
		return 0;
	r = input_file_read(&config_file, o->config, &text, &length, e);
	if (r < 0)
		return r;
	if (strcmp(name, "-") == 0)
		name = "standard input";
	if (config_file_parse(name, text, length, o, e) < 0)
		return err_wrap(e, "--config");
	return 0;
}
