#include "awfctl/options.h"

#include <string.h>

#include "awfctl/elsewhere.h"
#include "awfctl/nearest.h"
#include "common/alloc.h"
#include "common/strv.h"

#define MEMBER(name) offsetof(struct options, name)

/* clang-format off */
#define NOT_HERE(name, letter, why)                                                                \
	{ name, letter, OPTION_NOT_HERE, OPTION_SANDBOX, NULL, why, 0, NULL }

#define ONE_MODE                                                                                   \
	"there is one mode of security, which needs neither sudo nor iptables; leave it out"
#define TLS_IS_OPAQUE "TLS is never decrypted; grant whole domains with --allow-domains"
#define IMAGES_ARE_THE_OPERATORS                                                                   \
	"images of the sandbox's parts come with awf, and the operator names others in [Images] of "  \
	"awfd.conf; --agent-image takes a name with its registry"
#define NO_API_PROXY                                                                               \
	"there is no API proxy; run one on the host and grant its port with "                      \
	"--allow-host-service-ports"

const struct option_row option_rows[] = {
	{ "difc-proxy-host", 0, OPTION_TEXT, OPTION_SANDBOX | OPTION_DOCTOR, "HOST[:PORT]",
	  "give the command a gh that goes through this DIFC proxy, or look at it (doctor)",
	  MEMBER(difc_proxy_host), "difcProxyHost" },
	{ "difc-proxy-ca-cert", 0, OPTION_TEXT, OPTION_SANDBOX | OPTION_DOCTOR, "FILE",
	  "the CA that signed the DIFC proxy's certificate (PEM)",
	  MEMBER(difc_proxy_ca_cert), "difcProxyCaCert" },
	{ "difc-wait", 0, OPTION_TEXT, OPTION_SANDBOX, "SECONDS",
	  "how long to wait for a DIFC proxy that is being started",
	  MEMBER(difc_wait), "difcWait" },
	{ "config", 0, OPTION_TEXT, OPTION_SANDBOX, "FILE",
	  "options from a file in JSON or YAML; - is standard input",
	  MEMBER(config), NULL },
	{ "allow-domains", 'd', OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "domains that the command may reach, as in github.com,*.pypi.org",
	  MEMBER(allow_domains), "allowDomains" },
	{ "allow-domains-file", 0, OPTION_FILES, OPTION_SANDBOX, "FILE",
	  "the same from a file; # begins a comment",
	  MEMBER(allow_domains_files), NULL },
	{ "block-domains", 0, OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "domains that it may not reach, although they are allowed",
	  MEMBER(block_domains), "blockDomains" },
	{ "block-domains-file", 0, OPTION_FILES, OPTION_SANDBOX, "FILE",
	  "the same from a file",
	  MEMBER(block_domains_files), NULL },
	{ "ruleset-file", 0, OPTION_FILES, OPTION_SANDBOX, "FILE",
	  "domains that it may reach, as rules in YAML",
	  MEMBER(ruleset_files), NULL },
	{ "allow-private", 0, OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "allowed names that may have private addresses",
	  MEMBER(allow_private), "allowPrivate" },
	{ "dns-servers", 0, OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "addresses of the name servers to ask (default: this host's)",
	  MEMBER(dns_servers), "dnsServers" },
	{ "upstream-proxy", 0, OPTION_URL, OPTION_SANDBOX, "URL",
	  "the proxy through which domains are reached",
	  MEMBER(upstream_proxy), "upstreamProxy" },
	{ "enable-host-access", 0, OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "let the command reach ports 80 and 443 of this host",
	  MEMBER(enable_host_access), "enableHostAccess" },
	{ "allow-host-ports", 0, OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "these ports instead, as in 3000,8000-8010",
	  MEMBER(allow_host_ports), "allowHostPorts" },
	{ "allow-host-service-ports", 0, OPTION_LIST, OPTION_SANDBOX, "LIST",
	  "any ports of this host, those of databases included",
	  MEMBER(allow_host_service_ports), "allowHostServicePorts" },
	{ "env", 'e', OPTION_ENV, OPTION_SANDBOX, "KEY[=VALUE]",
	  "set a variable; KEY alone passes yours on (repeatable)",
	  MEMBER(environment), "environment" },
	{ "mount", 'v', OPTION_TEXTS, OPTION_SANDBOX, "SRC:DST[:ro|rw]",
	  "let the command have a directory or file of this host (repeatable)",
	  MEMBER(mounts), "mounts" },
	{ "workspace", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "with image host: the directory to work in (default $GITHUB_WORKSPACE or this one)",
	  MEMBER(workspace), "workspace" },
	{ "env-file", 0, OPTION_FILES, OPTION_SANDBOX, "FILE",
	  "variables from a file, a line each (repeatable)",
	  MEMBER(env_files), NULL },
	{ "env-all", 0, OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "pass your environment on, but not secrets and what is this host's",
	  MEMBER(env_all), NULL },
	{ "exclude-env", 0, OPTION_NAMES, OPTION_SANDBOX, "NAME",
	  "a variable that --env-all and --env-file leave out (repeatable)",
	  MEMBER(exclude_env), NULL },
	{ "memory-limit", 0, OPTION_TEXT, OPTION_SANDBOX, "SIZE",
	  "the command's memory, as in 512m or 2g (default 6g)",
	  MEMBER(memory_limit), "memoryLimit" },
	{ "pids-limit", 0, OPTION_TEXT, OPTION_SANDBOX, "N",
	  "its processes and threads (default 1000)",
	  MEMBER(pids_limit), "pidsLimit" },
	{ "cpus", 0, OPTION_TEXT, OPTION_SANDBOX, "N",
	  "how many processors' time it gets, as in 1.5 (default: all)",
	  MEMBER(cpus), "nanoCpus" },
	{ "agent-timeout", 0, OPTION_TEXT, OPTION_SANDBOX, "MINUTES",
	  "end it after this time, with exit code 124",
	  MEMBER(agent_timeout), "agentTimeout" },
	{ "name", 0, OPTION_TEXT, OPTION_SANDBOX, "NAME",
	  "a name for the sandbox, which can stand for its ID",
	  MEMBER(name), "name" },
	{ "container-workdir", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "the command's working directory in the sandbox",
	  MEMBER(workdir), "workdir" },
	{ "agent-image", 0, OPTION_TEXT, OPTION_SANDBOX, "IMAGE",
	  "the container image that the command runs in",
	  MEMBER(image), "image" },
	{ "session-state-dir", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "the command's ~/.copilot/session-state is this directory",
	  MEMBER(session_state_dir), NULL },
	{ "proxy-logs-dir", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "copy the logs of what was reached and refused to it (run)",
	  MEMBER(proxy_logs_dir), NULL },
	{ "audit-dir", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "copy the sandbox's audit log to it (run)",
	  MEMBER(audit_dir), NULL },
	{ "diagnostic-logs", 0, OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "when the command fails, copy all logs to diagnostics/ in that (run)",
	  MEMBER(diagnostic_logs), NULL },
	{ "work-dir", 0, OPTION_TEXT, OPTION_SANDBOX, "DIR",
	  "the directory of diagnostics/, without --audit-dir",
	  MEMBER(work_dir), NULL },
	{ "pull", 0, OPTION_TEXT, OPTION_SANDBOX, "WHEN",
	  "have images brought first: never (default), missing or always",
	  MEMBER(pull), "pull" },
	{ "skip-pull", 0, OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "the same as --pull never",
	  MEMBER(skip_pull), NULL },
	{ "network-isolation", 0, OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "no way to the network but what is granted, which is always so",
	  MEMBER(network_isolation), NULL },
	{ "image-tag", 0, OPTION_TEXT, OPTION_SANDBOX, "TAG",
	  "the tag of an image that --agent-image names without one",
	  MEMBER(image_tag), NULL },
	{ "keep-containers", 'k', OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "keep the sandbox when the command has ended, until it is stopped",
	  MEMBER(keep), "keep" },
	{ "tty", 't', OPTION_FLAG, OPTION_SANDBOX, NULL,
	  "give the command a terminal",
	  MEMBER(tty), "tty" },
	{ "detach-keys", 0, OPTION_TEXT, OPTION_ATTACHING, "KEYS",
	  "what leaves the command's terminal (default ctrl-p,ctrl-q)",
	  MEMBER(detach_keys), NULL },
	{ "image", 0, OPTION_TEXT, OPTION_IMAGES, "IMAGE",
	  "the image for commands, in place of the operator's",
	  MEMBER(image), "reference" },
	{ "from", 0, OPTION_TEXT, OPTION_IMAGES, "FILE",
	  "the images of an archive by 'docker save', in place of all that (root)",
	  MEMBER(from), "archive" },
	{ "difc-proxy", 0, OPTION_FLAG, OPTION_IMAGES, NULL,
	  "what a DIFC proxy needs, too",
	  MEMBER(difc_proxy), "difcProxy" },
	{ "follow", 'f', OPTION_FLAG, OPTION_FOLLOWING, NULL,
	  "go on until the sandbox has ended",
	  MEMBER(follow), NULL },
	{ "source", 0, OPTION_LIST, OPTION_SPAN, "LIST",
	  "only that of squid, gh, relay, firewall or audit",
	  MEMBER(sources), NULL },
	{ "since", 0, OPTION_TEXT, OPTION_SPAN, "TIME",
	  "only what came at this time or later: 10m (ago), 2026-01-31T13:00:00Z",
	  MEMBER(since), NULL },
	{ "until", 0, OPTION_TEXT, OPTION_SPAN, "TIME",
	  "only what came before this time",
	  MEMBER(until), NULL },
	{ "dir", 0, OPTION_TEXT, OPTION_LOGGED, "DIR",
	  "the logs in this directory, as --proxy-logs-dir makes it, without ID",
	  MEMBER(dir), NULL },
	{ "no-stream", 0, OPTION_FLAG, OPTION_LIVE, NULL,
	  "show it once, as when the output is no terminal",
	  MEMBER(no_stream), NULL },
	{ "json", 0, OPTION_FLAG, OPTION_READING, NULL,
	  "print JSON",
	  MEMBER(json), NULL },
	{ "format", 0, OPTION_LIST, OPTION_FORMATTED, "FIELDS",
	  "print these fields only, as in id,state, with a tab between them",
	  MEMBER(format), NULL },
	{ "quiet", 'q', OPTION_FLAG, OPTION_LISTING | OPTION_DOCTOR, NULL,
	  "print the IDs only, or only what is not ok (doctor)",
	  MEMBER(quiet), NULL },
	{ "socket", 0, OPTION_TEXT, OPTION_GLOBAL, "PATH",
	  "awfd's socket (default $AWFD_SOCKET, " OPTIONS_SOCKET_DEFAULT ")",
	  MEMBER(socket), NULL },
	{ "log-level", 0, OPTION_TEXT, OPTION_GLOBAL, "LEVEL",
	  "debug, info, warning or error (default info)",
	  MEMBER(log_level), NULL },
	{ "help", 'h', OPTION_FLAG, OPTION_GLOBAL, NULL,
	  "show this help",
	  MEMBER(help), NULL },
	{ "version", 'V', OPTION_FLAG, OPTION_LEADING, NULL,
	  "show the versions",
	  MEMBER(version), NULL },
	NOT_HERE("allow-urls", 0, TLS_IS_OPAQUE),
	NOT_HERE("anthropic-api-auth-header", 0, NO_API_PROXY),
	NOT_HERE("anthropic-api-base-path", 0, NO_API_PROXY),
	NOT_HERE("anthropic-api-target", 0, NO_API_PROXY),
	NOT_HERE("anthropic-auto-cache", 0, NO_API_PROXY),
	NOT_HERE("anthropic-cache-tail-ttl", 0, NO_API_PROXY),
	NOT_HERE("build-local", 'b',
		 "images are the operator's to make; --agent-image chooses one that is there"),
	NOT_HERE("container-runtime", 0,
		 "containers run as the operator's engine runs them; another runtime is set in "
		 "the configuration of that"),
	NOT_HERE("copilot-api-target", 0, NO_API_PROXY),
	NOT_HERE("dns-over-https", 0,
		 "the command asks no name server, only the sandbox's proxy does; --dns-servers "
		 "names its servers"),
	NOT_HERE("docker-host", 0,
		 "only awfd talks to the engine; the operator names its socket in [Engine] of "
		 "awfd.conf"),
	NOT_HERE("docker-host-path-prefix", 0,
		 "awfd and the engine see the same files; give --mount the path on this host"),
	NOT_HERE("enable-api-proxy", 0, NO_API_PROXY),
	NOT_HERE("enable-dind", 0,
		 "the engine's socket is root on this host; use containers before or after the "
		 "sandbox"),
	NOT_HERE("enable-dlp", 0,
		 "TLS is never decrypted, so that nothing in it can be looked for; --env-all and "
		 "--difc-proxy-host keep secrets out of the sandbox"),
	NOT_HERE("enable-opencode", 0, NO_API_PROXY),
	NOT_HERE("enable-token-steering", 0, NO_API_PROXY),
	NOT_HERE("gemini-api-base-path", 0, NO_API_PROXY),
	NOT_HERE("gemini-api-target", 0, NO_API_PROXY),
	NOT_HERE("image-registry", 0, IMAGES_ARE_THE_OPERATORS),
	NOT_HERE("legacy-security", 0, ONE_MODE),
	NOT_HERE("max-cache-misses", 0, NO_API_PROXY),
	NOT_HERE("max-model-multiplier", 0, NO_API_PROXY),
	NOT_HERE("max-model-multiplier-cap", 0, NO_API_PROXY),
	NOT_HERE("max-permission-denied", 0, NO_API_PROXY),
	NOT_HERE("no-enable-api-proxy", 0, "there is no API proxy to switch off; leave it out"),
	NOT_HERE("no-network-isolation", 0,
		 "nothing switches the isolation off; grant what the command is to reach"),
	NOT_HERE("no-rate-limit", 0, NO_API_PROXY),
	NOT_HERE("openai-api-auth-header", 0, NO_API_PROXY),
	NOT_HERE("openai-api-base-path", 0, NO_API_PROXY),
	NOT_HERE("openai-api-target", 0, NO_API_PROXY),
	NOT_HERE("rate-limit-bytes-pm", 0, NO_API_PROXY),
	NOT_HERE("rate-limit-rph", 0, NO_API_PROXY),
	NOT_HERE("rate-limit-rpm", 0, NO_API_PROXY),
	NOT_HERE("reflect", 0, NO_API_PROXY),
	NOT_HERE("security-mode", 0, ONE_MODE),
	NOT_HERE("ssl-bump", 0, TLS_IS_OPAQUE),
	NOT_HERE("topology-attach", 0,
		 "no other container gets onto a sandbox's network; publish its port on this host "
		 "and grant that with --allow-host-service-ports"),
	NOT_HERE("vertex-api-base-path", 0, NO_API_PROXY),
	NOT_HERE("vertex-api-target", 0, NO_API_PROXY),
};
/* clang-format on */
const size_t option_row_count = ARRAY_SIZE(option_rows);

