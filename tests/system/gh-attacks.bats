#!/usr/bin/env bats
# Attacks 8 to 12 of an agent, through its gh and by plain POST to cli-proxy: what would run a program,
# touch a file of cli-proxy or leave the DIFC proxy is refused before gh starts. Each kind is first shown
# to work with the same gh outside.
# shellcheck disable=SC2016,SC2154 # for the agent's shell; run sets output

load bed
load attack
load internet
load gh
load gh-attack

setup_file() {
	gh_sandbox_start
	direct_gh_install
	install_attacks
}

setup() {
	gh_sandbox_join
	in_agent 'test -x /tmp/attack' || install_attacks
}

teardown() {
	[[ -z ${BED_SECOND_DIFC:-} ]] || bed_service kill "difc-$BED_SECOND_DIFC"
	bed_exec -- sh -c 'rm -rf direct canary canary.git clone program text'
	gh_sandbox_leave
}

teardown_file() {
	direct_gh_remove
	gh_sandbox_end
}

@test "the canary is where gh in cli-proxy could read it, and only there" {
	bed_exec -u root -- grep -q 'cli-proxy:x:' "$(proxy_root)/etc/passwd"
	run ! in_agent 'grep cli-proxy:x: /etc/passwd'
	# Both ways of asking work.
	attack <<<'["api", "zen"]'
	every '.code == 0 and .out == "Keep it logically awesome." and .status == "200"'
	[ "$(gh_asked)" = $'GET /api/v3/zen\nGET /api/v3/zen' ]
}

# --- 8: commands that change gh or run programs ---------------------------------------------------

@test "commands that change gh, run programs, or hand out what it has" {
	direct_gh -- alias set --shell planted 'touch canary'
	direct_gh -- planted
	bed_exec -- test -e canary
	bed_exec -- sh -c 'echo text >text'
	direct_gh -- gist create text || :
	asked POST /api/v3/gists '.files.text.content == "text\n"'
	run -0 direct_gh GH_HOST=github.com GH_TOKEN=canary -- auth token
	[ "$output" = canary ]
	run -0 direct_gh -- __complete ap
	[[ $output == *api* ]]
	bed difc tell forget
	all_refused <<-'END'
	["alias", "list"]
	["alias", "set", "x", "touch /tmp/canary", "--shell"]
	["auth", "status", "-t"]
	["auth", "token"]
	["browse"]
	["co", "1"]
	["codespace", "ssh", "-c", "n", "--", "id"]
	["completion", "-s", "bash"]
	["config", "get", "editor"]
	["config", "set", "pager", "touch /tmp/canary"]
	["cs", "ssh", "-c", "n", "--", "id"]
	["ext", "install", "o/r"]
	["extension", "exec", "x"]
	["extensions", "exec", "x"]
	["gist", "clone", "1", "/tmp/canary", "--", "-c", "protocol.ext.allow=always"]
	["gist", "create", "/proc/self/environ"]
	["gpg-key", "add", "/etc/passwd"]
	["help", "auth"]
	["org", "list"]
	["secret", "set", "X", "-f", "/etc/passwd"]
	["ssh-key", "add", "/etc/passwd"]
	["variable", "list"]
	["__complete", "api", ""]
	["__completeNoDesc", "api", ""]
	END
}

@test "nothing but the exact name of a command stands first" {
	run -0 direct_gh GH_HOST=github.com GH_TOKEN=canary -- --help=false auth token
	[ "$output" = canary ]
	all_refused <<-'END'
	["--", "auth", "token"]
	["--help", "auth", "token"]
	["--version", "auth", "token"]
	["--help=false", "auth", "token"]
	["-R", "o/r", "auth", "token"]
	["--repo=o/r", "alias", "list"]
	["--no-such-flag", "api", "zen"]
	["API", "zen"]
	["api ", "zen"]
	[" api", "zen"]
	["ap", "zen"]
	["apis", "zen"]
	["", "api", "zen"]
	["./api", "zen"]
	["api\n", "zen"]
	END
	# What no gh could be given: an argument with NUL.
	in_agent 'curl -s -o /tmp/body -w "%{http_code}" -d "{\"args\":[\"api\\u0000\",\"zen\"]}" http://172.30.0.50:11000/exec' | grep -Ex '40[03]'
	in_agent 'curl -s -o /tmp/body -w "%{http_code}" -d "{\"args\":[\"api\",\"zen\\u0000x\"]}" http://172.30.0.50:11000/exec' | grep -Ex '40[03]'
	nothing_arrived
}

