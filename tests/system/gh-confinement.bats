#!/usr/bin/env bats
# What is taken from a gh before it runs. Every attack is first let loose without confinement, where it
# has to succeed. See cli-proxy.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # run and post set output, status and stderr, anew in each test

load cli-proxy

# A process of the same user that is there to be attacked.
setup() {
	sleep 1000 3>&- &
	VICTIM=$!
}

teardown() {
	kill "$VICTIM"
	proxy_stop
}

# attack NAME [TARGET]: succeeds alone and is refused through the proxy. The file TARGET is made anew
# before each of the two; as a proof that a refusal was one, it is the same afterwards.
attack() {
	echo "attack $*"
	run -0 --separate-stderr env -C "$BATS_TEST_TMPDIR" "$FAKE_GH" search issues attack "$@"
	[ "$output" = reached ]
	rm -f "$BATS_TEST_TMPDIR/copy"
	before
	run -1 --separate-stderr gh search issues attack "$@"
	echo "$output"
	[[ $output =~ ^(Operation not permitted|Permission denied|Function not implemented)$ ]]
	after
}

before() { :; }
after() { :; }

@test "a gh that runs can execute nothing" {
	proxy_start
	for name in exec-path exec-copy execat-path execat-descriptor execat-high execat-absolute execat-copy \
		execat-memory; do
		attack "$name" /bin/echo
	done
	attack exec-self
	[ "$(gh search issues attack exec-path /bin/echo)" = 'Permission denied' ]
}

@test "a gh starts no process and no namespace" {
	proxy_start
	for name in process-fork process-clone3 namespace-unshare namespace-clone; do
		attack "$name"
	done
}

# What an attacked file is like: everything but when it was read.
state_of() {
	stat -c '%a %u %g %s %h %i %y %z' "$1"
	cat "$1"
}

@test "a gh reaches no file but its own and the image's" {
	proxy_start AWF_IDLE_SECONDS=600 # the other one's directory is there until the end
	local name place target other
	gh api sleep 2>/dev/null 3>&- &
	wait_for_gh
	other=$(echo "$BATS_TEST_TMPDIR"/gh-??????)
	target=$BATS_TEST_TMPDIR/target
	before() { echo canary >"$target"; state_of "$target" >"$BATS_TEST_TMPDIR/before"; }
	after() { state_of "$target" | cmp - "$BATS_TEST_TMPDIR/before"; }
	for place in "$BATS_TEST_TMPDIR" "$other" /tmp /dev/shm; do
		target=$(mktemp "$place/awf-target-XXXXXX")
		for name in read write truncate empty chmod chown touch symlink hard-link rename remove; do
			[[ $place != /dev/shm || ! $name =~ ^(hard-link|rename)$ ]] || continue # across filesystems
			before
			attack "file-$name" "$target"
		done
		rm "$target"
	done
}

@test "in its own directory a gh does what it likes, and nothing beside it" {
	proxy_start
	run -0 gh search issues attack file-write ./file
	run -0 gh search issues attack file-directory ./directory
	run -0 gh search issues attack file-list .
	attack file-directory "$BATS_TEST_TMPDIR/directory"
	attack file-directory /tmp/awf-directory
}

@test "a gh sees no other's directory, and nothing of /proc" {
	proxy_start
	local pid
	gh api sleep 2>/dev/null 3>&- &
	wait_for_gh
	for target in "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/gh-?????? /tmp /proc "/proc/$VICTIM"; do
		attack file-list "$target"
	done
	attack file-watch "$BATS_TEST_TMPDIR"
	for pid in self "$VICTIM" "$GH_PID"; do
		attack proc-environ "$pid"
		attack proc-memory "$pid"
		attack proc-descriptors "$pid"
	done
	attack file-read "/proc/$VICTIM/status"
}

@test "the proxy itself is not for a gh to look into" {
	proxy_start
	for name in environ memory descriptors; do
		run -1 gh search issues attack "proc-$name" "$PROXY"
		[ "$output" = 'Permission denied' ]
	done
	for name in trace memory descriptor kill kill-thread limit; do
		run -1 gh search issues attack "other-$name" "$PROXY"
		[ "$output" = 'Operation not permitted' ]
	done
	[ "$(gh api descriptors | xargs)" = '0 1 2' ]
}

@test "a gh does nothing to another process" {
	proxy_start
	local name
	for name in memory descriptor kill kill-all kill-thread kill-task queue pidfd owner limit priority trace; do
		attack "other-$name" "$VICTIM"
	done
	gh api sleep 2>/dev/null 3>&- &
	wait_for_gh
	for name in kill kill-thread memory trace; do
		attack "other-$name" "$GH_PID"
	done
}

