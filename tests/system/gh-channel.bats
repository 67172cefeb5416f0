#!/usr/bin/env bats
# The gh channel by itself, see cli-proxy.bash.
# shellcheck disable=SC2154,SC2094 # run sets stderr; a file is compared with itself, sent and returned

load cli-proxy

# Its files can have 16 KiB.
proxy_start_with_small_log() {
	ulimit -S -f 16
	proxy_start
	ulimit -S -f unlimited
}

teardown() {
	proxy_stop
}

@test "health, on both IP versions, and nothing else by a near name" {
	proxy_start
	run -0 curl -s "$AWF_CLI_PROXY_URL/health"
	[ "$output" = '{"status":"ok","service":"cli-proxy"}' ]
	run -0 curl -s "http://[::1]:${AWF_CLI_PROXY_URL##*:}/health"
	[ "$output" = '{"status":"ok","service":"cli-proxy"}' ]
	run -0 curl -s "$AWF_CLI_PROXY_URL/health?x"
	[ "$output" = '{"error":"Not found: GET /health?x"}' ]
	run -0 curl -s -X PUT "$AWF_CLI_PROXY_URL/exec"
	[ "$output" = '{"error":"Not found: PUT /exec"}' ]
	run -0 curl -s -o /dev/null -w '%{http_code}' -X POST "$AWF_CLI_PROXY_URL/exec/0/stdin"
	[ "$output" = 404 ]
}

@test "the JSON answers of other clients" {
	proxy_start
	post '{"args":["api","both"]}'
	expect 200 '{"stdout":"out","stderr":"err","exitCode":0}'
	post '{"args":["search","issues","exit","42"],"cwd":"/nowhere"}'
	expect 200 '{"stdout":"","stderr":"","exitCode":42}'
	post '{"args":["api","kill"]}'
	expect 200 '{"stdout":"","stderr":"","exitCode":137}'
	post '{"args":["api","cat"],"stdin":"aGVsbG8K"}'
	expect 200 '{"stdout":"hello\n","stderr":"","exitCode":0}'
	post '{"args":["api","cat"]}'
	expect 200 '{"stdout":"","stderr":"","exitCode":0}'
	post '{"args":["api","odd"]}'
	expect 200 '{"stdout":"a\u0000'$'\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9''\n\n\n","stderr":"","exitCode":0}'
}

@test "the JSON errors of other clients" {
	proxy_start
	post '{'
	expect 400 '{"error":"Invalid JSON body"}'
	post '{"args":"api"}'
	expect 403 '{"error":"args must be an array"}'
	post '{"args":["api",1]}'
	expect 403 '{"error":"All args must be strings"}'
	post '{"args":["auth","token"]}'
	expect 403 "{\"error\":\"Subcommand 'auth' is not permitted\"}"
	post '{"args":["api"],"env":{"GH_REPO":"github.com/o/r"}}'
	expect 403 "{\"error\":\"GH_REPO 'github.com/o/r' is not permitted: it must be OWNER/REPO\"}"
	post '{"args":["search","issues","many","11000000"]}'
	expect 500 '{"error":"gh was stopped: its output is larger than 10485760 bytes; ask for application/vnd.docker.multiplexed-stream"}'
}

# write_request COUNT SIZE: with so many arguments of that size behind the command.
write_request() {
	head -c "$2" /dev/zero | tr '\0' x |
		jq -Rc --argjson count "$1" '{args: (["search", "issues"] + [range($count) as $i | .])}' >"$BATS_TEST_TMPDIR/request"
	post @"$BATS_TEST_TMPDIR/request"
}

@test "arguments that are too many or too long are refused with the limit" {
	proxy_start
	write_request 4094 1
	[ "$status" = 200 ]
	write_request 4095 1
	expect 413 '{"error":"args has more than 4096 entries"}'
	write_request 1 131071
	[ "$status" = 200 ]
	write_request 1 131072
	expect 413 '{"error":"An argument is longer than 131071 bytes"}'
	write_request 7 131071
	[ "$status" = 200 ]
	write_request 8 131071
	expect 413 '{"error":"The request is larger than 1048576 bytes"}'
}

