#include "awfctl/complain.h"

#include <stdlib.h>
#include <string.h>

#include "awfctl/exit-code.h"
#include "awfctl/progress.h"
#include "awfctl/tenant.h"
#include "common/alloc.h"
#include "common/log.h"
#include "common/strv.h"
#include "proto/difc-advice.h"

#define SERVER_URL "GITHUB_SERVER_URL"
/* What awfd takes for the beginning of an ID. */
#define ID_BEGINNING_MIN 3

/* Parameters of awfd's methods that are operands here. */
static const struct {
	const char *field;
	const char *name;
} operands[] = {
	{ "command", "COMMAND" },
	{ "id", "ID" },
};

static char *name_of_field(const char *field)
{
	const struct option_row *row = option_of_field(field);

	for (size_t i = 0; i < ARRAY_SIZE(operands); i++)
		if (strcmp(operands[i].field, field) == 0)
			return xstrdup(operands[i].name);
	return row ? xasprintf("--%s", row->name) : xstrdup(field);
}

/* A URL without its user and password. */
static char *without_secret(const char *url)
{
	const char *at = strrchr(url, '@'), *scheme = strstr(url, "://");

	if (!at)
		return xstrdup(url);
	if (!scheme || scheme > at)
		return xasprintf("…%s", at);
	return xasprintf("%.*s://…%s", (int)(scheme - url), url, at);
}

/* The value as the user gave it: of a file its path, never its content; of a variable its name. */
static char *shown_value(const struct options *o, const struct err *e)
{
	const struct option_row *row = option_of_field(e->subject);

	if (row && row->kind == OPTION_URL) {
		const char *url = option_text(o, row) ? option_text(o, row) : e->value;

		return url ? without_secret(url) : NULL;
	}
	if (row && option_text(o, row))
		return xstrdup(option_text(o, row));
	if (row && row->kind == OPTION_ENV && e->value)
		return xstrndup(e->value, strcspn(e->value, "="));
	return xstrdup(e->value);
}

static char *invalid_text(const struct options *o, const struct err *e)
{
	_cleanup_free_ char *name = NULL, *value = NULL;

	if (!e->subject)
		return err_text(e);
	name = name_of_field(e->subject);
	value = shown_value(o, e);
	if (!value)
		return xasprintf("%s: %s", name, e->message);
	return xasprintf("%s '%s': %s", name, value, e->message);
}

static char *denied_text(const struct options *o, const struct err *e)
{
	_cleanup_free_ char *text = e->subject ? invalid_text(o, e) : xstrdup(e->message);

	return xasprintf("permission denied: %s", text);
}

/* The tenant that the command is to work for, or that the DIFC proxy's answer is about. */
static char *tenant_of_job(const struct options *o, const struct err *e)
{
	const char *url = strv_env_get(o->environment, SERVER_URL);
	char *tenant = tenant_find(url ? url : getenv(SERVER_URL));

	return tenant ? tenant : tenant_find(e->message);
}

/* A DIFC proxy that is up but fails may be one for github.com. */
static bool may_be_tenants(const char *diagnosis)
{
	return diagnosis &&
	       (strcmp(diagnosis, "http-status") == 0 || strcmp(diagnosis, "policy-missing") == 0);
}

static char *difc_text(const struct options *o, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e), *advised = NULL;
	_cleanup_free_ char *addressed = tenant_find(e->subject), *tenant = NULL;
	const char *advice = difc_advice(e->value);

	if (addressed)
		return xasprintf("%s; %s is GitHub itself: give the address of a DIFC proxy for it",
				 text, addressed);
	advised = advice ? xasprintf("%s; %s", text, advice) : xstrdup(text);
	tenant = may_be_tenants(e->value) ? tenant_of_job(o, e) : NULL;
	if (!tenant)
		return TAKE_PTR(advised);
	return xasprintf("%s; is it one for %s, with that tenant's API address and a token of it?",
			 advised, tenant);
}

static char *engine_text(const struct options *o, const struct err *e)
{
	_cleanup_free_ char *text = err_text(e);
	int code = exit_code_of_error(e);
	const char *word = o->command && o->command[0] && o->command[1] ? o->command[0] : "/bin/sh";

	if (code == EXIT_CODE_NOT_EXECUTABLE && strcasestr(text, EXIT_CODE_WORKDIR))
		return xasprintf("the working directory cannot be entered by your user: choose "
				 "another, as in --container-workdir /tmp (%s)",
				 text);
	if (code == EXIT_CODE_NOT_FOUND)
		return xasprintf("%s: command not found in the sandbox's image (%s)", word, text);
	if (code == EXIT_CODE_NOT_EXECUTABLE)
		return xasprintf("%s: command cannot be executed in the sandbox (%s)", word, text);
	return TAKE_PTR(text);
}

static char *not_found_text(const struct err *e)
{
	const char *id = e->subject ? e->subject : "";

	if (*id && strlen(id) < ID_BEGINNING_MIN)
		return xasprintf("no sandbox of yours is named '%s', and the beginning of an ID "
				 "has %d letters at least; awfctl list shows them",
				 id, ID_BEGINNING_MIN);
	return xasprintf("no sandbox '%s' of yours; awfctl list shows them", id);
}

char *complain_text(const struct options *o, const struct err *e)
{
	switch (e->kind) {
	case ERR_INVALID_ARGUMENT:
		return invalid_text(o, e);
	case ERR_DIFC_UNREACHABLE:
		return difc_text(o, e);
	case ERR_ENGINE:
		return engine_text(o, e);
	case ERR_NOT_FOUND:
		return not_found_text(e);
	case ERR_PERMISSION_DENIED:
		return denied_text(o, e);
	case ERR_QUOTA_EXCEEDED:
		return xasprintf("limit reached: %s: %s", e->subject ? e->subject : "quota",
				 e->message);
	case ERR_SYSTEM:
	case ERR_CANCELLED:
	case ERR_KIND_COUNT:
		break;
	}
	return err_text(e);
}

int complain(const struct options *o, const struct err *e)
{
	_cleanup_free_ char *text = complain_text(o, e);

	progress_end();
	log_error("%s", text);
	return exit_code_of_error(e);
}
