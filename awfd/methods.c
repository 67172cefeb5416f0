#include "awfd/methods.h"

#include <string.h>

#include "awfd/audit-call.h"
#include "awfd/caller.h"
#include "awfd/method.h"
#include "awfd/sandbox-name.h"
#include "common/alloc.h"
#include "proto/interface.h"

#define SERVICE "org.varlink.service"

/* Who may call a method, and whether it is about one sandbox. */
enum access {
	ACCESS_ANY,   /* whoever reaches the socket */
	ACCESS_ROOT,  /* root alone */
	ACCESS_OWNER, /* the owner of the sandbox named by the first parameter, or root */
	ACCESS_LOGS,  /* the same, also when nothing but the logs of it is left */
};

struct method {
	const char *name; /* of message_methods */
	enum access access;
	method_fn *fn;
	bool decides;   /* fn says itself, to the audit log, whether the call is allowed */
	bool by_policy; /* it needs to know whom the policy is about */
};

/* Rows in the order of message_methods; a test compares the two and the interface file. */
static const struct method methods[] = {
	{ "Start", ACCESS_ANY, method_start, true, true },
	{ "Attach", ACCESS_OWNER, method_attach, false, false },
	{ "Resize", ACCESS_OWNER, method_resize, true, false },
	{ "Wait", ACCESS_OWNER, method_wait, false, false },
	{ "Stop", ACCESS_OWNER, method_stop, true, false },
	{ "List", ACCESS_ANY, method_list, false, false },
	{ "Inspect", ACCESS_OWNER, method_inspect, false, false },
	{ "Denials", ACCESS_OWNER, method_denials, false, false },
	{ "Logs", ACCESS_LOGS, method_logs, false, false },
	{ "Stats", ACCESS_ANY, method_stats, false, false },
	{ "Metrics", ACCESS_ROOT, method_metrics, false, false },
	{ "Check", ACCESS_ANY, method_check, false, true },
	{ "Diagnose", ACCESS_ANY, method_diagnose, true, true },
	{ "Reload", ACCESS_ROOT, method_reload, false, false },
	{ "Predownload", ACCESS_ANY, method_predownload, true, true },
	{ "LoadImages", ACCESS_ROOT, method_load_images, true, false },
};

const char *methods_name(size_t i)
{
	return i < ARRAY_SIZE(methods) ? methods[i].name : NULL;
}

/* The sandbox that the first parameter names, if the peer may know of it. */
static int find_own(struct manager *m, const struct call *call, const void *in,
		    struct sandbox **ret, struct err *e)
{
	return sandbox_lookup(m, conn_peer(call_conn(call))->uid, *(char *const *)in, ret, e);
}

/* The same, or NULL for one that is gone and whose logs are the peer's. */
static int find_own_logs(struct manager *m, const struct call *call, const void *in,
			 struct sandbox **ret, struct err *e)
{
	const char *id = *(char *const *)in;
	uid_t uid = conn_peer(call_conn(call))->uid;
	_cleanup_free_ char *directory =
		sandbox_find(m, id) ? NULL : sandbox_log_directory_of_gone(m, id, uid);

	return directory ? 0 : find_own(m, call, in, ret, e);
}

static int require_root(const struct call *call, struct err *e)
{
	const struct peer *peer = conn_peer(call_conn(call));

	if (peer->uid == 0)
		return 0;
	return err_set(e, -EPERM, ERR_PERMISSION_DENIED,
		       "%s is for root only, and you are uid %u: use sudo",
		       call_method(call) + strlen(AWF_INTERFACE "."), peer->uid);
}

/* Whether the peer may call the method with these parameters; *ret is the sandbox they are about.
 */
static int authorize(struct manager *m, const struct call *call, enum access access, const void *in,
		     struct sandbox **ret, struct err *e)
{
	switch (access) {
	case ACCESS_ANY:
		return 0;
	case ACCESS_ROOT:
		return require_root(call, e);
	case ACCESS_OWNER:
		return find_own(m, call, in, ret, e);
	case ACCESS_LOGS:
		return find_own_logs(m, call, in, ret, e);
	}
	return err_set(e, -EPERM, ERR_PERMISSION_DENIED, "nobody may call this");
}

