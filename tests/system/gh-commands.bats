#!/usr/bin/env bats
# What an agent does with gh, from its gh through cli-proxy, the real gh and the relay to the DIFC
# stand-in and back: what is said, what arrives, and that no byte of it changes.
# shellcheck disable=SC2016 # for the agent's shell

load bed
load attack
load internet
load gh

setup_file() {
	gh_sandbox_start
}

setup() {
	gh_sandbox_join
}

teardown() {
	gh_sandbox_leave
}

teardown_file() {
	gh_sandbox_end
}

# --- commands -------------------------------------------------------------------------------------

@test "gh api: fields, pages, filters and headers" {
	says 5000 'gh api rate_limit --jq .rate.limit'
	asked GET /api/v3/rate_limit
	says '{"a":"b","n":3}' 'gh api echo -f a=b -F n=3 --jq .body'
	asked POST /api/v3/echo '. == {a: "b", n: 3}'
	says '{"page":3,"item":1}' 'gh api --paginate pages'
	[ "$(gh_asked | grep -c /pages)" = 3 ]
	says 'X-Stand-In: difc' 'gh api --include zen'
	says '"method":"DELETE"' 'gh api -X DELETE echo'
	asked DELETE /api/v3/echo
	says '"X-Github-Api-Version":"2022-11-28"' 'gh api -H "X-GitHub-Api-Version: 2022-11-28" echo'
	says stand-in "gh api graphql -f query='{viewer{login}}' --jq .data.viewer.login"
}

@test "gh issue: list, view, create, comment, edit, close" {
	says 'The second issue' 'gh issue list -R o/r'
	says 'The second issue' 'GH_REPO=o/r gh issue list'
	says '"title":"The first issue"' 'gh issue list -R o/r --json number,title'
	says 'From the stand-in.' 'gh issue view 1 -R o/r'
	says 'A comment from the stand-in.' 'gh issue view 1 -R o/r --comments'
	says /o/r/issues/5 'gh issue create -R o/r --title "A title" --body "A body"'
	asked_graphql 'mutation IssueCreate(' '.input.title == "A title" and .input.body == "A body"'
	says '#issuecomment-9' 'gh issue comment 1 -R o/r --body "A comment"'
	asked_graphql 'mutation CommentCreate(' '.input.body == "A comment"'
	says /o/r/issues/1 'gh issue edit 1 -R o/r --title "Another title"'
	asked_graphql 'mutation IssueUpdate(' '.input.title == "Another title"'
	says 'Closed issue #1' 'gh issue close 1 -R o/r'
	asked_graphql 'mutation IssueClose('
}

@test "gh pr: list, view, diff, checks, create, comment, review, merge" {
	says 'The first pull request' 'gh pr list -R o/r'
	says 'From the stand-in.' 'gh pr view 3 -R o/r'
	says 'A comment from the stand-in.' 'gh pr view 3 -R o/r --comments'
	says $'-before\n+after' 'gh pr diff 3 -R o/r'
	says 'pass' 'gh pr checks 3 -R o/r'
	says /o/r/pull/6 'gh pr create -R o/r --head fix --title "A title" --body "A body"'
	asked_graphql 'mutation PullRequestCreate(' '.input.headRefName == "fix" and .input.body == "A body"'
	# Where gh would ask git for the repository, it is told.
	says /o/r/pull/6 'GH_REPO=o/r gh pr create --head fix --title "A title" --body "A body"'
	says 'Relevant pull requests in o/r' 'GH_REPO=o/r gh pr status'
	says '#issuecomment-9' 'gh pr comment 3 -R o/r --body "A comment"'
	run -0 in_agent 'gh pr review 3 -R o/r --approve'
	asked_graphql 'mutation PullRequestReviewAdd(' '.input.event == "APPROVE"'
	run -0 in_agent 'gh pr merge 3 -R o/r --merge'
	asked_graphql 'mutation PullRequestMerge(' '.input.mergeMethod == "MERGE"'
}

