/* What the stand-in answers of GitHub's Actions: workflows, runs with their jobs and logs, and
 * artifacts, which are in storage somewhere else. */
#include "tests/bed/stand-in.h"

#include <string.h>

#include "common/strv.h"

#define BASE "https://$host/api/v3/repos/o/r/actions"

#define WORKFLOW                                                                                   \
	"{'id':100,'name':'ci','path':'.github/workflows/ci.yml','state':'active',"                \
	"'url':'" BASE "/workflows/100','html_url':'https://$host/o/r/actions/workflows/ci.yml'}"

#define RUN(n, status, conclusion)                                                                 \
	"{'id':" #n ",'name':'ci','display_title':'The first run','workflow_id':100,"              \
	"'run_number':1,'run_attempt':1,'event':'push','head_branch':'main','head_sha':'c0ffee',"  \
	"'status':'" status "','conclusion':" conclusion ",'pull_requests':[],"                    \
	"'head_commit':{'id':'c0ffee','message':'The commit'},"                                    \
	"'head_repository':{'id':1,'name':'r','owner':{'login':'o'}},"                             \
	"'created_at':'2024-01-01T00:00:00Z','updated_at':'2024-01-01T00:01:00Z',"                 \
	"'run_started_at':'2024-01-01T00:00:00Z','html_url':'https://$host/o/r/actions/runs/" #n   \
	"','url':'" BASE "/runs/" #n "','jobs_url':'" BASE "/runs/" #n "/jobs',"                   \
	"'logs_url':'" BASE "/runs/" #n "/logs','workflow_url':'" BASE "/workflows/100',"          \
	"'artifacts_url':'" BASE "/runs/" #n "/artifacts'}"

#define STEP(n, name, status, conclusion)                                                          \
	"{'number':" #n ",'name':'" name "','status':'" status "','conclusion':" conclusion "}"

#define JOB(status, conclusion, second)                                                            \
	"{'id':20,'run_id':1,'name':'build','status':'" status "','conclusion':" conclusion        \
	",'started_at':'2024-01-01T00:00:00Z','completed_at':'2024-01-01T00:01:00Z',"              \
	"'html_url':'https://$host/o/r/actions/runs/1/job/20','url':'" BASE "/jobs/20',"           \
	"'steps':[" STEP(1, "Set up", "completed", "'success'") "," second "]}"

#define JOBS(job) "{'total_count':1,'jobs':[" job "]}"

#define JOB_DONE    JOB("completed", "'success'", STEP(2, "Test", "completed", "'success'"))
#define JOB_RUNNING JOB("in_progress", "null", STEP(2, "Test", "in_progress", "null"))

#define ARTIFACT(n, name)                                                                          \
	"{'id':" #n ",'name':'" name "','size_in_bytes':100,'expired':false,"                      \
	"'archive_download_url':'" BASE "/artifacts/" #n "/zip'}"

/* Where an artifact or a log is, as GitHub's redirect tells it. */
static const struct {
	const char *path;
	const char *location;
} stored[] = {
	{ "/artifacts/1/", "blob.example/artifact.txt" },
	{ "/artifacts/11/", "blob.example/good.zip" },
	{ "/artifacts/12/", "blob.example/good.zip" },
	{ "/artifacts/13/", "blob.example/evil.zip" },
	{ "/runs/1/logs", "blob.example/logs.zip" },
};

/* What is not stored is where nobody should be led. */
static void answer_stored(struct stand_in *s _unused_, const struct request *q _unused_,
			  const char *path, struct reply *r)
{
	const char *location = "granted.example/";

	for (size_t i = 0; i < ARRAY_SIZE(stored); i++)
		if (strstr(path, stored[i].path))
			location = stored[i].location;
	r->status = 302;
	strv_appendf(&r->headers, "Location: https://%s", location);
}

/* The run that goes on for as many questions as the fault "running" says. */
static void answer_watched(struct stand_in *s, const struct request *q, const char *path _unused_,
			   struct reply *r)
{
	if (s->faults.running > 0) {
		s->faults.running--;
		stand_in_json(r, q, RUN(7, "in_progress", "null"));
	} else {
		stand_in_json(r, q, RUN(7, "completed", "'success'"));
	}
}

static void answer_watched_jobs(struct stand_in *s, const struct request *q,
				const char *path _unused_, struct reply *r)
{
	stand_in_json(r, q, s->faults.running > 0 ? JOBS(JOB_RUNNING) : JOBS(JOB_DONE));
}

static void answer_dispatched(struct stand_in *s _unused_, const struct request *q _unused_,
			      const char *path _unused_, struct reply *r)
{
	r->status = 204;
}

#define ACTIONS "/repos/*/*/actions"

const struct route stand_in_actions[] = {
	{ "GET", ACTIONS "/workflows", false, NULL, "{'total_count':1,'workflows':[" WORKFLOW "]}",
	  NULL },
	{ "GET", ACTIONS "/workflows/*", false, NULL, WORKFLOW, NULL },
	{ "POST", ACTIONS "/workflows/*/dispatches", false, NULL, NULL, answer_dispatched },
	{ "GET", ACTIONS "/workflows/*/runs", false, NULL,
	  "{'total_count':1,'workflow_runs':[" RUN(1, "completed", "'success'") "]}", NULL },
	{ "GET", ACTIONS "/runs", false, NULL,
	  "{'total_count':1,'workflow_runs':[" RUN(1, "completed", "'success'") "]}", NULL },
	{ "GET", ACTIONS "/runs/7", false, NULL, NULL, answer_watched },
	{ "GET", ACTIONS "/runs/7/jobs", false, NULL, NULL, answer_watched_jobs },
	{ "GET", ACTIONS "/runs/*", false, NULL, RUN(1, "completed", "'success'"), NULL },
	{ "GET", ACTIONS "/runs/*/jobs", false, NULL, JOBS(JOB_DONE), NULL },
	{ "GET", ACTIONS "/jobs/*", false, NULL, JOB_DONE, NULL },
	{ "GET", ACTIONS "/runs/*/logs", false, NULL, NULL, answer_stored },
	{ "GET", ACTIONS "/runs/1/artifacts", false, NULL,
	  "{'total_count':1,'artifacts':[" ARTIFACT(11, "art") "]}", NULL },
	{ "GET", ACTIONS "/runs/2/artifacts", false, NULL,
	  "{'total_count':1,'artifacts':[" ARTIFACT(12, "..") "]}", NULL },
	{ "GET", ACTIONS "/runs/3/artifacts", false, NULL,
	  "{'total_count':1,'artifacts':[" ARTIFACT(13, "evil") "]}", NULL },
	{ "GET", ACTIONS "/artifacts/*/zip", false, NULL, NULL, answer_stored },
	{ "GET", "/repos/*/*/contents/.github/workflows/ci.yml", false, NULL,
	  "{'encoding':'base64','content':'bmFtZTogY2kKb246IHB1c2gK'}", NULL }, /* name: ci */
	{ "GET", "/repos/*/*/check-runs/*/annotations", false, NULL, "[]", NULL },
	{ 0 },
};
