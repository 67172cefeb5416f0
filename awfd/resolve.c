#include "awfd/resolve.h"

#include <stdbool.h>
#include <string.h>

#include "awfd/child-output.h"
#include "awfd/resolvers.h"
#include "common/alloc.h"

#define PROGRAM    "/usr/bin/getent"
#define OUTPUT_MAX 65536

struct resolve {
	struct resolved result;
	char *field;
	struct child_output *output;
	resolve_fn fn;
	void *userdata;
};

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	child_output_free(r->output);
	free(r->result.name);
	free(r->field);
	free(r);
}

static bool is_known(const struct resolved *r, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(&r->addresses[i], address, sizeof(*address)) == 0)
			return true;
	return false;
}

static void add_address(struct resolved *to, const char *text)
{
	struct sockaddr_storage address;

	if (to->count < RESOLVE_ADDRESSES_MAX && resolvers_sockaddr(text, 0, &address) == 0 &&
	    !is_known(to, &address))
		to->addresses[to->count++] = address;
}

void resolve_parse(const char *text, struct resolved *to)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " \t")] = '\0';
		add_address(to, line);
	}
}

static void on_output(const char *text, void *userdata)
{
	struct resolve *r = userdata;
	_cleanup_err_ struct err e = { 0 };

	resolve_parse(text, &r->result);
	if (r->result.count == 0)
		(void)err_invalid(&e, r->field, r->result.name,
				  "cannot be resolved on this host (getent ahosts %s)",
				  r->result.name);
	r->fn(&r->result, e.error ? &e : NULL, r->userdata);
	resolve_cancel(r);
}

static int start(struct event_base *base, const struct resolve_spec *spec, struct resolve *r,
		 struct err *e)
{
	char *const argv[] = { (char *)"getent", (char *)"ahosts", r->result.name, NULL };
	const struct spawn spawn = { .path = PROGRAM,
				     .argv = argv,
				     .uid = spec->uid,
				     .gid = spec->gid,
				     .network = -EBADF,
				     .in = -EBADF };

	return child_output_start(base, &spawn, OUTPUT_MAX, on_output, r, &r->output, e);
}

int resolve_start(struct event_base *base, const struct resolve_spec *spec, resolve_fn fn,
		  void *userdata, struct resolve **ret, struct err *e)
{
	struct resolve *r = xnew(struct resolve);
	int error;

	*r = (struct resolve){ .result.name = xstrdup(spec->name),
			       .field = xstrdup(spec->field),
			       .fn = fn,
			       .userdata = userdata };
	error = start(base, spec, r, e);
	if (error < 0) {
		resolve_cancel(r);
		return error;
	}
	*ret = r;
	return 0;
}