@test "colours and width are those of the agent's terminal" {
	agent_file /tmp/terminal.py <<-'END'
	import fcntl, os, pty, struct, sys, termios
	pid, fd = pty.fork()
	if pid == 0:
	    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
	    os.execvp(sys.argv[2], sys.argv[2:])
	try:
	    while True:
	        os.write(1, os.read(fd, 4096) or sys.exit(0))
	except OSError:
	    pass
	END
	run -0 in_agent 'gh issue list -R o/r'
	[[ $output != *$'\e['* ]]
	run -0 in_agent 'TERM=xterm-256color python3 /tmp/terminal.py 200 gh issue list -R o/r'
	[[ $output == *$'\e['* && $output == *'Showing 2 of 2 open issues'* && $output == *'The second issue'* ]]
	run -0 in_agent 'NO_COLOR=1 python3 /tmp/terminal.py 30 gh issue list -R o/r'
	[[ $output != *$'\e['* && $output != *'The second issue'* && $output == *'The '*...* ]]
}

@test "gh run: list, view, its log; gh workflow: list, view, run" {
	says 'The first run' 'gh run list -R o/r'
	says 'build in 1m0s' 'gh run view 1 -R o/r'
	says tested 'gh run view 1 -R o/r --log'
	says 'ci	active	100' 'gh workflow list -R o/r'
	says 'Total runs 1' 'gh workflow view ci.yml -R o/r'
	says 'on: push' 'gh workflow view ci.yml -R o/r --yaml'
	run -0 in_agent 'gh workflow run ci.yml -R o/r --ref main -f a=b'
	asked POST /api/v3/repos/o/r/actions/workflows/100/dispatches '. == {ref: "main", inputs: {a: "b"}}'
}

@test "gh release: list, view, create; gh repo view; gh search; gh label; gh status" {
	says 'The first release' 'gh release list -R o/r'
	says 'Notes from the stand-in.' 'gh release view v1 -R o/r'
	says /o/r/releases/tag/v2 'gh release create v2 -R o/r --title "A title" --notes "Some notes"'
	asked POST /api/v3/repos/o/r/releases '.tag_name == "v2" and .name == "A title" and .body == "Some notes"'
	says 'From the readme.' 'gh repo view o/r'
	says 'The first issue' 'gh search issues stand'
	says 'The first issue' 'gh search prs stand'
	says 'A repository of the stand-in.' 'gh search repos stand'
	says 'It does not work' 'gh label list -R o/r'
	run -0 in_agent 'gh label create new -R o/r --color ff0000 --description "A label"'
	asked POST /api/v3/repos/o/r/labels '. == {name: "new", color: "ff0000", description: "A label"}'
	says 'Assigned Issues' 'gh status'
}

@test "gh run watch: what happens is seen while it happens" {
	bed difc tell running 1000000
	in_agent 'gh run watch 7 -R o/r -i 1 >/tmp/watch 2>&1 & echo $! >/tmp/pid'
	wait_for in_agent 'grep -q "Test" /tmp/watch'
	in_agent '! grep -q "✓ main ci" /tmp/watch && kill -0 $(cat /tmp/pid)'
	# Each refresh comes by itself.
	local before
	before=$(in_agent 'wc -c </tmp/watch')
	wait_for in_agent "test \$(wc -c </tmp/watch) -gt $before"
	bed difc tell running off
	wait_for in_agent 'grep -q "✓ main ci" /tmp/watch'
	wait_for in_agent '! kill -0 $(cat /tmp/pid) 2>/dev/null'
}

# --- every byte -----------------------------------------------------------------------------------

