#!/usr/bin/env bats
# awfctl on a real terminal: what it shows, what keys do, and how the terminal is afterwards.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load terminal

setup_file() {
	bed up
}

teardown() {
	terminal_close
	bed_clean_up_test
}

# The engine never answers the start of the command: so the phases before it can be looked at.
hold_starts() {
	bed_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/start'
}

# --- progress -------------------------------------------------------------------------------------

@test "the phases of a start are in one line, which is replaced, and gone when the command runs" {
	terminal_open 80
	terminal_line 'awfctl run -- "echo the command; exec sleep 600"'
	terminal_shows '^the command'
	terminal_lacks 'starting'
	[ "$(terminal_screen | grep -c .)" = 2 ]
	terminal_key C-c
	terminal_shows '^\^Cready\$'
}

@test "a start that hangs shows what it has come to, in as much as the line has room for" {
	local columns
	hold_starts
	for columns in 60 80 240; do
		fake_engine hang 1 POST '/containers/.*-agent/start'
		terminal_open "$columns"
		terminal_line 'clear; awfctl run -- true'
		terminal_shows '^awfctl: starting, .*attach [0-9.]+ ms$'
		[ "$(terminal_screen | grep -c .)" = 1 ] || { terminal_screen; false; }
		((columns < 240)) || terminal_has '^awfctl: starting, [0-9.]+ m?s: [^…]*start pause'
		((columns >= 240)) || terminal_has '^awfctl: starting, [0-9.]+ m?s: …'
		terminal_key C-c
		terminal_shows '^\^?C?ready\$ *$'
		terminal_lacks 'starting'
		terminal_close
		# What is given up has its turn until the engine has answered.
		bed awfd kill
		bed awfd start
	done
}

@test "a message during the start has its own line, and Ctrl-Z leaves the line to the shell" {
	hold_starts
	terminal_open 200
	terminal_line 'clear; awfctl run -e GITHUB_TOKEN=x --difc-proxy-host localhost:1 --difc-proxy-ca-cert '"$BED_DIFC_CA"' -- true'
	terminal_shows '^awfctl: waiting for '
	terminal_shows '^awfctl: starting, '
	terminal_key C-z
	terminal_shows 'Stopped'
	terminal_lacks '^awfctl: starting'
	terminal_line fg
	terminal_shows '^awfctl: starting, '
	terminal_key C-c
	terminal_shows '^\^?C?ready\$ *$'
}

@test "in a pipe, on a dumb terminal and with another level there is no such line" {
	run -0 --separate-stderr as alice awfctl run -- 'echo out; echo err >&2'
	[ "$output/$stderr" = out/err ]
	hold_starts
	terminal_open 200
	terminal_line 'clear; TERM=dumb awfctl run -- true'
	terminal_line ''
	wait_for held 1
	terminal_lacks starting
	terminal_key C-c
	fake_engine hang 1 POST '/containers/.*-agent/start'
	terminal_line 'clear; awfctl --log-level debug run -- true'
	terminal_shows '^awfctl: debug: create agent: [0-9.]+ ms'
	wait_for held 2
	terminal_lacks starting
	terminal_key C-c
}

# So many starts of a command are held back.
held() {
	(($(fake_engine calls | grep -c 'POST .*-agent/start') == $1))
}

# --- a terminal for the command --------------------------------------------------------------------

# What a shell of alice's says of its terminal, which is to be the same afterwards.
mode() {
	terminal_line 'clear; stty -g | md5sum'
	terminal_shows '^[0-9a-f]{32} '
	terminal_screen | grep -oE '^[0-9a-f]{32} '
}

# What the job before said is not the next one's.
clear_of_jobs() {
	terminal_line clear
	wait_for terminal_lacks '^job is here'
}

# job_on_terminal COMMAND [OPTION...]: run --tty of a command that first says that it is there.
job_on_terminal() {
	clear_of_jobs
	terminal_line "clear; awfctl run --tty ${*:2} -- 'echo job is here; $1'; echo code \$?"
	terminal_shows '^job is here'
}

readonly SIZES='trap "stty size" WINCH; stty size; while :; do read -t 0.1 x; done'

