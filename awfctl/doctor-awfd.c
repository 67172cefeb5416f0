#include "awfctl/doctor-awfd.h"

#include <poll.h>
#include <string.h>

#include "awfctl/service-info.h"
#include "common/alloc.h"
#include "common/clock.h"

#define DIFC_PROXY "difc-proxy"

/* How long awfd has for an answer. It asks the engine and the DIFC proxy, each with a limit. */
#define INFO_MS     5000
#define DIAGNOSE_MS 75000

/* What awfd finds something of, in the order in which it does. */
static const char *const names[] = {
	"engine", "confinement", "image",         "network",  "addresses", "forwarding",
	"disk",   "firewall",    "configuration", "removals", DIFC_PROXY,
};

static void add_unknown(struct findings *f, const char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		findings_add(f, names[i], FINDING_UNKNOWN, NULL, "%s", why);
}

/* The next reply, if it comes in time. */
static int wait_for(struct client *c, uint64_t end, struct reply *reply, struct err *e)
{
	for (;;) {
		struct pollfd p = { .fd = client_fd(c), .events = client_events(c) };
		uint64_t now = clock_ms();
		int r = client_receive(c, reply, e);

		if (r != 0)
			return r < 0 ? r : 0;
		if (now >= end)
			return err_set(e, -ETIMEDOUT, ERR_SYSTEM,
				       "awfd does not answer in time; see: journalctl -u awfd");
		if (poll(&p, 1, (int)(end - now)) < 0 && errno != EINTR)
			return err_system(e, -errno, "poll");
	}
}

static int ask(struct client *c, const char *method, const struct field_table *in_table,
	       const void *in, const struct field_table *out_table, void *out, uint64_t ms,
	       struct err *e)
{
	_cleanup_reply_ struct reply reply = { 0 };
	uint64_t end = clock_ms() + ms;
	int r = client_call(c, method, in_table, in, false, e);

	if (r == 0)
		r = wait_for(c, end, &reply, e);
	return r < 0 ? r : reply_read(&reply, out_table, out, e);
}

/* Whether there is somebody to ask more of. */
static bool find_daemon(struct findings *f, struct client *c)
{
	_cleanup_err_ struct err e = { 0 };
	struct service_info info = { 0 };
	const char *version;

	if (ask(c, SERVICE_INFO_METHOD, &empty_table, &(struct empty_message){ 0 },
		&service_info_table, &info, INFO_MS, &e) < 0) {
		findings_add(f, DOCTOR_DAEMON, FINDING_FAILURE, "sudo systemctl restart awfd", "%s",
			     e.message);
		return false;
	}
	version = info.version ? info.version : "?";
	if (strcmp(version, AWF_VERSION) == 0)
		findings_add(f, DOCTOR_DAEMON, FINDING_OK, NULL, "awfd %s answers", version);
	else
		findings_add(f, DOCTOR_DAEMON, FINDING_WARNING, "sudo systemctl restart awfd",
			     "awfd %s answers, and awfctl is %s", version, AWF_VERSION);
	fields_clear(&service_info_table, &info);
	return true;
}

static int diagnose(struct client *c, const struct diagnose_request *request,
		    struct diagnose_reply *reply, struct err *e)
{
	return ask(c, AWF_INTERFACE ".Diagnose", &diagnose_request_table, request,
		   &diagnose_reply_table, reply, DIAGNOSE_MS, e);
}

/* What awfd was not asked after all, because the operator does not permit it. */
static void deny(struct diagnose_reply *reply, const struct err *denied)
{
	for (struct finding_info **next = reply->findings; next && *next; next++) {
		struct finding_info *finding = *next;

		if (strcmp(finding->name, DIFC_PROXY) != 0)
			continue;
		free(finding->status);
		free(finding->message);
		finding->status = xstrdup(finding_status_name(FINDING_FAILURE));
		finding->message =
			xasprintf("permission denied: %s%s%s", denied->value ? denied->value : "",
				  denied->value ? " " : "", denied->message);
	}
}

int doctor_awfd(struct findings *f, struct client *client, const struct diagnose_request *request,
		struct err *e)
{
	_cleanup_err_ struct err denied = { 0 };
	struct diagnose_reply reply = { 0 };
	int r;

	if (!client) {
		findings_add(f, DOCTOR_DAEMON, FINDING_UNKNOWN, NULL,
			     "not asked: there is no connection to it");
		add_unknown(f, "not looked at: awfd does that, and there is no connection to it");
		return 0;
	}
	if (!find_daemon(f, client)) {
		add_unknown(f, "not looked at: awfd does that, and does not answer");
		return 0;
	}
	r = diagnose(client, request, &reply, &denied);
	if (r < 0 && denied.kind == ERR_PERMISSION_DENIED)
		r = diagnose(client, &(struct diagnose_request){ 0 }, &reply, e);
	else if (r < 0)
		err_copy(e, &denied);
	if (r == 0 && denied.error)
		deny(&reply, &denied);
	if (r < 0 && e->kind != ERR_INVALID_ARGUMENT)
		add_unknown(f, e->message);
	findings_take(f, &reply);
	return r < 0 && e->kind == ERR_INVALID_ARGUMENT ? r : 0;
}
