#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "awfctl/service-info.h"
#include "common/escape.h"
#include "common/log.h"
#include "proto/messages.h"

static int get_info(const struct options *o, struct service_info *info, struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	struct empty_message nothing = { 0 };
	int r = client_open(options_socket(o), &c, e);

	if (r == 0)
		r = client_invoke(c, SERVICE_INFO_METHOD, &empty_table, &nothing,
				  &service_info_table, info, e);
	return r;
}

/* An awfd that can't be reached is no failure of this command: its own version is the answer too.
 */
int cmd_version(const struct options *o)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *version = NULL;
	struct service_info info = { 0 };

	puts("awfctl " AWF_VERSION);
	if (get_info(o, &info, &e) < 0) {
		log_warning("the version of awfd is not known: %s", e.message);
		return 0;
	}
	version = escape_control(info.version ? info.version : "unknown");
	printf("awfd   %s\n", version);
	fields_clear(&service_info_table, &info);
	return 0;
}
