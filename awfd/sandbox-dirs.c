/* A sandbox's runtime directory, /run/awfd/sandboxes/<id>/: what its containers mount. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/config.h"
#include "awfd/difc-ca.h"
#include "common/alloc.h"
#include "common/file.h"

#define CA_BUNDLE_MAX (4 * 1024 * 1024)

char *sandbox_dirs_ca_bundle(const struct sandbox *s)
{
	return xasprintf("%s/ca-bundle.pem", s->directory);
}

/* gh speaks with the DIFC proxy alone, and so trusts no CA but its own, unless it may follow a
 * redirect. That is also faster: gh reads all of them at each start. The caller owns the text; NULL
 * when there is none. */
static char *system_cas(const struct sandbox *s)
{
	_cleanup_err_ struct err e = { 0 };
	char *text = NULL;

	if (sandbox_has_redirects(s) && s->config->ca_bundle &&
	    file_read(s->config->ca_bundle, CA_BUNDLE_MAX, &text, NULL, &e) < 0)
		sandbox_log(LOG_LEVEL_WARNING, s, "no system CA certificates for cli-proxy: %s",
			    e.message);
	return text;
}

int sandbox_dirs_make(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = NULL, *bundle = NULL, *system = NULL;
	int r = file_mkdir(s->directory, 0711, e);

	if (r < 0 || !s->has_difc)
		return r;
	path = sandbox_dirs_ca_bundle(s);
	system = system_cas(s);
	bundle = difc_ca_bundle(system, s->request.difc_proxy_ca_cert);
	return file_write_atomic(path, 0644, bundle, strlen(bundle), e);
}

int sandbox_dirs_remove(struct sandbox *s, struct err *e)
{
	int r = sandbox_mounts_remove(s, e);

	return r < 0 ? r : file_remove_tree(s->directory, e);
}