# write_body SIZE: a request of that size.
write_body() {
	{ printf '{"args":["api","both"],"cwd":"'; head -c $(($1 - 32)) /dev/zero | tr '\0' x; printf '"}'; } \
		>"$BATS_TEST_TMPDIR/body"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/body")" = "$1" ]
}

@test "a request has 1 MiB, and no byte more" {
	proxy_start
	write_body 1048576
	post @"$BATS_TEST_TMPDIR/body"
	expect 200 '{"stdout":"out","stderr":"err","exitCode":0}'
	write_body 1048577
	post @"$BATS_TEST_TMPDIR/body"
	expect 413 '{"error":"The request is larger than 1048576 bytes"}'
}

@test "413 arrives while the client is still sending" {
	local size coding
	proxy_start
	for size in 1048577 2M 20M; do
		head -c "$size" /dev/zero >"$BATS_TEST_TMPDIR/body"
		for coding in 'Expect:' 'X-Length: known'; do
			post @"$BATS_TEST_TMPDIR/body" -H "$coding"
			[ "$status" = 413 ]
		done
	done
	run -0 gh api both
}

# Here libevent (2.1.12) has no lingering close: who still sends may see the connection broken before 413.
@test "of a request whose length is not known beforehand no more than the limit is read" {
	local size
	proxy_start
	for size in 1048577 2M 20M 200M; do
		head -c "$size" /dev/zero >"$BATS_TEST_TMPDIR/body"
		post @"$BATS_TEST_TMPDIR/body" -H 'Transfer-Encoding: chunked' || :
		[[ $status == 413 || $status == 100 || $status == 000 ]] || { echo "$size: $status $output"; false; }
	done
	# Nothing of it was kept.
	(($(awk '/^VmHWM/ { print $2 }' "/proc/$PROXY/status") < 32768))
	run -0 gh api both
}

@test "what gh is given of the environment" {
	proxy_start GITHUB_REPOSITORY=our/repo AWF_DIFC_PORT=1234 GH_TOKEN=secret LD_PRELOAD= PATH=/bin:/usr/bin
	output=$(NO_COLOR=1 GH_TOKEN=secret GH_PAGER=sh gh api environment | sort)
	[[ $output != *secret* && $output != *LD_PRELOAD* ]]
	for entry in GH_HOST=localhost:1234 GH_REPO=our/repo SSL_CERT_FILE=/ca.pem GH_PAGER=cat NO_COLOR=1 \
		PATH=/usr/bin:/bin; do
		grep -qx "$entry" <<<"$output"
	done
	[ "$(GH_REPO=its/repo gh api environment | grep GH_REPO)" = GH_REPO=its/repo ]
}

@test "every call has a directory of its own, which is gone afterwards" {
	proxy_start
	run -0 gh api reach
	[ "${#lines[@]}" = 1 ]
	[[ $output == "$BATS_TEST_TMPDIR"/gh-?????? && ! -e $output ]]
}

