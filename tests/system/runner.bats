#!/usr/bin/env bats
# A job of `awfctl run` outlives nothing: however the runner, the terminal or the connection that awfctl
# runs under ends, it and its sandbox are gone.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load terminal

readonly SSHD_DIR=/run/awf-sshd

setup_file() {
	bed up
}

teardown() {
	terminal_close
	[[ -z ${SSHD:-} ]] || bed_service kill sshd
	bed_clean_up_test
}

# A job that ends by itself only when it is asked to, and one that does not even then.
readonly PATIENT='echo the job runs; exec sleep 600'
readonly STUBBORN='trap "" TERM INT HUP; echo the job runs; while :; do sleep 1; done'

job_runs() {
	bed_background_said 'the job runs'
}

# ended PID: its exit code is in $code.
ended() {
	code=0
	wait "$1" || code=$?
}

@test "a runner that sends SIGTERM and, soon after it, SIGKILL leaves nothing of a job that ignores the first" {
	bed_background -u alice -- awfctl run -- "$STUBBORN"
	wait_for job_runs
	bed_exec -u root -- sh -c 'pkill -TERM -x awfctl; pkill -KILL -x awfctl' # within its 2 s for a last word
	ended "$BED_BACKGROUND_PID"
	[ "$code" = 137 ]
	assert_clean
}

@test "a runner that sends SIGTERM and waits has the job's last words and a code that says so" {
	bed_background -u alice -- awfctl run -- 'trap "echo tidied up; exit 5" TERM; echo the job runs; sleep 600 & wait'
	wait_for job_runs
	bed_kill TERM awfctl
	ended "$BED_BACKGROUND_PID"
	[ "$code" = 143 ]
	bed_background_said 'tidied up'
	assert_clean
}

# time_is_over CODE JOB [OPTION...]: under timeout(1), whose time is over once the job runs, and not before,
# however long the start takes: to SIGALRM it does as to its own timer.
time_is_over() {
	bed_background -u alice -- timeout "${@:3}" 600 awfctl run -- "$2"
	wait_for job_runs
	bed_kill ALRM timeout
	ended "$BED_BACKGROUND_PID"
	[ "$code" = "$1" ] || { echo "its code is $code, not $1"; return 1; }
	assert_clean
}

@test "under timeout(1): its code, and nothing is left, whether the job obeys or not" {
	time_is_over 124 "$PATIENT"
	[ "$(bed_background_output)" = 'the job runs' ]
	time_is_over 124 "$STUBBORN"
	time_is_over 137 "$STUBBORN" -k 0.2
	# timeout(1) signals awfctl twice, which is no second signal: that one would kill.
	time_is_over 124 'trap "sleep 0.3; echo tidied up; exit 5" TERM; echo the job runs; sleep 600 & wait'
	bed_background_said 'tidied up'
}

@test "a job with a terminal under a runner that has none: all output comes, and the end of the input once" {
	run -7 as alice awfctl run --tty -- 'sleep 0.3; tty; cat; exit 7' </dev/null
	[[ $output == *'/dev/pts/0'* || $output == *'/dev/console'* ]]
	run -0 as alice awfctl run --tty -- 'read -r x; echo "got $x"; cat; echo over' < <(printf 'one\ntwo')
	[[ $output == *$'got one\r\n'*$'two'*over* ]]
	bed_background -u alice -- awfctl run --tty --name shared -- bash -c \
		'echo the job runs; until read -rt 0.1 x; do echo waiting; done; echo "got $x"'
	wait_for job_runs
	# Who only watches ends nobody's input.
	as alice awfctl attach shared </dev/null >"$BATS_TEST_TMPDIR/watched" 3>&- &
	local watcher=$!
	wait_for grep -q waiting "$BATS_TEST_TMPDIR/watched"
	run -0 as alice awfctl attach shared < <(echo one)
	ended "$watcher"
	[ "$code" = 0 ]
	grep -q 'got one' "$BATS_TEST_TMPDIR/watched"
	ended "$BED_BACKGROUND_PID"
	[ "$code" = 0 ]
}

@test "under script(1): output and code come through, and its end is the job's" {
	run -7 as alice script -qec 'awfctl run --tty -- "tty; exit 7"' /dev/null
	[[ $output == *'/dev/pts/0'* || $output == *'/dev/console'* ]]
	bed_background -u alice -- script -qec "awfctl run --tty -- '$PATIENT'" /dev/null
	wait_for job_runs
	bed_kill KILL script
	assert_clean
	bed_background -u alice -- script -qec "awfctl run -- '$PATIENT'" /dev/null
	wait_for job_runs
	bed_kill KILL script
	assert_clean
}

@test "a terminal that is closed takes the job with it" {
	local option
	for option in '' --tty; do
		terminal_open 80
		terminal_line "clear; awfctl run $option -- '$PATIENT'"
		terminal_shows '^the job runs'
		[ -n "$(as alice awfctl list -q)" ]
		terminal_close
		assert_clean
	done
}

# --- ssh ------------------------------------------------------------------------------------------

# sshd on the bed's loopback, and a key by which alice comes to herself.
ssh_up() {
	bed_exec -u root -- sh -c 'mkdir -p "$1" /run/sshd && cd "$1" && rm -f host key key.pub &&
		ssh-keygen -qN "" -t ed25519 -f host && ssh-keygen -qN "" -t ed25519 -f key &&
		chown alice key && chmod 755 . && printf "%s\n" "Port 2222" "ListenAddress 127.0.0.1" \
		"HostKey $1/host" "AuthorizedKeysFile $1/key.pub" "StrictModes no" "UsePAM no" \
		"PidFile none" "SetEnv PATH=$PATH" >config' sh "$SSHD_DIR"
	bed_service start sshd -- /usr/sbin/sshd -D -e -f "$SSHD_DIR/config"
	SSHD=yes
	wait_for over_ssh true
}

# over_ssh [OPTION...] COMMAND
over_ssh() {
	as alice "${SSH[@]}" "$@"
}

readonly SSH=(ssh -F none -q -i "$SSHD_DIR/key" -p 2222 -o StrictHostKeyChecking=no
	-o UserKnownHostsFile=/dev/null -o BatchMode=yes 127.0.0.1)

@test "over ssh: a connection that drops is the end of the job" {
	ssh_up
	run -9 over_ssh 'awfctl run -- "echo over ssh; exit 9"'
	[ "$output" = 'over ssh' ]
	# With a terminal, at once.
	bed_background -u alice -- "${SSH[@]/#-q/-qtt}" "awfctl run --tty -- '$PATIENT'"
	wait_for job_runs
	bed_kill KILL ssh
	assert_clean
	# Without one sshd tells nobody: it is noticed when the job writes.
	bed_background -u alice -- "${SSH[@]}" 'awfctl run -- "while :; do echo the job runs; sleep 0.1; done"'
	wait_for job_runs
	bed_kill KILL ssh
	assert_clean
}
