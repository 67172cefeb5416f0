#include "awfd/mount-stage.h"

#include <string.h>
#include <sys/stat.h>

#include "awfd/broker.h"
#include "awfd/mount-source.h"
#include "common/alloc.h"
#include "common/fd.h"
#include "common/strbuf.h"
#include "common/strv.h"

/* --- Checks --------------------------------------------------------------------------------------
 *
 * They are made by what the descriptors have open, and ask a user's filesystem (FUSE), which could
 * keep awfd waiting, nothing.
 */

/* What is known of the engine's mount namespace. */
struct checking {
	const struct mount_stage *stage;
	char *mountinfo;
	char **kept; /* with every link followed */
};

static void checking_clear(struct checking *g)
{
	free(g->mountinfo);
	strv_free(g->kept);
}

/* The path is where the source is in the end, whatever links led there. */
static struct policy_decision decide(const struct mount_stage *s, size_t i, const char *path)
{
	const struct mount_spec *spec = &s->specs->list[i];

	return policy_check_mount(s->policy, mount_spec_field(spec), path, spec->writable);
}

static int check_policy(const struct checking *g, size_t i, const char *path, struct err *e)
{
	_cleanup_(policy_decisions_clear) struct policy_decisions decisions = { 0 };
	_cleanup_err_ struct err refusal = { 0 };
	int r;

	policy_decisions_add(&decisions, decide(g->stage, i, path));
	if (!g->stage->specs->list[i].optional)
		return policy_decisions_result(&decisions, e);
	r = policy_decisions_result(&decisions, &refusal);
	return r < 0 ? mount_stage_refuse(g->stage->specs, i, refusal.message, e) : 0;
}

/* What awfd adds itself needs nobody's permission. */
static int check_source(const struct checking *g, size_t i, struct err *e)
{
	const struct mount_stage *s = g->stage;
	bool is_own = s->specs->list[i].kind == MOUNT_VIEW;
	struct mount_source source = { .inner_is_hidden = is_own };
	_cleanup_free_ char *path = NULL, *why = NULL;
	mode_t type = 0;
	int r = mount_stage_real_path(s->fds[i], &path, e);

	source.path = path;
	if (r == 0)
		r = mount_stage_read_id(s->fds[i], &source.mount_id, e);
	if (r == 0)
		r = mount_stage_read_type(s->fds[i], &type, e);
	if (r < 0 || !path)
		return r;
	if (s->specs->list[i].no_links && strcmp(path, s->specs->list[i].source) != 0)
		return mount_stage_refuse(g->stage->specs, i,
					  "has a link on its way: name where it leads", e);
	why = mount_source_refusal(&source, g->mountinfo, g->kept);
	if (why)
		return mount_stage_refuse(g->stage->specs, i, why, e);
	if (type != S_IFDIR && type != S_IFREG)
		return mount_stage_refuse(g->stage->specs, i,
					  "is neither a directory nor a regular file", e);
	return is_own ? 0 : check_policy(g, i, path, e);
}

static int check_all(const struct checking *g, struct err *e)
{
	const struct mount_specs *specs = g->stage->specs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < specs->count; i++)
		if (specs->list[i].source && !specs->list[i].missing)
			r = check_source(g, i, e);
	return r;
}

/* As many paths as were asked about, each with its NUL, and the rest. */
static int take_look(char *text, size_t length, struct checking *g)
{
	const char *end = text + length;

	for (char *const *path = g->stage->kept; path && *path; path++) {
		const char *next = memchr(text, '\0', (size_t)(end - text));

		if (!next)
			return -EBADMSG;
		strv_append(&g->kept, text);
		text += next - text + 1;
	}
	g->mountinfo = xstrndup(text, (size_t)(end - text));
	return 0;
}

static int ask(const struct checking *g, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 };

	broker_put_fd(&request, g->stage->mounts);
	broker_put_texts(&request, g->stage->kept);
	return broker_call_fd(BROKER_LOOK, &request, e);
}

static int read_all(int fd, struct strbuf *to)
{
	char buffer[4096];
	ssize_t n;

	while ((n = pread(fd, buffer, sizeof(buffer), (off_t)to->length)) > 0)
		strbuf_append(to, buffer, (size_t)n);
	return n < 0 ? -errno : 0;
}

static int look(struct checking *g, struct err *e)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_close_ int fd = ask(g, e);
	int r;

	if (fd < 0)
		return fd;
	r = read_all(fd, &text);
	if (r == 0)
		r = text.data ? take_look(text.data, text.length, g) : -ENODATA;
	return r < 0 ? err_system(e, r, "cannot read the engine's mounts") : 0;
}

static int check(const struct mount_stage *s, struct err *e)
{
	_cleanup_(checking_clear) struct checking g = { .stage = s };
	int r = look(&g, e);

	return r < 0 ? r : check_all(&g, e);
}

/* --- Requests ------------------------------------------------------------------------------------
 */

static void put_spec(struct broker_message *request, const struct mount_spec *spec, int fd)
{
	broker_put_text(request, spec->text);
	broker_put_text(request, spec->source);
	broker_put_text(request, spec->target);
	broker_put_text(request, spec->missing);
	broker_put_number(request, spec->kind);
	broker_put_number(request, spec->writable);
	broker_put_number(request, spec->optional);
	broker_put_fd(request, spec->source && !spec->missing ? fd : -EBADF);
}

static void put_user(struct broker_message *request, const struct host_view_user *user)
{
	broker_put_number(request, user != NULL);
	if (!user)
		return;
	broker_put_text(request, user->name);
	broker_put_number(request, user->uid);
	broker_put_number(request, user->gid);
	broker_put_text(request, user->home);
}

static void put_stage(struct broker_message *request, const struct mount_stage *s)
{
	broker_put_text(request, s->directory);
	broker_put_fd(request, s->mounts);
	broker_put_text(request, s->gh);
	put_user(request, s->user);
	broker_put_number(request, s->roots != NULL);
	broker_put_number(request, (int64_t)s->specs->count);
	for (size_t i = 0; i < s->specs->count; i++)
		put_spec(request, &s->specs->list[i], s->fds[i]);
}

/* Of each why it was left out, and what was staged of it. */
static int take_staged(struct broker_message *answer, const struct mount_stage *s, struct err *e)
{
	for (size_t i = 0; i < s->specs->count; i++) {
		_cleanup_free_ char *missing = broker_get_text(answer);
		struct mount_spec *spec = &s->specs->list[i];

		if (missing && !spec->missing)
			spec->missing = TAKE_PTR(missing);
		if (s->roots)
			s->roots[i] = broker_take_fd(answer);
	}
	if (broker_message_end(answer) == 0)
		return 0;
	for (size_t i = 0; s->roots && i < s->specs->count; i++)
		s->roots[i] = fd_close(s->roots[i]);
	return err_set(e, -EBADMSG, ERR_SYSTEM, "the broker did not tell what it staged");
}

int mount_stage_make(const struct mount_stage *s, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };
	int r = check(s, e);

	if (r < 0)
		return r;
	put_stage(&request, s);
	r = broker_call(BROKER_STAGE, &request, &answer, e);
	return r < 0 ? r : take_staged(&answer, s, e);
}

int mount_stage_remove(const char *directory, int mounts, struct err *e)
{
	_cleanup_broker_message_ struct broker_message request = { 0 }, answer = { 0 };

	broker_put_text(&request, directory);
	broker_put_fd(&request, mounts);
	return broker_call(BROKER_UNSTAGE, &request, &answer, e);
}
