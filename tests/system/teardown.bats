#!/usr/bin/env bats
# What of a sandbox's end its user waits for: that nothing of the job is left, its result and its logs. The
# rest is removed in the background, which an engine that fails or hangs in removals makes long.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load stream

# Within which awfctl is to return: far less than the 30 s that a removal may take.
readonly SOON=15

setup_file() {
	bed up
}

setup() {
	bed_fake_engine
}

teardown() {
	bed_clean_up_test
}

removals_hang() {
	fake_engine hang 0 DELETE '/containers/.*'
}

removals_fail() {
	fake_engine fail 0 DELETE '/containers/.*' 500 'device is busy'
}

removals_work() {
	fake_engine clear
}

# The one sandbox there is, as `list` has it.
listed() {
	bed_exec awfctl list --json | jq -r ".[0].$1"
}

is_listed() {
	[ "$(listed "$1")" = "$2" ]
}

# Of the containers, those that the engine was asked to remove.
asked_to_remove() {
	fake_engine calls | grep -c ' DELETE .*/containers/'
}

is_being_removed() {
	(($(asked_to_remove) >= $1))
}

# Another awfd goes on with the removal: the earlier one's calls are hanging.
awfd_crashes() {
	bed awfd kill
	bed awfd start
}

# audited ID: how often the audit log has its end.
audited() {
	bed_exec -u root -- cat /var/log/awfd/audit.jsonl | jq -r "select(.sandbox == \"$1\" and .event == \"end\").event" | wc -l
}

@test "the prompt is back while the engine hangs in the removal, which goes on" {
	local id
	removals_hang
	run -3 --separate-stderr bed_exec timeout "$SOON" awfctl run --allow-domains granted.example -- 'echo all of it; exit 3'
	[ "$output" = 'all of it' ]
	is_listed state destroying
	id=$(listed id)
	wait_for is_being_removed 2
	bed_exec -u root -- docker inspect "awf-$id-pause" "awf-$id-agent" >/dev/null
	[ "$(audited "$id")" = 1 ]
	removals_work
	awfd_crashes
	assert_clean
	[ "$(audited "$id")" = 1 ]
}

@test "what cannot be removed is tried again, and list and inspect say why" {
	local id
	removals_fail
	run -4 bed_exec timeout "$SOON" awfctl run -- 'exit 4'
	id=$(listed id)
	wait_for is_being_removed 2
	wait_for says_why "$id"
	is_listed state destroying
	removals_work
	assert_clean
	bed_exec awfctl list --json | jq -e 'length == 0'
}

says_why() {
	[[ $(listed left) == *'device is busy'* ]] && bed_exec awfctl inspect "$1" | grep -q '^Left: .*device is busy'
}

@test "wait is answered at the end of the job, stop when all is gone, and the result with it" {
	local id
	removals_fail
	id=$(bed_exec awfctl start -- 'exit 6')
	run -6 bed_exec timeout "$SOON" awfctl wait "$id"
	run -125 --separate-stderr bed_exec timeout "$SOON" awfctl stop "$id"
	[[ $stderr == *'not everything could be removed'*'device is busy'* ]]
	run -6 bed_exec awfctl wait "$id"
	removals_work
	# awfd tries again by itself, and may be done before.
	run --separate-stderr bed_exec timeout "$SOON" awfctl stop "$id"
	[[ $status = 0 || $stderr == *"no sandbox '$id' of yours"* ]]
	is_clean
	run -125 --separate-stderr bed_exec awfctl wait "$id"
	[[ $stderr == *"no sandbox '$id' of yours"* ]]
	bed_exec awfctl list --json | jq -e 'length == 0'
}

@test "an interrupt is back, too, while the engine hangs" {
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	removals_hang
	bed_kill INT awfctl
	background_ended 130
	is_listed state destroying
	removals_work
	awfd_crashes
	assert_clean
}

# writers: what of the job writes, as the host sees it.
writers() {
	bed_exec -u root -- pgrep -fc 'job[ -]writes'
}

@test "no process of the job is left, and its workspace is free, when the prompt is back" {
	local work=/home/alice/teardown-work
	bed_exec mkdir "$work"
	removals_hang
	# One that ignores signals, and one that has left the session.
	bed_background awfctl run --mount "$work:/work" -- '
		(trap "" TERM HUP INT; while :; do echo "job writes" >>/work/a; done) &
		setsid sh -c "while :; do echo \"job writes\" >>/work/b; done" &
		until test -s /work/a && test -s /work/b; do :; done
		echo ready; read -r line'
	wait_for bed_background_said ready
	(($(writers) >= 2))
	bed_background_say go
	background_ended 0
	run ! writers
	# While the engine has removed nothing.
	bed_exec rm -r "$work"
	bed_exec mkdir "$work"
	is_listed state destroying
	[ -z "$(bed_exec ls "$work")" ]
	bed_exec rmdir "$work"
	removals_work
	awfd_crashes
	assert_clean
}

@test "copies of the logs are whole, and refusals are told, when the prompt is back" {
	local to=/home/alice/teardown-logs
	bed_exec mkdir "$to"
	removals_hang
	# shellcheck disable=SC2016 # for the job
	run -5 --separate-stderr bed_exec timeout "$SOON" awfctl run --allow-domains granted.example \
		--proxy-logs-dir "$to/logs" --audit-dir "$to/audit" -- '
		for n in 1 2 3; do curl -s -o /tmp/x "http://refused-$n.example/"; done; exit 5'
	[[ $stderr == *refused-1.example*refused-3.example* || $stderr == *refused-3.example*refused-1.example* ]]
	is_listed state destroying
	[ "$(bed_exec cat "$to/logs/squid.jsonl" | jq -r .host | paste -sd' ')" = 'refused-1.example refused-2.example refused-3.example' ]
	[ "$(bed_exec cat "$to/audit/audit.jsonl" | jq -r .event | tail -n 1)" = end ]
	bed_exec rm -r "$to"
	removals_work
	awfd_crashes
	assert_clean
}

# run_many N: one after the other, of which none waits.
run_many() {
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec sh -c 'for n in $(seq "$1"); do awfctl run -- true || exit; done' sh "$1"
}

@test "what is being removed counts in no quota, but a start waits while it is too much" {
	local ids began
	bed_configure_awfd <<<$'[Engine]\nSocket=/run/fake-engine.sock\n[Quota]\nSandboxes=2'
	removals_fail
	run_many 16
	bed_background awfctl run -- true
	wait_for bed_background_waits 'waiting for the removal of earlier sandboxes of alice'
	run -0 as bob awfctl run -- true # another user's are no reason to wait
	WAIT_SECONDS=40 wait_for bed_background_waits '16 sandboxes of alice, whose jobs are over, could not be removed within 30 s'
	background_ended 125
	mapfile -t ids < <(bed_exec awfctl list --quiet)
	bed_background awfctl run -- true
	wait_for bed_background_waits 'waiting for the removal'
	began=$SECONDS
	removals_work
	# Now, not when each is tried again by itself, which would be half a minute later; some may be by then.
	run bed_exec awfctl stop "${ids[@]}"
	background_ended 0
	((SECONDS - began < 20)) || { echo "after $((SECONDS - began)) s"; false; }
	assert_clean
}

bed_background_waits() {
	grep -qF -- "$1" "$BED_BACKGROUND/err" || { cat "$BED_BACKGROUND/err"; return 1; }
}