/* What is left of the arguments. */
struct cursor {
	char **args;
	int next;
};

int usage_error(struct err *e, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "%s", text);
}

static void *member(struct options *o, const struct option_row *row)
{
	return (char *)o + row->offset;
}

static int set_flag(struct options *o, const struct option_row *row, const char *value _unused_,
		    struct err *e _unused_)
{
	*(bool *)member(o, row) = true;
	return 0;
}

static int set_text(struct options *o, const struct option_row *row, const char *value,
		    struct err *e _unused_)
{
	*(const char **)member(o, row) = value;
	return 0;
}

/* KEY=VALUE, or KEY with the value from awfctl's own environment; nothing when it has none. */
static int add_env(struct options *o, const struct option_row *row, const char *value,
		   struct err *e)
{
	char ***env = member(o, row);
	const char *equals = strchrnul(value, '=');
	_cleanup_free_ char *key = xstrndup(value, (size_t)(equals - value));
	const char *text = *equals ? equals + 1 : getenv(key);

	if (*key == '\0')
		return usage_error(e, "--%s '%s': there is no name before the '='", row->name,
				   value);
	(void)strv_env_unset(*env, key);
	if (text)
		strv_appendf(env, "%s=%s", key, text);
	return 0;
}

/* The words of LIST, behind those of earlier ones. */
static int add_list(struct options *o, const struct option_row *row, const char *value,
		    struct err *e)
{
	int r = word_list_split(member(o, row), value);

