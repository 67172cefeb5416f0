#!/usr/bin/env bats
# awfd is replaced, killed, or away while jobs run: they go on, and what must end ends.

load bed
load stream

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

setup_file() {
	bed up
}

# keep_jobs [LINE...]: what these tests are about; the bed's awfd ends its jobs when it is stopped.
keep_jobs() {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' 'StopJobs=no' "$@")
}

setup() {
	keep_jobs
}

teardown() {
	bed_clean_up_test
}

agent_of_background() {
	bed_exec -u root -- docker ps -q --filter label=awf.role=agent
}

# tell_job WORD: makes the file /tmp/WORD in the one agent there is.
tell_job() {
	touch_in_container "$(agent_of_background)" "/tmp/$1"
}

# said_error REGEX: what the command in the background complained of.
said_error() {
	grep -qE "$1" "$BED_BACKGROUND/err" || { cat "$BED_BACKGROUND/err"; return 1; }
}

# edit_state FILTER: jq's, on the state file of the one sandbox there is.
edit_state() {
	bed_exec -u root -- sh -c 'jq "$1" "$2" >/tmp/s && cp /tmp/s "$2" && rm /tmp/s' sh "$1" \
		"/var/lib/awfd/sandboxes/$(bed_exec -u root -- ls /run/awfd/sandboxes).json"
}

restart() {
	case $1 in
	kill) bed awfd kill && bed awfd start ;;
	stop) bed awfd restart ;;
	esac
}