@test "output, exit code and arguments are gh's, byte for byte" {
	proxy_start
	gh api odd | cmp - <(printf 'a\0\377\376\303\251\n\n\n')
	run -0 --separate-stderr gh api both
	[ "$output" = out ]
	[ "$stderr" = err ]
	run -42 gh search issues exit 42
	run -137 gh api kill
	gh search issues arguments $'a\nb' "it's \"q\"" '😀' $'\xff' '' | cmp - <(printf '<issues><arguments><a\nb><it'\''s "q"><😀><\377><>')
	[ "$(gh search issues arguments "$(head -c 100K /dev/zero | tr '\0' x)" | wc -c)" = $((102400 + 21)) ]
	[ "$(gh search issues many 50000000 | wc -c)" = 50000000 ]
}

@test "output comes as gh writes it" {
	proxy_start
	coproc gh api ticks
	local pid=$COPROC_PID line came
	read -r -u "${COPROC[0]}" line
	[ "$line" = 1 ]
	came=$EPOCHREALTIME
	wait "$pid"
	# It has slept three times a second since.
	[ $((${EPOCHREALTIME/./} - ${came/./})) -gt 500000 ]
}

@test "stdin is read exactly when an argument asks for it" {
	proxy_start
	[ "$(printf 'x\n\n' | gh api cat -F k=@- | od -An -c | tr -d ' ')" = 'x\n\n' ]
	[ "$(printf x | gh api cat)" = '' ]
	[ "$(gh api cat --input - </dev/null)" = '' ]
	[ "$(gh api cat --input - <&-)" = '' ]
	mkfifo "$BATS_TEST_TMPDIR/idle"
	exec 6<>"$BATS_TEST_TMPDIR/idle"
	run -0 timeout 20 "$BIN/awf-gh" api both <&6
}

@test "64 MiB of input, and no byte more" {
	proxy_start
	head -c 64M /dev/urandom >"$BATS_TEST_TMPDIR/in"
	gh api cat --input - <"$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/in"
	printf x >>"$BATS_TEST_TMPDIR/in"
	run -1 --separate-stderr gh api swallow --input=- <"$BATS_TEST_TMPDIR/in"
	[ "$stderr" = 'gh: gh was stopped: its input is larger than 67108864 bytes' ]
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$PROXY/status")" -lt 65536 ]
}

@test "a client that goes has its gh killed" {
	proxy_start
	local client
	"$BIN/awf-gh" api sleep 3>&- &
	client=$!
	wait_for_gh
	kill -KILL "$client"
	wait_for proxy_runs_gh 0
	curl -s -d '{"args":["api","sleep"]}' "$AWF_CLI_PROXY_URL/exec" 3>&- &
	client=$!
	wait_for_gh
	kill -KILL "$client"
	gone "$GH_PID"
}

@test "a gh that doesn't end is stopped, and its client told" {
	local code=0
	proxy_start AWF_EXEC_SECONDS=1 AWF_IDLE_SECONDS=2
	curl -s -w ' %{http_code}' -d '{"args":["api","sleep"]}' "$AWF_CLI_PROXY_URL/exec" >"$BATS_TEST_TMPDIR/answer" 3>&- &
	wait "$!"
	[ "$(<"$BATS_TEST_TMPDIR/answer")" = '{"error":"gh was stopped: it did not finish within 1 s"} 504' ]
	wait_for proxy_runs_gh 0
	gh api sleep 2>"$BATS_TEST_TMPDIR/answer" 3>&- &
	wait "$!" || code=$?
	[ "$code" = 1 ]
	[ "$(<"$BATS_TEST_TMPDIR/answer")" = 'gh: gh was stopped: no input or output for 2 s' ]
	wait_for proxy_runs_gh 0
}

@test "many calls at once are all answered" {
	local i
	proxy_start
	for ((i = 0; i < 200; i++)); do
		gh api both >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- &
	done
	# shellcheck disable=SC2046 # one word each
	wait $(jobs -p | grep -vx "$PROXY")
	[ "$(cat "$BATS_TEST_TMPDIR"/[0-9]* | wc -c)" = 1200 ]
}

@test "who finds no place is told that the proxy is busy" {
	proxy_start AWF_RUNNING_LIMIT=1 AWF_WAITING_LIMIT=0
	gh api sleep 3>&- &
	wait_for_gh
	post '{"args":["api","both"]}'
	expect 503 '{"error":"busy: 1 calls of gh run and 0 wait, no more may; try again"}'
}

