#!/usr/bin/env bats
# The bed itself: that it is what the other tests take it for. Runs on a bed of its own.

export BED_NAME=awf-bed-test
load bed

setup_file() {
	bed up
}

teardown_file() {
	bed down
}

init_pid() {
	cut -d' ' -f1 "$BED_DIR/init"
}

# What a bed could leave on the machine, one line each.
traces() {
	compgen -G "/sys/fs/cgroup/*/$BED_NAME" || :
	compgen -G "/sys/fs/cgroup/$BED_NAME" || :
	compgen -G "/run/$BED_NAME*" || :
	grep -s "$BED_NAME" /proc/mounts || :
	pgrep -fa "/$BED_NAME" || :
}

fingerprint() {
	md5sum /etc/passwd /etc/group /etc/hosts /etc/resolv.conf
	ip -o link | cut -d: -f2
	nft list ruleset 2>/dev/null
	ls /var/lib /var/log /run /home /srv /opt
}

@test "up is nothing to do when the bed is healthy" {
	local before
	before=$(init_pid)
	bed up
	[ "$(init_pid)" = "$before" ]
	run -0 bed status
	[[ $output == *engine* && $output == *awfd* ]]
}

@test "exit codes come through, and 128+n for a signal" {
	local code
	for code in 0 1 42 255; do
		run "-$code" bed_exec sh -c "exit $code"
	done
	run -143 bed_exec sh -c 'kill -TERM $$'
	run -137 bed_exec sh -c 'kill -KILL $$'
	run -127 bed_exec no-such-command
	run -126 bed_exec /etc/passwd
}

@test "stdin, stdout and stderr come through unchanged" {
	head -c 1M /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	bed_exec bash -c 'tee >(cat >&2); wait' <"$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/err"
}

# A signal to `bed exec` is the command's to handle, also from a shell that ignores SIGINT for it.
signal_reaches_command() {
	local status=0
	bed_background bash -c "trap 'echo caught; exit 9' $1; echo ready; while :; do sleep 0.05; done"
	wait_for bed_background_said ready
	kill "-$1" "$BED_BACKGROUND_PID"
	wait "$BED_BACKGROUND_PID" || status=$?
	[ "$status" = 9 ]
	bed_background_said caught
}

@test "INT and TERM reach the command" {
	signal_reaches_command INT
	signal_reaches_command TERM
}

@test "a bed exec that is killed takes its command along" {
	bed_background sh -c 'echo ready; exec sleep 4321'
	wait_for bed_background_said ready
	kill -KILL "$BED_BACKGROUND_PID"
	no_sleeper() { ! bed_exec -u root pgrep -f '^sleep 4321'; }
	wait_for no_sleeper
}

@test "users are who they should be" {
	run -0 as alice id -nG
	[ "$output" = 'alice awf' ]
	run -0 as bob id -nG
	[ "$output" = 'bob awf' ]
	run -0 as mallory id -nG
	[ "$output" = mallory ]
	run -0 bed_exec -- sh -c 'echo "$USER $HOME $PWD"; touch ~/mine'
	[ "$output" = 'alice /home/alice /home/alice' ]
	run ! as mallory ls /home/alice
	run -0 bed_exec -u root id -u
	[ "$output" = 0 ]
	run -0 bed_exec -u root id -nG awf-relay
	[ "$output" = awf-relay ]
	run ! bed_exec docker ps
	run ! as mallory docker ps
}

@test "users find awfctl, the CA and the socket's name" {
	run -0 bed_exec sh -c 'type awfctl; cat "$BED_DIFC_CA"; echo "$AWFD_SOCKET"'
	[[ $output == *BEGIN\ CERTIFICATE*/run/awfd/awfd.sock ]]
}

@test "the host has a name, a network and no way out of itself" {
	run -0 bed_exec hostname
	[ "$output" = awf-bed ]
	run -0 bed_exec getent hosts localhost
	run -0 bed_exec -u root ip -o link show
	[[ $output == *" eth0"* && $output == *" lo"* && $output == *" docker0"* ]]
}

