#include "awfd/docker-network.h"

#include <arpa/inet.h>
#include <string.h>

#include "awfd/network.h"
#include "common/alloc.h"
#include "common/log.h"

#define OPERATION  "network " DOCKER_NETWORK
#define PATH       "/networks/" DOCKER_NETWORK
#define TIMEOUT_MS 30000

#define LABEL       "awf.network"
#define LABEL_VALUE "egress"

/* The bridge has our name, so that rules can name it, and its ports don't talk to each other. */
static const struct {
	const char *key;
	const char *value;
} options[] = {
	{ "com.docker.network.bridge.name", DOCKER_NETWORK },
	{ "com.docker.network.bridge.enable_icc", "false" },
	{ "com.docker.network.bridge.enable_ip_masquerade", "true" },
};

struct docker_network_ensure {
	struct docker *docker;
	char *subnet;
	char *subnet6;
	bool require6;
	bool in_use;
	bool made; /* by us, just now: what is not there then is not there */
	struct docker_call *call;
	docker_network_fn fn;
	void *userdata;
};

/* --- Pure ---------------------------------------------------------------------------------------
 */

static void put(struct json_object *o, const char *key, const char *value)
{
	(void)json_object_object_add(o, key, json_object_new_string(value));
}

/* What is said of a subnet: itself, the engine's part of it, and its gateway. */
enum { SUBNET, RANGE, GATEWAY, SUBNET_KEYS };

static const char *const subnet_keys[SUBNET_KEYS] = { "Subnet", "IPRange", "Gateway" };

static void clear_texts(char *(*texts)[SUBNET_KEYS])
{
	for (size_t i = 0; i < SUBNET_KEYS; i++)
		free((*texts)[i]);
}

static char *address_text(const struct network *n)
{
	char text[INET6_ADDRSTRLEN];

	return xstrdup(inet_ntop(n->family, n->address, text, sizeof(text)));
}

/* Owned by the caller. The configuration has checked the subnet. */
static void subnet_texts(const char *subnet, char *ret[SUBNET_KEYS])
{
	struct network whole, range, gateway;

	if (network_parse(subnet, &whole) < 0)
		abort();
	range = network_first(&whole,
			      (whole.family == AF_INET ? 32 : 128) - DOCKER_NETWORK_ENGINE_BITS);
	gateway = network_host(&whole, DOCKER_NETWORK_GATEWAY);
	ret[SUBNET] = xstrdup(subnet);
	ret[RANGE] = network_format(&range);
	ret[GATEWAY] = address_text(&gateway);
}

static void add_subnet(struct json_object *array, const char *subnet)
{
	_cleanup_(clear_texts) char *texts[SUBNET_KEYS] = { NULL };
	struct json_object *o = json_object_new_object();

	subnet_texts(subnet, texts);
	for (size_t i = 0; i < SUBNET_KEYS; i++)
		put(o, subnet_keys[i], texts[i]);
	(void)json_object_array_add(array, o);
}

struct json_object *docker_network_body(const struct docker_network_spec *spec)
{
	struct json_object *body = json_object_new_object();
	struct json_object *bridge = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	struct json_object *ipam = json_object_new_object();
	struct json_object *subnets = json_object_new_array();

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		put(bridge, options[i].key, options[i].value);
	put(labels, LABEL, LABEL_VALUE);
	add_subnet(subnets, spec->subnet);
	if (spec->subnet6)
		add_subnet(subnets, spec->subnet6);
	(void)json_object_object_add(ipam, "Config", subnets);
	put(body, "Name", DOCKER_NETWORK);
	(void)json_object_object_add(body, "CheckDuplicate", json_object_new_boolean(true));
	put(body, "Driver", "bridge");
	(void)json_object_object_add(body, "EnableIPv6",
				     json_object_new_boolean(spec->subnet6 != NULL));
	(void)json_object_object_add(body, "IPAM", ipam);
	(void)json_object_object_add(body, "Options", bridge);
	(void)json_object_object_add(body, "Labels", labels);
	return body;
}

