/* awfctl's options: one table, from which the parser and the help are made and by which awfd's
 * field names become option names again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "awfctl/word-list.h"
#include "common/cleanup.h"
#include "common/err.h"

#define OPTIONS_SOCKET_DEFAULT "/run/awfd/awfd.sock"

/* Which commands have an option. */
enum option_group {
	OPTION_GLOBAL = 1 << 0,     /* every one */
	OPTION_SANDBOX = 1 << 1,    /* those that start a sandbox */
	OPTION_READING = 1 << 2,    /* those that print what awfd knows */
	OPTION_LEADING = 1 << 3,    /* none: before the command's name */
	OPTION_FOLLOWING = 1 << 4,  /* those that can go on with what is new */
	OPTION_LISTING = 1 << 5,    /* those that list sandboxes */
	OPTION_SPAN = 1 << 6,       /* those that print what has a time and a source */
	OPTION_LOGGED = 1 << 7,     /* that of logs */
	OPTION_ATTACHING = 1 << 8,  /* those that attach to what lives on its own */
	OPTION_LIVE = 1 << 9,       /* those that go on showing what changes */
	OPTION_IMAGES = 1 << 10,    /* those that have images brought */
	OPTION_FORMATTED = 1 << 11, /* those of which what they print has known fields */
	OPTION_DOCTOR = 1 << 12,    /* that which looks at the host */
};

enum option_kind {
	OPTION_FLAG,     /* sets a bool */
	OPTION_TEXT,     /* sets a const char *; the last one counts */
	OPTION_URL,      /* a text that may have a password in it, which is never shown */
	OPTION_ENV,      /* adds to a strv of KEY=value; the last one of a key counts */
	OPTION_LIST,     /* adds to a word_list what stands between the commas */
	OPTION_FILES,    /* adds a path to a strv */
	OPTION_TEXTS,    /* adds a text, which awfd judges, to a strv */
	OPTION_NAMES,    /* adds the name of a variable to a strv */
	OPTION_NOT_HERE, /* of GitHub's awf, and refused: never ignored, as it may be a
			    restriction */
};

/* The values of one command line. Texts are borrowed from the arguments, or from `kept`. */
struct options {
	bool help;
	bool version;
	bool json;
	bool quiet;
	struct word_list format; /* names of fields */
	bool follow;
	struct word_list sources;
	const char *since;
	const char *until;
	const char *dir;
	bool no_stream;
	bool tty;
	const char *detach_keys;
	bool keep;
	bool skip_pull;
	bool difc_proxy;        /* of predownload */
	bool network_isolation; /* changes nothing */
	const char *socket;
	const char *log_level;
	const char *config; /* a path, or "-" */
	const char *session_state_dir;
	const char *proxy_logs_dir;
	const char *audit_dir;
	bool diagnostic_logs;
	const char *work_dir;
	const char *difc_proxy_host;
	const char *difc_proxy_ca_cert; /* a path */
	const char *difc_wait;
	const char *workdir;
	const char *image;
	const char *image_tag;
	const char *from; /* a path */
	const char *pull; /* when images are brought */
	const char *workspace;
	char **environment;
	char **env_files; /* paths */
	bool env_all;
	char **exclude_env; /* names */
	const char *memory_limit;
	const char *pids_limit;
	const char *cpus;
	const char *agent_timeout; /* minutes */
	const char *name;
	struct word_list allow_domains;
	char **allow_domains_files; /* paths */
	struct word_list block_domains;
	char **block_domains_files;
	char **ruleset_files;
	struct word_list allow_private;
	struct word_list dns_servers;
	const char *upstream_proxy;
	bool enable_host_access;
	struct word_list allow_host_ports;
	struct word_list allow_host_service_ports;
	char **mounts;   /* SRC:DST[:MODE] */
	char **kept;     /* texts that do not come from the arguments */
	char **operands; /* before "--" */
	char **command;  /* after it, NULL when there is no "--" */
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	unsigned groups;
	const char *argument; /* its name in the help */
	const char *help;     /* of OPTION_NOT_HERE: why, and what to use instead */
	size_t offset;        /* of the member of struct options */
	const char *field;    /* the field of Start that it sets, as awfd names it in errors */
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

#define _cleanup_options_ _cleanup_(options_clear)

/* Parses the arguments (NULL-terminated) by the rows of `groups`, adding to *o: options, operands
 * and, after "--", the command. With only_leading it stops before the first operand. The number of
 * arguments used, or -EINVAL. */
int options_parse(struct options *o, unsigned groups, bool only_leading, char **args,
		  struct err *e) _must_check_;
void options_clear(struct options *o);

/* Sets or adds the value, borrowed, that a row has got elsewhere; that of a flag does not matter.
 */
int option_set(struct options *o, const struct option_row *row, const char *value,
	       struct err *e) _must_check_;

/* Whether anything was set, or added, for the row. */
bool option_is_set(const struct options *o, const struct option_row *row);

/* A copy of the text that is there as long as the options are. */
const char *options_keep(struct options *o, const char *text);

/* An ERR_INVALID_ARGUMENT of awfctl's own: the command line is wrong. */
int usage_error(struct err *e, const char *fmt, ...) _printf_(2, 3);

/* The socket to use: --socket, AWFD_SOCKET or the default. */
const char *options_socket(const struct options *o);

/* The row of this name, without dashes, or NULL. */
const struct option_row *option_of_name(const char *name);

/* The row that sets this field of Start, or NULL. */
const struct option_row *option_of_field(const char *field);

/* The text that an OPTION_TEXT or OPTION_URL row set, or NULL. */
const char *option_text(const struct options *o, const struct option_row *row);

/* The words that an OPTION_LIST row collected, or NULL. */
char *const *option_words(const struct options *o, const struct option_row *row);