# --- 9: arguments that run programs ---------------------------------------------------------------

# What git is told to do instead of reaching the DIFC proxy; it needs no shell, which cli-proxy doesn't have.
readonly INSTEAD='url.ext::git init %s.insteadOf=https://localhost:18443/o/r'

@test "arguments that make git run programs" {
	local instead
	# shellcheck disable=SC2059 # the format is ours
	printf -v instead "$INSTEAD" /home/alice/canary
	run direct_gh -- repo clone o/r clone -- -c protocol.ext.allow=always -c "$instead"
	bed_exec -- test -e /home/alice/canary.git
	bed difc tell forget
	# shellcheck disable=SC2059
	printf -v instead "$INSTEAD" /tmp/canary
	attack <<-END
	["repo", "clone", "o/r", "/tmp/x", "--", "-c", "protocol.ext.allow=always", "-c", "$instead"]
	["repo", "clone", "o/r", "/tmp/x", "--", "-c", "core.sshCommand=git init /tmp/canary"]
	["repo", "clone", "o/r", "/tmp/x", "--", "--upload-pack=git init /tmp/canary"]
	["repo", "clone", "o/r", "/tmp/canary"]
	["pr", "checkout", "3", "-R", "o/r"]
	["pr", "checkout", "3", "-R", "o/r", "--recurse-submodules"]
	END
	every "$REFUSED_RAW"
	# The agent's gh may run the agent's git; that nothing was granted which it could reach is said.
	every '.code != 0 and (.err | length) > 10'
	proxy_is_untouched
	all_refused <<-'END'
	["repo", "fork", "o/r", "--clone"]
	["repo", "fork", "o/r", "--remote"]
	["repo", "create", "canary", "--public", "--clone"]
	["repo", "create", "canary", "--source", "/tmp", "--push"]
	["repo", "sync"]
	["repo", "sync", "o/r"]
	["repo", "set-default", "o/r"]
	["repo", "deploy-key", "add", "/etc/passwd", "-R", "o/r"]
	["issue", "develop", "1", "-R", "o/r", "--checkout"]
	["pr", "create", "-R", "o/r", "--title", "T", "--body", "B"]
	END
}

@test "arguments that open a browser or an editor, keep something, or end the flags" {
	bed_exec -- sh -c 'printf "#!/bin/sh\ntouch canary\n" >program && chmod +x program'
	direct_gh BROWSER=/home/alice/program -- issue view 1 -R o/r --web
	bed_exec -- test -e canary
	bed_exec -- rm canary
	run direct_gh EDITOR=/home/alice/program -- issue comment 1 -R o/r --editor
	bed_exec -- test -e canary
	bed difc tell forget
	all_refused <<-'END'
	["issue", "view", "1", "-R", "o/r", "--web"]
	["issue", "view", "1", "-R", "o/r", "-w"]
	["issue", "view", "-wR", "o/r", "1"]
	["issue", "view", "-cw", "1", "-R", "o/r"]
	["issue", "list", "-R", "o/r", "--web=true"]
	["issue", "create", "-R", "o/r", "-t", "T", "-w"]
	["issue", "create", "-R", "o/r", "-t", "T", "--editor"]
	["issue", "create", "-R", "o/r", "--recover", "/etc/passwd"]
	["issue", "comment", "1", "-R", "o/r", "--editor"]
	["issue", "comment", "1", "-R", "o/r", "-e"]
	["issue", "comment", "1", "-R", "o/r", "-w"]
	["pr", "view", "3", "-R", "o/r", "-w"]
	["pr", "diff", "3", "-R", "o/r", "--web"]
	["pr", "checks", "3", "-R", "o/r", "--web"]
	["pr", "comment", "3", "-R", "o/r", "-e"]
	["pr", "create", "-R", "o/r", "--head", "x", "-w"]
	["pr", "create", "-R", "o/r", "--head", "x", "--recover", "/etc/passwd"]
	["repo", "view", "o/r", "--web"]
	["repo", "view", "-w", "o/r"]
	["run", "view", "1", "-R", "o/r", "--web"]
	["release", "view", "v1", "-R", "o/r", "-w"]
	["search", "issues", "stand", "--web"]
	["search", "repos", "-w", "stand"]
	["label", "list", "-R", "o/r", "-w"]
	["workflow", "view", "ci.yml", "-R", "o/r", "-w"]
	["api", "zen", "--cache", "1h"]
	["api", "--cache=1h", "zen"]
	["api", "--", "zen"]
	["issue", "view", "-R", "o/r", "--", "1"]
	END
}

