#!/usr/bin/env bats
# The gh channel by itself: the real awf-gh and the real awf-cli-proxy, with a script in gh's place. No
# engine, no bed, no root.
# shellcheck disable=SC2154,SC2094 # run sets stderr; a file is compared with itself, sent and returned

bats_require_minimum_version 1.5.0

BIN=$BATS_TEST_DIRNAME/../../build/bin

# A gh whose second argument says what to do.
write_fake_gh() {
	cat >"$1" <<-'END'
		#!/bin/bash
		case $2 in
		arguments) printf '<%s>' "$@" ;;
		both) printf 'out'; printf 'err' >&2 ;;
		cat) cat ;;
		environment) env ;;
		exit) exit "$3" ;;
		swallow) cat >/dev/null ;;
		kill) kill -KILL $$ ;;
		many) head -c "$3" /dev/zero ;;
		odd) printf 'a\0\377\376\303\251\n\n\n' ;;
		reach) pwd; ls -A; touch left-over ;;
		ticks) for i in 1 2 3; do echo "$i"; sleep 0.5; done ;;
		sleep) echo $$ >"$3"; sleep 1000 & echo $! >>"$3"; wait ;;
		esac
	END
	chmod +x "$1"
}

# proxy_start [VARIABLE=VALUE...]: with limits that a test can wait for.
proxy_start() {
	local port=$((20000 + RANDOM % 10000)) i
	env -i AWF_CLI_PROXY_PORT="$port" AWF_GH_PATH="$BATS_FILE_TMPDIR/gh" AWF_TMP="$BATS_TEST_TMPDIR" \
		AWF_CLI_PROXY_LOG="$BATS_TEST_TMPDIR/access.jsonl" AWF_CA_BUNDLE=/ca.pem "$@" \
		"$BIN/awf-cli-proxy" 3>&- &
	PROXY=$!
	export AWF_CLI_PROXY_URL=http://127.0.0.1:$port
	for ((i = 0; i < 100; i++)); do
		curl -s "$AWF_CLI_PROXY_URL/health" >/dev/null && return
		sleep 0.05
	done
	return 1
}

setup_file() {
	write_fake_gh "$BATS_FILE_TMPDIR/gh"
}

teardown() {
	[[ -z ${PROXY:-} ]] || kill "$PROXY" 2>/dev/null || :
}

gh() {
	"$BIN/awf-gh" "$@"
}

# post BODY [CURL-OPTION...]: sets `status` to HTTP's and `output` to the body.
post() {
	local body=$1
	shift
	output=$(curl -s -w '\n%{http_code}' --data-binary "$body" "$@" "$AWF_CLI_PROXY_URL/exec")
	status=${output##*$'\n'}
	output=${output%$'\n'*}
}

# expect STATUS BODY
expect() {
	[[ $status == "$1" && $output == "$2" ]] || { echo "$status $output"; return 1; }
}

# Both processes of a sleeping gh have gone.
gone() {
	local i pid
	for ((i = 0; i < 100; i++)); do
		while read -r pid; do
			[[ ! -e /proc/$pid || $(<"/proc/$pid/stat") == *') Z '* ]] || { sleep 0.05; continue 2; }
		done <"$1"
		return 0
	done
	return 1
}

wait_for_lines() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -s $1 && $(wc -l <"$1") -ge $2 ]] && return
		sleep 0.05
	done
	return 1
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
	post '{"args":["api","exit","42"],"cwd":"/nowhere"}'
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
	post '{"args":["api","many","11000000"]}'
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
	run -42 gh api exit 42
	run -137 gh api kill
	gh api arguments $'a\nb' "it's \"q\"" '😀' $'\xff' '' | cmp - <(printf '<api><arguments><a\nb><it'\''s "q"><😀><\377><>')
	[ "$(gh api arguments "$(head -c 100K /dev/zero | tr '\0' x)" | wc -c)" = $((102400 + 18)) ]
	[ "$(gh api many 50000000 | wc -c)" = 50000000 ]
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
	[ "$(gh api cat - </dev/null)" = '' ]
	[ "$(gh api cat - <&-)" = '' ]
	mkfifo "$BATS_TEST_TMPDIR/idle"
	exec 6<>"$BATS_TEST_TMPDIR/idle"
	run -0 timeout 20 "$BIN/awf-gh" api both <&6
}