	if (r == -EINVAL)
		return usage_error(e,
				   "--%s '%s': an item of the list is empty; take the superfluous "
				   "comma, or the option, out",
				   row->name, value);
	if (r < 0)
		return usage_error(e, "--%s: too many items for one list", row->name);
	return 0;
}

static int add_text(struct options *o, const struct option_row *row, const char *value,
		    struct err *e _unused_)
{
	strv_append(member(o, row), value);
	return 0;
}

static int add_name(struct options *o, const struct option_row *row, const char *value,
		    struct err *e)
{
	if (*value == '\0' || strchr(value, '='))
		return usage_error(e, "--%s '%s': give the name of a variable alone", row->name,
				   value);
	strv_append(member(o, row), value);
	return 0;
}

static int refuse_not_here(struct options *o _unused_, const struct option_row *row,
			   const char *value _unused_, struct err *e)
{
	return usage_error(e, "--%s is not here: %s", row->name, row->help);
}

static const struct {
	bool takes_value;
	int (*set)(struct options *o, const struct option_row *row, const char *value,
		   struct err *e);
} kinds[] = {
	[OPTION_FLAG] = { false, set_flag },
	[OPTION_TEXT] = { true, set_text },
	[OPTION_URL] = { true, set_text },
	[OPTION_ENV] = { true, add_env },
	[OPTION_LIST] = { true, add_list },
	[OPTION_FILES] = { true, add_text },
	[OPTION_TEXTS] = { true, add_text },
	[OPTION_NAMES] = { true, add_name },
	[OPTION_NOT_HERE] = { false, refuse_not_here },
};

