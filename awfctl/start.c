#include "awfctl/start.h"

#include <string.h>

#include "awfctl/input-file.h"
#include "awfctl/progress.h"
#include "awfctl/start-egress.h"
#include "awfctl/start-env.h"
#include "awfctl/start-session.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/strv.h"
#include "common/utf8.h"

#define IMAGE_HOST "host" /* no image: this host's own programs */

static const struct input_file ca_file = {
	.option = "difc-proxy-ca-cert",
	.max = MESSAGE_CA_MAX,
	.missing = "give the path of the ca.crt that the DIFC proxy wrote",
	.form = "give the path of a PEM file",
	.large = "give the CA's certificate alone",
};

/* The content is awfd's to judge; here only what a JSON string can't carry. */
static int read_ca(const char *path, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = input_file_read(&ca_file, path, &text, &length, e);

	if (r < 0)
		return r;
	if (length == 0)
		return usage_error(e, "--difc-proxy-ca-cert: %s: the file is empty", path);
	if (strlen(text) != length || !utf8_is_valid(text))
		return usage_error(e, "--difc-proxy-ca-cert: %s: not a PEM file", path);
	*ret = TAKE_PTR(text);
	return 0;
}

static int parse_whole(const char *text, uint64_t *ret)
{
	return parse_uint(text, 0, INT32_MAX, ret);
}

/* Numbers that options give: how they are written. How much is too much is awfd's to say. */
static const struct number {
	const char *option;
	size_t text;  /* offset in struct options */
	size_t value; /* offset in struct start_request */
	int (*parse)(const char *text, uint64_t *ret);
	uint64_t unit; /* what 1 stands for in the request */
	const char *advice;
} numbers[] = {
	{ "difc-wait", offsetof(struct options, difc_wait),
	  offsetof(struct start_request, difc_wait), parse_whole, 1,
	  "give a number of seconds, as in --difc-wait 60; 0 means not to wait" },
	{ "memory-limit", offsetof(struct options, memory_limit),
	  offsetof(struct start_request, memory_limit), parse_bytes, 1,
	  "give a size, as in --memory-limit 512m; the units are b, k, m and g" },
	{ "pids-limit", offsetof(struct options, pids_limit),
	  offsetof(struct start_request, pids_limit), parse_whole, 1,
	  "give a number of processes, as in --pids-limit 200" },
	{ "cpus", offsetof(struct options, cpus), offsetof(struct start_request, nano_cpus),
	  parse_nano, 1, "give a number of processors, as in --cpus 1.5" },
	{ "agent-timeout", offsetof(struct options, agent_timeout),
	  offsetof(struct start_request, agent_timeout), parse_whole, 60,
	  "give a number of minutes, as in --agent-timeout 30" },
};

static int set_number(const struct number *n, const struct options *o,
		      struct start_request *request, struct err *e)
{
	const char *text = *(const char *const *)((const char *)o + n->text);
	int64_t *to = (int64_t *)((char *)request + n->value);
	uint64_t value;

	*to = FIELD_INT_ABSENT;
	if (!text)
		return 0;
	if (n->parse(text, &value) < 0 || value > (uint64_t)INT64_MAX / n->unit)
		return usage_error(e, "--%s '%s': %s", n->option, text, n->advice);
	*to = (int64_t)(value * n->unit);
	return 0;
}

static int set_numbers(const struct options *o, struct start_request *request, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = set_number(&numbers[i], o, request, e);
	return r;
}

int start_build_difc(const struct options *o, char **host, char **ca, struct err *e)
{
	if (!o->difc_proxy_host && !o->difc_proxy_ca_cert)
		return 0;
	if (!o->difc_proxy_ca_cert)
		return usage_error(e, "--difc-proxy-host needs --difc-proxy-ca-cert: give the path "
				      "of the ca.crt that the DIFC proxy wrote");
	if (!o->difc_proxy_host)
		return usage_error(e, "--difc-proxy-ca-cert needs --difc-proxy-host: give the DIFC "
				      "proxy's address, as in --difc-proxy-host localhost:18443");
	*host = xstrdup(o->difc_proxy_host);
	return read_ca(o->difc_proxy_ca_cert, ca, e);
}

/* One argument is a string for the shell; several are the command as it is. */
static int set_command(const struct options *o, struct start_request *request, struct err *e)
{
	size_t count = strv_length(o->command);

	if (count == 0)
		return usage_error(e, "there is no command; give it after '--'");
	if (count == 1) {
		strv_append(&request->command, "/bin/sh");
		strv_append(&request->command, "-c");
	}
	for (size_t i = 0; i < count; i++) {
		if (!utf8_is_valid(o->command[i]))
			return usage_error(e,
					   "argument %zu of the command is not valid UTF-8: '%s'",
					   i + 1, o->command[i]);
		strv_append(&request->command, o->command[i]);
	}
	return 0;
}

/* A JSON string carries nothing else. */
static int check_utf8(const struct option_row *row, const char *text, struct err *e)
{
	if (!text || utf8_is_valid(text))
		return 0;
	if (row->kind == OPTION_URL)
		return usage_error(e, "--%s: not valid UTF-8", row->name);
	return usage_error(e, "--%s '%s': not valid UTF-8", row->name, text);
}

