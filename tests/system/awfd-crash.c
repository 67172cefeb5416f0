/* awfd for the crash matrix: linked in place of the shipped one, from the same objects. The linker
 * (--wrap) leads the calls between them that are listed in the Makefile as CRASH_POINTS through
 * here, so that awfd itself knows nothing of it.
 *
 * Whatever is passed is a point, "GROUP: NAME: WHEN": the steps of both plans are taken from their
 * tables, the rest are functions. With $BED_DIR/crash/passed the points that are passed are written
 * there, and every step that a plan has ("known"); at the one that $BED_DIR/crash/at holds, awfd
 * removes that file and kills itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "awfd/audit-call.h"
#include "awfd/link.h"
#include "awfd/log-tail.h"
#include "awfd/mount-masks.h"
#include "awfd/nft.h"
#include "awfd/notify.h"
#include "awfd/plan.h"
#include "awfd/reconcile.h"
#include "awfd/sandbox-internal.h"
#include "awfd/server.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/file.h"

#define POINT_MAX 200

static char *path_of(const char *name)
{
	const char *bed = getenv("BED_DIR");

	if (!bed)
		abort(); /* not for use outside of a bed */
	return xasprintf("%s/crash/%s", bed, name);
}

static void note(const char *text)
{
	_cleanup_free_ char *path = path_of("passed");
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0 && fd_write_all(fd, text, strlen(text)) < 0)
		abort();
}

static bool is_armed(const char *point)
{
	_cleanup_free_ char *path = path_of("at");
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char armed[POINT_MAX] = "";

	return fd >= 0 && read(fd, armed, sizeof(armed) - 1) > 0 && strcmp(armed, point) == 0 &&
	       unlink(path) == 0;
}

static void pass(const char *group, const char *name, const char *when)
{
	_cleanup_free_ char *point = xasprintf("%s: %s: %s\n", group, name, when);

	note(point);
	if (is_armed(point))
		(void)raise(SIGKILL);
}

/* --- The steps of the plans ---------------------------------------------------------------------
 */

static struct traced_plan {
	const char *name;
	const struct plan_step *steps;
	const struct plan_events *events;
	struct plan_step traced_steps[PLAN_STEPS_MAX];
	struct plan_events traced_events;
} plans[] = {
	[PLAN_STOP_ON_ERROR] = { .name = "create" },
	[PLAN_KEEP_GOING] = { .name = "destroy" },
};

/* Killed before, and when it was begun but has not ended. */
static int start_traced(const struct traced_plan *t, void *subject, unsigned step, struct err *e)
{
	int r;

	pass(t->name, t->steps[step].name, "before");
	r = t->steps[step].start(subject, step, e);
	if (r == PLAN_STEP_RUNNING)
		pass(t->name, t->steps[step].name, "running");
	return r;
}

static int start_create(void *subject, unsigned step, struct err *e)
{
	return start_traced(&plans[PLAN_STOP_ON_ERROR], subject, step, e);
}

static int start_destroy(void *subject, unsigned step, struct err *e)
{
	return start_traced(&plans[PLAN_KEEP_GOING], subject, step, e);
}

static void create_step_ended(void *subject, const char *name, int64_t elapsed_us)
{
	plans[PLAN_STOP_ON_ERROR].events->step_ended(subject, name, elapsed_us);
	pass("create", name, "after");
}

static void destroy_step_ended(void *subject, const char *name, int64_t elapsed_us)
{
	plans[PLAN_KEEP_GOING].events->step_ended(subject, name, elapsed_us);
	pass("destroy", name, "after");
}

static void trace(struct traced_plan *t, const struct plan_step *steps, unsigned count,
		  const struct plan_events *events)
{
	const bool creates = t == &plans[PLAN_STOP_ON_ERROR];

	t->steps = steps;
	t->events = events;
	t->traced_events = (struct plan_events){ creates ? create_step_ended : destroy_step_ended,
						 events->ended };
	for (unsigned i = 0; i < count; i++) {
		_cleanup_free_ char *known = xasprintf("%s: %s: known\n", t->name, steps[i].name);

		note(known);
		t->traced_steps[i] = steps[i];
		t->traced_steps[i].start = creates ? start_create : start_destroy;
	}
}

struct plan *__real_plan_start(struct event_base *base, const struct plan_step *steps,
			       unsigned count, enum plan_mode mode,
			       const struct plan_events *events, void *subject);
struct plan *__wrap_plan_start(struct event_base *base, const struct plan_step *steps,
			       unsigned count, enum plan_mode mode,
			       const struct plan_events *events, void *subject);

struct plan *__wrap_plan_start(struct event_base *base, const struct plan_step *steps,
			       unsigned count, enum plan_mode mode,
			       const struct plan_events *events, void *subject)
{
	struct traced_plan *t = &plans[mode];

	trace(t, steps, count, events);
	return __real_plan_start(base, t->traced_steps, count, mode, &t->traced_events, subject);
}

/* --- State files --------------------------------------------------------------------------------
 */

static char *saving; /* the phase that is being saved */

/* The phase of a sandbox's state; NULL for any other file. The caller owns it. */
static char *phase_of(const char *path, const char *data)
{
	static const char key[] = "\"phase\":\"";
	const char *phase = strstr(path, ".json") ? strstr(data, key) : NULL;

	phase += phase ? strlen(key) : 0;
	return phase ? xstrndup(phase, strcspn(phase, "\"")) : NULL;
}