@test "more calls may run and wait than by default" {
	local i
	proxy_start AWF_RUNNING_LIMIT=20 AWF_WAITING_LIMIT=100
	for ((i = 0; i < 20; i++)); do
		gh api sleep 2>/dev/null 3>&- &
	done
	wait_for proxy_runs_gh 20
	for ((i = 0; i < 101; i++)); do
		curl -s -d '{"args":["api","both"]}' "$AWF_CLI_PROXY_URL/exec" >>"$BATS_TEST_TMPDIR/told" 3>&- &
	done
	wait_for grep busy "$BATS_TEST_TMPDIR/told" # one: all others wait
	post '{"args":["api","both"]}'
	expect 503 '{"error":"busy: 20 calls of gh run and 100 wait, no more may; try again"}'
}

# log FILTER: what jq makes of the access log, on one line.
log() {
	jq -r "$@" "$BATS_TEST_TMPDIR/access.jsonl" | xargs
}

@test "the access log has every call, with nothing in it that a terminal obeys" {
	proxy_start
	gh search issues arguments $'\e[31m\x9b' >/dev/null
	run -1 gh auth $'\e]0;x\a'
	run -42 gh search issues exit 42
	run -0 gh api cat --input=- <<<hello
	run -0 gh api both
	run ! env LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f\x9b]' "$BATS_TEST_TMPDIR/access.jsonl"
	[ "$(log .event)" = 'server_start exec_start exec_done exec_denied exec_start exec_done exec_start exec_done exec_start exec_done' ]
	[ "$(log 'select(.event == "exec_done") | .exitCode')" = '0 42 0 0' ]
	[ "$(log 'select(.event == "exec_done") | .stdinBytes')" = '0 0 6 0' ]
	[ "$(log 'select(.event == "exec_done") | .stdoutBytes')" = '27 0 6 3' ]
	[ "$(log 'select(.event == "exec_done") | .stderrBytes')" = '0 0 0 3' ]
	[ "$(log 'select(.event == "exec_done") | .stderrPreview // empty')" = err ]
	[ "$(log 'select(.event == "exec_denied") | .command, .reason')" = "auth Subcommand auth is not permitted" ]
	[ "$(log 'select(.event == "exec_start") | .command')" = 'search search api api' ]
	[ "$(log 'select(.id) | .id' | tr ' ' '\n' | sort -u | wc -l)" = 4 ]
	[ "$(log 'select(.event == "exec_done") | .durationMs >= 0' | tr ' ' '\n' | sort -u)" = true ]
}

@test "no secret of an argument or of stderr is in the access log" {
	local token=ghp_0123456789abcdefghijABCDEFGHIJ012345
	proxy_start
	run -0 gh api arguments -f password="plain secret" -f "text=x $token"
	[[ $output == *"$token"* && $output == *'plain secret'* ]]
	run -0 gh search issues complain "$token"
	[[ $output == *"$token"* ]]
	run -1 gh api x -H "Authorization: token plain-secret"
	run -1 gh auth login --with-token plain-secret
	run -1 gh api "https://user:plain-secret@github.com/"
	[ "$(log .event)" = 'server_start exec_start exec_done exec_start exec_done exec_denied exec_denied exec_denied' ]
	run ! grep -E 'ghp_|plain.secret' "$BATS_TEST_TMPDIR/access.jsonl"
	[[ $(log 'select(.stderrPreview) | .stderrPreview') == 'bad credentials [redacted] of gh'* ]]
}

@test "a log that is full doesn't end the proxy" {
	local text
	text=$(head -c 400 /dev/zero | tr '\0' x)
	proxy_start_with_small_log
	for _ in {1..25}; do
		run -0 gh search issues both "$text"
	done
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/access.jsonl")" -gt 15000 ]
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/access.jsonl")" -le 16384 ]
}

