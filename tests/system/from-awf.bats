#!/usr/bin/env bats
# Options that come from GitHub's awf and do something outside of the sandbox: files that are read and
# written for it.

load bed

setup_file() {
	bed up
}

setup() {
	dir=/home/alice/from-awf
	as alice mkdir "$dir"
}

teardown() {
	as alice rm -rf "$dir"
	bed_clean_up_test
}

@test "a configuration file grants what it says, and the command line wins" {
	as alice sh -c 'cat >"$1"' sh "$dir/awf.json" <<<'{"network": {"allowDomains": ["nothing.example"]},
		"container": {"containerWorkDir": "/opt", "tty": false}, "environment": {"envFile": "'"$dir"'/env"}}'
	as alice sh -c 'echo FROM=file >"$1"' sh "$dir/env"
	run -0 --separate-stderr as alice awfctl run --config "$dir/awf.json" -- 'pwd; echo $FROM; echo ${HTTPS_PROXY:+proxy}'
	[ "$output" = $'/opt\nfile\nproxy' ]
	run -0 --separate-stderr as alice awfctl run --config "$dir/awf.json" --container-workdir / -e FROM=line -- 'pwd; echo $FROM'
	[ "$output" = $'/\nline' ]
}

@test "a configuration comes by standard input, and the command finds that at its end" {
	run -0 --separate-stderr as alice awfctl run --config - -- 'pwd; cat' <<<'container: {containerWorkDir: /opt}'
	[ "$output" = /opt ]
	run -2 --separate-stderr as alice awfctl run --config - -- true <<<'container: {imageRegistry: "1"}'
	[[ $stderr == *"--config: standard input:1: 'imageRegistry' is not here: images of the sandbox's parts come with awf"* ]]
	assert_clean
}

@test "logs are copied for the user when the command has ended" {
	run -7 as alice awfctl run --allow-domains nothing.example --proxy-logs-dir "$dir/logs" --audit-dir "$dir/audit" \
		--diagnostic-logs -- 'curl -sS https://refused.example; exit 7'
	[ "$(as alice ls -A "$dir/logs" | tr '\n' ' ')" = 'firewall.jsonl gh.jsonl relay.jsonl squid.jsonl ' ]
	[ "$(as alice ls -A "$dir/audit" | tr '\n' ' ')" = 'audit.jsonl diagnostics ' ]
	as alice cat "$dir/logs/squid.jsonl" | jq -es 'any(.host == "refused.example" and .decision == "denied")'
	as alice cat "$dir/audit/audit.jsonl" | jq -es '.[-1].exitCode == 7'
	for log in squid gh relay firewall audit; do
		as alice test -f "$dir/audit/diagnostics/$log.jsonl"
		[ "$(as alice stat -c %a-%U "$dir/audit/diagnostics/$log.jsonl")" = 600-alice ]
	done
	assert_clean
}

@test "a command that succeeded leaves no diagnostics" {
	run -0 as alice awfctl run --audit-dir "$dir" --diagnostic-logs -- true
	[ "$(as alice ls -A "$dir" "$dir/diagnostics" | grep jsonl)" = audit.jsonl ]
}

@test "a command that can write where its logs go leads no copy to another file" {
	as alice sh -c 'echo precious >"$1"' sh "$dir/target"
	as alice mkdir "$dir/audit"
	run -0 as alice awfctl run -v "$dir/audit:/audit" --audit-dir "$dir/audit" -- \
		"ln -s $dir/target /audit/audit.jsonl; ln -s $dir/target /audit/.audit.jsonl.new"
	[ "$(as alice cat "$dir/target")" = precious ]
	[ "$(as alice stat -c %F "$dir/audit/audit.jsonl")" = 'regular file' ]
}

@test "start copies no logs, and says where they are" {
	run -2 --separate-stderr as alice awfctl start --audit-dir "$dir" -- true
	[[ $stderr == *'--audit-dir is for run, which waits for the end'*'awfctl inspect tells where'* ]]
}

@test "what a session leaves in its home is the user's afterwards, and the next one finds it" {
	run -0 --separate-stderr as alice awfctl run --session-state-dir "$dir/a/state" -- '
		echo 1 >~/.copilot/session-state/events.jsonl
		touch ~/.copilot/beside && stat -c %U:%a ~/.copilot'
	[ "$output" = alice:700 ] || [ "$output" = "UNKNOWN:700" ]
	[ "$(as alice cat "$dir/a/state/events.jsonl")" = 1 ]
	[ "$(as alice ls -A "$dir/a")" = state ]
	run -0 --separate-stderr as alice awfctl run --session-state-dir "$dir/a/state" -- 'cat ~/.copilot/session-state/events.jsonl'
	[ "$output" = 1 ]
	assert_clean
}

@test "a directory that the user has no right to is refused before anything starts" {
	run -0 as bob mkdir -m 700 -p /home/bob/private
	run -2 --separate-stderr as alice awfctl run --audit-dir /home/bob/private/x -- true
	[[ $stderr == *"--audit-dir '/home/bob/private/x': Permission denied; give a directory that you can make and write to" ]]
	run -2 --separate-stderr as alice awfctl run --session-state-dir /home/bob/private -- true
	[[ $stderr == *"--session-state-dir '/home/bob/private': Permission denied"* ]]
	assert_clean
}
