/* What the stand-in's GraphQL endpoint answers: by the name of the query that gh sends. */
#include "tests/bed/stand-in.h"

#include <string.h>

#define LABELS                                                                                     \
	"\"labels\":{\"nodes\":[{\"id\":\"L1\",\"name\":\"bug\",\"color\":\"d73a4a\"}],\"totalCount\":1}"
#define PAGE   "\"pageInfo\":{\"hasNextPage\":false,\"endCursor\":\"\"}"
#define TIMES  "\"createdAt\":\"2024-01-01T00:00:00Z\",\"updatedAt\":\"2024-01-02T00:00:00Z\""
#define AUTHOR "\"author\":{\"id\":\"U1\",\"login\":\"alice\"}"

#define ISSUE(n, title)                                                                            \
	"{\"id\":\"I" #n "\",\"number\":" #n ",\"title\":\"" title "\",\"state\":\"OPEN\","        \
	"\"url\":\"https://localhost/o/r/issues/" #n "\",\"body\":\"From the stand-in.\","         \
	"\"comments\":{\"nodes\":[],\"totalCount\":0}," AUTHOR "," TIMES "," LABELS "}"

#define PULL(n, title)                                                                                         \
	"{\"id\":\"P" #n "\",\"number\":" #n ",\"title\":\"" title "\",\"state\":\"OPEN\","                    \
	"\"url\":\"https://localhost/o/r/pull/" #n "\",\"body\":\"From the stand-in.\","                       \
	"\"headRefName\":\"fix\",\"baseRefName\":\"main\",\"isDraft\":false,"                                  \
	"\"headRepositoryOwner\":{\"id\":\"U2\",\"login\":\"o\"},\"isCrossRepository\":false,"                 \
	"\"commits\":{\"totalCount\":1},\"additions\":1,\"deletions\":1,\"maintainerCanModify\":false," AUTHOR \
	"," TIMES "," LABELS "}"

static const struct {
	const char *query; /* found anywhere in what was sent */
	const char *answer;
} answers[] = {
	{ "query IssueList(",
	  "{\"data\":{\"repository\":{\"hasIssuesEnabled\":true,\"issues\":{\"totalCount\":2,\"nodes\":[" ISSUE(
		  1, "The first issue") "," ISSUE(2, "The second issue") "]," PAGE "}}}}" },
	{ "query PullRequestList(",
	  "{\"data\":{\"repository\":{\"pullRequests\":{\"totalCount\":1,\"nodes\":[" PULL(
		  3, "The first pull request") "]," PAGE "}}}}" },
	{ "query IssueByNumber(",
	  "{\"data\":{\"repository\":{\"hasIssuesEnabled\":true,\"issue\":" ISSUE(
		  1, "The first issue") "}}}" },
	{ "query PullRequestByNumber(",
	  "{\"data\":{\"repository\":{\"pullRequest\":" PULL(3, "The first pull request") "}}}" },
	{ "viewer", "{\"data\":{\"viewer\":{\"id\":\"U1\",\"login\":\"stand-in\"}}}" },
};

const char *stand_in_graphql(const char *query)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (strstr(query, answers[i].query))
			return answers[i].answer;
	return "{\"data\":{}}";
}
