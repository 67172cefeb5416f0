/* The logs of one sandbox: where awfd says they are, or in a directory of copies; read once, or on
 * until the sandbox has ended. */
#pragma once

#include "awfctl/log-reader.h"
#include "awfctl/options.h"

/* Called for each record; it may take the object. A result that is not 0 ends the reading, without
 * an error. */
typedef int (*log_session_fn)(struct log_record *record, void *userdata);

/* id is NULL when --dir names the directory. With `follow` it goes on until the sandbox has ended,
 * or until the time of --until. `pause` is called whenever all that is there was read. */
int log_session_read(const struct options *o, const char *id, bool follow, log_session_fn record,
		     int (*pause)(void *userdata), void *userdata, struct err *e) _must_check_;

/* The directory of the sandbox's logs. The caller owns it. */
int log_session_directory(const struct options *o, const char *id, char **ret,
			  struct err *e) _must_check_;
