#!/usr/bin/env bats
# How a job ended is told: by the exit code, on standard error, and by inspect, also where codes are the same.
# shellcheck disable=SC2016,SC2154 # for the job's shell; set by run

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# start_job [OPTION...] -- COMMAND...: in the background; sets JOB.
start_job() {
	JOB=$(bed_exec -- awfctl start "$@")
}

# told CODE ON-STDERR INSPECT-FILTER: of the last job.
told() {
	run "-$1" --separate-stderr bed_exec -- awfctl wait "$JOB"
	if [[ -z $2 ]]; then [ -z "$stderr" ]; else [[ $stderr == *$2* ]]; fi || { echo "$JOB: $stderr"; false; }
	bed_exec -- awfctl inspect --json "$JOB" | tee /dev/stderr | jq -e ".exitCode == $1 and ($3)"
	bed_exec -- awfctl stop "$JOB"
}

readonly BY_ITSELF='.oomKilled == false and (has("reason") | not)'

@test "125: the command's own, and that of a sidecar that failed, which is named" {
	start_job -- 'exit 125'
	told 125 '' "$BY_ITSELF"
	start_job --allow-domains granted.example -- 'exec sleep 600'
	bed_exec -u root -- docker kill "awf-$JOB-squid"
	told 125 "container awf-$JOB-squid ended" ".oomKilled == false and .reason == \"container awf-$JOB-squid ended\""
	assert_clean
}

@test "137: the command's own, and that of one that used too much memory" {
	start_job -- 'kill -KILL $$'
	told 137 '' "$BY_ITSELF"
	start_job --memory-limit 32m -- sh -c 'tail /dev/zero'
	told 137 'more memory than it may: 32M; give it more with --memory-limit' '.oomKilled and (has("reason") | not)'
	assert_clean
}

@test "124: the command's own is not that of one whose time was over" {
	start_job -- 'exit 124'
	told 124 '' "$BY_ITSELF"
}

# to_awfctl SIGNAL CODE: the job gets the same signal, and may say a last word.
to_awfctl() {
	local code=0
	bed_background -- awfctl run -- 'trap "echo job got '"$1"'; exit 7" '"$1"'; echo started; while :; do sleep 0.05; done'
	wait_for bed_background_said started
	bed_kill "$1" awfctl
	wait "$BED_BACKGROUND_PID" || code=$?
	bed_background_said "job got $1"
	[ "$code" = "$2" ] || { echo "$1: $code"; false; }
}

@test "130 and 143: awfctl's signal is the job's, whose last word comes through" {
	to_awfctl INT 130
	to_awfctl TERM 143
	assert_clean
}
