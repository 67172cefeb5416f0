/* A sandbox's runtime directory, /run/awfd/sandboxes/<id>/: what its containers mount. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/difc-ca.h"
#include "common/alloc.h"
#include "common/file.h"

char *sandbox_dirs_ca_bundle(const struct sandbox *s)
{
	return xasprintf("%s/ca-bundle.pem", s->directory);
}

/* gh speaks with the DIFC proxy alone, and so trusts no CA but its own, unless it may follow a
 * redirect. That is also faster: gh reads all of them at each start. */
static const char *system_cas(const struct sandbox *s)
{
	return sandbox_has_redirects(s) ? s->manager->system_ca_bundle : NULL;
}

int sandbox_dirs_make(struct sandbox *s, struct err *e)
{
	_cleanup_free_ char *path = NULL, *bundle = NULL;
	int r = file_mkdir(s->directory, 0711, e);

	if (r < 0 || !s->has_difc)
		return r;
	path = sandbox_dirs_ca_bundle(s);
	bundle = difc_ca_bundle(system_cas(s), s->request.difc_proxy_ca_cert);
	return file_write_atomic(path, 0644, bundle, strlen(bundle), e);
}

int sandbox_dirs_remove(struct sandbox *s, struct err *e)
{
	int r = sandbox_mounts_remove(s, e);

	return r < 0 ? r : file_remove_tree(s->directory, e);
}