@test "the command's terminal has the size of awfctl's, and follows it" {
	terminal_open 80
	job_on_terminal 'exec bash -c "'"${SIZES//\"/\\\"}"'"'
	terminal_shows '^24 80$'
	terminal resize-window -x 111 -y 33
	terminal_shows '^33 111$'
	terminal resize-window -x 200 -y 50
	terminal_shows '^50 200$'
	terminal_key C-c
	terminal_shows '^\^?C?code 130$'
}

@test "every key is the command's: Ctrl-C, Ctrl-backslash, Ctrl-Z and Ctrl-P; afterwards the terminal is as it was" {
	local before
	terminal_open 80
	before=$(mode)
	job_on_terminal 'stty raw -echo; echo job is raw; dd bs=1 count=5 2>/dev/null | od -An -tx1'
	terminal_shows '^ *job is raw'
	terminal_key C-c 'C-\' C-z C-p C-q
	terminal_shows '^ *03 1c 1a 10 11'
	terminal_shows 'code 0$'
	[ "$(mode)" = "$before" ]
	# Without such a mode they are signals to the command, on its own terminal.
	job_on_terminal 'exec sleep 600'
	terminal_key 'C-\'
	terminal_shows 'code 131$'
	job_on_terminal 'exec sleep 600'
	terminal_key C-c
	terminal_shows 'code 130$'
	[ "$(mode)" = "$before" ]
}

@test "the terminal is as it was, however awfctl ends" {
	local before signal
	terminal_open 80
	before=$(mode)
	for signal in TERM HUP QUIT INT SEGV ABRT; do
		job_on_terminal 'exec sleep 600'
		bed_kill "$signal" awfctl
		terminal_shows 'code 1[0-9][0-9]$'
		[ "$(mode)" = "$before" ]
	done
	assert_clean
	# Also when awfd's end is sudden.
	job_on_terminal 'exec sleep 600'
	bed awfd kill
	bed awfd start
	wait_for as alice awfctl stop "$(as alice awfctl list -q)"
	terminal_shows 'code [0-9]+$'
	[ "$(mode)" = "$before" ]
}

@test "without --tty, keys are signals to awfctl: Ctrl-C and Ctrl-backslash end it, Ctrl-Z stops it" {
	terminal_open 80
	terminal_line 'clear; awfctl run -- "echo job is here; exec sleep 600"; echo code $?'
	terminal_shows '^job is here'
	terminal_key C-c
	terminal_shows 'code 130$'
	clear_of_jobs
	terminal_line 'clear; awfctl run -- "echo job is here; exec sleep 600"; echo code $?'
	terminal_shows '^job is here'
	terminal_key 'C-\'
	terminal_shows 'code 131$'
	clear_of_jobs
	terminal_line 'clear; awfctl run -- "echo job is here; cat"'
	terminal_shows '^job is here'
	terminal_key C-z
	terminal_shows 'Stopped'
	terminal_line 'fg'
	terminal_line 'still there'
	terminal_key C-d
	terminal_shows '^ready\$ *$'
	[ "$(terminal_screen | grep -c '^still there')" = 2 ]
	assert_clean
}

# size_is ROWS COLUMNS: the job says so when it reads a line, and may have the size later than that.
size_is() {
	terminal_line again
	terminal_has "^$1 $2"
}

@test "a terminal in the background is left by its keys, and waits for who comes back" {
	local id before
	id=$(as alice awfctl start --tty --name shell -- sh -c 'echo begun; while read -r x; do echo "got $x"; stty size; done')
	terminal_open 80
	before=$(mode)
	terminal_line 'clear; awfctl attach shell; echo code $?'
	wait_for is_attached
	terminal_line one
	terminal_shows '^got one'
	wait_for size_is 24 80
	terminal_key C-p C-q
	terminal_shows '^awfctl: detached from sandbox shell: awfctl attach shell comes back to it'
	terminal_shows 'code 0$'
	[ "$(mode)" = "$before" ]
	[ "$(as alice awfctl inspect --format state shell)" = running ]
	terminal resize-window -x 100 -y 40
	terminal_line 'clear; awfctl attach --detach-keys "~,." shell; echo code $?'
	wait_for is_attached
	terminal_line two
	terminal_shows '^got two'
	wait_for size_is 40 100
	terminal_type '~.'
	terminal_shows 'code 0$'
	terminal_line "clear; awfctl attach $id; echo code \$?"
	wait_for is_attached
	terminal_key C-d
	terminal_shows 'code 0$'
	[ "$(mode)" = "$before" ]
	wait_for shell_has_exited
}

