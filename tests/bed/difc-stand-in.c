/* difc-stand-in: stands in for the external DIFC proxy in tests. A TLS server like it (HTTP/1.1
 * without ALPN, certificates made at start) that answers what gh asks, records what it saw, and
 * misbehaves on demand. */
#include "tests/bed/stand-in.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <systemd/sd-daemon.h>

#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"
#include "tests/bed/control.h"

enum { MAX_LISTENERS = 8 };

static const char *listen_at[MAX_LISTENERS];
static struct evconnlistener *listeners[MAX_LISTENERS];

struct options {
	const char *tls_dir;
	const char *record;
	const char *control;
	const char *tell;
	char **faults;
};

static int usage(void)
{
	fputs("usage: difc-stand-in --listen ADDRESS:PORT... --tls-dir DIR [--identity NAME]\n"
	      "                     [--record FILE] [--control SOCKET] [--fault COMMAND]...\n"
	      "       difc-stand-in --tell SOCKET COMMAND...   (\"help\" lists the commands)\n",
	      stderr);
	return -EINVAL;
}

static int add_listener(const char *at)
{
	for (size_t i = 0; i < MAX_LISTENERS; i++) {
		if (!listen_at[i]) {
			listen_at[i] = at;
			return 0;
		}
	}
	return -ENOSPC;
}

static int parse_option(int c, struct options *o, struct stand_in *s)
{
	switch (c) {
	case 'l':
		return add_listener(optarg);
	case 'd':
		o->tls_dir = optarg;
		return 0;
	case 'i':
		s->identity = optarg;
		return 0;
	case 'r':
		o->record = optarg;
		return 0;
	case 'c':
		o->control = optarg;
		return 0;
	case 'f':
		strv_append(&o->faults, optarg);
		return 0;
	case 't':
		o->tell = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse(int argc, char **argv, struct options *o, struct stand_in *s)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "tls-dir", required_argument, NULL, 'd' },
		{ "identity", required_argument, NULL, 'i' },
		{ "record", required_argument, NULL, 'r' },
		{ "control", required_argument, NULL, 'c' },
		{ "fault", required_argument, NULL, 'f' },
		{ "tell", required_argument, NULL, 't' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (parse_option(c, o, s) < 0)
			return usage();
	if (o->tell)
		return optind < argc ? 0 : usage();
	return optind == argc && o->tls_dir && listen_at[0] ? 0 : usage();
}

static int tell(const struct options *o, char *const *words)
{
	_cleanup_strbuf_ struct strbuf command = { 0 };

	for (size_t i = 0; words[i]; i++)
		strbuf_appendf(&command, "%s%s", i > 0 ? " " : "", words[i]);
	return control_tell(o->tell, command.data);
}

static void on_accept(struct evconnlistener *l _unused_, evutil_socket_t fd, struct sockaddr *sa,
		      int length _unused_, void *arg)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	bool v6 = sa->sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "", peer[INET6_ADDRSTRLEN + 10];

	inet_ntop(sa->sa_family, v6 ? (const void *)&in6->sin6_addr : &in->sin_addr, host,
		  sizeof(host));
	(void)snprintf(peer, sizeof(peer), v6 ? "[%s]:%u" : "%s:%u", host,
		       ntohs(v6 ? in6->sin6_port : in->sin_port));
	stand_in_serve(arg, fd, peer);
}

static int listen_one(struct stand_in *s, size_t i)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct sockaddr_storage sa = { 0 };
	int length = sizeof(sa);

	if (evutil_parse_sockaddr_port(listen_at[i], (struct sockaddr *)&sa, &length) < 0)
		return -EINVAL;
	if (sa.ss_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	listeners[i] = evconnlistener_new_bind(s->base, on_accept, s, flags, 1024,
					       (struct sockaddr *)&sa, length);
	return listeners[i] ? 0 : -errno;
}

int stand_in_listen(struct stand_in *s)
{
	for (size_t i = 0; i < MAX_LISTENERS && listen_at[i]; i++) {
		int r;

		if (listeners[i])
			evconnlistener_free(listeners[i]);
		listeners[i] = NULL;
		r = s->faults.refuse ? 0 : listen_one(s, i);
		if (r < 0) {
			fprintf(stderr, "difc-stand-in: %s: %s\n", listen_at[i], strerror(-r));
			return r;
		}
	}
	return 0;
}

static int open_record(struct stand_in *s, const char *path)
{
	if (!path)
		return 0;
	s->record = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return s->record < 0 ? -errno : 0;
}

static int obey_at_start(struct stand_in *s, char *const *faults)
{
	_cleanup_strbuf_ struct strbuf answer = { 0 };

	for (size_t i = 0; faults && faults[i]; i++)
		if (stand_in_obey(faults[i], &answer, s) < 0)
			return usage();
	return 0;
}

/* Faults come before the listeners, so that no connection is ever served without them. */
static int set_up(struct stand_in *s, const struct options *o)
{
	int r = open_record(s, o->record);

	if (r < 0)
		return r;
	r = stand_in_tls_new(o->tls_dir, &s->tls);
	if (r < 0)
		return r;
	s->context = stand_in_tls_context(s->tls, CERT_GOOD);
	if (!s->context)
		return -EIO;
	r = obey_at_start(s, o->faults);
	if (r < 0)
		return r;
	r = stand_in_listen(s);
	if (r < 0)
		return r;
	return o->control ? control_listen(s->base, o->control, stand_in_obey, s) : 0;
}

int main(int argc, char **argv)
{
	struct stand_in s = { .identity = "difc", .record = -EBADF };
	struct options o = { 0 };
	int r;

	if (parse(argc, argv, &o, &s) < 0)
		return 2;
	if (o.tell)
		return tell(&o, argv + optind);
	signal(SIGPIPE, SIG_IGN);
	s.base = event_base_new();
	r = set_up(&s, &o);
	if (r < 0) {
		fprintf(stderr, "difc-stand-in: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	sd_notify(0, "READY=1");
	return event_base_dispatch(s.base) < 0;
}
