/* awfd: owns the sandboxes of a host. See awfd(8). */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "awfd/broker.h"
#include "awfd/config.h"
#include "awfd/log-journal.h"
#include "awfd/manager.h"
#include "common/log.h"

#define EXIT_USAGE 2

struct arguments {
	const char *config;
	const char *namespaces;
	const char *log_level;
	bool check_config;
};

static const char usage[] =
	"Usage: awfd [--config FILE] [--log-level LEVEL] [--namespaces SOCKET]\n"
	"       awfd --check-config [--config FILE]\n"
	"\n"
	"Runs network sandboxes for agent jobs; normally started by systemd. See awfd(8).\n"
	"\n"
	"  --config FILE      read FILE and FILE.d/*.conf instead of " AWF_SYSCONFDIR
	"/awfd/awfd.conf\n"
	"  --check-config     check the configuration and exit\n"
	"  --log-level LEVEL  error, warning, info or debug; overrides LogLevel=\n"
	"  --namespaces SOCKET\n"
	"                     have namespaces entered by awf-namespaces, which listens there, and not\n"
	"                     by a child of its own\n"
	"  --version          print the version and exit\n"
	"  --help             print this and exit\n";

/* 1: go on; 0 or EXIT_USAGE in *status: exit with it. */
static bool parse_arguments(int argc, char **argv, struct arguments *a, int *status)
{
	enum { CONFIG = 1, CHECK, LEVEL, NAMESPACES, VERSION, HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "check-config", no_argument, NULL, CHECK },
		{ "log-level", required_argument, NULL, LEVEL },
		{ "namespaces", required_argument, NULL, NAMESPACES },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int option;

	*status = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case CONFIG:
			a->config = optarg;
			break;
		case CHECK:
			a->check_config = true;
			break;
		case LEVEL:
			a->log_level = optarg;
			break;
		case NAMESPACES:
			a->namespaces = optarg;
			break;
		case VERSION:
			puts("awfd " AWF_VERSION);
			return false;
		case HELP:
			fputs(usage, stdout);
			return false;
		default:
			fputs("Try 'awfd --help'.\n", stderr);
			*status = EXIT_USAGE;
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "awfd: unexpected argument '%s'\nTry 'awfd --help'.\n",
			argv[optind]);
		*status = EXIT_USAGE;
		return false;
	}
	return true;
}

static int set_log_level(const struct arguments *a, const struct config *config, struct err *e)
{
	enum log_level level = (enum log_level)config->log_level;

	if (a->log_level && log_level_parse(a->log_level, &level) < 0)
		return err_set(e, -EINVAL, ERR_SYSTEM,
			       "--log-level '%s': expected error, warning, info or debug",
			       a->log_level);
	log_set_level(level);
	return 0;
}

static int run(const struct arguments *a, struct err *e)
{
	_cleanup_(manager_freep) struct manager *manager = NULL;
	struct config *config = NULL;
	int r;

	r = config_load(a->config, &config, e);
	if (r < 0)
		return r;
	r = set_log_level(a, config, e);
	if (r < 0 || a->check_config) {
		config_free(config);
		return r;
	}
	if (geteuid() != 0) {
		config_free(config);
		return err_set(e, -EPERM, ERR_SYSTEM,
			       "awfd must run as root: systemctl start awfd.service");
	}
	broker_use(a->namespaces, config->helper_directory);
	r = manager_new(config, &manager, e);
	if (r < 0)
		return r;
	manager->log_level_is_given = a->log_level != NULL;
	return manager_run(manager, e);
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err e = { 0 };
	struct arguments arguments = { 0 };
	int status;

	if (!parse_arguments(argc, argv, &arguments, &status))
		return status;
	log_mind_terminal();
	log_journal_install();
	if (run(&arguments, &e) < 0) {
		log_error("%s", e.message);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
