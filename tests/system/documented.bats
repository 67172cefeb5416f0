#!/usr/bin/env bats
# Every command of the documentation is typed, on the bed, as its table says: as alice, as root, in an agent, in the
# tree; or in the machine of systemd.bats. "test FILE: TEXT" is one that another test runs, by that text. "mention" is
# no whole command, but one's name, or one of another program's. "never" is one that no test can run, with why.
# shellcheck disable=SC2016,SC2154 # for other shells; set by run

load bed
load documented
load internet

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
}

teardown() {
	as alice rm -rf /home/alice/project
	bed_clean_up_test
}

# What the documentation supposes: nothing is configured, and a project that can be built.
project() {
	bed_configure_awfd <<<$'[Images]\nAgent=host'
	as alice sh -c 'mkdir ~/project && printf "all check:\n\ttouch \$@.made\n" >~/project/Makefile'
}

# In the directory of the project: typed USER COMMAND...
typed() {
	as "$1" env -C /home/alice/project bash -c "$TYPE_ALL" bash "${@:2}"
}

@test "the table has every documented command, once, and no other" {
	diff <(sed '/^#/d' tests/system/documented.table | cut -f2) \
		<(tests/system/documented.py | jq -r '.[] | gsub("\\\\"; "\\\\") | gsub("\n"; "\\n")')
}

@test "what is said of a command that it is elsewhere is so" {
	local how file text
	while IFS= read -r how; do
		[[ $how =~ ^test\ ([^:]+):\ (.+)$ ]]
		file=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
		grep -qF -- "$text" "$file" || { echo "$text is not in $file"; false; }
	done < <(cut -f1 tests/system/documented.table | grep '^test ')
	run -0 grep -vE $'^(alice|root|agent|relay|tree|machine|mention|test [^\t]+: [^\t]+|never [^\t]{20,}|#.*)(\t|$)' <(sed '/^#/d' tests/system/documented.table; echo none)
	[ "$output" = none ]
}

@test "alice's commands" {
	project
	documented alice
	mapfile -d '' -t COMMANDS < <(printf '%s\0' "${COMMANDS[@]}" | on_the_bed)
	run typed alice 'id=$(awfctl start -- true) GITHUB_STEP_SUMMARY=summary.md' "${COMMANDS[@]}"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *'"resources"'* && $output == *refs/heads/main* && $output == *"two words"* ]]
	as alice test -e /home/alice/project/check.made
	as alice grep -qF make /home/alice/project/summary.md
	# And one that is wrong is seen to be.
	run -1 typed alice 'awfctl run --no-such-option -- true' 'echo not reached'
	[[ $output != *'not reached'$'\n'* ]]
}

@test "root's commands" {
	project
	documented root
	as alice awfctl run -- true
	run typed root "${COMMANDS[@]}"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *$'alice\tallowed'* ]]
}

@test "an agent's calls of gh" {
	project
	documented agent
	as alice sh -c 'cd ~/project && mkdir build && echo text | tee notes.md >build/a.tar.gz'
	bed_configure_awfd <<-END
	[Images]
	Agent=host
	[Difc]
	RedirectHosts=blob.example
	SystemCABundle=$BED_CA_BUNDLE
	END
	# Of the stand-in's runs, one has ended and another has artifacts.
	mapfile -t COMMANDS < <(printf '%s\n' "${COMMANDS[@]}" | sed 's/watch 123/watch 7/; s/download 123/download 1/')
	run as alice env -C /home/alice/project awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-e GITHUB_REPOSITORY=o/r -- bash -c "$TYPE_ALL" bash "${COMMANDS[@]}"
	echo "$output"
	[ "$status" = 0 ]
}

# In a network of its own, where nothing listens at the documented port yet, and difc.example is at this one's port 9.
@test "the relay that is started by hand passes a connection on" {
	documented relay
	for command in "${COMMANDS[@]}"; do
		command=$(on_the_bed <<<"$command" | sed 's/difc\.example:18443/127.0.0.1:9009/')
		echo "$command"
		run -0 bed_exec -u root -- timeout 30 unshare --net bash -c '
			ip link set lo up
			socat TCP-LISTEN:9009,bind=127.0.0.1,fork,reuseaddr SYSTEM:"echo through the relay" & listener=$!
			eval "exec $1" </dev/null & relay=$!
			trap "kill $listener $relay" EXIT
			until answer=$(exec 3<>/dev/tcp/127.0.0.1/18443 && cat <&3) && [ -n "$answer" ]; do :; done 2>/dev/null
			echo "$answer"' bash "$command"
		[[ $output == *'through the relay'* ]]
	done
}

@test "commands in the tree" {
	documented tree
	run -0 bash -c "$TYPE_ALL" bash "${COMMANDS[@]}"
	[[ $output == *'run every fuzz target'* ]]
}