@test "a gh leaves neither its limits nor its process group" {
	proxy_start
	for name in limit session group; do
		attack "own-$name"
	done
}

@test "a gh has no memory that isn't counted, and no socket but those of the network" {
	proxy_start
	for name in memory-file memory-shared memory-segment socket-unix socket-pair socket-uevent socket-listen; do
		attack "$name"
	done
}

# On some virtual machines these calls end the program by SIGSEGV, whoever makes them.
reaches_own_abi() {
	for _ in {1..50}; do
		[ "$("$FAKE_GH" api attack own-abi 2>/dev/null)" != reached ] || return 0
	done
	return 1
}

@test "a gh that makes system calls of another architecture is killed" {
	local killed=159
	[[ $(uname -m) == x86_64 ]] || return 0 # others have no second one that is always there
	[ "$("$FAKE_GH" api attack own-x32)" = reached ]
	reaches_own_abi || killed=139
	proxy_start
	run -159 gh search issues attack own-x32
	for _ in {1..50}; do
		run gh search issues attack own-abi
		((status == 159 || status == 139)) || { echo "exit code $status: $output"; false; }
		((status != killed)) || return 0
	done
	false
}

@test "a gh that uses too much CPU time is stopped, and its client told" {
	proxy_start AWF_CPU_SECONDS=2
	post '{"args":["api","spin"]}'
	expect 504 '{"error":"gh was stopped: it used more than 2 s of CPU time"}'
	run -1 --separate-stderr gh api spin
	[ "$stderr" = 'gh: gh was stopped: it used more than 2 s of CPU time' ]
	[ "$(jq -r 'select(.event == "exec_done") | .stopped' "$BATS_TEST_TMPDIR/access.jsonl" | sort -u)" = \
		'gh was stopped: it used more than 2 s of CPU time' ]
	# A SIGKILL of its own is none of the limits.
	run -137 gh api kill
}

@test "a gh gets no more memory than the limit, and its client is told" {
	[ "$("$FAKE_GH" search issues eat 100)" = 100 ]
	proxy_start AWF_GH_MEMORY=67108864
	run -0 gh search issues eat 100
	((output > 40 && output < 64))
	post '{"args":["api","starve"]}'
	expect 500 '{"error":"gh was stopped: it needs more than 67108864 bytes of memory"}'
	run -1 --separate-stderr gh api starve
	[ "${stderr_lines[-1]}" = 'gh: gh was stopped: it needs more than 67108864 bytes of memory' ]
}

@test "a file that a gh writes is no larger than the limit" {
	[ "$(cd "$BATS_TEST_TMPDIR" && "$FAKE_GH" search issues fill 2000)" = '2000 ' ]
	proxy_start AWF_FILES_LIMIT=1048576
	[ "$(gh search issues fill 2000)" = '1024 File too large' ]
}

# unconfined CALL ERROR TEXT: on a kernel without it no gh runs, and who wants one is told why.
unconfined() {
	PROXY_COMMAND=("$BIN/tests/without" "$1" "$2")
	proxy_start
	run -1 --separate-stderr gh api reach
	echo "$stderr"
	[[ $stderr == *"$3"* && -z $output ]]
	post '{"args":["api","reach"]}'
	[[ $status == 500 && $output == *"$3"* ]]
	compgen -G "$BATS_TEST_TMPDIR/gh-*" && return 1
	proxy_stop
	wait "$PROXY"
}

@test "where a gh can't be confined none runs, and who wants one is told why" {
	PROXY_COMMAND=(env)
	proxy_start
	run -0 gh api reach
	proxy_stop
	wait "$PROXY"
	unconfined landlock_create_ruleset ENOSYS 'this kernel has no Landlock'
	unconfined landlock_create_ruleset EOPNOTSUPP "add landlock to the kernel's lsm= parameter"
	unconfined landlock_create_ruleset EPERM "the container's seccomp profile refuses Landlock"
	unconfined landlock_add_rule EPERM "its files can't be restricted: cannot allow /usr (landlock_add_rule)"
	unconfined landlock_restrict_self EPERM 'cannot restrict its files (landlock_restrict_self)'
	unconfined seccomp EPERM 'gh is not run'
}

@test "a gh that can't be executed is told with its path" {
	proxy_start AWF_GH_PATH=/no/gh
	post '{"args":["api","both"]}'
	expect 500 '{"error":"cannot run /no/gh: cannot execute it: No such file or directory"}'
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/script"
	proxy_stop
	proxy_start AWF_GH_PATH="$BATS_TEST_TMPDIR/script"
	post '{"args":["api","both"]}'
	expect 500 "{\"error\":\"cannot run $BATS_TEST_TMPDIR/script: cannot execute it: Permission denied\"}"
}
