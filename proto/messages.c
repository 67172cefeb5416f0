#include "proto/messages.h"

#define REQUIRED .flags = FIELD_REQUIRED

#define START(member, name, ...)    FIELD(struct start_request, member, name, __VA_ARGS__)
#define REPLY(member, name, ...)    FIELD(struct start_reply, member, name, __VA_ARGS__)
#define STEP(member, name, ...)     FIELD(struct step_info, member, name, __VA_ARGS__)
#define DENIAL(member, name, ...)   FIELD(struct denial_info, member, name, __VA_ARGS__)
#define STATS(member, name, ...)    FIELD(struct stats_info, member, name, __VA_ARGS__)
#define DECISION(member, name, ...) FIELD(struct decision_info, member, name, __VA_ARGS__)
#define SANDBOX(member, name, ...)  FIELD(struct sandbox_info, member, name, __VA_ARGS__)

static const struct field start_request_fields[] = {
	START(command, "command", .type = FIELD_STRINGS, .max = MESSAGE_COMMAND_MAX, REQUIRED),
	START(image, "image", .type = FIELD_STRING),
	START(environment, "environment", .type = FIELD_ENV, .max = MESSAGE_ENV_MAX),
	START(workdir, "workdir", .type = FIELD_STRING),
	START(difc_proxy_host, "difcProxyHost", .type = FIELD_STRING),
	START(difc_proxy_ca_cert, "difcProxyCaCert", .type = FIELD_STRING, .max = MESSAGE_CA_MAX),
	START(difc_wait, "difcWait", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	START(tty, "tty", .type = FIELD_BOOL),
	START(open_stdin, "openStdin", .type = FIELD_BOOL),
	START(attach, "attach", .type = FIELD_BOOL),
	START(lease, "lease", .type = FIELD_BOOL),
	START(keep, "keep", .type = FIELD_BOOL),
	START(allow_domains, "allowDomains", .type = FIELD_STRINGS, .max = MESSAGE_DOMAINS_MAX),
	START(block_domains, "blockDomains", .type = FIELD_STRINGS, .max = MESSAGE_DOMAINS_MAX),
	START(allow_private, "allowPrivate", .type = FIELD_STRINGS),
	START(dns_servers, "dnsServers", .type = FIELD_STRINGS),
	START(upstream_proxy, "upstreamProxy", .type = FIELD_STRING),
	START(enable_host_access, "enableHostAccess", .type = FIELD_BOOL),
	START(allow_host_ports, "allowHostPorts", .type = FIELD_STRINGS),
	START(allow_host_service_ports, "allowHostServicePorts", .type = FIELD_STRINGS),
	START(mounts, "mounts", .type = FIELD_STRINGS, .max = MESSAGE_MOUNTS_MAX),
	START(workspace, "workspace", .type = FIELD_STRING),
	START(current_directory, "currentDirectory", .type = FIELD_STRING),
	START(memory_limit, "memoryLimit", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	START(pids_limit, "pidsLimit", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	START(nano_cpus, "nanoCpus", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	START(agent_timeout, "agentTimeout", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	START(name, "name", .type = FIELD_STRING),
	START(pull, "pull", .type = FIELD_STRING),
};
const struct field_table start_request_table =
	FIELD_TABLE(struct start_request, NULL, start_request_fields);

static const struct field start_reply_fields[] = {
	REPLY(phase, "phase", .type = FIELD_STRING),
	REPLY(elapsed_us, "elapsedUs", .type = FIELD_INT),
	REPLY(waiting_for, "waitingFor", .type = FIELD_STRING),
	REPLY(id, "id", .type = FIELD_STRING),
	REPLY(dropped_environment, "droppedEnvironment", .type = FIELD_STRINGS,
	      .max = MESSAGE_ENV_MAX),
	REPLY(no_workspace, "noWorkspace", .type = FIELD_STRING, .max = 2 * FIELD_MAX_DEFAULT),
};
const struct field_table start_reply_table =
	FIELD_TABLE(struct start_reply, NULL, start_reply_fields);

static const struct field decision_info_fields[] = {
	DECISION(what, "what", .type = FIELD_STRING, REQUIRED),
	DECISION(value, "value", .type = FIELD_STRING, .max = 2 * FIELD_MAX_DEFAULT, REQUIRED),
	DECISION(allowed, "allowed", .type = FIELD_BOOL, REQUIRED),
	DECISION(where, "where", .type = FIELD_STRING, REQUIRED),
};
const struct field_table decision_info_table =
	FIELD_TABLE(struct decision_info, "Decision", decision_info_fields);

static const struct field check_reply_fields[] = {
	FIELD(struct check_reply, decisions, "decisions", .type = FIELD_OBJECTS,
	      .table = &decision_info_table, REQUIRED),
};
const struct field_table check_reply_table =
	FIELD_TABLE(struct check_reply, NULL, check_reply_fields);

static const struct field diagnose_request_fields[] = {
	FIELD(struct diagnose_request, difc_proxy_host, "difcProxyHost", .type = FIELD_STRING),
	FIELD(struct diagnose_request, difc_proxy_ca_cert, "difcProxyCaCert", .type = FIELD_STRING,
	      .max = MESSAGE_CA_MAX),
};
const struct field_table diagnose_request_table =
	FIELD_TABLE(struct diagnose_request, NULL, diagnose_request_fields);

static const struct field finding_info_fields[] = {
	FIELD(struct finding_info, name, "name", .type = FIELD_STRING, REQUIRED),
	FIELD(struct finding_info, status, "status", .type = FIELD_STRING, REQUIRED),
	FIELD(struct finding_info, message, "message", .type = FIELD_STRING,
	      .max = 4 * FIELD_MAX_DEFAULT, REQUIRED),
	FIELD(struct finding_info, cure, "cure", .type = FIELD_STRING),
};
const struct field_table finding_info_table =
	FIELD_TABLE(struct finding_info, "Finding", finding_info_fields);

static const struct field diagnose_reply_fields[] = {
	FIELD(struct diagnose_reply, findings, "findings", .type = FIELD_OBJECTS,
	      .table = &finding_info_table, REQUIRED),
};
const struct field_table diagnose_reply_table =
	FIELD_TABLE(struct diagnose_reply, NULL, diagnose_reply_fields);

static const struct field reload_reply_fields[] = {
	FIELD(struct reload_reply, kept, "kept", .type = FIELD_STRINGS, REQUIRED),
};
const struct field_table reload_reply_table =
	FIELD_TABLE(struct reload_reply, NULL, reload_reply_fields);

static const struct field predownload_request_fields[] = {
	FIELD(struct predownload_request, reference, "reference", .type = FIELD_STRING),
	FIELD(struct predownload_request, difc_proxy, "difcProxy", .type = FIELD_BOOL),
};
const struct field_table predownload_request_table =
	FIELD_TABLE(struct predownload_request, NULL, predownload_request_fields);

static const struct field load_images_request_fields[] = {
	FIELD(struct load_images_request, archive, "archive", .type = FIELD_INT, REQUIRED),
};
const struct field_table load_images_request_table =
	FIELD_TABLE(struct load_images_request, NULL, load_images_request_fields);

static const struct field layer_info_fields[] = {
	FIELD(struct layer_info, id, "id", .type = FIELD_STRING, REQUIRED),
	FIELD(struct layer_info, status, "status", .type = FIELD_STRING, REQUIRED),
	FIELD(struct layer_info, current, "current", .type = FIELD_INT, REQUIRED),
	FIELD(struct layer_info, total, "total", .type = FIELD_INT, REQUIRED),
};
const struct field_table layer_info_table =
	FIELD_TABLE(struct layer_info, "Layer", layer_info_fields);

static const struct field image_info_fields[] = {
	FIELD(struct image_info, reference, "reference", .type = FIELD_STRING, REQUIRED),
	FIELD(struct image_info, id, "id", .type = FIELD_STRING, REQUIRED),
	FIELD(struct image_info, origin, "origin", .type = FIELD_STRING, REQUIRED),
};
const struct field_table image_info_table =
	FIELD_TABLE(struct image_info, "Image", image_info_fields);

static const struct field predownload_reply_fields[] = {
	FIELD(struct predownload_reply, reference, "reference", .type = FIELD_STRING),
	FIELD(struct predownload_reply, layers, "layers", .type = FIELD_OBJECTS,
	      .table = &layer_info_table),
	FIELD(struct predownload_reply, images, "images", .type = FIELD_OBJECTS,
	      .table = &image_info_table),
};
const struct field_table predownload_reply_table =
	FIELD_TABLE(struct predownload_reply, NULL, predownload_reply_fields);

static const struct field id_request_fields[] = {
	FIELD(struct id_request, id, "id", .type = FIELD_STRING, REQUIRED),
};
const struct field_table id_request_table = FIELD_TABLE(struct id_request, NULL, id_request_fields);

static const struct field wait_request_fields[] = {
	FIELD(struct wait_request, id, "id", .type = FIELD_STRING, REQUIRED),
	FIELD(struct wait_request, lease, "lease", .type = FIELD_BOOL),
};
const struct field_table wait_request_table =
	FIELD_TABLE(struct wait_request, NULL, wait_request_fields);

static const struct field resize_request_fields[] = {
	FIELD(struct resize_request, id, "id", .type = FIELD_STRING, REQUIRED),
	FIELD(struct resize_request, width, "width", .type = FIELD_INT, REQUIRED),
	FIELD(struct resize_request, height, "height", .type = FIELD_INT, REQUIRED),
};
const struct field_table resize_request_table =
	FIELD_TABLE(struct resize_request, NULL, resize_request_fields);

static const struct field stop_request_fields[] = {
	FIELD(struct stop_request, id, "id", .type = FIELD_STRING, REQUIRED),
	FIELD(struct stop_request, signal, "signal", .type = FIELD_STRING),
	FIELD(struct stop_request, grace_ms, "graceMs", .type = FIELD_INT),
};
const struct field_table stop_request_table =
	FIELD_TABLE(struct stop_request, NULL, stop_request_fields);

static const struct field attach_reply_fields[] = {
	FIELD(struct attach_reply, stream, "stream", .type = FIELD_INT, REQUIRED),
	FIELD(struct attach_reply, tty, "tty", .type = FIELD_BOOL, REQUIRED),
};
const struct field_table attach_reply_table =
	FIELD_TABLE(struct attach_reply, NULL, attach_reply_fields);

static const struct field wait_reply_fields[] = {
	FIELD(struct wait_reply, exit_code, "exitCode", .type = FIELD_INT, REQUIRED),
	FIELD(struct wait_reply, oom_killed, "oomKilled", .type = FIELD_BOOL, REQUIRED),
	FIELD(struct wait_reply, memory_limit, "memoryLimit", .type = FIELD_INT,
	      .absent = FIELD_INT_ABSENT),
	FIELD(struct wait_reply, reason, "reason", .type = FIELD_STRING),
};
const struct field_table wait_reply_table = FIELD_TABLE(struct wait_reply, NULL, wait_reply_fields);

static const struct field step_info_fields[] = {
	STEP(name, "name", .type = FIELD_STRING, REQUIRED),
	STEP(state, "state", .type = FIELD_STRING, REQUIRED),
	STEP(elapsed_us, "elapsedUs", .type = FIELD_INT, REQUIRED),
};
const struct field_table step_info_table = FIELD_TABLE(struct step_info, "Step", step_info_fields);

static const struct field sandbox_info_fields[] = {
	SANDBOX(id, "id", .type = FIELD_STRING, REQUIRED),
	SANDBOX(name, "name", .type = FIELD_STRING),
	SANDBOX(state, "state", .type = FIELD_STRING, REQUIRED),
	SANDBOX(owner_uid, "ownerUid", .type = FIELD_INT, REQUIRED),
	SANDBOX(owner, "owner", .type = FIELD_STRING, REQUIRED),
	SANDBOX(image, "image", .type = FIELD_STRING, REQUIRED),
	SANDBOX(command, "command", .type = FIELD_STRINGS, .max = MESSAGE_COMMAND_MAX, REQUIRED),
	SANDBOX(created_at, "createdAt", .type = FIELD_STRING, REQUIRED),
	SANDBOX(difc_proxy, "difcProxy", .type = FIELD_STRING),
	SANDBOX(mounts, "mounts", .type = FIELD_STRINGS, .max = MESSAGE_MOUNTS_MAX),
	SANDBOX(masked, "masked", .type = FIELD_STRINGS, .max = MESSAGE_MASKED_MAX),
	SANDBOX(log_directory, "logDirectory", .type = FIELD_STRING),
	SANDBOX(exit_code, "exitCode", .type = FIELD_INT, REQUIRED),
	SANDBOX(oom_killed, "oomKilled", .type = FIELD_BOOL, REQUIRED),
	SANDBOX(reason, "reason", .type = FIELD_STRING),
	SANDBOX(left, "left", .type = FIELD_STRING),
	SANDBOX(pool, "pool", .type = FIELD_STRING),
	SANDBOX(steps, "steps", .type = FIELD_OBJECTS, .table = &step_info_table),
};
const struct field_table sandbox_info_table =
	FIELD_TABLE(struct sandbox_info, "Sandbox", sandbox_info_fields);

static const struct field denial_info_fields[] = {
	DENIAL(time, "time", .type = FIELD_STRING, REQUIRED),
	DENIAL(source, "source", .type = FIELD_STRING, REQUIRED),
	DENIAL(from, "from", .type = FIELD_STRING, REQUIRED),
	DENIAL(protocol, "protocol", .type = FIELD_STRING, REQUIRED),
	DENIAL(host, "host", .type = FIELD_STRING, REQUIRED),
	DENIAL(port, "port", .type = FIELD_INT, REQUIRED),
	DENIAL(sni, "sni", .type = FIELD_STRING),
	DENIAL(reason, "reason", .type = FIELD_STRING, REQUIRED),
	DENIAL(count, "count", .type = FIELD_INT, REQUIRED),
	DENIAL(grant, "grant", .type = FIELD_STRING),
};
const struct field_table denial_info_table =
	FIELD_TABLE(struct denial_info, "Denial", denial_info_fields);

static const struct field denials_reply_fields[] = {
	FIELD(struct denials_reply, denials, "denials", .type = FIELD_OBJECTS,
	      .table = &denial_info_table, REQUIRED),
};
const struct field_table denials_reply_table =
	FIELD_TABLE(struct denials_reply, NULL, denials_reply_fields);

static const struct field stats_info_fields[] = {
	STATS(id, "id", .type = FIELD_STRING, REQUIRED),
	STATS(owner, "owner", .type = FIELD_STRING, REQUIRED),
	STATS(cpu_us, "cpuUs", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	STATS(memory, "memory", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	STATS(memory_limit, "memoryLimit", .type = FIELD_INT, REQUIRED),
	STATS(pids, "pids", .type = FIELD_INT, .absent = FIELD_INT_ABSENT),
	STATS(pids_limit, "pidsLimit", .type = FIELD_INT, REQUIRED),
	STATS(relay_connections, "relayConnections", .type = FIELD_INT, REQUIRED),
	STATS(relay_open, "relayOpen", .type = FIELD_INT, REQUIRED),
	STATS(relay_failed, "relayFailed", .type = FIELD_INT, REQUIRED),
	STATS(relay_sent, "relayBytesSent", .type = FIELD_INT, REQUIRED),
	STATS(relay_received, "relayBytesReceived", .type = FIELD_INT, REQUIRED),
	STATS(requests_allowed, "requestsAllowed", .type = FIELD_INT, REQUIRED),
	STATS(requests_refused, "requestsRefused", .type = FIELD_INT, REQUIRED),
	STATS(gh_allowed, "ghAllowed", .type = FIELD_INT, REQUIRED),
	STATS(gh_refused, "ghRefused", .type = FIELD_INT, REQUIRED),
	STATS(packets_dropped, "packetsDropped", .type = FIELD_INT, REQUIRED),
};
const struct field_table stats_info_table =
	FIELD_TABLE(struct stats_info, "Usage", stats_info_fields);

static const struct field stats_reply_fields[] = {
	FIELD(struct stats_reply, stats, "stats", .type = FIELD_OBJECTS, .table = &stats_info_table,
	      REQUIRED),
};
const struct field_table stats_reply_table =
	FIELD_TABLE(struct stats_reply, NULL, stats_reply_fields);

static const struct field metrics_reply_fields[] = {
	FIELD(struct metrics_reply, text, "text", .type = FIELD_STRING, .max = MESSAGE_METRICS_MAX,
	      REQUIRED),
};
const struct field_table metrics_reply_table =
	FIELD_TABLE(struct metrics_reply, NULL, metrics_reply_fields);

static const struct field logs_reply_fields[] = {
	FIELD(struct logs_reply, directory, "directory", .type = FIELD_STRING, REQUIRED),
};
const struct field_table logs_reply_table = FIELD_TABLE(struct logs_reply, NULL, logs_reply_fields);

static const struct field list_reply_fields[] = {
	FIELD(struct list_reply, sandboxes, "sandboxes", .type = FIELD_OBJECTS,
	      .table = &sandbox_info_table, REQUIRED),
};
const struct field_table list_reply_table = FIELD_TABLE(struct list_reply, NULL, list_reply_fields);

static const struct field inspect_reply_fields[] = {
	FIELD(struct inspect_reply, sandbox, "sandbox", .type = FIELD_OBJECT,
	      .table = &sandbox_info_table, REQUIRED),
};
const struct field_table inspect_reply_table =
	FIELD_TABLE(struct inspect_reply, NULL, inspect_reply_fields);

const struct field_table empty_table = {
	.name = NULL, .fields = NULL, .count = 0, .size = sizeof(struct empty_message)
};

const struct message_method message_methods[] = {
	{ "Start", &start_request_table, &start_reply_table },
	{ "Attach", &id_request_table, &attach_reply_table },
	{ "Resize", &resize_request_table, &empty_table },
	{ "Wait", &wait_request_table, &wait_reply_table },
	{ "Stop", &stop_request_table, &empty_table },
	{ "List", &empty_table, &list_reply_table },
	{ "Inspect", &id_request_table, &inspect_reply_table },
	{ "Denials", &id_request_table, &denials_reply_table },
	{ "Logs", &id_request_table, &logs_reply_table },
	{ "Stats", &empty_table, &stats_reply_table },
	{ "Metrics", &empty_table, &metrics_reply_table },
	{ "Check", &start_request_table, &check_reply_table },
	{ "Diagnose", &diagnose_request_table, &diagnose_reply_table },
	{ "Reload", &empty_table, &reload_reply_table },
	{ "Predownload", &predownload_request_table, &predownload_reply_table },
	{ "LoadImages", &load_images_request_table, &predownload_reply_table },
};
const size_t message_method_count = ARRAY_SIZE(message_methods);
