/* awfctl predownload: the images that a sandbox needs, ahead of it. */
#include "awfctl/commands.h"

#include <fcntl.h>
#include <string.h>

#include "awfctl/client.h"
#include "awfctl/complain.h"
#include "awfctl/output.h"
#include "awfctl/pull-progress.h"
#include "awfctl/table.h"
#include "common/alloc.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/utf8.h"

static char *cell_image(const void *row)
{
	return escape_control(((const struct image_info *)row)->reference);
}

static char *cell_origin(const void *row)
{
	return escape_control(((const struct image_info *)row)->origin);
}

static char *cell_id(const void *row)
{
	return escape_control(((const struct image_info *)row)->id);
}

static const struct table_column columns[] = {
	{ .title = "IMAGE", .cell = cell_image },
	{ .title = "ORIGIN", .cell = cell_origin },
	{ .title = "ID", .cell = cell_id },
};

static void render_images(struct strbuf *to, struct image_info *const *images)
{
	const void *const *rows = (const void *const *)images;
	struct table t = table_new(columns, ARRAY_SIZE(columns));

	table_fit(&t, rows);
	table_titles(&t, to);
	table_rows(&t, to, rows);
}

static int check(const struct options *o, struct err *e)
{
	if (!o->image || (*o->image && utf8_is_valid(o->image)))
		return 0;
	return usage_error(e,
			   "--image '%s': give the name of an image, as in "
			   "--image registry.example.com/team/tool:1",
			   o->image);
}

/* What goes to standard error, unless only errors and warnings may. */
static void tell(const struct strbuf *text)
{
	if (text->length > 0 && log_get_level() >= LOG_LEVEL_INFO)
		fputs(text->data, stderr);
}

static void take_news(struct pull_progress *p, const struct predownload_reply *news)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	pull_progress_take(p, news, &text);
	tell(&text);
}

static void take_bars_away(struct pull_progress *p)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	pull_progress_end(p, &text);
	tell(&text);
}

/* Until the last reply, which is known to be of the right form then. */
static int await_images(struct client *c, struct reply *last, struct predownload_reply *ret,
			struct err *e)
{
	_cleanup_pull_progress_ struct pull_progress *p = pull_progress_of_stderr();
	int r = 0;

	while (r == 0) {
		r = client_wait(c, last, e);
		if (r == 0)
			r = reply_read(last, &predownload_reply_table, ret, e);
		if (r < 0 || !last->continues)
			break;
		take_news(p, ret);
		fields_clear(&predownload_reply_table, ret);
		reply_clear(last);
	}
	take_bars_away(p);
	if (r == 0 && !ret->images)
		r = err_set(e, -EBADMSG, ERR_SYSTEM, "awfd did not tell which images are there");
	return r;
}

static int ask_for_needs(const struct options *o, struct client *c, struct err *e)
{
	const struct predownload_request request = { .reference = (char *)o->image,
						     .difc_proxy = o->difc_proxy };

	return client_call(c, AWF_INTERFACE ".Predownload", &predownload_request_table, &request,
			   true, e);
}

static int ask_for_archive(struct client *c, int fd, struct err *e)
{
	const struct load_images_request request = { .archive = 0 };

	client_pass_fd(c, fd);
	return client_call(c, AWF_INTERFACE ".LoadImages", &load_images_request_table, &request,
			   true, e);
}

static int open_archive(const struct options *o, int *ret, struct err *e)
{
	if (!o->from)
		return 0;
	if (o->image || o->difc_proxy)
		return usage_error(e, "--from '%s': takes neither --image nor --difc-proxy",
				   o->from);
	*ret = open(o->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return *ret < 0 ? usage_error(e,
				      "--from '%s': %s; give the path of an archive by 'docker "
				      "save'",
				      o->from, strerror(errno))
			: 0;
}

static int ask(const struct options *o, struct reply *last, struct predownload_reply *ret,
	       struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	_cleanup_close_ int archive = -EBADF;
	int r = output_check(o, &image_info_table, e);

	if (r == 0)
		r = check(o, e);
	if (r == 0)
		r = open_archive(o, &archive, e);
	if (r == 0)
		r = client_open(options_socket(o), &c, e);
	if (r == 0)
		r = o->from ? ask_for_archive(c, archive, e) : ask_for_needs(o, c, e);
	return r < 0 ? r : await_images(c, last, ret, e);
}

int cmd_predownload(const struct options *o)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_reply_ struct reply reply = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct predownload_reply answer = { 0 };

	if (ask(o, &reply, &answer, &e) < 0) {
		fields_clear(&predownload_reply_table, &answer);
		return complain(o, &e);
	}
	if (output_is_table(o))
		render_images(&text, answer.images);
	else
		output_append(o, &text, json_object_object_get(reply.parameters, "images"), false);
	fputs(text.data, stdout);
	fields_clear(&predownload_reply_table, &answer);
	return 0;
}
