#!/usr/bin/env bats
# What stands for a sandbox: its ID, the beginning of that, and a name; for its owner and root alone.
# shellcheck disable=SC2154 # run sets output and stderr

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# A sandbox of USER's with these options, in the background; prints its ID.
begin() {
	as "$1" awfctl start "${@:2}" -- 'exec sleep 600'
}

id_of() {
	as "$1" awfctl inspect --json "$2" | jq -r .id
}

@test "the beginning of an ID will do when it is one's own only one" {
	local id
	id=$(begin alice)
	[ "$(id_of alice "${id:0:3}")" = "$id" ]
	[ "$(id_of alice "${id:0:9}")" = "$id" ]
	run -125 --separate-stderr as alice awfctl inspect "${id:0:2}"
	[[ $stderr == *"no sandbox of yours is named '${id:0:2}', and the beginning of an ID has 3 letters"* ]]
	run -0 as alice awfctl stop "${id:0:4}"
	[ "$(as alice awfctl inspect --json "$id" | jq -r .state)" = exited ]
}

@test "a name stands for the ID in every command, and is free again when the sandbox has ended" {
	local id
	id=$(begin alice --name job-1.a)
	[ "$(id_of alice job-1.a)" = "$id" ]
	[ "$(as alice awfctl list --json | jq -r '.[0].name')" = job-1.a ]
	[[ $(as alice awfctl list) == *"$id"$'\t'job-1.a$'\t'* ]]
	run -0 as alice awfctl denials job-1.a
	run -2 --separate-stderr begin alice --name job-1.a
	[[ $stderr == *"--name 'job-1.a': is the name of your sandbox $id already; choose another one, or stop that"* ]]
	[ "$(as alice awfctl list --json | jq length)" = 1 ]
	run -0 as alice awfctl stop job-1.a
	id=$(begin alice --name job-1.a)
	run -0 as alice awfctl stop job-1.a
}

@test "a name outlives a restart of awfd" {
	local id
	id=$(begin alice --name lasting)
	bed awfd kill
	bed awfd start
	[ "$(id_of alice lasting)" = "$id" ]
	run -2 begin alice --name lasting
	run -0 as alice awfctl stop lasting
}

@test "what is no name is refused with what one is" {
	local name
	for name in '' -x .x 'a b' $'a\e[2J' a/b "$(printf 'a%.0s' {1..65})"; do
		run -2 --separate-stderr begin alice "--name=$name"
		[[ $stderr == *"is no name: it has 1 to 64 letters, digits"* ]]
		[[ $stderr != *$'\e'* ]]
	done
	run -0 as alice awfctl run --name "$(printf 'a%.0s' {1..64})" -- true
}

@test "another's name is no sandbox of one's own, and one can have it too; root sees both" {
	local hers his
	hers=$(begin alice --name same)
	[ "$(id_of alice same)" = "$hers" ]
	for word in same "${hers:0:5}" "$hers"; do
		run -125 --separate-stderr as bob awfctl inspect "$word"
		[ "$stderr" = "awfctl: no sandbox '$word' of yours; awfctl list shows them" ]
		run -125 as bob awfctl stop "$word"
	done
	his=$(begin bob --name same)
	[ "$(id_of bob same)" = "$his" ]
	[ "$(id_of alice same)" = "$hers" ]
	run -2 --separate-stderr as root awfctl inspect same
	[[ $stderr == *"ID 'same': means 2 sandboxes; give the whole id of one"* ]]
	[ "$(id_of root "$his")" = "$his" ]
	run -0 as bob awfctl stop same
	[ "$(id_of root same)" = "$hers" ]
	run -0 as root awfctl stop same
	[ "$(as alice awfctl inspect --json same | jq -r .state)" = exited ]
}
