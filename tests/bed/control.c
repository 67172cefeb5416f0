#include "tests/bed/control.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/alloc.h"
#include "common/strbuf.h"

static const char refused[] = "refused\n";

struct control {
	control_fn obey;
	void *arg;
};

static int address(const char *path, struct sockaddr_un *ret)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	*ret = sa;
	return 0;
}

static void on_answered(struct bufferevent *bev, void *arg _unused_)
{
	bufferevent_free(bev);
}

static void on_end(struct bufferevent *bev, short events _unused_, void *arg _unused_)
{
	bufferevent_free(bev);
}

static void on_command(struct bufferevent *bev, void *arg)
{
	_cleanup_strbuf_ struct strbuf answer = { 0 };
	_cleanup_free_ char *line = NULL;
	struct control *c = arg;

	line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF);
	if (!line)
		return;
	if (c->obey(line, &answer, c->arg) < 0)
		strbuf_puts(&answer, refused);
	else
		strbuf_puts(&answer, "ok\n");
	bufferevent_write(bev, answer.data, answer.length);
	bufferevent_setcb(bev, NULL, on_answered, on_end, NULL);
}

static void on_connection(struct evconnlistener *l, evutil_socket_t fd,
			  struct sockaddr *sa _unused_, int length _unused_, void *arg)
{
	struct bufferevent *bev =
		bufferevent_socket_new(evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);

	bufferevent_setcb(bev, on_command, NULL, on_end, arg);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int control_listen(struct event_base *base, const char *path, control_fn obey, void *arg)
{
	struct control *c = xnew(struct control); /* lives as long as the program */
	struct sockaddr_un sa;

	c->obey = obey;
	c->arg = arg;
	if (address(path, &sa) < 0)
		return -ENAMETOOLONG;
	unlink(path);
	if (!evconnlistener_new_bind(base, on_connection, c,
				     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 8,
				     (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	return 0;
}

int control_tell(const char *path, const char *command)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_strbuf_ struct strbuf answer = { 0 };
	struct sockaddr_un sa;
	char data[4096];
	size_t end;
	ssize_t n;

	if (address(path, &sa) < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    dprintf(fd, "%s\n", command) < 0) {
		perror(path);
		return 1;
	}
	while ((n = read(fd, data, sizeof(data))) > 0)
		strbuf_append(&answer, data, (size_t)n);
	if (answer.length >= 3 && strcmp(answer.data + answer.length - 3, "ok\n") == 0) {
		end = answer.length - 3;
		fwrite(answer.data, 1, end, stdout);
		return 0;
	}
	fprintf(stderr, "%s: %s", command, answer.data ? answer.data : refused);
	return 1;
}
