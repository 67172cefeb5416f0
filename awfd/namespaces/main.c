/* awf-namespaces: enters namespaces for awfd. See awf-namespaces(8). */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "awfd/broker.h"
#include "common/log.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: awf-namespaces <CONNECTION\n"
	"\n"
	"Enters network and mount namespaces for awfd, whose connection is its standard input; started\n"
	"by systemd, one for each connection to awfd-namespaces.socket. See awf-namespaces(8).\n"
	"\n"
	"  --version  print the version and exit\n"
	"  --help     print this and exit\n";

/* Whether to go on; else what to exit with. */
static bool parse_arguments(int argc, char **argv, int *status)
{
	*status = 0;
	if (argc == 1)
		return true;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("awf-namespaces " AWF_VERSION);
	} else if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
	} else {
		fprintf(stderr,
			"awf-namespaces: unexpected argument '%s'\n"
			"Try 'awf-namespaces --help'.\n",
			argv[1]);
		*status = EXIT_USAGE;
	}
	return false;
}

/* Nobody but root is served, whatever the mode of the socket. */
static int check_connection(int fd, struct err *e)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_SEQPACKET)
		return err_set(e, -ENOTSOCK, ERR_SYSTEM,
			       "standard input is no connection of awfd's: systemctl start "
			       "awfd-namespaces.socket");
	length = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return err_system(e, -errno, "cannot tell who asks");
	if (peer.uid != 0)
		return err_set(e, -EPERM, ERR_SYSTEM, "uid %u asks, and only root may", peer.uid);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err e = { 0 };
	int status, r;

	if (!parse_arguments(argc, argv, &status))
		return status;
	r = check_connection(STDIN_FILENO, &e);
	if (r == 0)
		r = broker_serve(STDIN_FILENO, AWF_LIBEXECDIR, &e);
	if (r < 0)
		log_error("%s", e.message);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
