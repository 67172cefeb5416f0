#!/usr/bin/env bats
# awfd is replaced, killed, or away while jobs run: they go on, and what must end ends.

load bed

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

setup_file() {
	bed up
}

# keep_jobs [LINE...]: what these tests are about; the bed's awfd ends its jobs when it is stopped.
keep_jobs() {
	printf '%s\n' '[Daemon]' 'StopJobs=no' "$@" | bed_configure_awfd
}

setup() {
	keep_jobs
}

teardown() {
	bed_clean_up_test
}

# A job that says "ready" and then numbers lines, and gh's answers, until /tmp/end is there.
readonly STREAM='
	echo ready; n=0
	until test -e /tmp/end; do
		n=$((n + 1)); echo "line $n"
		gh api rate_limit --jq .rate.limit || exit 9
	done
	echo "last $n"; exit 7'

agent_of_background() {
	bed_exec -u root -- docker ps -q --filter label=awf.role=agent
}

# tell_job WORD: makes the file /tmp/WORD in the one agent there is.
tell_job() {
	touch_in_container "$(agent_of_background)" "/tmp/$1"
}

# The command in the background ended with that code.
background_ended() {
	local code=0
	wait "$BED_BACKGROUND_PID" || code=$?
	[ "$code" = "$1" ] || { echo "exit code $code"; cat "$BED_BACKGROUND/err"; return 1; }
}

lines_so_far() {
	wc -l <"$BED_BACKGROUND/out"
}

has_lines() {
	(($(lines_so_far) >= $1))
}

# Every line and every answer, in order and once.
assert_whole_stream() {
	local n
	n=$(sed -n 's/^last //p' "$BED_BACKGROUND/out")
	[ "$n" -gt 0 ]
	diff <(echo ready; for ((k = 1; k <= n; k++)); do printf 'line %d\n5000\n' "$k"; done; echo "last $n") \
		"$BED_BACKGROUND/out"
}

# restart_under_load VERB: while the job writes lines before and after.
restart_under_load() {
	local before
	before=$(lines_so_far)
	case $1 in
	kill) bed awfd kill && bed awfd start ;;
	stop) bed awfd restart ;;
	esac
	wait_for has_lines $((before + 4))
}

@test "a job that streams and calls gh sees 20 restarts of awfd without a lost byte or a failed call" {
	bed_background awfctl run "${DIFC[@]}" -- "$STREAM"
	wait_for bed_background_said 'line 2'
	for verb in stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill; do
		restart_under_load "$verb"
	done
	tell_job end
	background_ended 7
	[ ! -s "$BED_BACKGROUND/err" ] || { cat "$BED_BACKGROUND/err"; false; }
	assert_whole_stream
	assert_clean
}

@test "a command that ends while awfd is away has its exit code" {
	bed_background awfctl run -- 'echo ready; until test -e /tmp/end; do sleep 0.1; done; exit 42'
	wait_for bed_background_said ready
	bed awfd kill
	tell_job end
	wait_for no_running_agent
	bed awfd start
	background_ended 42
	assert_clean
}

no_running_agent() {
	[ -z "$(agent_of_background)" ]
}