@test "64 MiB of input, and no byte more" {
	proxy_start
	head -c 64M /dev/urandom >"$BATS_TEST_TMPDIR/in"
	gh api cat - <"$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/in"
	printf x >>"$BATS_TEST_TMPDIR/in"
	run -1 --separate-stderr gh api swallow --input=- <"$BATS_TEST_TMPDIR/in"
	[ "$stderr" = 'gh: gh was stopped: its input is larger than 67108864 bytes' ]
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$PROXY/status")" -lt 65536 ]
}

@test "a client that goes has its gh killed, with all of its processes" {
	proxy_start
	local client
	"$BIN/awf-gh" api sleep "$BATS_TEST_TMPDIR/stream" 3>&- &
	client=$!
	wait_for_lines "$BATS_TEST_TMPDIR/stream" 2
	kill -KILL "$client"
	gone "$BATS_TEST_TMPDIR/stream"
	curl -s -d "{\"args\":[\"api\",\"sleep\",\"$BATS_TEST_TMPDIR/json\"]}" "$AWF_CLI_PROXY_URL/exec" 3>&- &
	client=$!
	wait_for_lines "$BATS_TEST_TMPDIR/json" 2
	kill -KILL "$client"
	gone "$BATS_TEST_TMPDIR/json"
}

@test "a gh that doesn't end is stopped, and its client told" {
	proxy_start AWF_EXEC_SECONDS=1 AWF_IDLE_SECONDS=2
	post "{\"args\":[\"api\",\"sleep\",\"$BATS_TEST_TMPDIR/json\"]}"
	expect 504 '{"error":"gh was stopped: it did not finish within 1 s"}'
	gone "$BATS_TEST_TMPDIR/json"
	run -1 --separate-stderr gh api sleep "$BATS_TEST_TMPDIR/stream"
	[ "$stderr" = 'gh: gh was stopped: no input or output for 2 s' ]
	gone "$BATS_TEST_TMPDIR/stream"
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
	gh api sleep "$BATS_TEST_TMPDIR/pids" 3>&- &
	wait_for_lines "$BATS_TEST_TMPDIR/pids" 2
	post '{"args":["api","both"]}'
	expect 503 '{"error":"busy: too many calls of gh at once; try again"}'
}

@test "the access log has every call, with nothing in it that a terminal obeys" {
	proxy_start
	gh api arguments $'\e[31m\x9b' >/dev/null
	run -1 gh auth $'\e]0;x\a'
	run ! env LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f\x9b]' "$BATS_TEST_TMPDIR/access.jsonl"
	[ "$(jq -r .event "$BATS_TEST_TMPDIR/access.jsonl" | xargs)" = 'server_start exec_start exec_done exec_denied' ]
	[ "$(jq -r 'select(.event == "exec_done") | .exitCode, .stdoutBytes' "$BATS_TEST_TMPDIR/access.jsonl" | xargs)" = "0 24" ]
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
	gh api sleep "$BATS_TEST_TMPDIR/pids" 2>/dev/null 3>&- &
	wait_for_lines "$BATS_TEST_TMPDIR/pids" 2
	began=$EPOCHREALTIME
	kill "$PROXY"
	wait "$PROXY"
	[ $((${EPOCHREALTIME/./} - ${began/./})) -lt 1000000 ]
	gone "$BATS_TEST_TMPDIR/pids"
}

@test "what the agent's gh says of itself" {
	run -1 --separate-stderr env -u AWF_CLI_PROXY_URL "$BIN/awf-gh" --version
	[ "$stderr" = 'gh: AWF_CLI_PROXY_URL is not set: this sandbox has no way to GitHub; start it with --difc-proxy-host' ]
	run -1 --separate-stderr env AWF_CLI_PROXY_URL=http://cli-proxy:1 "$BIN/awf-gh" --version
	[ "$stderr" = "gh: AWF_CLI_PROXY_URL 'http://cli-proxy:1': must be http://ADDRESS:PORT" ]
	run -1 --separate-stderr env AWF_CLI_PROXY_URL=http://127.0.0.1:1 "$BIN/awf-gh" --version
	[ "$stderr" = 'gh: cannot reach cli-proxy at 127.0.0.1:1: Connection refused' ]
}