shell_has_exited() {
	[ "$(as alice awfctl inspect --format state,exitCode shell)" = $'exited\t0' ]
}

# awfctl holds a stream: its terminal is in raw mode then.
is_attached() {
	bed_exec -u root -- sh -c 'stty -F "/proc/$(pgrep -x awfctl)/fd/0" -a' | grep -q -- ' -icanon'
}

@test "several watch one command; one that is killed or leaves holds up neither it nor the others" {
	local id i
	id=$(as alice awfctl start -- 'until test -e /tmp/begin; do sleep 0.05; done
		n=0; until test -e /tmp/end; do n=$((n + 1)); echo "line $n of the job"; sleep 0.01; done; exit 9')
	bed_background -u alice -- awfctl attach "$id"
	local first=$BED_BACKGROUND first_pid=$BED_BACKGROUND_PID
	bed_background -u alice -- awfctl attach "$id"
	local second=$BED_BACKGROUND second_pid=$BED_BACKGROUND_PID
	bed_background -u alice -- awfctl attach "$id"
	wait_for watchers 3
	touch_in_container "awf-$id-agent" /tmp/begin
	for i in "$first" "$second" "$BED_BACKGROUND"; do
		wait_for grep -q 'of the job' "$i/out"
	done
	kill -KILL "$BED_BACKGROUND_PID"
	wait_for watchers 2
	kill -TERM "$second_pid"
	wait_for watchers 1
	i=$(tail -n 1 "$first/out" | cut -d ' ' -f 2)
	wait_for grep -q "^line $((i + 50)) of" "$first/out"
	touch_in_container "awf-$id-agent" /tmp/end
	ended "$first_pid"
	[ "$code" = 9 ]
	# What the first one saw is all of it, from where it came on.
	awk '{ if (NR > 1 && $2 != last + 1) exit 1; last = $2 }' "$first/out"
	run -9 as alice awfctl wait "$id"
	ended "$second_pid"
	[ "$code" = 143 ]
	[ "$(wc -l <"$second/out")" -gt 0 ]
}

# The exit code of one in the background.
ended() {
	code=0
	wait "$1" || code=$?
}

# So many clients hold a connection of the engine's.
watchers() {
	(($(bed_exec -u root -- pgrep -xc awfctl) == $1))
}

# --- what a list looks like ------------------------------------------------------------------------

@test "a list is as wide as the terminal, in colours, unless NO_COLOR says otherwise" {
	local columns id
	id=$(as alice awfctl start --name $(printf 'long-%.0s' {1..8})x -- "exec sleep 600; : $(printf 'word %.0s' {1..50})")
	for columns in 80 200; do
		terminal_open "$columns"
		terminal_line 'clear; awfctl list'
		terminal_shows "^$id  long-"
		terminal_shows '^ready\$ *$'
		[ "$(terminal_screen | grep -c .)" = 3 ] # no line is longer than the terminal's
		terminal_screen | grep -qE "^$id .* (second|minute)s? ago |^$id .* just now "
		terminal_screen -e | grep -q $'\e\[32mrunning'
		((columns < 200)) || terminal_screen | grep -q "$(printf 'long-%.0s' {1..8})x"
		terminal_line 'clear; NO_COLOR=1 awfctl list; awfctl list | cat; echo done'
		terminal_shows '^done'
		terminal_screen -e >"$BATS_TEST_TMPDIR/screen"
		grep -q running "$BATS_TEST_TMPDIR/screen"
		run ! grep $'\e\[32m' "$BATS_TEST_TMPDIR/screen"
		terminal_close
	done
	# What cannot move its cursor has a table once.
	terminal_open 80
	terminal_line 'clear; TERM=dumb awfctl stats; echo once'
	terminal_shows '^once'
	terminal_has "^$id "
	run -0 as alice awfctl stop "$id"
}
