#!/usr/bin/env bats
# A start that fails at any call to the engine leaves nothing, says so, and harms nothing else. The fake
# engine passes everything on to the real one but the call that is to fail.

load bed

# What a start has beside a DIFC proxy.
EGRESS=

setup_file() {
	bed up
}

setup() {
	bed_fake_engine
}

teardown() {
	bed_clean_up_test
}

start_one() {
	bed_exec awfctl run $EGRESS --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- "$@"
}

# How many calls a start makes until the command runs: those of the destroy plan follow.
calls_until_started() {
	fake_engine calls | awk '/POST .*-agent\/start/ { print NR; exit }'
}

# fail_each FAULT...: lets each call of the create plan fail in turn, in that way.
fail_each() {
	local n count started=0
	start_one true
	count=$(calls_until_started)
	((count >= 12))
	for ((n = 1; n <= count; n++)); do
		fake_engine clear
		fake_engine "$1" "$n" '*' '.*' "${@:2}"
		run start_one sh -c 'echo it ran; exit 42'
		echo "call $n of $count: exit code $status: $output"
		if ((status != 42)); then
			((status == 125))
			[[ $output == *engine:* ]]
			[[ $output != *'it ran'* || $1 == lose ]]
			started=1
		fi
		fake_engine clear
		assert_clean
	done
	((started))
	# awfd is none the worse for it.
	run -42 start_one sh -c 'exit 42'
}

@test "the n-th call is answered with an error: nothing is left, for every n" {
	fail_each fail 500 'no space left on device'
}

@test "the connection of the n-th call is closed: nothing is left, for every n" {
	fail_each close
}

@test "the n-th call is carried out and its answer lost: nothing is left, for every n" {
	fail_each lose
}

@test "with egress, the n-th call is answered with an error: nothing is left, for every n" {
	EGRESS='--allow-domains granted.example'
	fail_each fail 500 'no space left on device'
}

@test "with egress, the n-th call is carried out and its answer lost: nothing is left, for every n" {
	EGRESS='--allow-domains granted.example'
	fail_each lose
}

@test "an error names the operation, the engine's message and its status" {
	fake_engine fail 1 POST '/containers/create.*-agent' 500 'no space left on device'
	run -125 --separate-stderr start_one true
	[[ $stderr == *'create'*'-agent'*'no space left on device'*500* ]]
}

@test "a failed start does not touch another sandbox" {
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-- 'echo ready; read -r line; gh api zen; echo; echo "still here"'
	wait_for bed_background_said ready
	fake_engine fail 1 POST '/containers/.*-agent/start' 500 'broken'
	run -125 start_one true
	bed_background_say go
	wait "$BED_BACKGROUND_PID"
	bed_background_said 'still here'
	bed_background_said 'logically awesome'
}

@test "a stop that leaves something is an error, and who asks again is answered when it is gone" {
	local id
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	fake_engine fail 1 DELETE '/containers/.*-agent' 500 'busy'
	run -125 --separate-stderr bed_exec awfctl stop "$id"
	[[ $stderr == *'not everything could be removed'*busy* ]]
	run -143 bed_exec timeout 15 awfctl wait "$id"
	run -0 bed_exec timeout 15 awfctl stop "$id"
	assert_clean
}

@test "an engine that goes right after it told the exit code may have lost output, and that is said" {
	fake_engine lose 1 GET '/containers/awf-[a-z2-7]*-agent/json'
	run -42 start_one sh -c 'echo it ran; exit 42'
	[[ $output == *'it ran'* && $output == *'some of its output may be lost: the Docker Engine was unavailable since '* ]]
	fake_engine clear
	run -42 start_one sh -c 'echo it ran; exit 42'
	[[ $output == 'it ran' ]]
}

@test "an engine that never answers a call is given up in time" {
	fake_engine hang 1 POST '/containers/.*-agent/attach'
	run -125 --separate-stderr start_one true
	[[ $stderr == *attach* ]]
}

@test "no engine at all is said clearly" {
	bed_service kill fake-engine
	run -125 --separate-stderr start_one true
	[[ $stderr == *'/run/fake-engine.sock'* ]]
	bed_service start fake-engine -- "$BED_TOOLS/fake-engine" --listen /run/fake-engine.sock \
		--upstream /run/docker.sock --control /run/fake-engine.control
	run -0 start_one true
}

@test "docker network rm, and an engine that makes none again: the sandbox ends and says so" {
	local id
	id=$(bed_exec awfctl start --allow-domains granted.example -- 'exec sleep infinity')
	fake_engine fail 0 POST /networks/create 507 'no room today'
	bed_exec -u root -- docker network rm awf-egress
	run -125 --separate-stderr bed_exec awfctl wait "$id"
	[[ $stderr == *'squid was cut off from awf-egress'*'create network awf-egress'*'no room today'* ]] || { echo "$stderr"; false; }
	fake_engine clear
	assert_clean
	EGRESS='--allow-domains granted.example' start_one true
}
