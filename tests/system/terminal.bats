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
	for columns in 60 80 200; do
		fake_engine hang 1 POST '/containers/.*-agent/start'
		terminal_open "$columns"
		terminal_line 'clear; awfctl run -- true'
		terminal_shows '^awfctl: starting, .*attach [0-9.]+ ms$'
		[ "$(terminal_screen | grep -c .)" = 1 ]
		((columns < 200)) || terminal_has '^awfctl: starting, [0-9.]+ m?s: [^…]*start pause'
		((columns >= 200)) || terminal_has '^awfctl: starting, [0-9.]+ m?s: …'
		terminal_key C-c
		terminal_shows '^\^?C?ready\$ *$'
		terminal_lacks 'starting'
		terminal_close
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
