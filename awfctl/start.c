#include "awfctl/start.h"

#include <string.h>

#include "common/alloc.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strv.h"
#include "common/utf8.h"

/* What to do about a CA file that can't be read, by what is wrong with it. */
static const struct {
	int error;
	const char *advice;
} ca_advices[] = {
	{ -ENOENT, "give the path of the ca.crt that the DIFC proxy wrote" },
	{ -EACCES, "it is read with your rights: make it readable for you" },
	{ -EINVAL, "give the path of a PEM file" },
	{ -EFBIG, "give the CA's certificate alone" },
};

static int ca_error(struct err *e, int error, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(ca_advices); i++)
		if (ca_advices[i].error == error)
			return usage_error(e, "--difc-proxy-ca-cert: %s; %s", text,
					   ca_advices[i].advice);
	return usage_error(e, "--difc-proxy-ca-cert: %s", text);
}

/* The content is awfd's to judge; here only what a JSON string can't carry. */
static int read_ca(const char *path, char **ret, struct err *e)
{
	_cleanup_err_ struct err inner = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	if (*path == '\0')
		return ca_error(e, -ENOENT, "the path is empty");
	r = file_read(path, MESSAGE_CA_MAX, &text, &length, &inner);
	if (r < 0)
		return ca_error(e, r, inner.message);
	if (length == 0)
		return usage_error(e, "--difc-proxy-ca-cert: %s: the file is empty", path);
	if (strlen(text) != length || !utf8_is_valid(text))
		return usage_error(e, "--difc-proxy-ca-cert: %s: not a PEM file", path);
	*ret = TAKE_PTR(text);
	return 0;
}

static int set_difc(const struct options *o, struct start_request *request, struct err *e)
{
	if (!o->difc_proxy_host && !o->difc_proxy_ca_cert)
		return 0;
	if (!o->difc_proxy_ca_cert)
		return usage_error(e, "--difc-proxy-host needs --difc-proxy-ca-cert: give the path "
				      "of the ca.crt that the DIFC proxy wrote");
	if (!o->difc_proxy_host)
		return usage_error(e, "--difc-proxy-ca-cert needs --difc-proxy-host: give the DIFC "
				      "proxy's address, as in --difc-proxy-host localhost:18443");
	request->difc_proxy_host = xstrdup(o->difc_proxy_host);
	return read_ca(o->difc_proxy_ca_cert, &request->difc_proxy_ca_cert, e);
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

static int set_environment(const struct options *o, struct start_request *request, struct err *e)
{
	for (size_t i = 0; o->environment && o->environment[i]; i++)
		if (!utf8_is_valid(o->environment[i]))
			return usage_error(e, "--env '%.*s': not valid UTF-8",
					   (int)strcspn(o->environment[i], "="), o->environment[i]);
	request->environment = o->environment ? strv_copy(o->environment) : NULL;
	return 0;
}

/* The other texts, which go to awfd as they are. */
static int set_texts(const struct options *o, struct start_request *request, struct err *e)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const char *text = option_text(o, &option_rows[i]);

		if (text && !utf8_is_valid(text))
			return usage_error(e, "--%s '%s': not valid UTF-8", option_rows[i].name,
					   text);
	}
	request->image = xstrdup(o->image);
	request->workdir = xstrdup(o->workdir);
	request->tty = o->tty;
	return 0;
}

int start_build(const struct options *o, struct start_request *request, struct err *e)
{
	int r = set_command(o, request, e);

	if (r == 0)
		r = set_texts(o, request, e);
	if (r == 0)
		r = set_environment(o, request, e);
	if (r == 0)
		r = set_difc(o, request, e);
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
	if (started.phase)
		log_debug("%s: %.1f ms", started.phase, (double)started.elapsed_us / 1000);
	warn_dropped(started.dropped_environment);
	if (!reply->continues) {
		*id = TAKE_PTR(started.id);
		r = *id ? 0
			: err_set(e, -EBADMSG, ERR_SYSTEM, "awfd did not tell the sandbox's id");
	}
	fields_clear(&start_reply_table, &started);
	return r;
}
