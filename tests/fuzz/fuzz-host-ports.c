/* Whatever is accepted is between 1 and HOST_PORTS_MAX ports, is counted right, and is the same set
 * again when its ports are named one by one; as service ports it takes what others may not name,
 * but no ranges. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "awfd/host-ports.h"
#include "common/alloc.h"
#include "common/strbuf.h"
#include "common/strv.h"

#define FIELD "allowHostPorts"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_accepted(const struct host_ports *set, bool service)
{
	struct host_ports again = { 0 };
	_cleanup_strbuf_ struct strbuf list = { 0 };
	char *specs[] = { NULL, NULL };
	size_t count = 0;
	uint16_t last = 0;

	for (uint16_t port = host_ports_first(set); port; port = host_ports_next(set, port)) {
		require(port > last && host_ports_has(set, port));
		strbuf_appendf(&list, count++ ? ",%u" : "%u", (unsigned)port);
		last = port;
	}
	require(count == set->count && count > 0 && count <= HOST_PORTS_MAX);
	require(!host_ports_has(set, 0));
	specs[0] = list.data;
	require(host_ports_parse(FIELD, specs, service, &again, NULL) == 0);
	require(memcmp(set, &again, sizeof(again)) == 0);
	require(host_ports_parse(FIELD, specs, true, &again, NULL) == 0);
	require(memcmp(set, &again, sizeof(again)) == 0);
	require(service || (!host_ports_has(set, 22) && !host_ports_has(set, 28017)));
}

static bool parse(char *text, bool service)
{
	char *const specs[] = { text, NULL };
	struct host_ports set = { 0 };
	_cleanup_err_ struct err e = { 0 };

	if (host_ports_parse(FIELD, specs, service, &set, &e) == 0) {
		check_accepted(&set, service);
		return true;
	}
	require(e.message && strcmp(e.subject, FIELD) == 0 && e.value && set.count == 0);
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	bool plain = parse(text, false), service = parse(text, true);

	require(!plain || service || strchr(text, '-'));
	return 0;
}
