/* The reply of org.varlink.service.GetInfo. */
#pragma once

#include "proto/json-fields.h"

#define SERVICE_INFO_METHOD "org.varlink.service.GetInfo"

struct service_info {
	char *vendor;
	char *product;
	char *version;
	char *url;
	char **interfaces;
};

extern const struct field_table service_info_table;
