#include "awfctl/service-info.h"

static const struct field service_info_fields[] = {
	FIELD(struct service_info, vendor, "vendor", .type = FIELD_STRING),
	FIELD(struct service_info, product, "product", .type = FIELD_STRING),
	FIELD(struct service_info, version, "version", .type = FIELD_STRING),
	FIELD(struct service_info, url, "url", .type = FIELD_STRING),
	FIELD(struct service_info, interfaces, "interfaces", .type = FIELD_STRINGS),
};
const struct field_table service_info_table =
	FIELD_TABLE(struct service_info, NULL, service_info_fields);
