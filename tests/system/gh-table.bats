#!/usr/bin/env bats
# The tables of gh's commands and flags against the help of the very gh that runs in cli-proxy.

bats_require_minimum_version 1.5.0

TREE=$BATS_TEST_DIRNAME/../..
GROUPS_OF_GH='issue label pr release repo run search workflow'

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/root"
	tar -xf "$TREE/build/images/cli-proxy.tar" -C "$BATS_FILE_TMPDIR/root"
}

gh() {
	env -i HOME=/tmp /usr/sbin/chroot "$BATS_FILE_TMPDIR/root" /usr/bin/gh "$@" 2>&1
}

# subcommands GROUP
subcommands() {
	gh "$1" --help | sed -n 's/^  \([a-z-]*\): .*/\1/p'
}

# flags COMMAND...: the help's flags as gh-table writes them.
flags() {
	gh "$@" --help | awk -v command="$*" '
		/^[A-Z]/ { inside = /FLAGS$/ }
		inside && match($0, /--[a-z-]+/) {
			name = substr($0, RSTART, RLENGTH)
			rest = substr($0, RSTART + RLENGTH)
			letter = $1 ~ /^-[A-Za-z],$/ ? " " substr($1, 2, 1) : ""
			if (name != "--help")
				print command " " name letter (rest ~ /^ [^ ]/ ? " value" : "")
		}'
}

@test "every subcommand of gh has its row, and no other" {
	local group sub
	for group in $GROUPS_OF_GH; do
		for sub in $(subcommands "$group"); do
			echo "$group $sub"
		done
	done | sort >"$BATS_TEST_TMPDIR/gh"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/gh")" -gt 60 ]
	"$TREE/build/bin/tests/gh-table" | grep -v -e ' --' -e '^api$' -e '^status$' | sed 's/ denied$//' | sort |
		diff "$BATS_TEST_TMPDIR/gh" -
}

@test "every flag of a permitted subcommand has its row, with its letter and whether it takes a value" {
	local command
	"$TREE/build/bin/tests/gh-table" | grep -v -e ' --' -e ' denied$' | while read -r command; do
		# shellcheck disable=SC2086 # a command and its subcommand
		flags $command
	done | sort >"$BATS_TEST_TMPDIR/gh"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/gh")" -gt 300 ]
	"$TREE/build/bin/tests/gh-table" | grep ' --' | sort | diff "$BATS_TEST_TMPDIR/gh" -
}
