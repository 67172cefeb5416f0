#!/usr/bin/env bats
# The gh channel by itself, see cli-proxy.bash.
# shellcheck disable=SC2154,SC2094 # run sets stderr; a file is compared with itself, sent and returned

load cli-proxy

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

@test "413 arrives while the client is still sending" {
	local size coding
	proxy_start
	for size in 1048577 2M 20M; do
		head -c "$size" /dev/zero >"$BATS_TEST_TMPDIR/body"
		for coding in 'Expect:' 'X-Length: known' 'Transfer-Encoding: chunked'; do
			post @"$BATS_TEST_TMPDIR/body" -H "$coding"
			[ "$status" = 413 ]
		done
	done
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
	local began=$EPOCHREALTIME line
	read -r -u "${COPROC[0]}" line
	[ "$line" = 1 ]
	[ $((${EPOCHREALTIME/./} - ${began/./})) -lt 900000 ]
	wait "$COPROC_PID"
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
	gone "$GH_PID"
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
	wait_for_gh
	wait "$!"
	[ "$(<"$BATS_TEST_TMPDIR/answer")" = '{"error":"gh was stopped: it did not finish within 1 s"} 504' ]
	gone "$GH_PID"
	gh api sleep 2>"$BATS_TEST_TMPDIR/answer" 3>&- &
	wait_for_gh
	wait "$!" || code=$?
	[ "$code" = 1 ]
	[ "$(<"$BATS_TEST_TMPDIR/answer")" = 'gh: gh was stopped: no input or output for 2 s' ]
	gone "$GH_PID"
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
	expect 503 '{"error":"busy: too many calls of gh at once; try again"}'
}

@test "the access log has every call, with nothing in it that a terminal obeys" {
	proxy_start
	gh search issues arguments $'\e[31m\x9b' >/dev/null
	run -1 gh auth $'\e]0;x\a'
	run ! env LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f\x9b]' "$BATS_TEST_TMPDIR/access.jsonl"
	[ "$(jq -r .event "$BATS_TEST_TMPDIR/access.jsonl" | xargs)" = 'server_start exec_start exec_done exec_denied' ]
	[ "$(jq -r 'select(.event == "exec_done") | .exitCode, .stdoutBytes' "$BATS_TEST_TMPDIR/access.jsonl" | xargs)" = "0 27" ]
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

@test "SIGTERM ends the proxy at once, and its gh" {
	local began
	proxy_start
	gh api sleep 2>/dev/null 3>&- &
	wait_for_gh
	began=$EPOCHREALTIME
	kill "$PROXY"
	wait "$PROXY"
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
