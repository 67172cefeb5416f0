/* What the stand-in answers of releases: what they are, their assets' bytes, and uploads, whose
 * bytes are in the record by their digest. */
#include "tests/bed/stand-in.h"

#include <string.h>

#include <event2/buffer.h>

#define BASE "https://$host/api/v3/repos/o/r/releases"

#define ASSET(n, name)                                                                             \
	"{'id':" #n ",'name':'" name "','size':4096,'state':'uploaded',"                           \
	"'url':'" BASE "/assets/" #n "','content_type':'application/octet-stream',"                \
	"'browser_download_url':'https://$host/o/r/releases/download/" name "'}"

#define RELEASE(n, tag, draft, assets)                                                             \
	"{'id':" #n ",'tag_name':'" tag "','name':'The first release','draft':" draft              \
	",'prerelease':false,'target_commitish':'main','body':'Notes from the stand-in.',"         \
	"'author':{'login':'alice'},'created_at':'2024-01-01T00:00:00Z',"                          \
	"'published_at':'2024-01-01T00:00:00Z','url':'" BASE "/" #n "',"                           \
	"'html_url':'https://$host/o/r/releases/tag/" tag "','assets':[" assets "],"               \
	"'upload_url':'https://$host/api/uploads/repos/o/r/releases/" #n "/assets{?name,label}'}"

#define FIRST RELEASE(31, "v1", "false", ASSET(41, "first.bin") "," ASSET(42, "second.bin"))

/* The asset itself to who asks for bytes: as many as its id has thousands. */
static void answer_asset(struct stand_in *s _unused_, const struct request *q, const char *path,
			 struct reply *r)
{
	const char *accept = http_head_get(&q->head, "Accept");

	if (!accept || strcmp(accept, "application/octet-stream") != 0) {
		stand_in_json(r, q, ASSET(41, "first.bin"));
		return;
	}
	r->type = "application/octet-stream";
	stand_in_fill(r->body, 1000 * strtoul(strrchr(path, '/') + 1, NULL, 10));
}

static void answer_uploaded(struct stand_in *s _unused_, const struct request *q,
			    const char *path _unused_, struct reply *r)
{
	r->status = 201;
	stand_in_json(r, q, ASSET(43, "uploaded"));
}

static void answer_created(struct stand_in *s _unused_, const struct request *q,
			   const char *path _unused_, struct reply *r)
{
	r->status = 201;
	stand_in_json(r, q, RELEASE(32, "v2", "true", ""));
}

#define RELEASES "/repos/*/*/releases"

const struct route stand_in_releases[] = {
	{ "GET", RELEASES, false, NULL, "[" FIRST "]", NULL },
	{ "POST", RELEASES, false, NULL, NULL, answer_created },
	{ "GET", RELEASES "/latest", false, NULL, FIRST, NULL },
	{ "GET", RELEASES "/tags/v1", false, NULL, FIRST, NULL },
	{ "GET", RELEASES "/tags/evil", false, NULL,
	  RELEASE(33, "evil", "false", ASSET(44, "../escaped.bin")), NULL },
	{ "PATCH", RELEASES "/*", false, NULL, RELEASE(32, "v2", "false", ""), NULL },
	{ "GET", RELEASES "/assets/*", false, NULL, NULL, answer_asset },
	{ "POST", "/api/uploads/repos/*/*/releases/*/assets", false, NULL, NULL, answer_uploaded },
	{ 0 },
};
