#!/usr/bin/env bats
# list, inspect, attach, wait, stop; and who may.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# A sandbox of alice in the background; its id in $id.
start_in_background() {
	id=$(bed_exec awfctl start -- "$@")
	[[ $id =~ ^[a-z2-7]{10}$ ]]
}

has_exited() {
	bed_exec awfctl list --json | jq -e --arg id "$id" 'any(.id == $id and .state == "exited")'
}

@test "start prints the id, wait gives the command's exit code, stop removes the record" {
	start_in_background 'exit 7'
	run -7 bed_exec awfctl wait "$id"
	run -7 bed_exec awfctl wait "$id"
	wait_for has_exited # what is left of it is removed behind the waiting client's back
	run -0 bed_exec awfctl stop "$id"
	bed_exec awfctl list --json | jq -e --arg id "$id" 'all(.id != $id)'
	run -125 bed_exec awfctl wait "$id"
}

@test "inspect shows the owner, the command, and each phase with its time" {
	start_in_background 'exec sleep 600'
	run -0 bed_exec awfctl inspect --json "$id"
	jq -e '.state == "running" and .owner == "alice" and .command == ["/bin/sh", "-c", "exec sleep 600"] and
		([.steps[] | select(.name == "start agent" and .state == "done" and .elapsedUs > 0)] | length) == 1' <<<"$output"
	bed_exec awfctl stop "$id"
	assert_clean
}

@test "attach shows the output from then on, and its end is the command's" {
	local code=0
	start_in_background 'until [ -e /tmp/end ]; do echo line; sleep 0.2; done; exit 3'
	bed_background awfctl attach "$id"
	wait_for bed_background_said line
	touch_in_container "awf-$id-agent" /tmp/end
	wait "$BED_BACKGROUND_PID" || code=$?
	[ "$code" = 3 ]
	bed_exec awfctl stop "$id"
}

gone_from_engine() {
	run bed_exec -u root -- docker inspect "$1"
	((status != 0))
}

awfd_descriptors() {
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec -u root -- sh -c 'ls /proc/$(pgrep -x awfd)/fd | wc -l'
}

awfd_has_no_more_descriptors() {
	(($(awfd_descriptors) <= $1))
}

@test "records of what has ended cost no descriptor, and any number of them can be listed" {
	local i ids=() long before
	before=$(awfd_descriptors)
	long=$(head -c 120000 /dev/zero | tr '\0' x)
	for i in {1..10}; do
		ids+=("$(bed_exec awfctl start -- true "$long")")
	done
	for i in "${ids[@]}"; do bed_exec awfctl wait "$i"; done
	for i in {1..3}; do # whose commands have not ended by themselves
		ids+=("$(bed_exec awfctl start -- 'exec sleep 600')")
		bed_exec -u root -- docker kill "awf-${ids[-1]}-pause"
		run -125 bed_exec awfctl wait "${ids[-1]}"
	done
	run -0 bed_exec awfctl list --json
	wait_for awfd_has_no_more_descriptors "$before"
	jq -e 'map(select(.command[0] == "true")) |
		length == 10 and all(.[]; .command[1] | length < 300 and endswith("…"))' <<<"$output"
	bed_exec awfctl inspect --json "${ids[0]}" | jq -e '.command[1] | length == 120000'
	bed_exec awfctl stop "${ids[@]}"
}

# Two calls on one connection, the first one a start that fails, with a lease.
@test "a start that failed leaves no record, also while its connection goes on" {
	run -0 bed_exec bash -c 'coproc AWFD { exec socat - UNIX-CONNECT:"$AWFD_SOCKET"; }
		printf "%s\0" "{\"method\":\"io.awf.Sandbox.Start\",
			\"parameters\":{\"command\":[\"true\"],\"image\":\"no-such\",\"lease\":true}}" \
			"{\"method\":\"io.awf.Sandbox.List\"}" >&"${AWFD[1]}"
		for i in 1 2; do IFS= read -r -d "" -u "${AWFD[0]}" reply; printf "%s\n" "$reply"; done'
	jq -es '(.[0].error | endswith(".EngineError")) and all(.[1].parameters.sandboxes[]; .image != "no-such")' <<<"$output"
}

@test "stop gives the command its grace time, and ends it when that is over" {
	start_in_background 'trap "exit 9" TERM; while :; do sleep 0.1; done'
	run -0 bed_exec awfctl stop "$id"
	start_in_background 'trap "" TERM; while :; do sleep 0.1; done'
	run -0 bed_exec awfctl stop "$id"
	assert_clean
}