static const struct option_row *find_long(unsigned groups, const char *name, size_t length)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->groups & groups && strncmp(row->name, name, length) == 0 &&
		    row->name[length] == '\0')
			return row;
	}
	return NULL;
}

static const struct option_row *find_short(unsigned groups, char letter)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].groups & groups && option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

static int unknown_option(unsigned groups, const char *name, struct err *e)
{
	struct nearest nearest = { .word = name };
	const char *advice = elsewhere_option(groups, name), *best;

	if (advice)
		return usage_error(e, "unknown option '--%s'; %s", name, advice);
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].groups & groups && option_rows[i].kind != OPTION_NOT_HERE)
			nearest_offer(&nearest, option_rows[i].name);
	best = nearest_get(&nearest);
	if (best)
		return usage_error(e, "unknown option '--%s'; did you mean '--%s'?", name, best);
	return usage_error(e, "unknown option '--%s'; --help lists them", name);
}

static int unknown_letter(unsigned groups, char letter, struct err *e)
{
	const char *advice = elsewhere_letter(groups, letter);

	return usage_error(e, "unknown option '-%c'; %s", letter,
			   advice ? advice : "--help lists them");
}

/* Applies an option; `joined` is the value that came in the same argument, or NULL. */
static int apply(struct options *o, const struct option_row *row, const char *joined,
		 struct cursor *c, struct err *e)
{
	const char *value = joined;

