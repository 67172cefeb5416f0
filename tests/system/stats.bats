#!/usr/bin/env bats
# awfctl stats: what sandboxes use and do, in numbers; to their owner alone.

load bed
load attack
load internet
load terminal

setup_file() {
	bed up
	bed image agent-test
}

teardown() {
	terminal_close
	stop_all
	bed_clean_up_test
}

# job [AWFCTL-START-OPTION...] -- COMMAND...: started in the background; its id.
job() {
	bed_exec awfctl start --agent-image awf/agent-test:latest "$@"
}

# stats_of ID FILTER: whether its statistics fit a filter of jq.
stats_of() {
	bed_exec awfctl stats --json "$1" | tee "$BATS_TEST_TMPDIR/stats" | jq -e ".[0] | $2" || { cat "$BATS_TEST_TMPDIR/stats"; return 1; }
}

# is_in_agent ID PATH
is_in_agent() {
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec -u root -- sh -c 'test -e "/proc/$(docker inspect -f "{{.State.Pid}}" "awf-$1-agent")/root$2"' sh "$1" "$2"
}

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

@test "processor, memory, processes, connections, requests and calls of gh are counted" {
	local id
	id=$(job "${DIFC[@]}" --allow-domains granted.example --memory-limit 128m --pids-limit 50 -- '
		head -c 20000000 /dev/zero >/tmp/big
		timeout 1 sh -c "while :; do :; done"
		curl -s -o /dev/null https://granted.example/; curl -s https://other.example/
		gh api rate_limit; gh auth status
		timeout 1 bash -c "</dev/tcp/172.30.0.10/22"
		sleep 600 & sleep 600 & wait')
	wait_for stats_of "$id" '.requestsAllowed == 1 and .requestsRefused == 1 and .ghAllowed == 1 and .ghRefused == 1 and
		.packetsDropped >= 1 and .pids >= 3'
	stats_of "$id" '.owner == "alice" and .cpuUs > 20000 and .memory > 20000000 and .memory < .memoryLimit and
		.memoryLimit == 134217728 and .pidsLimit == 50 and .relayConnections >= 1 and .relayBytesSent > 100 and
		.relayBytesReceived > 100 and .relayFailed == 0'
	run -0 --separate-stderr bed_exec awfctl stats "$id"
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]//$'\t'/|} =~ ^$id\|[0-9.]+%\|[0-9.]+MiB\ /\ 128.0MiB\|[0-9]+\ /\ 50\|.*\|1\ /\ 1\|1\ /\ 1$ ]]
}

# It takes no part in the agent's network, by way of which it looks for the agent.
@test "docker stats has nothing of the agent, which awfctl stats has" {
	local id
	id=$(job -- 'sleep 600')
	wait_for stats_of "$id" '.pids >= 1 and .memory > 0'
	run -0 bed_exec -u root -- docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}'
	grep -qx "awf-$id-agent 0B / 0B 0" <<<"$output"
	grep -qE "^awf-$id-pause [1-9].* 1$" <<<"$output"
}

# Its number of requests is renewed by an awfd that was not there when it was first shown.
@test "on a terminal they are shown anew over a restart of awfd, until the sandbox has ended" {
	local id
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no)
	id=$(job --allow-domains granted.example -- 'until [ -e /tmp/go ]; do sleep 0.1; done
		curl -s -o /dev/null https://granted.example/; until [ -e /tmp/end ]; do sleep 0.1; done')
	# Under a shell, which tells the exit code: tmux does not always see that its own child has ended.
	terminal_open 200
	terminal_shows 'ready'
	terminal_line "awfctl stats $id; echo ended with \$?"
	terminal_shows "$id .* 0 / 0 +0 / 0"
	bed awfd kill
	bed awfd start
	touch_in_container "awf-$id-agent" /tmp/go
	terminal_shows "$id .* 1 / 0 +0 / 0"
	touch_in_container "awf-$id-agent" /tmp/end
	terminal_shows '^ended with 0'
}

@test "another user's are not told, root is told all" {
	local id
	id=$(job -- 'sleep 600')
	wait_for stats_of "$id" '.pids >= 1'
	[ "$(as bob awfctl stats --json)" = $'[\n]' ]
	run -125 --separate-stderr as bob awfctl stats "$id"
	[ "$stderr" = "awfctl: no sandbox '$id' of yours; awfctl list shows them" ]
	bed_exec -u root -- awfctl stats --json | jq -e --arg id "$id" 'any(.id == $id and .owner == "alice")'
	bed_exec awfctl stop "$id"
	[ "$(bed_exec awfctl stats --json)" = $'[\n]' ]
}

@test "a killed awfd and a killed relay forget nothing of it" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no)
	local id before
	id=$(job "${DIFC[@]}" --allow-domains granted.example -- '
		curl -s -o /dev/null https://granted.example/; curl -s https://other.example/; gh api rate_limit; touch /tmp/asked
		until [ -e /tmp/go ]; do sleep 0.1; done; gh api rate_limit; sleep 600')
	wait_for is_in_agent "$id" /tmp/asked # all of gh's connections
	wait_for stats_of "$id" '.requestsAllowed == 1 and .requestsRefused == 1 and .ghAllowed == 1 and .relayOpen == 0'
	before=$(bed_exec awfctl stats --json "$id" | jq '.[0].relayConnections')
	bed awfd kill
	bed awfd start
	stats_of "$id" ".requestsAllowed == 1 and .requestsRefused == 1 and .ghAllowed == 1 and .relayConnections == $before"
	bed_kill KILL awf-relay
	touch_in_container "awf-$id-agent" /tmp/go
	wait_for stats_of "$id" ".ghAllowed == 2 and .relayConnections > $before"
}

@test "a compromised relay cannot grow or cut the file that it counts in" {
	local id pid
	id=$(job "${DIFC[@]}" -- 'sleep 600')
	pid=$(bed_exec -u root -- pgrep -f -- "--sandbox=$id")
	bed_exec -u root -- grep -q "/run/awfd/sandboxes/$id/relay-counters" "/proc/$pid/maps"
	run ! bed_exec -u root -- sh -c 'ls -l "/proc/$1/fd" | grep counters' sh "$pid"
	[ "$(bed_exec -u root -- stat -c '%a %U %s' "/run/awfd/sandboxes/$id/relay-counters")" = '600 root 64' ]
}

@test "a compromised relay can add to its log, up to a bound, and neither read nor change nor cut it" {
	local id pid fd flags
	id=$(job "${DIFC[@]}" -- 'sleep 600')
	pid=$(bed_exec -u root -- pgrep -f -- "--sandbox=$id")
	[ "$(bed_exec -u root -- stat -c '%a %U' "/run/awfd/sandboxes/$id/relay.log")" = '600 root' ]
	fd=$(bed_exec -u root -- find "/proc/$pid/fd" -lname "/run/awfd/sandboxes/$id/relay.log" -printf %f)
	flags=$(bed_exec -u root -- awk '$1 == "flags:" { print $2 }' "/proc/$pid/fdinfo/$fd")
	# Written at its end, with a system call filter that has no other way: O_WRONLY and O_APPEND.
	[ $((8#$flags & 8#2003)) = $((8#2001)) ]
	bed_exec -u root -- grep -qE '^Max file size +67108864 +67108864 ' "/proc/$pid/limits"
	bed_exec -u root -- grep -qE '^Seccomp:\s+2$' "/proc/$pid/status"
}