@test "a gh that failed for want of the DIFC proxy says what that means, and only then" {
	proxy_start
	run -1 --separate-stderr gh search issues lost 1
	[ "$stderr" = 'Get "https://localhost:18443/api/v3/zen": EOF
gh: the DIFC proxy does not answer; gh works again as soon as it does' ]
	run -0 --separate-stderr gh search issues lost 0
	[ "$stderr" = 'Get "https://localhost:18443/api/v3/zen": EOF' ]
	post '{"args":["search","issues","lost","1"]}'
	[ "$status" = 200 ]
	[[ $(jq -r .stderr <<<"$output") == *'EOF'$'\n''gh: the DIFC proxy does not answer'* ]]
}

@test "garbage behind a request doesn't end the proxy" {
	proxy_start
	exec 5<>"/dev/tcp/127.0.0.1/${AWF_CLI_PROXY_URL##*:}"
	printf 'POST /exec HTTP/1.1\r\nContent-Length: 25\r\n\r\n{"args":["api","ticks"]}\nGARBAGE\r\n\r\n' >&5
	sleep 0.5
	printf 'MORE\r\n\r\n' >&5 || :
	grep -q exitCode <&5
	exec 5>&-
	run -0 gh api both
}

# bats test_tags=alone
@test "SIGTERM ends the proxy at once, and its gh" {
	local began
	proxy_start
	gh api sleep 2>/dev/null 3>&- &
	wait_for_gh
	began=$EPOCHREALTIME
	kill "$PROXY"
	wait "$PROXY"
	PROXY=
	[ $((${EPOCHREALTIME/./} - ${began/./})) -lt 1000000 ]
	gone "$GH_PID"
}

@test "what the agent's gh says of itself" {
	run -1 --separate-stderr env -u AWF_CLI_PROXY_URL "$BIN/awf-gh" --version
	[ "$stderr" = 'gh: AWF_CLI_PROXY_URL is not set: this sandbox has no way to GitHub; start it with --difc-proxy-host' ]
	run -1 --separate-stderr env AWF_CLI_PROXY_URL=http://cli-proxy:1 "$BIN/awf-gh" --version
	[ "$stderr" = "gh: AWF_CLI_PROXY_URL 'http://cli-proxy:1': must be http://ADDRESS:PORT" ]
	run -1 --separate-stderr env AWF_CLI_PROXY_URL=http://127.0.0.1:1 "$BIN/awf-gh" --version
	[ "$stderr" = 'gh: cannot reach cli-proxy at 127.0.0.1:1: Connection refused' ]
}

# What other agent images have as gh: it sends its whole environment, and reads what it is sent only as
# JSON. It strips newlines at the end, and splits an argument at a newline.
other_gh() {
	local args input='' answer
	args=$(printf '%s\n' "$@" | jq -R . | jq -s -c .)
	[ -t 0 ] || input=$(base64 -w 0)
	answer=$(jq -n --argjson args "$args" --arg cwd "$PWD" --arg stdin "$input" \
		'{args: $args, cwd: $cwd, stdin: $stdin, env: (env | with_entries(select(.key | startswith("BASH") | not)))}' |
		curl -sS --max-time 60 -w '\n%{http_code}' -H 'Content-Type: application/json' --data-binary @- \
			"$AWF_CLI_PROXY_URL/exec")
	if [[ ${answer##*$'\n'} != 200 ]]; then
		jq -r '.error // "unknown error"' <<<"${answer%$'\n'*}" >&2
		return 1
	fi
	answer=${answer%$'\n'*}
	jq -j .stdout <<<"$answer"
	jq -j .stderr <<<"$answer" >&2
	return "$(jq .exitCode <<<"$answer")"
}

@test "the gh of other agent images works, within its own defects" {
	export GH_TOKEN=secret GH_PAGER=sh GH_REPO=o/r
	proxy_start
	run -0 --separate-stderr other_gh api both </dev/null
	[ "$output" = out ]
	[ "$stderr" = err ]
	run -42 other_gh search issues exit 42 </dev/null
	[ "$(other_gh api cat --input - <<<hello)" = hello ]
	[ "$(other_gh search issues arguments "a b" '"q"' </dev/null)" = '<issues><arguments><a b><"q">' ]
	[[ $(other_gh api environment </dev/null) != *secret* ]]
	run -1 --separate-stderr other_gh auth token </dev/null
	[ "$stderr" = "Subcommand 'auth' is not permitted" ]
	# What only awf-gh can do is refused, not done with the container's files.
	run -1 --separate-stderr other_gh api cat --input /etc/passwd </dev/null
	[ "$stderr" = "Files are not permitted: only the agent's own gh can send them" ]
}

# on_terminal COLUMNS COMMAND...: its output, from a terminal so wide.
on_terminal() {
	local columns=$1
	shift
	script -qec "stty cols $columns; $(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}

@test "gh knows the agent's terminal, when there is one" {
	proxy_start
	run -0 env TERM=xterm-256color COLORTERM=truecolor NO_COLOR=1 "$BIN/awf-gh" api environment
	[[ $output == *NO_COLOR=1* && $output != *TERM=* && $output != *GH_FORCE_TTY* ]]
	run -0 on_terminal 132 env TERM=xterm-256color COLORTERM=truecolor "$BIN/awf-gh" api environment
	for entry in GH_FORCE_TTY=132 TERM=xterm-256color COLORTERM=truecolor GH_PAGER=cat; do
		grep -qx "$entry" <<<"$output"
	done
	run -1 --separate-stderr env GH_FORCE_TTY=80 TERM='x y' "$BIN/awf-gh" api environment
	[ "$stderr" = "gh: TERM 'x y' is not permitted: it must be the name of a terminal" ]
}

@test "an interrupt of the agent's gh ends the other" {
	local status=0
	proxy_start
	# In the background the shell has it ignored.
	env --default-signal=INT "$BIN/awf-gh" api sleep 3>&- &
	wait_for_gh
	kill -INT "$!"
	wait "$!" || status=$?
	[ "$status" = 130 ]
	gone "$GH_PID"
}

@test "files cross with their bytes, their names and their limits" {
	local f=$BATS_TEST_TMPDIR/f
	proxy_start AWF_FILES_LIMIT=100000
	mkdir "$f"
	head -c 70000 /dev/urandom >"$f/in"
	: >"$f/empty"
	(cd "$f" && gh api copy --input in) | cmp - "$f/in"
	# The name stays the agent's, and what follows in the argument too.
	run -0 gh search issues both
	run -0 gh api arguments -F "k=@$f/empty" "--input=$f/in"
	[[ $output =~ ^'<api><arguments><-F><k=@'$BATS_TEST_TMPDIR/gh-....../files/0/empty'><--input='$BATS_TEST_TMPDIR/gh-....../files/1/in'>'$ ]]
	[ "$(gh api copy --input <(printf text))" = text ]
	[ "$(printf 'from stdin' | gh api cat -F a=@"$f/in" -F b=@-)" = 'from stdin' ]
	head -c 30001 /dev/zero >"$f/more"
	run -1 --separate-stderr gh api copy --input "$f/in" -F "k=@$f/more"
	[ "$stderr" = 'gh: The files are larger than 100000 bytes' ]
	post '{"args":["api","copy","--input","x"],"files":[3]}'
	expect 400 '{"error":"files need Accept: application/vnd.docker.multiplexed-stream"}'
	assert_no_files
}

@test "downloads cross with their bytes and their names, as fast as the agent takes them" {
	local f=$BATS_TEST_TMPDIR/f
	proxy_start
	run -0 gh run download make -R o/r -D "$f"
	[ "$(cat "$f/a/name" "$f/empty/none" 2>/dev/null)" = text ]
	[ -x "$f/a/run" ]
	[ -d "$f/empty" ]
	[ "$(wc -c <"$f/large")" = 50000000 ]
	[ ! -e "$f/link" ]
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$PROXY/status")" -lt 32768 ]
	run -1 --separate-stderr gh run download make -R o/r -D "$f"
	[[ $stderr == "gh: $f/"*' already exists' ]]
	assert_no_files
}