/* The string at a path of member names, ended by NULL; NULL when there is none. Borrowed. */
static const char *text_at(struct json_object *o, const char *const *path)
{
	for (; *path; path++)
		if (!json_object_is_type(o, json_type_object) ||
		    !json_object_object_get_ex(o, *path, &o))
			return NULL;
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

static bool is_subnet(struct json_object *item, char *const texts[SUBNET_KEYS])
{
	for (size_t i = 0; i < SUBNET_KEYS; i++) {
		const char *text = text_at(item, (const char *const[]){ subnet_keys[i], NULL });

		if (!text || strcmp(text, texts[i]) != 0)
			return false;
	}
	return true;
}

static bool has_subnet(struct json_object *answer, const char *subnet)
{
	_cleanup_(clear_texts) char *texts[SUBNET_KEYS] = { NULL };
	struct json_object *ipam = NULL, *list = NULL;

	if (!json_object_object_get_ex(answer, "IPAM", &ipam) ||
	    !json_object_object_get_ex(ipam, "Config", &list) ||
	    !json_object_is_type(list, json_type_array))
		return false;
	subnet_texts(subnet, texts);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (is_subnet(json_object_array_get_idx(list, i), texts))
			return true;
	return false;
}

/* Made by awfd, and no container is on it. */
static bool is_free(struct json_object *answer)
{
	const char *label = text_at(answer, (const char *const[]){ "Labels", LABEL, NULL });
	struct json_object *containers = NULL;

	return label && strcmp(label, LABEL_VALUE) == 0 &&
	       json_object_object_get_ex(answer, "Containers", &containers) &&
	       json_object_is_type(containers, json_type_object) &&
	       json_object_object_length(containers) == 0;
}

/* For people. Borrowed. */
static const char *subnets_text(struct json_object *answer)
{
	struct json_object *ipam = NULL, *list = NULL;

	if (!json_object_object_get_ex(answer, "IPAM", &ipam) ||
	    !json_object_object_get_ex(ipam, "Config", &list))
		return NULL;
	return json_object_to_json_string_ext(list, JSON_C_TO_STRING_NOSLASHESCAPE);
}

static int is_another(struct err *e, const char *key, const char *expected, const char *found)
{
	return err_set(
		e, -EEXIST, ERR_SYSTEM,
		"the engine's network " DOCKER_NETWORK " has %s %s, not %s: set [Egress] in "
		"awfd.conf to what it has, or remove it when no sandbox runs (docker network rm " DOCKER_NETWORK
		") and awfd makes it anew",
		key, found ? found : "(none)", expected);
}

static int lacks_subnet(struct err *e, const char *subnet, struct json_object *answer)
{
	_cleanup_(clear_texts) char *texts[SUBNET_KEYS] = { NULL };
	_cleanup_free_ char *expected = NULL;

	subnet_texts(subnet, texts);
	expected = xasprintf("%s with IPRange %s and Gateway %s", texts[SUBNET], texts[RANGE],
			     texts[GATEWAY]);
	return is_another(e, "subnets", expected, subnets_text(answer));
}

int docker_network_check(struct json_object *answer, const struct docker_network_spec *spec,
			 struct err *e)
{
	const char *driver = text_at(answer, (const char *const[]){ "Driver", NULL });

	if (!driver)
		return err_engine(e, -EBADMSG, "inspect " OPERATION, 200,
				  "the answer lacks Driver");
	if (strcmp(driver, "bridge") != 0)
		return is_another(e, "driver", "bridge", driver);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *found =
			text_at(answer, (const char *const[]){ "Options", options[i].key, NULL });

		if (!found || strcmp(found, options[i].value) != 0)
			return is_another(e, options[i].key, options[i].value, found);
	}
	if (!has_subnet(answer, spec->subnet))
		return lacks_subnet(e, spec->subnet, answer);
	if (spec->subnet6 && spec->require6 && !has_subnet(answer, spec->subnet6))
		return lacks_subnet(e, spec->subnet6, answer);
	return 0;
}

/* --- With the engine ----------------------------------------------------------------------------
 */

void docker_network_cancel(struct docker_network_ensure *n)
{
	if (!n)
		return;
	docker_call_cancel(n->call);
	free(n->subnet);
	free(n->subnet6);
	free(n);
}