int __real_file_write_atomic(const char *path, mode_t mode, const void *data, size_t length,
			     struct err *e);
int __wrap_file_write_atomic(const char *path, mode_t mode, const void *data, size_t length,
			     struct err *e);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_file_write_atomic(const char *path, mode_t mode, const void *data, size_t length,
			     struct err *e)
{
	int r;

	saving = phase_of(path, data);
	if (saving)
		pass("save", saving, "before");
	r = __real_file_write_atomic(path, mode, data, length, e);
	if (saving)
		pass("save", saving, "after");
	free(TAKE_PTR(saving));
	return r;
}

int __wrap_rename(const char *from, const char *to)
{
	if (saving)
		pass("save", saving, "written, not renamed");
	return __real_rename(from, to);
}

/* --- Calls of clients, when they are known to be permitted --------------------------------------
 */

void __real_audit_call(struct manager *m, const struct call *call, const char *id,
		       struct sandbox *s, const struct err *refusal, struct json_object *grants);
void __wrap_audit_call(struct manager *m, const struct call *call, const char *id,
		       struct sandbox *s, const struct err *refusal, struct json_object *grants);

void __wrap_audit_call(struct manager *m, const struct call *call, const char *id,
		       struct sandbox *s, const struct err *refusal, struct json_object *grants)
{
	__real_audit_call(m, call, id, s, refusal, grants);
	pass("method", call_method(call), "permitted");
}

/* --- Functions: after one is before the next ----------------------------------------------------
 */

/* What is called in another way than awfd calls it would make another awfd of it. */
#define SAME_TYPE(name)                                                                            \
	_Static_assert(__builtin_types_compatible_p(__typeof__(name), __typeof__(__real_##name)),  \
		       #name " is declared otherwise");

#define CALL(name, parameters, arguments)                                                          \
	void __real_##name parameters;                                                             \
	SAME_TYPE(name)                                                                            \
	void __wrap_##name parameters;                                                             \
	void __wrap_##name parameters                                                              \
	{                                                                                          \
		__real_##name arguments;                                                           \
		pass("call", #name, "after");                                                      \
	}

#define RESULT(type, name, parameters, arguments)                                                  \
	type __real_##name parameters;                                                             \
	SAME_TYPE(name)                                                                            \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		type result = __real_##name arguments;                                             \
		pass("call", #name, "after");                                                      \
		return result;                                                                     \
	}

/* clang-format off */

/* What awfd does when it starts. */
CALL(sandbox_load_all, (struct manager *m), (m))
RESULT(int, nft_new, (const struct nft_config *config, const struct nft_content *content,
		      struct nft **ret, struct err *e), (config, content, ret, e))
RESULT(int, manager_watch_firewall, (struct manager *m, struct err *e), (m, e))
RESULT(int, log_tails_new, (struct event_base *base, struct log_tails **ret, struct err *e),
       (base, ret, e))
RESULT(int, server_new, (struct manager *m, struct server **ret, struct err *e), (m, ret, e))
CALL(sandbox_adopt_all, (struct manager *m), (m))
RESULT(struct reconcile *, reconcile_start, (struct manager *m, reconcile_done_fn done, void *userdata),
       (m, done, userdata))
CALL(server_start, (struct server *s), (s))
CALL(notify_ready, (struct notify *n), (n))

/* With each sandbox that it goes on with. */
RESULT(int, sandbox_bridge_adopt, (struct sandbox *s, struct err *e), (s, e))
CALL(sandbox_logs_reopen, (struct sandbox *s), (s))
RESULT(bool, sandbox_relay_adopt, (struct sandbox *s), (s))
CALL(sandbox_lease_await, (struct sandbox *s), (s))
CALL(sandbox_start_timeout, (struct sandbox *s), (s))
CALL(sandbox_wait_for_agent, (struct sandbox *s), (s))
RESULT(int, sandbox_lease_renew, (struct sandbox *s, struct conn *client, struct err *e),
       (s, client, e))

/* Within steps that do more than one thing. */
RESULT(int, link_connect, (const struct link_end *a, const struct link_end *b, const char *id,
			   struct err *e), (a, b, id, e))
RESULT(int, link_plug_in, (int pidfd, const struct link_plug *plug, unsigned *port, struct err *e),
       (pidfd, plug, port, e))
RESULT(int, mount_masks_cover, (const struct mount_masks_cover *c, struct err *e), (c, e))
RESULT(int, nft_namespace_apply, (int pidfd, const struct nft_namespace *ns, struct err *e),
       (pidfd, ns, e))
RESULT(int, nft_namespace_grant, (int pidfd, const struct nft_namespace *ns, struct err *e),
       (pidfd, ns, e))
RESULT(int, nft_squid_add, (struct nft *n, const struct nft_squid *squid, struct err *e),
       (n, squid, e))
RESULT(int, nft_relay_targets_add, (struct nft *n, const struct sockaddr_storage *targets,
				    size_t count, struct err *e), (n, targets, count, e))
RESULT(int, nft_relay_targets_remove, (struct nft *n, const struct sockaddr_storage *targets,
				       size_t count, struct err *e), (n, targets, count, e))
RESULT(int, nft_squid_remove, (struct nft *n, const struct nft_squid *squid, struct err *e),
       (n, squid, e))
RESULT(int, sandbox_dirs_make, (struct sandbox *s, struct err *e), (s, e))

/* clang-format on */
