#include "awfctl/start-egress.h"

#include <string.h>

#include "awfctl/domains-file.h"
#include "awfctl/input-file.h"
#include "awfctl/ruleset.h"
#include "common/alloc.h"
#include "common/strv.h"

/* Of a file with domains; it may have comments. */
#define DOMAINS_FILE_MAX (4 * WORD_LIST_MAX)

/* What some editors begin a file in UTF-8 with. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct source {
	struct input_file file;
	int (*parse)(const char *name, const char *text, size_t length, struct word_list *to,
		     struct err *e);
};

#define SOURCE(name, parser, what)                                                                 \
	{                                                                                          \
		.file = { .option = (name),                                                        \
			  .max = DOMAINS_FILE_MAX,                                                 \
			  .missing = "give the path of a file of " what,                           \
			  .form = "give the path of a file of " what,                              \
			  .large = "a pattern such as *.example.com stands for many names" },      \
		.parse = (parser),                                                                 \
	}

static const struct source allow_source =
	SOURCE("allow-domains-file", domains_file_parse, "domains");
static const struct source block_source =
	SOURCE("block-domains-file", domains_file_parse, "domains");
static const struct source ruleset_source = SOURCE("ruleset-file", ruleset_parse, "rules");

/* Adds the domains of these files. */
static int add_files(const struct source *source, char *const *paths, struct word_list *to,
		     struct err *e)
{
	for (size_t i = 0; paths && paths[i]; i++) {
		_cleanup_free_ char *text = NULL;
		size_t length, bom;
		int r = input_file_read(&source->file, paths[i], &text, &length, e);

		if (r < 0)
			return r;
		bom = strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0
			      ? strlen(BYTE_ORDER_MARK)
			      : 0;
		if (source->parse(paths[i], text + bom, length - bom, to, e) < 0)
			return err_wrap(e, "--%s", source->file.option);
	}
	return 0;
}

static char **copy_words(const struct word_list *l)
{
	return l->words ? strv_copy(l->words) : NULL;
}

/* A list that the command line began, to be gone on with. */
static struct word_list begin_with(const struct word_list *l)
{
	return (struct word_list){ .words = copy_words(l), .bytes = l->bytes };
}

static int set_allowed(const struct options *o, struct start_request *request, struct err *e)
{
	_cleanup_words_ struct word_list list = begin_with(&o->allow_domains);
	int r = add_files(&allow_source, o->allow_domains_files, &list, e);

	if (r == 0)
		r = add_files(&ruleset_source, o->ruleset_files, &list, e);
	if (r == 0)
		request->allow_domains = TAKE_PTR(list.words);
	return r;
}

static int set_blocked(const struct options *o, struct start_request *request, struct err *e)
{
	_cleanup_words_ struct word_list list = begin_with(&o->block_domains);
	int r = add_files(&block_source, o->block_domains_files, &list, e);

	if (r == 0)
		request->block_domains = TAKE_PTR(list.words);
	return r;
}

/* Ports of services grant access to the host by themselves, and then other ports may be named, too.
 * Alone they must not enable it here: awfd would add the ports that are granted when none is named.
 * Whether ports are named without any access is awfd's to refuse, which knows what `localhost`
 * among the domains means. */
static void set_host(const struct options *o, struct start_request *request)
{
	request->enable_host_access = o->enable_host_access || (o->allow_host_ports.words &&
								o->allow_host_service_ports.words);
	request->allow_host_ports = copy_words(&o->allow_host_ports);
	request->allow_host_service_ports = copy_words(&o->allow_host_service_ports);
}

int start_egress_build(const struct options *o, struct start_request *request, struct err *e)
{
	int r = set_allowed(o, request, e);

	if (r == 0)
		r = set_blocked(o, request, e);
	set_host(o, request);
	request->allow_private = copy_words(&o->allow_private);
	request->dns_servers = copy_words(&o->dns_servers);
	request->upstream_proxy = xstrdup(o->upstream_proxy);
	return r;
}