static void finish(struct docker_network_ensure *n, bool has_ipv6, const struct err *e)
{
	docker_network_fn fn = n->fn;
	void *userdata = n->userdata;

	docker_network_cancel(n);
	fn(has_ipv6, e, userdata);
}

static struct docker_network_spec spec_of(const struct docker_network_ensure *n)
{
	return (struct docker_network_spec){ .subnet = n->subnet,
					     .subnet6 = n->subnet6,
					     .require6 = n->require6 };
}

static void look(struct docker_network_ensure *n);

static void on_made(int status _unused_, struct json_object *body _unused_, const struct err *e,
		    void *userdata)
{
	struct docker_network_ensure *n = userdata;

	n->call = NULL;
	if (e) {
		finish(n, false, e);
		return;
	}
	n->made = true;
	look(n);
}

/* 409: somebody else was faster, and the next look tells what it is. */
static void make(struct docker_network_ensure *n)
{
	struct docker_network_spec spec = spec_of(n);
	struct json_object *body = docker_network_body(&spec);

	n->call = docker_call_start(n->docker,
				    &(struct docker_request){
					    .operation = "create " OPERATION,
					    .method = "POST",
					    .path = "/networks/create",
					    .body = body,
					    .timeout_ms = TIMEOUT_MS,
					    .accept = (const int[]){ 409, 0 },
				    },
				    on_made, n);
	json_object_put(body);
}

/* 404: somebody else was faster. */
static void on_removed(int status _unused_, struct json_object *body _unused_, const struct err *e,
		       void *userdata)
{
	struct docker_network_ensure *n = userdata;

	n->call = NULL;
	if (e)
		finish(n, false, e);
	else
		make(n);
}

static void remove_it(struct docker_network_ensure *n)
{
	log_info("the engine's network " DOCKER_NETWORK
		 " is of another version or configuration, and free: it is made anew");
	n->call = docker_call_start(n->docker,
				    &(struct docker_request){
					    .operation = "remove " OPERATION,
					    .method = "DELETE",
					    .path = PATH,
					    .timeout_ms = TIMEOUT_MS,
					    .accept = (const int[]){ 404, 0 },
				    },
				    on_removed, n);
}

static void judge(struct docker_network_ensure *n, struct json_object *body)
{
	struct docker_network_spec spec = spec_of(n);
	_cleanup_err_ struct err e = { 0 };

	if (docker_network_check(body, &spec, &e) == 0)
		finish(n, spec.subnet6 && has_subnet(body, spec.subnet6), NULL);
	else if (e.error == -EEXIST && !n->in_use && !n->made && is_free(body))
		remove_it(n);
	else
		finish(n, false, &e);
}

static void on_seen(int status, struct json_object *body, const struct err *e, void *userdata)
{
	struct docker_network_ensure *n = userdata;
	_cleanup_err_ struct err local = { 0 };

	n->call = NULL;
	if (e) {
		finish(n, false, e);
	} else if (status != 404) {
		judge(n, body);
	} else if (!n->made) {
		make(n);
	} else {
		(void)err_engine(&local, -ENOENT, "create " OPERATION, 404, "it is not there");
		finish(n, false, &local);
	}
}

static void look(struct docker_network_ensure *n)
{
	n->call = docker_call_start(n->docker,
				    &(struct docker_request){
					    .operation = "inspect " OPERATION,
					    .method = "GET",
					    .path = PATH,
					    .timeout_ms = TIMEOUT_MS,
					    .accept = (const int[]){ 404, 0 },
				    },
				    on_seen, n);
}

struct docker_network_ensure *docker_network_ensure(struct docker *d,
						    const struct docker_network_spec *spec,
						    docker_network_fn fn, void *userdata)
{
	struct docker_network_ensure *n = xnew(struct docker_network_ensure);

	*n = (struct docker_network_ensure){
		.docker = d,
		.subnet = xstrdup(spec->subnet),
		.subnet6 = xstrdup(spec->subnet6),
		.require6 = spec->require6,
		.in_use = spec->in_use,
		.fn = fn,
		.userdata = userdata,
	};
	look(n);
	return n;
}