static void run_method(struct manager *m, struct call *call, const struct method *method,
		       const struct message_method *message)
{
	_cleanup_free_ void *in = xcalloc(1, message->in->size);
	_cleanup_err_ struct err e = { 0 };
	struct sandbox *s = NULL;

	if (fields_parse(message->in, call_parameters(call), in, &e) < 0) {
		method_refuse(m, call, NULL, &e);
		return;
	}
	if (authorize(m, call, method->access, in, &s, &e) < 0) {
		method_refuse(m, call, NULL, &e);
	} else {
		if (!method->decides)
			audit_call(m, call, s ? sandbox_id(s) : NULL, s, NULL, NULL);
		method->fn(m, call, in, s);
	}
	fields_clear(message->in, in);
}

static void reply_service_error(struct call *call, const char *name, const char *key,
				const char *value)
{
	struct json_object *parameters = json_object_new_object();

	json_object_object_add(parameters, key, json_object_new_string(value));
	call_error_json(call, name, parameters);
}

static void service_info(struct call *call)
{
	struct json_object *info = json_object_new_object();
	struct json_object *interfaces = json_object_new_array();

	json_object_array_add(interfaces, json_object_new_string(SERVICE));
	json_object_array_add(interfaces, json_object_new_string(AWF_INTERFACE));
	json_object_object_add(info, "vendor", json_object_new_string("awf"));
	json_object_object_add(info, "product", json_object_new_string("awfd"));
	json_object_object_add(info, "version", json_object_new_string(AWF_VERSION));
	json_object_object_add(info, "url", json_object_new_string(""));
	json_object_object_add(info, "interfaces", interfaces);
	call_reply_json(call, info);
}

static void service_description(struct call *call)
{
	struct json_object *name = NULL, *reply;
	const char *text;

	if (!json_object_object_get_ex(call_parameters(call), "interface", &name) ||
	    !json_object_is_type(name, json_type_string)) {
		reply_service_error(call, SERVICE ".InvalidParameter", "parameter", "interface");
		return;
	}
	text = interface_description(json_object_get_string(name));
	if (!text) {
		reply_service_error(call, SERVICE ".InterfaceNotFound", "interface",
				    json_object_get_string(name));
		return;
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "description", json_object_new_string(text));
	call_reply_json(call, reply);
}

static const struct {
	const char *name;
	void (*fn)(struct call *call);
} service_methods[] = {
	{ SERVICE ".GetInfo", service_info },
	{ SERVICE ".GetInterfaceDescription", service_description },
};

static void refuse_method(struct manager *m, struct call *call, const char *name)
{
	_cleanup_err_ struct err e = { 0 };

	(void)err_invalid(&e, "method", NULL, "there is no such method");
	audit_call(m, call, NULL, NULL, &e, NULL);
	reply_service_error(call, SERVICE ".MethodNotFound", "method", name);
}

/* The row of a method of ours, or NULL. */
static const struct method *find_method(const char *name)
{
	size_t prefix = strlen(AWF_INTERFACE ".");

	if (strncmp(name, AWF_INTERFACE ".", prefix) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name + prefix) == 0)
			return &methods[i];
	return NULL;
}

static void answer(struct manager *m, struct call *call)
{
	const char *name = call_method(call);
	const struct method *method = find_method(name);

	for (size_t i = 0; i < ARRAY_SIZE(service_methods); i++) {
		if (strcmp(service_methods[i].name, name) == 0) {
			audit_call(m, call, NULL, NULL, NULL, NULL);
			service_methods[i].fn(call);
			return;
		}
	}
	if (method)
		run_method(m, call, method, &message_methods[method - methods]);
	else
		refuse_method(m, call, name);
}

void methods_dispatch(struct manager *m, struct call *call)
{
	const struct method *method = find_method(call_method(call));

	caller_await(m, call, method && method->by_policy, answer);
}
