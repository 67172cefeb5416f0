/* fake-engine: a Docker Engine that fails when told to. Passes every request on to the real engine,
 * except the n-th call that a rule matches; counts and lists the calls, so that a test can learn
 * what a plan calls and then fail each call in turn.
 *
 *     fake-engine --listen SOCKET --upstream SOCKET --control SOCKET
 *     fake-engine --tell SOCKET COMMAND...      ("help" lists the commands) */
#include "tests/bed/fake-engine.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <systemd/sd-daemon.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "tests/bed/control.h"

struct options {
	const char *listen;
	const char *control;
	const char *tell;
};

static int usage(void)
{
	fputs("usage: fake-engine --listen SOCKET --upstream SOCKET --control SOCKET\n"
	      "       fake-engine --tell SOCKET COMMAND...   (\"help\" lists the commands)\n",
	      stderr);
	return -EINVAL;
}

static int parse(int argc, char **argv, struct options *o, struct fake_engine *e)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "upstream", required_argument, NULL, 'u' },
		{ "control", required_argument, NULL, 'c' },
		{ "tell", required_argument, NULL, 't' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->listen = optarg;
			break;
		case 'u':
			e->upstream = optarg;
			break;
		case 'c':
			o->control = optarg;
			break;
		case 't':
			o->tell = optarg;
			break;
		default:
			return usage();
		}
	}
	if (o->tell)
		return optind < argc ? 0 : usage();
	return optind == argc && o->listen && e->upstream && o->control ? 0 : usage();
}

static int tell(const char *socket, char *const *words)
{
	_cleanup_strbuf_ struct strbuf command = { 0 };

	for (size_t i = 0; words[i]; i++)
		strbuf_appendf(&command, "%s%s", i > 0 ? " " : "", words[i]);
	return control_tell(socket, command.data);
}

static void on_accept(struct evconnlistener *l _unused_, evutil_socket_t fd,
		      struct sockaddr *sa _unused_, int length _unused_, void *arg)
{
	fake_engine_serve(arg, fd);
}

static int listen_at(struct fake_engine *e, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	unlink(path);
	if (!evconnlistener_new_bind(e->base, on_accept, e,
				     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 1024,
				     (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	struct fake_engine e = { 0 };
	struct options o = { 0 };
	int r;

	if (parse(argc, argv, &o, &e) < 0)
		return 2;
	if (o.tell)
		return tell(o.tell, argv + optind);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	e.base = event_base_new();
	r = listen_at(&e, o.listen);
	if (r == 0)
		r = control_listen(e.base, o.control, fake_engine_obey, &e);
	if (r < 0) {
		fprintf(stderr, "fake-engine: %s: %s\n", o.listen, strerror(-r));
		return 1;
	}
	sd_notify(0, "READY=1");
	return event_base_dispatch(e.base) < 0;
}