static int check_texts(const struct options *o, struct err *e)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char *const *words = option_words(o, row);
		int r = check_utf8(row, option_text(o, row), e);

		for (size_t j = 0; r == 0 && words && words[j]; j++)
			r = check_utf8(row, words[j], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether a reference says which of a name's images it is: a registry's port is no tag. */
static bool is_exact(const char *image)
{
	const char *name = strrchr(image, '/');

	return strpbrk(name ? name : image, ":@") != NULL;
}

/* The image that the options name, or NULL. The caller owns it. */
static int choose_image(const struct options *o, char **ret, struct err *e)
{
	const char *tag = o->image_tag;

	if (tag && (*tag == '\0' || strpbrk(tag, ",@:/")))
		return usage_error(e,
				   "--image-tag '%s': give a tag alone; an image by its digest is "
				   "named by --agent-image, as in NAME@sha256:...",
				   tag);
	if (tag && o->image && strcmp(o->image, IMAGE_HOST) != 0 && !is_exact(o->image))
		*ret = xasprintf("%s:%s", o->image, tag);
	else
		*ret = xstrdup(o->image);
	return 0;
}

/* What --skip-pull says is what awfd does unless it is told otherwise. */
static int set_pull(const struct options *o, struct start_request *request, struct err *e)
{
	if (o->skip_pull && o->pull && strcmp(o->pull, "never") != 0)
		return usage_error(e, "--skip-pull and --pull '%s': give one of them", o->pull);
	request->pull = xstrdup(o->pull);
	return 0;
}

/* The other texts, which go to awfd as they are. */
static int set_texts(const struct options *o, struct start_request *request, struct err *e)
{
	int r = check_texts(o, e);

	if (r < 0)
		return r;
	r = choose_image(o, &request->image, e);
	if (r == 0)
		r = set_pull(o, request, e);
	if (r < 0)
		return r;
	request->keep = o->keep;
	request->workdir = xstrdup(o->workdir);
	request->tty = o->tty;
	request->name = xstrdup(o->name);
	request->mounts = o->mounts ? strv_copy(o->mounts) : NULL;
	return 0;
}

/* A relative one is meant from here, as with other programs. */
static int set_named_workspace(const char *path, struct start_request *request, struct err *e)
{
	if (*path == '/') {
		request->workspace = xstrdup(path);
		return 0;
	}
	request->workspace = realpath(path, NULL);
	return request->workspace ? 0
				  : usage_error(e,
						"--workspace '%s': %s; give the path of a "
						"directory",
						path, strerror(errno));
}

static bool is_in(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The current directory, if it can be told and does not have the user's home in it: that is no
 * workspace, wherever it is. */
static char *current_directory(void)
{
	_cleanup_free_ char *here = realpath(".", NULL), *home = NULL;
	const char *named = getenv("HOME");

	if (!here || !utf8_is_valid(here))
		return NULL;
	home = named && *named ? realpath(named, NULL) : NULL;
	return home && is_in(home, strcmp(here, "/") == 0 ? "" : here) ? NULL : TAKE_PTR(here);
}

/* What of it counts, and whether any does, depends on the image, which awfd knows. */
static int set_workspace(const struct options *o, struct start_request *request, struct err *e)
{
	const char *of_runner = getenv("GITHUB_WORKSPACE");

	request->current_directory = current_directory();
	if (o->workspace)
		return set_named_workspace(o->workspace, request, e);
	if (of_runner && *of_runner && utf8_is_valid(of_runner))
		request->workspace = xstrdup(of_runner);
	return 0;
}

int start_build(const struct options *o, struct start_request *request, struct err *e)
{
	int r = set_command(o, request, e);

	if (r == 0)
		r = set_texts(o, request, e);
	if (r == 0)
		r = set_workspace(o, request, e);
	if (r == 0)
		r = start_env_build(o, request, e);
	if (r == 0)
		r = start_session_build(o, request, e);
	if (r == 0)
		r = start_egress_build(o, request, e);
	if (r == 0)
		r = set_numbers(o, request, e);
	if (r == 0)
		r = start_build_difc(o, &request->difc_proxy_host, &request->difc_proxy_ca_cert, e);
	return r;
}

static void warn_dropped(char *const *names)
{
	_cleanup_strbuf_ struct strbuf list = { 0 };

	for (size_t i = 0; names && names[i]; i++)
		strbuf_appendf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	if (list.length > 0)
		log_warning("not passed on to the command: %s", list.data);
}

int start_take_reply(const struct reply *reply, char **id, struct err *e)
{
	struct start_reply started = { 0 };
	int r = reply_read(reply, &start_reply_table, &started, e);

	if (r < 0)
		return r;
	if (!reply->continues)
		progress_end();
	if (started.phase) {
		log_debug("%s: %.1f ms", started.phase, (double)started.elapsed_us / 1000);
		progress_phase(started.phase, started.elapsed_us);
	}
	if (started.waiting_for)
		log_info("waiting for %s", started.waiting_for);
	warn_dropped(started.dropped_environment);
	if (started.no_workspace)
		log_warning("the command has no workspace: %s; go to a project's directory, or "
			    "give --workspace DIR",
			    started.no_workspace);
	if (!reply->continues) {
		*id = TAKE_PTR(started.id);
		r = *id ? 0
			: err_set(e, -EBADMSG, ERR_SYSTEM, "awfd did not tell the sandbox's id");
		if (r == 0)
			log_debug("sandbox %s is there", *id);
	}
	fields_clear(&start_reply_table, &started);
	return r;
}
