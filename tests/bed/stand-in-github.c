/* What the stand-in answers of GitHub: users, repositories, issues, pull requests, labels, search,
 * and the GraphQL endpoint. */
#include "tests/bed/stand-in.h"

#include <string.h>

#include <event2/buffer.h>
#include <json-c/json.h>

#include "common/alloc.h"

#define OWNER "{'login':'o','id':2,'type':'Organization'}"

#define REPOSITORY                                                                                 \
	"{'id':1,'name':'r','full_name':'o/r','private':false,'owner':" OWNER                      \
	",'default_branch':'main','description':'A repository of the stand-in.',"                  \
	"'html_url':'https://$host/o/r','visibility':'public','updated_at':'2024-01-02T00:00:00Z'}"

#define ISSUE(n, title)                                                                            \
	"{'number':" #n ",'title':'" title "','state':'open','user':{'login':'alice'},"            \
	"'labels':[{'name':'bug'}],'body':'From the stand-in.',"                                   \
	"'html_url':'https://$host/o/r/issues/" #n "','updated_at':'2024-01-02T00:00:00Z',"        \
	"'repository_url':'https://$host/api/v3/repos/o/r'}"

#define FOUND(item) "{'total_count':1,'incomplete_results':false,'items':[" item "]}"

#define LABEL "{'id':1,'name':'bug','color':'d73a4a','description':'It does not work'}"

/* "From the readme.\n" */
#define README                                                                                     \
	"{'name':'README.md','encoding':'base64','content':'RnJvbSB0aGUgcmVhZG1lLgo=',"            \
	"'html_url':'https://$host/o/r/blob/main/README.md'}"

static const char pull[] = ISSUE(3, "The first pull request");
static const char diff[] = "diff --git a/README b/README\n"
			   "--- a/README\n"
			   "+++ b/README\n"
			   "@@ -1 +1 @@\n"
			   "-before\n"
			   "+after\n";

/* As itself, or as its diff when that is asked for. */
static void answer_pull(struct stand_in *s _unused_, const struct request *q,
			const char *path _unused_, struct reply *r)
{
	const char *accept = http_head_get(&q->head, "Accept");

	if (!accept || !strstr(accept, "diff")) {
		stand_in_json(r, q, pull);
		return;
	}
	r->type = "application/vnd.github.v3.diff; charset=utf-8";
	evbuffer_add(r->body, diff, strlen(diff));
}

static void answer_graphql(struct stand_in *s _unused_, const struct request *q,
			   const char *path _unused_, struct reply *r)
{
	size_t n = evbuffer_get_length(q->body);
	_cleanup_free_ char *text = xcalloc(n + 1, 1);
	struct json_object *o, *query;

	evbuffer_copyout(q->body, text, n);
	o = json_tokener_parse(text);
	if (o && json_object_object_get_ex(o, "query", &query))
		stand_in_json(r, q, stand_in_graphql(json_object_get_string(query)));
	else
		stand_in_fail(r, 400, "bad_request", "no query");
	json_object_put(o);
}

static void answer_created(struct stand_in *s _unused_, const struct request *q,
			   const char *path _unused_, struct reply *r)
{
	r->status = 201;
	stand_in_json(r, q, LABEL);
}

const struct route stand_in_github[] = {
	{ "GET", "/user", false, NULL, "{'login':'stand-in','id':1}", NULL },
	{ "GET", "/repos/*/*", false, NULL, REPOSITORY, NULL },
	{ "GET", "/notifications", false, NULL, "[]", NULL },
	{ "GET", "/users/*/received_events", false, NULL, "[]", NULL },
	{ "GET", "/repos/*/*/readme", false, NULL, README, NULL },
	{ "GET", "/repos/*/*/issues", false, NULL,
	  "[" ISSUE(1, "The first issue") "," ISSUE(2, "The second issue") "]", NULL },
	{ "GET", "/repos/*/*/issues/*", false, NULL, ISSUE(1, "The first issue"), NULL },
	{ "GET", "/repos/*/*/pulls", false, NULL, "[" ISSUE(3, "The first pull request") "]",
	  NULL },
	{ "GET", "/repos/*/*/pulls/*", false, NULL, NULL, answer_pull },
	{ "POST", "/repos/*/*/labels", false, NULL, NULL, answer_created },
	{ "GET", "/search/issues", false, NULL, FOUND(ISSUE(1, "The first issue")), NULL },
	{ "GET", "/search/repositories", false, NULL, FOUND(REPOSITORY), NULL },
	{ "POST", "/graphql", false, NULL, NULL, answer_graphql },
	{ "POST", "/api/graphql", false, NULL, NULL, answer_graphql },
	{ 0 },
};
