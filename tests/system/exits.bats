#!/usr/bin/env bats
# How a job ended is told: by the exit code, on standard error, and by inspect, also where codes are the same.
# shellcheck disable=SC2016,SC2154 # for the job's shell; set by run

load bed

setup_file() {
	bed up
}

# What a test that failed has left stopped goes on, to be cleaned up.
teardown() {
	bed_kill CONT 'dockerd|awfctl' || :
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

starts_allowed() {
	grep -cF 'audit: alice: Start allowed' "$BED_DIR/awfd.log" || :
}

has_allowed() {
	(($(starts_allowed) == $1))
}

has_state() {
	[ "$(as root awfctl list --json | jq -r '.[].state')" = "$1" ]
}

# awfctl is stopped before its start is answered, which the engine holds back until then.
@test "125: that of a sandbox that died before awfctl came for its stream, and why" {
	local code=0 before
	before=$(starts_allowed)
	bed_kill STOP dockerd
	bed_background awfctl run --allow-domains granted.example -- 'echo lost; exec sleep 600'
	wait_for has_allowed $((before + 1))
	bed_kill STOP awfctl
	bed_kill CONT dockerd
	wait_for has_state running
	JOB=$(as root awfctl list -q)
	bed_exec -u root -- docker kill "awf-$JOB-squid"
	wait_for has_state exited
	bed_kill CONT awfctl
	wait "$BED_BACKGROUND_PID" || code=$?
	[ "$code" = 125 ]
	[ "$(bed_background_output)" = '' ]
	grep -F "what the command wrote is lost: ID '$JOB'" "$BED_BACKGROUND/err"
	grep -F "the sandbox was ended: container awf-$JOB-squid ended" "$BED_BACKGROUND/err"
	assert_clean
}

# Its end follows the kill at once, which the engine does not always hear of then.
readonly TOO_MUCH='until [ -e /tmp/go ]; do sleep 0.05; done; exec tail /dev/zero'

@test "137: the command's own, and that of one that used too much memory" {
	start_job -- 'kill -KILL $$'
	told 137 '' "$BY_ITSELF"
	start_job --memory-limit 32m -- sh -c "$TOO_MUCH"
	touch_in_container "awf-$JOB-agent" /tmp/go
	told 137 'more memory than it may: 32M; give it more with --memory-limit' '.oomKilled and (has("reason") | not)'
	assert_clean
}

@test "124: the command's own is not that of one whose time was over" {
	start_job -- 'exit 124'
	told 124 '' "$BY_ITSELF"
}

@test "137: of one that used too much memory, though the engine does not tell, and awfd came anew" {
	bed_fake_engine
	bed_configure_awfd <<<$'[Engine]\nSocket=/run/fake-engine.sock\n[Daemon]\nStopJobs=no'
	local restarted
	for restarted in no yes; do
		start_job --memory-limit 32m -- sh -c "$TOO_MUCH"
		[[ $restarted == no ]] || bed awfd kill
		[[ $restarted == no ]] || bed awfd start
		fake_engine fail 0 GET '/containers/.*-agent/json' 500 'it does not tell'
		touch_in_container "awf-$JOB-agent" /tmp/go
		told 137 'more memory than it may: 32M' '.oomKilled and (has("reason") | not)'
		# And only then.
		start_job --memory-limit 32m -- 'kill -KILL $$'
		told 137 '' "$BY_ITSELF"
		fake_engine clear
	done
	assert_clean
}

# to_awfctl SIGNAL CODE: the job gets the same signal, and may say a last word.
to_awfctl() {
	local code=0
	bed_background -- awfctl run -- 'trap "echo job got '"$1"'; exit 7" '"$1"'; echo started; while :; do sleep 600 & wait; done'
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