@test "filters that print gh's environment" {
	run -0 direct_gh -- api rate_limit --jq env
	[[ $output == *SSL_CERT_FILE* ]]
	bed difc tell forget
	all_refused <<-'END'
	["api", "rate_limit", "--jq", "env"]
	["api", "rate_limit", "--jq=env | tojson"]
	["api", "rate_limit", "-q", "$ENV.GH_HOST"]
	["api", "rate_limit", "-qenv"]
	["api", "rate_limit", "-iqenv"]
	["api", "rate_limit", "--jq", "[env]"]
	["api", "rate_limit", "--jq", "$ENV | keys"]
	["issue", "list", "-R", "o/r", "--json", "number", "--jq", "env.PATH"]
	["issue", "list", "-R", "o/r", "--json", "number", "-q", "env.PATH"]
	END
	# A field of that name is none of it.
	attack <<<'["api", "rate_limit", "--jq", ".rate.limit"]'
	every '.code == 0 and .out == "5000\n"'
}

# --- 9: arguments that read and write files -------------------------------------------------------

@test "arguments that read files never read those of cli-proxy" {
	bed_exec -- sh -c 'echo "cli-proxy:x:" >text'
	direct_gh -- api echo --input text --silent
	asked POST /api/v3/echo '. == "cli-proxy:x:\n"'
	direct_gh -- api echo -F b=@text --silent
	asked POST /api/v3/echo '.b == "cli-proxy:x:\n"'
	direct_gh -- issue comment 1 -R o/r --body-file text
	asked_graphql 'mutation CommentCreate(' '.input.body == "cli-proxy:x:\n"'
	direct_gh -- release upload v1 text -R o/r
	asked POST /api/uploads/repos/o/r/releases/31/assets
	bed_exec -- rm text
	bed difc tell forget
	# What the agent's gh does with them is its own business: it reads the agent's files.
	attack <<-'END'
	["api", "echo", "--input", "/etc/passwd"]
	["api", "--input=/etc/passwd", "echo"]
	["api", "echo", "-F", "b=@/etc/passwd"]
	["api", "echo", "-Fb=@/etc/passwd"]
	["api", "echo", "-iFb=@/etc/passwd"]
	["api", "echo", "-F=b=@/etc/passwd"]
	["api", "echo", "--field", "b=@/etc/passwd"]
	["api", "echo", "--field=b=@/proc/self/environ"]
	["api", "graphql", "-F", "query=@/etc/passwd"]
	["issue", "create", "-R", "o/r", "-t", "T", "--body-file", "/etc/passwd"]
	["issue", "create", "-R", "o/r", "-t", "T", "--body-file=/etc/passwd"]
	["issue", "create", "-R", "o/r", "-t", "T", "-F", "/etc/passwd"]
	["issue", "create", "-R", "o/r", "-t", "T", "-F/etc/passwd"]
	["issue", "comment", "1", "-R", "o/r", "-F", "/etc/passwd"]
	["issue", "edit", "1", "-R", "o/r", "-F", "/etc/passwd"]
	["pr", "create", "-R", "o/r", "--head", "x", "-t", "T", "-F", "/etc/passwd"]
	["pr", "create", "-dF/etc/passwd", "-R", "o/r", "--head", "x", "-t", "T"]
	["pr", "comment", "3", "-R", "o/r", "-F", "/etc/passwd"]
	["pr", "edit", "3", "-R", "o/r", "-F", "/etc/passwd"]
	["pr", "merge", "3", "-R", "o/r", "-m", "-F", "/etc/passwd"]
	["pr", "review", "3", "-R", "o/r", "-c", "-F", "/etc/passwd"]
	["pr", "review", "3", "-R", "o/r", "-cF/etc/passwd"]
	["release", "create", "v2", "-R", "o/r", "-F", "/etc/passwd"]
	["release", "create", "v2", "-R", "o/r", "--notes-file=/etc/passwd"]
	["release", "create", "v2", "/etc/passwd", "-n", "N", "-R", "o/r"]
	["release", "edit", "v1", "-R", "o/r", "-F", "/etc/passwd"]
	["release", "upload", "v1", "/etc/passwd", "-R", "o/r"]
	["release", "upload", "v1", "/etc/passwd#label", "-R", "o/r"]
	["workflow", "run", "ci.yml", "-R", "o/r", "--ref", "main", "-F", "a=@/etc/passwd"]
	END
	every "$REFUSED_RAW"
	proxy_is_untouched
	[ "$(gh_requests | grep -c 'GH_CONFIG_DIR=')" = 0 ]
}