# A refusal proves something only when its target is alive.
@test "what is outside answers" {
	local at
	for at in 10.77.0.2/80 169.254.169.254/80 203.0.113.80/443 2001:db8::80/443 fd77::2/80; do
		run -0 bed_exec bash -c "exec 3<>/dev/tcp/$at; timeout 5 cat <&3"
		[[ $output == *"answer from tcp:"* ]]
	done
	run -0 bed_exec -u root --netns outside ip -o address
	[[ $output == *169.254.169.254* ]]
}

@test "the DIFC stand-in serves localhost on both address families" {
	local at
	for at in 127.0.0.1:18443 '[::1]:18443'; do
		run -0 bed_exec sh -c 'openssl s_client -connect "$1" -servername localhost -CAfile "$BED_DIFC_CA" \
			-verify_hostname localhost -verify_return_error </dev/null' - "$at"
		[[ $output == *"CN = MCPG Proxy CA"* ]]
	done
}

@test "the DIFC stand-in fails on demand, and stops failing" {
	reach() { bed_exec sh -c 'echo | timeout 2 openssl s_client -connect 127.0.0.1:18443 -CAfile "$BED_DIFC_CA" \
		-verify_hostname localhost -verify_return_error'; }
	local fault
	for fault in 'refuse on' 'hang on' 'reset on' 'certificate expired' 'certificate other-name' 'certificate other-ca'; do
		# shellcheck disable=SC2086 # two words
		bed difc tell $fault
		run ! reach
		bed difc tell clear
		run -0 reach
	done
}

@test "services can be stopped, killed and started" {
	local before
	before=$(bed awfd pid)
	bed awfd restart
	[ "$(bed awfd pid)" != "$before" ]
	bed awfd kill
	run ! bed awfd pid
	run -1 bed status
	bed awfd start
	run -0 bed status
}

@test "what a sandbox could leave is found" {
	is_clean
	bed_exec -u root docker create --label awf.sandbox=x --name awf-x-agent awf/agent:latest true
	run ! is_clean
	[[ $output == *'container awf-x-agent'* ]]
	bed_exec -u root docker rm awf-x-agent
	bed_exec -u root ip link add awf-x type bridge
	run ! is_clean
	[[ $output == *'link awf-x'* ]]
	bed_exec -u root ip link del awf-x
	bed_exec -u root mkdir -p /run/awfd/sandboxes/x
	run ! is_clean
	bed_exec -u root rmdir /run/awfd/sandboxes/x
	assert_clean
}

@test "the fake engine counts calls and fails the one it is told to" {
	bed_service start fake-engine -- "$BED_TOOLS/fake-engine" --listen /run/fake-engine.sock \
		--upstream /run/docker.sock --control /run/fake-engine.control
	engine() { bed_exec -u root docker -H unix:///run/fake-engine.sock "$@"; }
	run -0 engine images -q
	run -0 fake_engine calls
	[[ $output == *'GET '*/images/json* ]]
	fake_engine clear
	fake_engine fail 2 '*' /images/json 507 no room today
	run -0 engine images -q
	run -1 engine images -q
	[[ $output == *'no room today'* ]]
	run -0 engine images -q
	fake_engine lose 1 POST containers/create
	run ! engine create --name lost awf/agent:latest true
	run -0 engine rm lost
	bed_service kill fake-engine
}

@test "SIGKILL of init ends everything, and up cures it" {
	kill -KILL "$(init_pid)"
	gone() { ! bed status; }
	wait_for gone
	run -3 bed status
	run -125 bed_exec true
	bed up
	run -0 bed status
	bed_exec true
}

@test "down leaves no trace, and is content when there is none" {
	bed down
	run -0 traces
	[ -z "$output" ]
	bed down
	run -3 bed status
	bed up
}

@test "the machine stays as it was" {
	local before
	bed down
	before=$(fingerprint)
	bed up
	bed_exec -u root touch /etc/canary /var/lib/canary /run/canary /root/canary /home/canary
	bed down
	diff <(echo "$before") <(fingerprint)
	bed up
}

@test "two ups at once make one bed" {
	bed down
	bed up &
	bed up
	wait $!
	run -0 bed status
}
