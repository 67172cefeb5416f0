#include "awfctl/commands.h"

#include "awfctl/client.h"
#include "common/escape.h"
#include "common/log.h"
#include "proto/messages.h"

/* The reply of org.varlink.service.GetInfo. */
struct service_info {
	char *vendor;
	char *product;
	char *version;
	char *url;
	char **interfaces;
};

static const struct field service_info_fields[] = {
	FIELD(struct service_info, vendor, "vendor", .type = FIELD_STRING),
	FIELD(struct service_info, product, "product", .type = FIELD_STRING),
	FIELD(struct service_info, version, "version", .type = FIELD_STRING),
	FIELD(struct service_info, url, "url", .type = FIELD_STRING),
	FIELD(struct service_info, interfaces, "interfaces", .type = FIELD_STRINGS),
};
static const struct field_table service_info_table =
	FIELD_TABLE(struct service_info, NULL, service_info_fields);

static int get_info(const struct options *o, struct service_info *info, struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	struct empty_message nothing = { 0 };
	int r = client_open(options_socket(o), &c, e);

	if (r == 0)
		r = client_invoke(c, "org.varlink.service.GetInfo", &empty_table, &nothing,
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
