#!/usr/bin/env bats
# Completion in the shells themselves: what awfctl offers, and the sandboxes that there are.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load terminal

setup_file() {
	bed up
}

setup() {
	tree=$(readlink -f "$BATS_TEST_DIRNAME/../../awfctl")
}

teardown() {
	terminal_close
	bed_clean_up_test
}

# in_shell SHELL FLAG...: the shell on a terminal, with the completion that is installed for it.
in_shell() {
	local file=/tmp/awfctl-completion.$1
	bed_exec -u root -- sh -c 'cat >"$1" && chmod 644 "$1"' sh "$file" <"$tree/completion.$1"
	terminal_open 200 "$@"
	[[ $1 != zsh ]] || terminal_line 'PS1="ready$ "; autoload -U compinit && compinit -u -D'
	terminal_line ". $file && clear && echo prepared"
	terminal_shows '^prepared$'
	terminal_line clear
}

# The rest of a word comes when it is the only one that can be meant.
completes() {
	terminal_type "$1"
	terminal_key Tab
	terminal_shows "ready\\$ $2\$"
	terminal_key C-u
	terminal_line clear
}

# Everything that can be meant is shown.
offers() {
	terminal_type "$1"
	terminal_key Tab Tab
	terminal_shows "$2"
	terminal_key C-c
	terminal_line clear
}

everything() {
	local id
	id=$(as alice awfctl start --name completed-1 -- 'exec sleep 600')
	completes 'awfctl sto' 'awfctl stop'
	completes 'awfctl run --difc-proxy-h' 'awfctl run --difc-proxy-host'
	completes 'awfctl --log-level warn' 'awfctl --log-level warning'
	completes 'awfctl run --env-file /etc/hostnam' 'awfctl run --env-file /etc/hostname'
	completes 'awfctl run --container-workdir /et' 'awfctl run --container-workdir /etc/'
	completes 'awfctl run -- printen' 'awfctl run -- printenv'
	completes 'awfctl inspect compl' 'awfctl inspect completed-1'
	completes "awfctl inspect ${id:0:5}" "awfctl inspect $id"
	offers 'awfctl re' 'reload'
	offers 'awfctl run --allow-domains' '--allow-domains-file'
	run -0 as alice awfctl stop "$id"
}

@test "bash" {
	in_shell bash --norc --noprofile
	everything
	completes 'awfctl run --env-file=/etc/hostnam' 'awfctl run --env-file=/etc/hostname'
}

@test "zsh" {
	in_shell zsh -f
	everything
}

@test "without awfd there is no sandbox to offer, and no word about it" {
	in_shell bash --norc --noprofile
	bed awfd stop
	terminal_type 'awfctl inspect x'
	terminal_key Tab
	terminal_key Tab
	terminal_type y
	terminal_shows '^ready\$ awfctl inspect xy$'
	terminal_lacks 'cannot connect'
	bed awfd start
}

# fish tells what it would show.
@test "fish" {
	local id file=/tmp/awfctl-completion.fish
	id=$(as alice awfctl start --name completed-1 -- 'exec sleep 600')
	bed_exec -u root -- sh -c 'cat >"$1" && chmod 644 "$1"' sh "$file" <"$tree/completion.fish"
	offered() {
		as alice fish --no-config -c "source $file; complete -C '$1'"
	}
	[ "$(offered 'awfctl sto')" = $'stop\tstop sandboxes and remove them' ]
	[[ $(offered 'awfctl run --difc-proxy-h') == --difc-proxy-host$'\t'* ]]
	[[ $(offered 'awfctl run --env-file /etc/hostnam') == /etc/hostname* ]]
	[[ $(offered 'awfctl run --container-workdir /et') == /etc/* ]]
	[[ $(offered 'awfctl run -- sleep') == *sleep* ]]
	[ "$(offered 'awfctl inspect compl')" = $'completed-1\t/bin/sh -c '"'exec sleep 600'" ]
	[ "$(offered "awfctl inspect ${id:0:5}")" = "$id"$'\t/bin/sh -c '"'exec sleep 600'" ]
	run -0 as alice awfctl stop "$id"
}