@test "arguments that write files never write in cli-proxy" {
	direct_gh -- release download v1 -R o/r -p first.bin -O canary
	bed_exec -- test -e canary
	bed_exec -- rm canary
	# An artifact named ".." is unpacked one up.
	direct_gh -- run download 2 -R o/r -D canary/deep
	bed_exec -- test -e canary/good.txt
	bed difc tell forget
	attack <<-'END'
	["release", "download", "v1", "-R", "o/r", "-O", "/tmp/canary"]
	["release", "download", "v1", "-R", "o/r", "-p", "first.bin", "--output=/tmp/canary"]
	["release", "download", "v1", "-R", "o/r", "-D", "/tmp/canary"]
	["release", "download", "v1", "-R", "o/r", "--dir", "/tmp/canary", "--clobber"]
	["run", "download", "1", "-R", "o/r", "-D", "/tmp/canary"]
	["run", "download", "2", "-R", "o/r", "--dir=/tmp/canary"]
	END
	every "$REFUSED_RAW"
	proxy_is_untouched
	in_agent 'rm -rf /tmp/canary'
	# Those without a place would write where gh runs.
	attack <<-'END'
	["run", "download", "2", "-R", "o/r"]
	["run", "download", "3", "-R", "o/r"]
	["release", "download", "evil", "-R", "o/r"]
	END
	proxy_is_untouched
}

# --- 10: arguments that leave the DIFC proxy ------------------------------------------------------

@test "arguments that leave the DIFC proxy for another host" {
	bed_second_difc 28443 second
	local record=$BED_DIR/difc-second.jsonl
	direct_gh_trust "$BED_SECOND_DIFC_CA"
	direct_gh -- api https://localhost:28443/absolute --silent || :
	grep -q /absolute "$record"
	direct_gh -- pr list -R localhost:28443/o/r
	grep -q /api/graphql "$record"
	direct_gh GH_REPO=localhost:28443/o/by-env -- run list || :
	grep -q /repos/o/by-env/ "$record"
	bed difc tell forget
	: >"$record"
	all_refused <<-'END'
	["api", "--hostname", "github.com", "user"]
	["api", "--hostname=github.com", "user"]
	["api", "user", "--hostname", "localhost"]
	["api", "graphql", "-f", "query={viewer{login}}", "--hostname", "github.com"]
	["api", "https://evil.example/x"]
	["api", "https://localhost:28443/x"]
	["api", "HTTPS://evil.example/x"]
	["api", "http://172.30.0.1:80/x"]
	["api", "http://localhost:18443/x"]
	["pr", "list", "-R", "github.com/o/r"]
	["pr", "list", "-Rgithub.com/o/r"]
	["pr", "list", "-R=github.com/o/r"]
	["pr", "list", "-dR", "github.com/o/r"]
	["pr", "list", "-dRgithub.com/o/r"]
	["pr", "list", "--repo", "github.com/o/r"]
	["pr", "list", "--repo=https://github.com/o/r"]
	["pr", "list", "-R", "o/r", "-R", "github.com/o/r"]
	["pr", "list", "-R"]
	["pr", "view", "https://localhost:28443/o/r/pull/3"]
	["pr", "view", "https://github.com/o/r/pull/3", "-R", "o/r"]
	["issue", "list", "-R", "localhost:28443/o/r"]
	["issue", "list", "-R", "localhost:18443/o/r"]
	["issue", "list", "-R", "git@github.com:o/r.git"]
	["issue", "list", "-R", "ssh://git@github.com/o/r"]
	["issue", "list", "-R", "o/r/x"]
	["issue", "list", "-R", "o"]
	["issue", "list", "-R", ""]
	["issue", "view", "https://localhost:28443/o/r/issues/1"]
	["issue", "transfer", "1", "github.com/o/r", "-R", "o/r"]
	["label", "clone", "github.com/o/r", "-R", "o/r"]
	["repo", "view", "https://github.com/o/r"]
	["repo", "view", "github.com/o/r"]
	["repo", "view", "git@github.com:o/r.git"]
	["release", "view", "v1", "-R", "github.com/o/r"]
	["run", "view", "1", "--repo", "github.com/o/r"]
	["workflow", "run", "ci.yml", "-R", "github.com/o/r"]
	{"args": ["pr", "list"], "env": {"GH_REPO": "github.com/o/r"}}
	{"args": ["pr", "list"], "env": {"GH_REPO": "localhost:28443/o/r"}}
	{"args": ["pr", "list"], "env": {"GH_REPO": "https://github.com/o/r"}}
	{"args": ["pr", "list"], "env": {"GH_REPO": "o/r\nGH_HOST=localhost:28443"}}
	END
	# What came before may have ended since.
	run ! grep -vE '"event": *"end"' "$record"
}

