/* What the stand-in answers: tables of routes, matched without a query and with or without the
 * /api/v3 of a GitHub Enterprise host in front. */
#include "tests/bed/stand-in.h"

#include <fnmatch.h>
#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#include "common/alloc.h"

static const char type_json[] = "application/json; charset=utf-8";

static const struct route *const tables[] = {
	stand_in_plain,
	stand_in_github,
	stand_in_actions,
	stand_in_releases,
};

void stand_in_json(struct reply *r, const struct request *q, const char *text)
{
	static const char name[] = "$host";
	const char *host = http_head_get(&q->head, "Host");

	while (*text) {
		size_t n = strcspn(text, "'$");

		evbuffer_add(r->body, text, n);
		text += n;
		if (strncmp(text, name, sizeof(name) - 1) == 0) {
			evbuffer_add_printf(r->body, "%s", host ? host : "localhost");
			text += sizeof(name) - 1;
		} else if (*text) {
			evbuffer_add(r->body, *text == '\'' ? "\"" : text, 1);
			text++;
		}
	}
}

void stand_in_fail(struct reply *r, unsigned status, const char *error, const char *message)
{
	struct json_object *o = json_object_new_object();
	const char *text;

	r->status = status;
	json_object_object_add(o, "error", json_object_new_string(error));
	json_object_object_add(o, "message", json_object_new_string(message));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	evbuffer_add(r->body, text, strlen(text));
	json_object_put(o);
}

/* The messages that the real one has for its own failures. */
static const struct {
	unsigned status;
	const char *error;
	const char *message;
} failures[] = {
	{ 403, "difc_forbidden", "blocked by DIFC policy" },
	{ 502, "bad_gateway", "upstream request failed" },
	{ 503, "service_unavailable", "proxy enforcement not configured" },
};

static void answer_failure(struct reply *r, unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].status == status) {
			stand_in_fail(r, status, failures[i].error, failures[i].message);
			return;
		}
	}
	stand_in_fail(r, status, "stand_in", "as told");
}

/* What the real one passes on as it is, and so answers without a policy, too. */
static bool is_unfiltered(const char *path)
{
	static const char *const paths[] = { "/meta", "/rate_limit", "/octocat", "/zen",
					     "/versions" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

static bool method_is_in(const char *method, const char *methods)
{
	size_t n = strlen(method);
	const char *at = strstr(methods, method);

	return at && (at == methods || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
}

static void answer_route(struct stand_in *s, const struct request *q, const char *path,
			 const struct route *route, struct reply *r)
{
	if (s->faults.status && !route->healthy) {
		answer_failure(r, s->faults.status);
	} else if (s->faults.no_policy && !route->healthy && !is_unfiltered(path)) {
		answer_failure(r, 503);
	} else if (!method_is_in(q->head.method, route->methods)) {
		stand_in_fail(r, 405, "method_not_allowed", q->head.method);
	} else if (route->body && route->type) {
		r->type = route->type;
		evbuffer_add(r->body, route->body, strlen(route->body));
	} else if (route->body) {
		stand_in_json(r, q, route->body);
	} else {
		route->answer(s, q, path, r);
	}
}

static const char *without_prefix(const char *path)
{
	static const char prefix[] = "/api/v3";
	size_t n = sizeof(prefix) - 1;

	return strncmp(path, prefix, n) == 0 && path[n] == '/' ? path + n : path;
}

/* Of those that fit the path the one that knows the method, if there is one. */
static const struct route *find_route(const char *path, const char *method)
{
	const struct route *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct route *row = tables[i]; row->path; row++) {
			if (fnmatch(row->path, path, FNM_PATHNAME) != 0)
				continue;
			if (method_is_in(method, row->methods))
				return row;
			found = found ? found : row;
		}
	}
	return found;
}

void stand_in_answer(struct stand_in *s, const struct request *q, struct reply *r)
{
	_cleanup_free_ char *whole = xstrndup(q->head.uri, strcspn(q->head.uri, "?"));
	const char *path = without_prefix(whole);
	const struct route *route = find_route(path, q->head.method);

	r->status = 200;
	r->type = type_json;
	if (route)
		answer_route(s, q, path, route, r);
	else if (s->faults.status)
		answer_failure(r, s->faults.status);
	else
		stand_in_fail(r, 404, "not_found", "Not Found");
}
