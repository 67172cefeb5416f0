# Helpers of the tests of the gh channel by itself: the real awf-gh and the real awf-cli-proxy, with a
# program in gh's place that does what it is told. No engine, no bed, no root.
# shellcheck shell=bash disable=SC2034 # GH_PID is for the tests

bats_require_minimum_version 1.5.0

# shellcheck source=wait.bash
source "${BASH_SOURCE[0]%/*}/wait.bash"

BIN=$(readlink -f "${BASH_SOURCE[0]%/*}/../../build/bin")
FAKE_GH=$BIN/tests/fake-gh

# proxy_start [VARIABLE=VALUE...]: with limits that a test can wait for. PROXY_COMMAND, an array, is put
# before it. Another test may have the port, whose proxy would answer: then this one ends, and logs nothing.
proxy_start() {
	local port i
	for ((i = 0; i < 5; i++)); do
		port=$((20000 + RANDOM % 10000))
		env -i AWF_CLI_PROXY_PORT="$port" AWF_GH_PATH="$FAKE_GH" AWF_TMP="$BATS_TEST_TMPDIR" \
			AWF_CLI_PROXY_LOG="$BATS_TEST_TMPDIR/access.jsonl" AWF_CA_BUNDLE=/ca.pem "$@" \
			"${PROXY_COMMAND[@]}" "$BIN/awf-cli-proxy" 2>"$BATS_TEST_TMPDIR/proxy-errors" 3>&- &
		PROXY=$!
		export AWF_CLI_PROXY_URL=http://127.0.0.1:$port
		wait_for proxy_answers_or_ended
		! has_ended "$PROXY" || continue
		return 0
	done
	cat "$BATS_TEST_TMPDIR/proxy-errors"
	return 1
}

proxy_answers_or_ended() {
	has_ended "$PROXY" ||
		{ grep -q server_start "$BATS_TEST_TMPDIR/access.jsonl" && curl -sS "$AWF_CLI_PROXY_URL/health"; }
}

# For teardown.
proxy_stop() {
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

# Waits for the proxy's only gh to run; sets GH_PID. Before it executes gh, it is a copy of the proxy.
wait_for_gh() {
	wait_for proxy_runs_gh
	GH_PID=$(pgrep -P "$PROXY" -x fake-gh)
}

# proxy_runs_gh [NUMBER]: so many at once.
proxy_runs_gh() {
	[[ $(pgrep -c -P "$PROXY" -x fake-gh) == "${1:-1}" ]]
}

# gone PID: or a zombie, in a moment.
gone() {
	wait_for has_ended "$1"
}

has_ended() {
	[[ ! -e /proc/$1 || $(<"/proc/$1/stat") == *') Z '* ]]
}

# What a call brought goes after its answer.
assert_no_files() {
	wait_for has_no_files
}

has_no_files() {
	local left
	left=$(find "$BATS_TEST_TMPDIR" -name 'gh-*')
	[[ -z $left ]] || { echo "$left"; return 1; }
}
