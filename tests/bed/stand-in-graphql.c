/* What the stand-in's GraphQL endpoint answers: by the name of the query that gh sends. JSON with '
 * for ", as stand_in_json() takes it. */
#include "tests/bed/stand-in.h"

#include <string.h>

#define LABELS "'labels':{'nodes':[{'id':'L1','name':'bug','color':'d73a4a'}],'totalCount':1}"
#define PAGE   "'pageInfo':{'hasNextPage':false,'endCursor':''}"
#define TIMES  "'createdAt':'2024-01-01T00:00:00Z','updatedAt':'2024-01-02T00:00:00Z'"
#define AUTHOR "'author':{'id':'U1','login':'alice'}"
#define NONE   "{'nodes':[],'totalCount':0," PAGE "}"
#define COMMENT                                                                                         \
	"{'author':{'login':'bob'},'authorAssociation':'MEMBER','body':'A comment from the stand-in.'," \
	"'createdAt':'2024-01-03T00:00:00Z','includesCreatedEdit':false,'isMinimized':false,"           \
	"'reactionGroups':[]}"

#define ISSUE(n, title)                                                                            \
	"{'__typename':'Issue','id':'I" #n "','number':" #n ",'title':'" title "','state':'OPEN'," \
	"'url':'https://$host/o/r/issues/" #n "','body':'From the stand-in.','assignees':" NONE    \
	",'projectCards':" NONE ",'milestone':null,'reactionGroups':[],'stateReason':null,"        \
	"'comments':{'nodes':[" COMMENT "],'totalCount':1," PAGE "}," AUTHOR "," TIMES "," LABELS  \
	"}"

#define FOUND                                                                                      \
	"{'__typename':'Issue','updatedAt':'2024-01-02T00:00:00Z','title':'The first issue',"      \
	"'number':1,'repository':{'nameWithOwner':'o/r'}}"

#define CHECK                                                                                      \
	"{'__typename':'CheckRun','name':'build','status':'COMPLETED','conclusion':'SUCCESS',"     \
	"'checkSuite':{'workflowRun':{'event':'push','workflow':{'name':'ci'}}},"                  \
	"'startedAt':'2024-01-01T00:00:00Z','completedAt':'2024-01-01T00:01:00Z',"                 \
	"'detailsUrl':'https://$host/o/r/actions/runs/1'}"

#define ROLLUP                                                                                     \
	"{'nodes':[{'commit':{'statusCheckRollup':{'contexts':{'nodes':[" CHECK "]," PAGE "}}}}]}"

#define PULL(n, title)                                                                             \
	"{'__typename':'PullRequest','id':'P" #n "','number':" #n ",'title':'" title "',"          \
	"'state':'OPEN','url':'https://$host/o/r/pull/" #n "','body':'From the stand-in.',"        \
	"'headRefName':'fix','headRefOid':'c0ffee','baseRefName':'main','isDraft':false,"          \
	"'headRepositoryOwner':{'id':'U2','login':'o'},'headRepository':{'id':'R1','name':'r'},"   \
	"'isCrossRepository':false,'maintainerCanModify':false,'mergeable':'MERGEABLE',"           \
	"'mergeStateStatus':'CLEAN','autoMergeRequest':null,'additions':1,'deletions':1,"          \
	"'commits':{'totalCount':1,'nodes':[{'commit':{'oid':'c0ffee'}}]},"                        \
	"'statusCheckRollup':" ROLLUP ",'reviews':" NONE ",'latestReviews':" NONE                  \
	",'reviewRequests':" NONE ",'assignees':" NONE ",'projectCards':" NONE                     \
	",'milestone':null,'reactionGroups':[],'reviewDecision':'','comments':{'nodes':[" COMMENT  \
	"],'totalCount':1," PAGE "}," AUTHOR "," TIMES "," LABELS "}"

#define REPOSITORY                                                                                 \
	"{'id':'R1','name':'r','nameWithOwner':'o/r','owner':{'id':'U2','login':'o'},"             \
	"'description':'A repository of the stand-in.','url':'https://$host/o/r',"                 \
	"'hasIssuesEnabled':true,'hasWikiEnabled':false,'isPrivate':false,'parent':null,"          \
	"'viewerPermission':'WRITE','defaultBranchRef':{'name':'main'},'mergeCommitAllowed':true," \
	"'squashMergeAllowed':true,'rebaseMergeAllowed':true}"