@test "another user's sandbox is not distinguishable from one that isn't there" {
	local verb
	start_in_background 'exec sleep 600'
	[ "$(as bob awfctl list --json | jq length)" = 0 ]
	for verb in inspect wait attach stop; do
		run -125 --separate-stderr as bob awfctl "$verb" "$id"
		mine=${stderr//$id/ID}
		run -125 --separate-stderr as bob awfctl "$verb" aaaaaaaaaa
		[ "$mine" = "${stderr//aaaaaaaaaa/ID}" ]
	done
	as root awfctl list --json | jq -e --arg id "$id" 'any(.id == $id)'
	run -0 bed_exec awfctl inspect "$id"
	bed_exec awfctl stop "$id"
}

@test "who is not in group awf is told so" {
	run -125 --separate-stderr as mallory awfctl list
	[[ $stderr == *'group awf'* ]]
}

@test "every Varlink client can ask what awfd speaks" {
	run -0 varlink_call org.varlink.service.GetInfo '{}'
	jq -e '.parameters.interfaces | index("io.awf.Sandbox")' <<<"$output"
	run -0 varlink_call org.varlink.service.GetInterfaceDescription '{"interface":"io.awf.Sandbox"}'
	[ "$(jq -r .parameters.description <<<"$output")" = "$(cat "$BATS_TEST_DIRNAME/../../proto/io.awf.Sandbox.varlink")" ]
	run -0 varlink_call io.awf.Sandbox.Inspect '{"id":"x","frob":1}'
	jq -e '.error == "io.awf.Sandbox.InvalidArgument" and .parameters.field == "frob"' <<<"$output"
	run -0 varlink_call io.awf.Sandbox.Frob '{}'
	jq -e '.error == "org.varlink.service.MethodNotFound"' <<<"$output"
}

# One call by hand: what a client that isn't ours sends and gets.
varlink_call() {
	bed_exec bash -c 'printf "{\"method\":\"%s\",\"parameters\":%s}\0" "$1" "$2" |
		socat -t 60 - UNIX-CONNECT:"$AWFD_SOCKET" | tr -d "\0"' - "$@"
}

@test "awfd --check-config names file, line, key and value" {
	bed_exec -u root -- sh -c 'printf "[Agent]\nPids=many\n" >/tmp/bad.conf'
	run -1 --separate-stderr bed_exec -u root -- awfd --check-config --config /tmp/bad.conf
	[[ $stderr == *'/tmp/bad.conf:2: Pids=many: expected a number'* ]]
	run -0 bed_exec -u root -- awfd --check-config
}

@test "SIGTERM of awfd ends what runs and leaves nothing" {
	start_in_background 'exec sleep 600'
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd stop
	run wait "$BED_BACKGROUND_PID"
	bed awfd start
	assert_clean
	# What came of the one that nobody was attached to can still be asked.
	run -137 --separate-stderr bed_exec awfctl wait "$id"
	[[ $stderr == *"awfd is stopping"* ]]
	bed_exec awfctl stop "$id"
	bed_exec awfctl list --json | jq -e --arg id "$id" 'all(.id != $id and .state == "exited")'
}

@test "what a killed awfd leaves and no client waits for is removed by the next one, and only that" {
	bed_exec -u root -- docker run -d --name bystander --network none --entrypoint /pause awf/pause:latest
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	bed_kill KILL awfctl
	run ! is_clean
	bed awfd start
	wait_for no_sandbox_container
	run -0 bed_exec -u root -- docker inspect -f '{{.State.Running}}' bystander
	[ "$output" = true ]
	bed_exec -u root -- docker rm -f bystander
	assert_clean
}

no_sandbox_container() {
	[ -z "$(bed_exec -u root -- docker ps -aq --filter label=awf.sandbox)" ]
}

@test "a job goes on when the client that watched it is killed, however much it writes" {
	local i
	start_in_background 'while :; do head -c 65536 /dev/zero; test -e /tmp/end && exit 4; done'
	for i in 1 2 3 4 5 6 7 8 9 10; do # more than may be attached at once
		bed_background sh -c "awfctl attach $id | head -c 1000000 >/dev/null; echo gone; exec sleep 600"
		wait_for bed_background_said gone
	done
	bed_background sh -c "awfctl attach $id | { head -c 1 >/dev/null; echo watching; sleep 600; }"
	wait_for bed_background_said watching
	bed_kill KILL awfctl
	touch_in_container "awf-$id-agent" /tmp/end
	run -4 timeout 30 "$BED" exec -- awfctl wait "$id"
}

@test "what the engine makes late for an awfd that was killed is found, too" {
	local container=awf-abcdefgh23-pause
	bed awfd kill
	bed awfd start
	# The new awfd has looked before it serves.
	run -0 bed_exec awfctl list
	bed_exec -u root -- docker create --name "$container" --label awf.sandbox=abcdefgh23 awf/pause:latest /pause
	bed_exec -u root -- docker create --name somebodys --label awf.sandbox=abcdefgh23 awf/pause:latest /pause
	wait_for gone_from_engine "$container"
	bed_exec -u root -- docker rm somebodys
}
