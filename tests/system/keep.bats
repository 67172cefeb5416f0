#!/usr/bin/env bats
# --keep-containers: what is left of a sandbox when its command has ended, until it is stopped.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load stream

readonly EGRESS=(--allow-domains granted.example)

setup_file() {
	bed up
}

setup() {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' 'StopJobs=no')
}

teardown() {
	bed_clean_up_test
}

# keep_one [OPTION...] -- COMMAND: in the background, until it has ended and is kept; prints its id.
keep_one() {
	local id
	id=$(bed_exec awfctl start --keep-containers "${EGRESS[@]}" "$@")
	bed_exec awfctl wait "$id" >&2 || :
	printf '%s\n' "$id"
}

state_of() {
	bed_exec awfctl inspect --json "$1" | jq -r .state
}

# roles ID: of its containers that run.
roles() {
	bed_exec -u root -- docker ps --filter "label=awf.sandbox=$1" --format '{{.Label "awf.role"}}' | sort | paste -sd ' '
}

# The elements of awfd's sets that are for its squid.
is_enforced() {
	bed_exec -u root -- nft list table inet awf | grep -F "$(squid_address "$1")"
}

gone() {
	[ -z "$(roles "$1")" ]
}

@test "run passes the exit code on and says what is kept and how it goes" {
	local id
	run -7 --separate-stderr bed_exec awfctl run --keep-containers "${EGRESS[@]}" -- 'exit 7'
	[[ $stderr =~ sandbox\ ([a-z2-7]{10})\ is\ kept:\ awfctl\ stop\ ([a-z2-7]{10})\ removes\ it ]] || { echo "$stderr"; false; }
	id=${BASH_REMATCH[1]}
	[ "$(state_of "$id")" = kept ]
	[ "$(roles "$id")" = 'pause squid' ]
	is_enforced "$id"
	run -7 bed_exec awfctl wait "$id"
	run ! as bob awfctl stop "$id"
	[ "$(roles "$id")" = 'pause squid' ]
	bed_exec awfctl stop "$id"
	assert_clean
}

@test "it is kept while awfd is killed and started again" {
	local id
	id=$(keep_one -- 'exit 9')
	bed awfd kill
	bed awfd start
	[ "$(state_of "$id")" = kept ]
	[ "$(roles "$id")" = 'pause squid' ]
	is_enforced "$id"
	run -9 bed_exec awfctl wait "$id"
	bed_exec awfctl stop "$id"
	run -9 bed_exec awfctl wait "$id" # started in the background, its result stays
	assert_clean
}

@test "it counts in its user's quotas until it is stopped" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' 'StopJobs=no' '[Quota]' 'Sandboxes=1')
	local id
	id=$(keep_one -- true)
	run -125 bed_exec awfctl run -- true
	[[ $output == *"limit reached: sandboxes: 1 of 1 in use by alice"* ]]
	bed_exec awfctl stop "$id"
	bed_exec awfctl run -- true
	assert_clean
}

@test "after its time it is kept, after an interrupt it is not" {
	local id
	bed_background awfctl run --keep-containers "${EGRESS[@]}" -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed_kill INT awfctl
	background_ended 130
	wait_for assert_clean
	id=$(bed_exec awfctl start --keep-containers --agent-timeout 1 "${EGRESS[@]}" -- 'exec sleep 600')
	bed awfd kill
	# Its deadline as if it had begun a minute ago: nobody wants to wait for that.
	bed_exec -u root -- sh -c 'jq ".deadlineMs -= 60000" "$1" >/tmp/s && cp /tmp/s "$1" && rm /tmp/s' sh "/var/lib/awfd/sandboxes/$id.json"
	bed awfd start
	run -124 bed_exec awfctl wait "$id"
	[ "$(state_of "$id")" = kept ]
	bed_exec awfctl stop "$id"
	assert_clean
}

@test "a part of it that fails ends it, and the exit code stays the command's" {
	local id
	id=$(keep_one -- 'exit 3')
	bed_exec -u root -- docker kill "awf-$id-squid"
	wait_for gone "$id"
	run -3 bed_exec awfctl wait "$id"
	[ "$(bed_exec awfctl inspect --json "$id" | jq -r .reason)" = "container awf-$id-squid ended" ]
	assert_clean
}