@test "paths and headers that mislead the DIFC proxy" {
	direct_gh -- api '/@evil.example/x' --silent || :
	direct_gh -- api 'x/../../../y' --silent || :
	direct_gh -- label delete '../../../../y' --yes -R o/r || :
	direct_gh -- api zen -H 'Authorization: token canary' --silent
	gh_asked | grep -q 'DELETE /api/v3/repos/o/r/labels/../../../../y'
	gh_asked | grep -q '/api/v3/@evil.example'
	gh_requests | jq -se 'any(.[]; .headers.Authorization == "token canary")'
	bed difc tell forget
	all_refused <<-'END'
	["api", "@evil.example/x"]
	["api", "/@evil.example/x"]
	["api", "x@evil.example"]
	["api", "//evil.example/x"]
	["api", "///evil.example/x"]
	["api", "repos//o/r"]
	["api", "/../x"]
	["api", "../x"]
	["api", "repos/o/r/../../../x"]
	["api", "repos/o/r/.."]
	["api", "repos/%2e%2e/x"]
	["api", "repos/o/r/..%2f..%2fx"]
	["api", "repos/o/r%3Fx"]
	["api", "repos/o/r%40evil.example"]
	["api", "repos\\..\\x"]
	["label", "delete", "../../../../y", "--yes", "-R", "o/r"]
	["label", "edit", "..#", "-d", "x", "-R", "o/r"]
	["release", "view", "../../../../../v3@evil.example", "-R", "o/r"]
	["release", "view", "v1", "-R", "o/.."]
	["run", "view", "../../../../user?", "-R", "o/r"]
	["run", "view", "%2e%2e/x", "-R", "o/r"]
	["run", "rerun", "--job", "../../../../user", "-R", "o/r"]
	{"args": ["api", "repos/{owner}/{repo}/x"], "env": {"GH_REPO": "o/.."}}
	["api", "zen\r\nHost: evil.example"]
	["api", "zen", "-H", "Authorization: token x"]
	["api", "zen", "-H", "authorization:token x"]
	["api", "zen", "-HAuthorization: token x"]
	["api", "zen", "--header=Host: evil.example"]
	["api", "zen", "-iH", "Host: evil.example"]
	["api", "zen", "-H", "X-A: b\r\nAuthorization: token x"]
	END
}

# --- 11: environment ------------------------------------------------------------------------------

# One row of attack for each variable of stdin, with what gh would do by it.
with_each() {
	jq -R --argjson args "$1" '{args: $args, env: {(split("=")[0]): .[(index("=") + 1):]}}'
}

