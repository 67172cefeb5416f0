#include "awfctl/log-copies.h"

#include "awfctl/output-dir.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/log.h"

#define FILES_MAX 5

#define DIAGNOSTICS "diagnostics"

/* What is asked for by an option, and the files that are copied for it. */
static const struct copy {
	const char *option;
	size_t offset;  /* of the member of struct options */
	bool is_flag;   /* the directory is another option's */
	bool of_failed; /* only when the command failed */
	const char *files[FILES_MAX + 1];
} copies[] = {
	{ "proxy-logs-dir",
	  offsetof(struct options, proxy_logs_dir),
	  false,
	  false,
	  { "squid.jsonl", "gh.jsonl", "relay.jsonl", "firewall.jsonl" } },
	{ "audit-dir", offsetof(struct options, audit_dir), false, false, { "audit.jsonl" } },
	{ "diagnostic-logs",
	  offsetof(struct options, diagnostic_logs),
	  true,
	  true,
	  { "squid.jsonl", "gh.jsonl", "relay.jsonl", "firewall.jsonl", "audit.jsonl" } },
};

struct log_copies {
	int directories[ARRAY_SIZE(copies)];
};

static bool is_asked(const struct options *o, const struct copy *copy)
{
	const char *at = (const char *)o + copy->offset;

	return copy->is_flag ? *(const bool *)at : *(const char *const *)at != NULL;
}

/* Where the diagnostics go: into a directory of another option's. */
static int open_diagnostics(const struct options *o, struct err *e)
{
	const char *option = o->audit_dir ? "audit-dir" : "work-dir";
	const char *parent = o->audit_dir ? o->audit_dir : o->work_dir;
	_cleanup_free_ char *path = NULL;

	if (!parent)
		return usage_error(e, "--diagnostic-logs needs --audit-dir or --work-dir: give the "
				      "directory that is to have " DIAGNOSTICS "/ in it");
	path = *parent ? xasprintf("%s/" DIAGNOSTICS, parent) : xstrdup("");
	return output_dir_open(option, path, e);
}

static int open_directory(const struct options *o, const struct copy *copy, struct err *e)
{
	if (copy->is_flag)
		return open_diagnostics(o, e);
	return output_dir_open(copy->option, *(const char *const *)((const char *)o + copy->offset),
			       e);
}

int log_copies_open(const struct options *o, struct log_copies **ret, struct err *e)
{
	_cleanup_log_copies_ struct log_copies *c = xnew(struct log_copies);

	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		c->directories[i] = -EBADF;
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		if (!is_asked(o, &copies[i]))
			continue;
		c->directories[i] = open_directory(o, &copies[i], e);
		if (c->directories[i] < 0)
			return c->directories[i];
	}
	*ret = TAKE_PTR(c);
	return 0;
}

void log_copies_free(struct log_copies *c)
{
	for (size_t i = 0; c && i < ARRAY_SIZE(copies); i++)
		c->directories[i] = fd_close(c->directories[i]);
	free(c);
}

int log_copies_refuse(const struct options *o, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		if (is_asked(o, &copies[i]))
			return usage_error(
				e,
				"--%s is for run, which waits for the end; awfctl inspect "
				"tells where the logs of what start starts are: copy them "
				"from there",
				copies[i].option);
	return 0;
}

static void copy_file(int directory, const char *option, const char *from, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", from, name);
	_cleanup_err_ struct err e = { 0 };

	if (output_dir_copy(directory, name, path, &e) < 0)
		log_error("--%s: %s", option, e.message);
	else
		log_debug("--%s: %s was copied", option, path);
}

static bool is_due(const struct log_copies *c, size_t i, bool failed)
{
	return c->directories[i] >= 0 && (failed || !copies[i].of_failed);
}

bool log_copies_are_due(const struct log_copies *c, bool failed)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		if (is_due(c, i, failed))
			return true;
	return false;
}

void log_copies_make(const struct log_copies *c, const char *from, bool failed)
{
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		if (!is_due(c, i, failed))
			continue;
		for (size_t j = 0; copies[i].files[j]; j++)
			copy_file(c->directories[i], copies[i].option, from, copies[i].files[j]);
	}
}