@test "output: random bytes, no newline at the end, a hundred of them" {
	local digest
	digest=$(as alice curl -sS --cacert "$BED_DIFC_CA" https://localhost:18443/bytes/4096 | sha256sum)
	says "$digest" 'gh api bytes/4096 | sha256sum'
	digest=$(as alice curl -sS --cacert "$BED_DIFC_CA" https://localhost:18443/bytes/33554432 | sha256sum)
	says "$digest" 'gh api bytes/33554432 | sha256sum'
	says 'awesome.|' 'printf "%s|" "$(gh api zen)"; gh api zen | wc -c'
	[[ $output == *'|26' ]]
	says '104 100' 'gh api newlines >/tmp/n; echo $(wc -c </tmp/n) $(wc -l </tmp/n)'
}

@test "arguments: newlines, quotes, emoji, and 100 KiB" {
	local text=$'one\ntwo\n\n\'single\' "double" \\ $HOME `id` 😀 é\n\n' json
	json=$(printf %s "$text" | jq -Rs .)
	printf %s "$text" | agent_file /tmp/text
	agent_file /tmp/arguments <<-'END'
	IFS= read -r -d '' text </tmp/text
	gh issue comment 1 -R o/r --body "$text" || exit
	gh api echo -f "text=$text" -f "long=$(head -c 102400 /dev/zero | tr '\0' x)" --silent
	END
	run -0 in_agent 'bash /tmp/arguments'
	asked_graphql 'mutation CommentCreate(' ".input.body == $json"
	asked POST /api/v3/echo ".text == $json"
	asked POST /api/v3/echo '.long == "x" * 102400'
}

@test "stdin: idle, closed, empty, and 64 MiB of it" {
	in_agent 'mkfifo /tmp/idle; (exec 3<>/tmp/idle; timeout 60 gh api zen <&3)' | grep -q logically
	in_agent 'gh api zen <&-' | grep -q logically
	says '"body_length":0' 'gh api echo -X POST --input - </dev/null'
	says '"body_length":5' 'printf "a\n\n\nb" | gh api echo -X POST --input -'
	in_agent 'head -c 67108864 /dev/urandom >/tmp/big'
	local digest
	digest=$(in_agent 'sha256sum </tmp/big')
	says "$digest" 'gh api --method POST blob --input - </tmp/big | sha256sum'
	gh_requests | jq -se --arg digest "${digest%% *}" 'any(.[]; .body_sha256 == $digest)'
	# And not one more, which is said.
	run in_agent 'echo x >>/tmp/big; gh api --method POST blob --input - </tmp/big >/dev/null'
	[ "$status" = 1 ]
	[[ $output == *67108864* ]]
	in_agent 'rm -f /tmp/big /tmp/idle'
}

@test "exit codes and messages are gh's own" {
	run in_agent 'gh api no/such/thing >/tmp/out 2>/tmp/err; echo $?; cat /tmp/out; echo; cat /tmp/err'
	[ "${lines[0]}" = 1 ]
	[[ ${lines[1]} == *'"Not Found"'* ]]
	[[ $output == *'(HTTP 404)'* ]]
	run -1 in_agent 'gh issue view -R o/r'
	run -0 in_agent 'gh --version'
	[[ $output == 'gh version 2.'* ]]
}

# --- ends -----------------------------------------------------------------------------------------

# watch_in_background: a gh that runs until somebody ends it; /tmp/code is how it ended. A background
# process of a shell would ignore SIGINT.
watch_in_background() {
	bed difc tell running 1000000
	in_agent 'rm -f /tmp/code /tmp/pid /tmp/watch'
	in_agent '(sh -c "echo \$\$ >/tmp/pid; exec env --default-signal=INT gh run watch 7 -R o/r -i 1" >/tmp/watch 2>&1; echo $? >/tmp/code) &'
	wait_for in_agent 'grep -q Test /tmp/watch'
	some_gh_runs
}

@test "SIGINT to the agent's gh ends the one in cli-proxy" {
	watch_in_background
	in_agent 'kill -INT $(cat /tmp/pid)'
	wait_for in_agent 'test -s /tmp/code'
	says 130 'cat /tmp/code'
	wait_for no_gh_runs
}

@test "so does its death" {
	watch_in_background
	in_agent 'kill -KILL $(cat /tmp/pid)'
	wait_for no_gh_runs
}