@test "the agent's environment is not gh's" {
	direct_gh GH_PAGER='touch canary' GH_FORCE_TTY=80 -- issue list -R o/r
	bed_exec -- test -e canary
	run direct_gh GH_DEBUG=api -- api zen
	[[ $output == *'> Host: localhost:18443'* ]]
	run -0 direct_gh GH_ENTERPRISE_TOKEN=canary -- api zen
	gh_requests | jq -se 'any(.[]; .headers.Authorization == "token canary")'
	run ! direct_gh SSL_CERT_FILE=/nowhere SSL_CERT_DIR=/nowhere -- api zen
	run ! direct_gh GH_HOST=localhost:1 -- api zen
	bed difc tell forget
	attack < <(with_each '["api", "zen"]' <<-'END'
		LD_PRELOAD=/nowhere.so
		LD_AUDIT=/nowhere.so
		PATH=/nowhere
		HOME=/etc
		TMPDIR=/nowhere
		GH_CONFIG_DIR=/etc
		XDG_CONFIG_HOME=/etc
		XDG_DATA_HOME=/etc
		XDG_STATE_HOME=/etc
		XDG_CACHE_HOME=/etc
		GH_HOST=localhost:1
		GH_PAGER=git init /tmp/canary
		PAGER=git init /tmp/canary
		GH_FORCE_TTY=80
		GH_BROWSER=git init /tmp/canary
		BROWSER=git init /tmp/canary
		GH_EDITOR=git init /tmp/canary
		EDITOR=git init /tmp/canary
		VISUAL=git init /tmp/canary
		GIT_CONFIG_COUNT=1
		GIT_CONFIG_GLOBAL=/etc/passwd
		GIT_EXEC_PATH=/nowhere
		GIT_SSH_COMMAND=git init /tmp/canary
		HTTPS_PROXY=http://172.30.0.20:1
		https_proxy=http://172.30.0.20:1
		ALL_PROXY=http://172.30.0.20:1
		SSL_CERT_FILE=/nowhere
		SSL_CERT_DIR=/nowhere
		GH_TOKEN=canary
		GITHUB_TOKEN=canary
		GH_ENTERPRISE_TOKEN=canary
		GITHUB_ENTERPRISE_TOKEN=canary
		GH_DEBUG=api
		DEBUG=api
		GODEBUG=netdns=go+2,http2debug=2
	END
	)
	# By POST it may be refused instead. PATH is what finds the agent's own gh, too.
	every '.status == "403" or (.status == "200" and (.body | fromjson | . == {stdout: "Keep it logically awesome.", stderr: "", exitCode: 0}))'
	results=$(jq -c 'select((.env | has("PATH") or has("LD_PRELOAD") or has("LD_AUDIT")) | not)' <<<"$results")
	every '.code == 0 and .out == "Keep it logically awesome." and .err == ""'
	gh_requests | jq -se 'length >= 30 and all(.[]; .headers.Authorization == null and .uri == "/api/v3/zen")'
	proxy_is_untouched
	# A pager is for a terminal, whoever says that there is one.
	attack <<<'{"args": ["issue", "list", "-R", "o/r"], "env": {"GH_PAGER": "git init /tmp/canary", "GH_FORCE_TTY": "80"}}'
	every '.out | contains("The first issue")'
	proxy_is_untouched
}

# --- 12: size and time ----------------------------------------------------------------------------

@test "arguments, input and output over their limits are refused with the limit" {
	in_agent 'head -c 1048577 /dev/zero | tr "\0" x >/tmp/long'
	run in_agent 'jq -Rs "{args: [\"api\", \"echo\", \"-f\", \"a=\" + .]}" </tmp/long | curl -s -o /tmp/body -w "%{http_code}" --data-binary @- http://172.30.0.50:11000/exec'
	[ "$output" = 413 ]
	nothing_arrived
	run in_agent 'curl -s -d "{\"args\":[\"api\",\"bytes/20000000\"]}" http://172.30.0.50:11000/exec'
	[[ $output == *'{"error":"'*10485760* ]]
	run -0 in_agent 'gh api bytes/20000000 | wc -c'
	[ "$output" = 20000000 ]
	in_agent 'rm -f /tmp/long'
}

@test "a gh that never ends is stopped, and so is one whose client has gone" {
	local spin='def f: f; f'
	bed_background -- env -i PATH=/usr/bin:/bin HOME=/home/alice/direct GH_HOST=localhost:18443 \
		SSL_CERT_FILE="$BED_DIFC_CA" /tmp/direct-gh api rate_limit --jq "$spin"
	wait_for asked GET /api/v3/rate_limit
	in_agent "timeout 100 gh api rate_limit --jq '$spin' >/tmp/spin 2>&1; echo \$? >>/tmp/spin" &
	local client=$!
	WAIT_SECONDS=90 wait_for gone_from_proc "$client"
	wait "$client" || :
	run -0 in_agent 'cat /tmp/spin'
	[[ ${lines[-1]} == 1 && ${lines[0]} == 'gh: '* && $output =~ [0-9]+\ s ]]
	wait_for no_gh_runs
	# The same gh outside spins still.
	kill -0 "$BED_BACKGROUND_PID"
	# By POST, and gone while it runs.
	bed difc tell stall on
	in_agent 'curl -s -d "{\"args\":[\"api\",\"zen\"]}" http://172.30.0.50:11000/exec >/dev/null & echo $! >/tmp/pid'
	wait_for some_gh_runs
	in_agent 'kill -KILL $(cat /tmp/pid)'
	wait_for no_gh_runs
}