	if (row->kind == OPTION_FLAG && joined)
		return usage_error(e, "--%s takes no value", row->name);
	if (kinds[row->kind].takes_value && !joined) {
		value = c->args[c->next];
		if (value && strcmp(value, "--") == 0)
			return usage_error(e, "--%s needs a value before the '--': --%s %s",
					   row->name, row->name, row->argument);
		if (!value)
			return usage_error(e, "--%s needs a value: --%s %s", row->name, row->name,
					   row->argument);
		c->next++;
	}
	return kinds[row->kind].set(o, row, value, e);
}

/* --name, --name value, --name=value */
static int parse_long(struct options *o, unsigned groups, struct cursor *c, struct err *e)
{
	const char *name = c->args[c->next++] + 2;
	const char *equals = strchrnul(name, '=');
	const struct option_row *row = find_long(groups, name, (size_t)(equals - name));

	if (!row) {
		_cleanup_free_ char *unknown = xstrndup(name, (size_t)(equals - name));

		return unknown_option(groups, unknown, e);
	}
	return apply(o, row, *equals ? equals + 1 : NULL, c, e);
}

/* -x, -x value, -xvalue, and flags together: -xy */
static int parse_short(struct options *o, unsigned groups, struct cursor *c, struct err *e)
{
	const char *letters = c->args[c->next++] + 1;

	for (; *letters; letters++) {
		const struct option_row *row = find_short(groups, *letters);
		int r;

		if (!row)
			return unknown_letter(groups, *letters, e);
		if (kinds[row->kind].takes_value)
			return apply(o, row, letters[1] ? letters + 1 : NULL, c, e);
		r = apply(o, row, NULL, c, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int options_parse(struct options *o, unsigned groups, bool only_leading, char **args, struct err *e)
{
	struct cursor c = { .args = args };

	while (c.args[c.next]) {
		char *arg = c.args[c.next];
		int r = 0;

		if (strcmp(arg, "--") == 0) {
			strv_free(o->command);
			o->command = strv_copy(args + c.next + 1);
			return (int)strv_length(args);
		}
		if (strncmp(arg, "--", 2) == 0)
			r = parse_long(o, groups, &c, e);
		else if (arg[0] == '-' && arg[1] != '\0')
			r = parse_short(o, groups, &c, e);
		else if (only_leading)
			break;
		else
			strv_append(&o->operands, args[c.next++]);
		if (r < 0)
			return r;
	}
	return c.next;
}

/* Whatever an option of this kind collected. */
static void clear_member(struct options *o, const struct option_row *row)
{
	switch (row->kind) {
	case OPTION_LIST:
		word_list_clear(member(o, row));
		break;
	case OPTION_ENV:
	case OPTION_FILES:
	case OPTION_TEXTS:
	case OPTION_NAMES:
		strv_free(*(char ***)member(o, row));
		break;
	case OPTION_FLAG:
	case OPTION_TEXT:
	case OPTION_URL:
	case OPTION_NOT_HERE:
		break;
	}
}

int option_set(struct options *o, const struct option_row *row, const char *value, struct err *e)
{
	return kinds[row->kind].set(o, row, value, e);
}

bool option_is_set(const struct options *o, const struct option_row *row)
{
	const char *at = (const char *)o + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		return *(const bool *)at;
	case OPTION_LIST:
		return ((const struct word_list *)at)->words;
	case OPTION_TEXT:
	case OPTION_URL:
	case OPTION_ENV:
	case OPTION_FILES:
	case OPTION_TEXTS:
	case OPTION_NAMES:
		return *(const void *const *)at;
	case OPTION_NOT_HERE:
		break;
	}
	return false;
}

const char *options_keep(struct options *o, const char *text)
{
	strv_append(&o->kept, text);
	return o->kept[strv_length(o->kept) - 1];
}

void options_clear(struct options *o)
{
	for (size_t i = 0; i < option_row_count; i++)
		clear_member(o, &option_rows[i]);
	strv_free(o->operands);
	strv_free(o->kept);
	strv_free(o->command);
	*o = (struct options){ 0 };
}

const char *options_socket(const struct options *o)
{
	const char *path = o->socket ? o->socket : getenv("AWFD_SOCKET");

	return path && *path ? path : OPTIONS_SOCKET_DEFAULT;
}

const struct option_row *option_of_name(const char *name)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}

const struct option_row *option_of_field(const char *field)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (option_rows[i].field && strcmp(option_rows[i].field, field) == 0)
			return &option_rows[i];
	return NULL;
}

const char *option_text(const struct options *o, const struct option_row *row)
{
	if (row->kind != OPTION_TEXT && row->kind != OPTION_URL)
		return NULL;
	return *(const char *const *)((const char *)o + row->offset);
}

char *const *option_words(const struct options *o, const struct option_row *row)
{
	const char *at = (const char *)o + row->offset;

	if (row->kind == OPTION_TEXTS)
		return *(char *const *const *)at;
	return row->kind == OPTION_LIST ? ((const struct word_list *)at)->words : NULL;
}