static const struct {
	const char *query; /* found anywhere in what was sent */
	const char *answer;
} answers[] = {
	{ "query IssueList(",
	  "{'data':{'repository':{'hasIssuesEnabled':true,'issues':{'totalCount':2,'nodes':[" ISSUE(
		  1, "The first issue") "," ISSUE(2, "The second issue") "]," PAGE "}}}}" },
	{ "query IssueByNumber(", "{'data':{'repository':{'hasIssuesEnabled':true,'issue':" ISSUE(
					  1, "The first issue") "}}}" },
	{ "query IssueRepositoryInfo(", "{'data':{'repository':" REPOSITORY "}}" },
	{ "mutation IssueCreate(",
	  "{'data':{'createIssue':{'issue':{'id':'I5','url':'https://$host/o/r/issues/5'}}}}" },
	{ "mutation IssueClose(", "{'data':{'closeIssue':{'issue':{'id':'I1'}}}}" },
	{ "mutation IssueUpdate(", "{'data':{'updateIssue':{'__typename':'UpdateIssuePayload'}}}" },
	{ "query CommentsFor", "{'data':{'node':{'comments':{'nodes':[" COMMENT "]," PAGE "}}}}" },
	{ "mutation CommentCreate(",
	  "{'data':{'addComment':{'commentEdge':{'node':{'url':'https://$host/o/r/issues/1#issuecomment-9'}}}}}" },
	{ "query PullRequestList(",
	  "{'data':{'repository':{'pullRequests':{'totalCount':1,'nodes':[" PULL(
		  3, "The first pull request") "]," PAGE "}}}}" },
	{ "query PullRequestByNumber(",
	  "{'data':{'repository':{'pullRequest':" PULL(3, "The first pull request") "}}}" },
	{ "query PullRequestStatusChecks(",
	  "{'data':{'node':{'id':'P3','statusCheckRollup':" ROLLUP "}}}" },
	{ "query PullRequestForBranch(",
	  "{'data':{'repository':{'pullRequests':{'nodes':[]},'defaultBranchRef':{'name':'main'}}}}" },
	{ "mutation PullRequestCreate(",
	  "{'data':{'createPullRequest':{'pullRequest':{'id':'P6','url':'https://$host/o/r/pull/6'}}}}" },
	{ "mutation PullRequestMerge(", "{'data':{'mergePullRequest':{'clientMutationId':''}}}" },
	{ "mutation PullRequestReviewAdd(",
	  "{'data':{'addPullRequestReview':{'clientMutationId':''}}}" },
	{ "query RepositoryInfo(", "{'data':{'repository':" REPOSITORY "}}" },
	{ "query LabelList(",
	  "{'data':{'repository':{'labels':{'totalCount':1,'nodes':[{'color':'d73a4a','createdAt':"
	  "'2024-01-01T00:00:00Z','description':'It does not work','id':'L1','isDefault':true,"
	  "'name':'bug','url':'https://$host/o/r/labels/bug'}]," PAGE "}}}}" },
	{ "query RepositoryReleaseList(",
	  "{'data':{'repository':{'releases':{'nodes':[{'name':'The first release','tagName':'v1',"
	  "'isDraft':false,'isPrerelease':false,'isLatest':true,'createdAt':'2024-01-01T00:00:00Z',"
	  "'publishedAt':'2024-01-01T00:00:00Z'}]," PAGE "}}}}" },
	{ "AssignedSearch",
	  "{'data':{'assignments':{'nodes':[" FOUND "]},'reviewRequested':{'nodes':[]}}}" },
	{ "query UserCurrent{viewer{login}}", "{'data':{'viewer':{'login':'stand-in'}}}" },
	{ "viewer", "{'data':{'viewer':{'id':'U1','login':'stand-in'}}}" },
};

const char *stand_in_graphql(const char *query)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (strstr(query, answers[i].query))
			return answers[i].answer;
	return "{'data':{}}";
}