@test "a job that streams and calls gh sees 20 restarts of awfd without a lost byte or a failed call" {
	bed_background awfctl run "${DIFC[@]}" -- "$STREAM"
	wait_for bed_background_said 'line 2'
	for verb in stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill stop kill; do
		goes_on_after restart "$verb"
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

# The sandboxes of a state, as root sees them.
ids_in_state() {
	as root awfctl list --json | jq -r --arg state "$1" '.[] | select(.state == $state).id'
}

@test "a client that is gone when awfd is back has no sandbox any more" {
	bed_background awfctl run "${DIFC[@]}" -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	bed_kill KILL awfctl
	bed awfd start
	assert_clean
	[ -z "$(ids_in_state running)" ]
}

@test "a client that is there and does not come back loses its sandbox after LeaseSeconds" {
	keep_jobs LeaseSeconds=1
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed_kill STOP awfctl
	bed awfd kill
	bed awfd start
	assert_clean
	bed_kill CONT awfctl
	background_ended 125
	said_error 'sandbox [a-z2-7]+ ended while awfd was restarted: '
}

@test "a signal to a client while awfd is away ends it, and then its sandbox" {
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	bed_kill TERM awfctl
	background_ended 143
	bed awfd start
	assert_clean
}

@test "a start in flight ends in a clear error when awfd is killed, and leaves nothing" {
	bed difc tell refuse on
	bed_background awfctl run "${DIFC[@]}" --difc-wait 600 -- true
	wait_for grep -q 'waiting for' "$BED_BACKGROUND/err"
	bed awfd kill
	background_ended 125
	said_error 'awfd closed the connection'
	bed awfd start
	assert_clean
}

@test "SIGTERM ends starts in flight and keeps what runs; SIGINT ends everything" {
	local kept
	kept=$(bed_exec awfctl start -- 'exec sleep 600')
	bed difc tell refuse on
	bed_background awfctl run "${DIFC[@]}" --difc-wait 600 -- true
	wait_for grep -q 'waiting for' "$BED_BACKGROUND/err"
	bed awfd restart
	background_ended 125
	said_error 'awfd is stopping'
	[ "$(ids_in_state running)" = "$kept" ]
	bed_kill INT awfd
	wait_for no_awfd
	bed awfd start
	[ -z "$(ids_in_state running)" ]
	assert_clean
	bed_exec awfctl stop "$kept"
}

no_awfd() {
	! bed_exec -u root -- pgrep -x awfd
}

@test "an adopted sandbox is listed, inspected, attached to, and stopped like any other" {
	local id before
	id=$(bed_exec awfctl start "${DIFC[@]}" --memory-limit 256m -- 'trap "exit 5" TERM; while :; do echo tick; sleep 0.05; done')
	before=$(bed_exec awfctl inspect --json "$id")
	bed awfd kill
	bed awfd start
	diff <(echo "$before") <(bed_exec awfctl inspect --json "$id")
	bed_background awfctl attach "$id"
	wait_for bed_background_said tick
	run ! as bob awfctl inspect "$id"
	bed_exec awfctl stop "$id"
	wait "$BED_BACKGROUND_PID" || [ $? = 5 ]
	assert_clean
}

@test "results and who may have them outlive awfd, until they are removed" {
	local id
	id=$(bed_exec awfctl start -- 'exit 33')
	run -33 bed_exec awfctl wait "$id"
	bed awfd kill
	bed awfd start
	run -33 bed_exec awfctl wait "$id"
	run ! as bob awfctl wait "$id"
	bed_exec awfctl stop "$id"
	bed awfd restart
	run ! bed_exec awfctl wait "$id"
	[[ $output == *"no sandbox"* || $output == *"no such"* ]] || { echo "$output"; false; }
	run ! bed_exec -u root -- test -e "/var/lib/awfd/sandboxes/$id.json"
}

@test "the time of a command goes on while awfd is away" {
	bed_background awfctl run --agent-timeout 1 -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	# Its deadline as if it had begun a minute ago: nobody wants to wait for that.
	edit_state '.deadlineMs -= 60000'
	bed awfd start
	background_ended 124
	assert_clean
}

@test "quotas count what an earlier awfd started" {
	keep_jobs '[Quota]' Sandboxes=1
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	bed awfd start
	run -125 bed_exec awfctl run -- true
	[[ $output == *"limit reached: sandboxes: 1 of 1 in use by alice"* ]]
	bed_kill TERM awfctl
	assert_clean
	run -0 bed_exec awfctl run -- true
}

lists_none() {
	[ -z "$(as root awfctl list -q)" ]
}

@test "with the state directory lost, everything is found and removed, and nothing else" {
	local id
	id=$(bed_exec awfctl start "${DIFC[@]}" --allow-domains granted.example -- 'exec sleep 600')
	bed_exec -u root -- docker run -d --name bystander --network none --entrypoint /pause awf/pause:latest
	bed awfd kill
	bed_exec -u root -- sh -c 'rm -rf /var/lib/awfd/*'
	bed awfd start
	wait_for no_sandbox_container
	wait_for lists_none
	run -0 bed_exec -u root -- docker rm -f bystander
	assert_clean
}

@test "a state file of another version, cut off or of another kind is no sandbox: what it names is removed" {
	local content id
	for content in '' '{' '[]' '{"version":1}' '{"version":99,"phase":"running"}' "$(head -c 3000000 /dev/zero | tr '\0' x)"; do
		id=$(bed_exec awfctl start -- 'exec sleep 600')
		bed awfd kill
		printf %s "$content" | bed_exec -u root -- tee "/var/lib/awfd/sandboxes/$id.json" >/dev/null
		bed awfd start
		assert_clean
		run ! bed_exec awfctl inspect "$id"
	done
}

@test "a sidecar that ended while awfd was away ends the sandbox, which says so" {
	bed_background awfctl run "${DIFC[@]}" -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	bed awfd kill
	bed_end awf-cli-proxy
	bed awfd start
	background_ended 125
	said_error 'container awf-[a-z2-7]*-cli-proxy ended while awfd was away'
	assert_clean
}

# Lets nobody else open a file for writing, until stdin ends: what asks for it waits as long as the kernel
# makes it, 45 s (fcntl(2), F_SETLEASE).
readonly HOLD_LEASE='
import fcntl, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = open(sys.argv[1])
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
print("held", flush=True)
sys.stdin.read()'

@test "an owner who keeps others from opening a log of his keeps no awfd waiting" {
	local id log
	id=$(bed_exec awfctl start --allow-domains granted.example -- 'exec sleep 600')
	log=/var/log/awfd/$id/audit.jsonl
	bed awfd kill
	bed_background -u alice -- python3 -c "$HOLD_LEASE" "$log"
	wait_for bed_background_said held
	run ! bed_exec -u root -- python3 -c 'import os, sys; os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)' "$log"
	bed awfd start
	run -0 bed_exec -- timeout 10 awfctl inspect "$id"
	grep -F "a log is not gone on with: cannot open $log" "$BED_DIR/awfd.log"
	[ "$(bed_exec -u root -- stat -c '%U %a' "$log")" = 'alice 400' ]
	bed_exec awfctl stop "$id"
	assert_clean
}

no_sandbox_container() {
	[ -z "$(bed_exec -u root -- docker ps -aq --filter label=awf.sandbox)" ]
}

# --- relays ---

relay_pid() {
	bed_exec -u root -- pgrep -x awf-relay
}

has_another_relay() {
	local pid
	pid=$(relay_pid)
	[[ $pid =~ ^[0-9]+$ && $pid != "$1" ]]
}

# A job that asks gh once for each line that it reads, and says what came of it.
readonly ASK='echo ready; while read -r turn; do
	if gh api rate_limit --jq .rate.limit >/tmp/out 2>&1; then echo "$turn: $(cat /tmp/out)"; else echo "$turn failed: $(cat /tmp/out)"; fi
done'

start_asking() {
	bed_background awfctl run "${DIFC[@]}" -- "$ASK"
	wait_for bed_background_said ready
	ask first
}

ask() {
	bed_background_say "$1"
	wait_for bed_background_said "$1: 5000"
}

@test "a relay that is killed is started again on the same listeners: no connection is refused" {
	local pid turn
	start_asking
	for turn in a b c; do
		pid=$(relay_pid)
		bed_kill KILL awf-relay
		ask "$turn" # at once: it waits in the listener's queue
		wait_for has_another_relay "$pid"
	done
	run ! grep failed "$BED_BACKGROUND/out"
}

@test "a relay that an earlier awfd started is started again, too, also when it ended meanwhile" {
	local pid
	start_asking
	bed awfd kill
	bed awfd start
	pid=$(relay_pid)
	bed_kill KILL awf-relay
	wait_for has_another_relay "$pid"
	ask second
	bed awfd kill
	pid=$(relay_pid)
	bed_kill KILL awf-relay
	bed awfd start
	wait_for has_another_relay "$pid"
	ask third
	bed awfd kill
	bed awfd start
	[ "$(relay_pid | wc -l)" = 1 ]
	ask fourth
}

has_one_relay() {
	[ "$(relay_pid | wc -l)" = 1 ]
}

@test "a relay that an awfd started and had no time to note is no second one" {
	local pid
	start_asking
	bed awfd kill
	pid=$(relay_pid)
	edit_state 'del(.relay)'
	bed awfd start
	wait_for has_one_relay
	wait_for has_another_relay "$pid"
	ask second
	bed_kill TERM awfctl
	assert_clean
}

@test "a sidecar and the relay that ended while awfd was away: the sidecar is why" {
	start_asking
	bed awfd kill
	bed_end awf-cli-proxy
	bed_kill KILL awf-relay
	bed awfd start
	background_ended 125
	said_error 'container awf-[a-z2-7]*-cli-proxy ended while awfd was away'
	assert_clean
}

@test "a relay that ended while awfd was away and cannot be started again ends its sandbox, which says so" {
	start_asking
	bed awfd kill
	bed_kill KILL awf-relay
	bed_exec -u root -- sh -c "printf '[Daemon]\\nHelperDirectory=/nowhere\\n' >>/etc/awfd/awfd.conf.d/test.conf"
	bed awfd start
	background_ended 125
	said_error 'the relay cannot be started again: .*/nowhere/awf-relay'
	assert_clean
}

# The sixth within 10 s is the last.
client_ended_with_relay() {
	bed_kill KILL awf-relay || :
	! kill -0 "$BED_BACKGROUND_PID" 2>/dev/null
}

@test "a relay that keeps ending ends its sandbox, which says so" {
	local pid
	start_asking
	for _ in 1 2 3 4 5; do
		pid=$(relay_pid)
		bed_kill KILL awf-relay
		wait_for has_another_relay "$pid"
	done
	wait_for client_ended_with_relay
	background_ended 125
	said_error 'the relay keeps ending: awf-relay ended with signal SIGKILL'
	assert_clean
}
