#!/usr/bin/env bats
# The audit log: who ran what, with which grants, when, and what was refused.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# The host's records that fit a filter of jq, one a line.
records() {
	bed_exec -u root -- cat /var/log/awfd/audit.jsonl | jq -c "select($1)"
}

@test "a job's start is there with its grants and nothing secret, and so is its end" {
	run -7 --separate-stderr bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		--allow-domains =web.example,pypi.example --block-domains bad.example --memory-limit 128m --cpus 0.5 \
		-e PLAIN=audit-canary -e GITHUB_TOKEN=audit-canary -- 'read -r x; exit 7' <<<go
	start=$(records '.method == "Start" and .uid == 60701' | tail -n 1)
	jq -e '.decision == "allowed" and .user == "alice" and .pid > 0 and (.time | test("^20.*Z$")) and
		.grants.command == ["/bin/sh", "-c", "read -r x; exit 7"] and .grants.image == "awf/agent:latest" and
		.grants.allowDomains == ["=web.example", "pypi.example"] and .grants.blockDomains == ["bad.example"] and
		(.grants.difcProxy | contains("18443")) and .grants.memoryLimit == 134217728 and .grants.pidsLimit == 1000 and
		.grants.nanoCpus == 500000000 and .grants.environment == ["PLAIN", "GITHUB_TOKEN"]' <<<"$start"
	id=$(jq -r .sandbox <<<"$start")
	end=$(records ".event == \"end\" and .sandbox == \"$id\"")
	jq -e '.exitCode == 7 and .uid == 60701 and .durationMs > 0 and (has("oomKilled") | not)' <<<"$end"
	[ "$(records ".sandbox == \"$id\"" | jq -r '.method // .event' | tr '\n' ' ')" = 'Start Attach Wait end Denials ' ]
	run ! bed_exec -u root -- grep -rE 'audit-canary|BEGIN CERTIFICATE' /var/log/awfd/audit.jsonl "/var/log/awfd/$id"
}

@test "what was refused is there, with who asked and why" {
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	run -125 as bob awfctl inspect "$id"
	jq -e '.decision == "refused" and .reason == "not-found" and .method == "Inspect"' \
		<<<"$(records ".uid == 60702 and .sandbox == \"$id\"")"
	run -2 as bob awfctl run --memory-limit 1k -- true
	jq -e '.decision == "refused" and .reason == "invalid" and .subject == "memoryLimit" and (has("sandbox") | not)' \
		<<<"$(records '.uid == 60702 and .method == "Start"' | tail -n 1)"
	run -0 as root awfctl inspect "$id"
	jq -e '.decision == "allowed"' <<<"$(records ".uid == 0 and .sandbox == \"$id\"")"
	bed_exec awfctl stop "$id"
	jq -e '.reason | startswith("stopped")' <<<"$(records ".event == \"end\" and .sandbox == \"$id\"")"
}

@test "a start that fails later has an end that says why" {
	run -125 bed_exec awfctl run --agent-image no-such -- true
	id=$(records '.method == "Start" and .grants.image == "no-such"' | tail -n 1 | jq -r .sandbox)
	jq -e '.reason == "engine" and (has("exitCode") | not)' <<<"$(records ".event == \"end\" and .sandbox == \"$id\"")"
}

@test "the owner reads his sandbox's records, nobody but root the host's, and nobody else's are his" {
	run -3 bed_exec awfctl run -- 'read -r x; exit 3' <<<go
	id=$(records '.method == "Start" and .uid == 60701' | tail -n 1 | jq -r .sandbox)
	own=$(as alice cat "/var/log/awfd/$id/audit.jsonl")
	[ "$(jq -r '.method // .event' <<<"$own" | tr '\n' ' ')" = 'Start Attach Wait end ' ]
	[ "$own" = "$(records ".sandbox == \"$id\"" | head -n 4)" ] # what comes after the end is not in its own
	run ! as bob cat "/var/log/awfd/$id/audit.jsonl"
	run ! as alice sh -c "echo x >>/var/log/awfd/$id/audit.jsonl"
	run ! as alice cat /var/log/awfd/audit.jsonl
	[ "$(bed_exec -u root -- stat -c '%a %U' /var/log/awfd/audit.jsonl)" = '600 root' ]
	# What another user tried is not for the owner to see.
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	run -125 as bob awfctl inspect "$id"
	bed_exec awfctl stop "$id"
	run ! grep bob <<<"$(as alice cat "/var/log/awfd/$id/audit.jsonl")"
}

# say_raw USER TEXT: bytes to awfd's socket; the answers. \0 ends a message.
say_raw() {
	# shellcheck disable=SC2016 # for the inner shell
	as "$1" bash -c 'printf "$1" | socat -t 60 - UNIX-CONNECT:"${AWFD_SOCKET:-/run/awfd/awfd.sock}" | tr "\0" "\n"' _ "$2"
}

@test "what never became a call is there, too: unknown methods, bad messages, connections too many" {
	run -0 say_raw bob '{"method":"io.awf.Sandbox.Shutdown"}\0'
	[[ $output == *MethodNotFound* ]]
	jq -e '.event == "request" and .decision == "refused" and .reason == "invalid" and .subject == "method"' \
		<<<"$(records '.uid == 60702 and .method == "Shutdown"')"
	run -0 say_raw bob '{"method":"org.varlink.service.GetInfo"}\0'
	jq -e '.decision == "allowed"' <<<"$(records '.uid == 60702 and .method == "org.varlink.service.GetInfo"')"
	run -0 say_raw bob 'GET / HTTP/1.1\r\n\0'
	jq -e '.decision == "refused" and .subject == "message" and (.message | contains("no valid JSON")) and .pid > 0' \
		<<<"$(records '.uid == 60702 and .event == "message"' | tail -n 1)"
	bed_background -u bob -- "$BED_TOOLS/flood" --once /run/awfd/awfd.sock silent=128
	wait_for bed_background_said ready
	run -125 as bob awfctl list
	jq -e '.decision == "refused" and .reason == "quota" and .subject == "connections"' \
		<<<"$(records '.uid == 60702 and .event == "connection"' | tail -n 1)"
	bed_background_say stop
	wait "$BED_BACKGROUND_PID"
}

@test "the program that asked is named, as it calls itself, where the kernel tells which it was" {
	local program
	run -0 as bob awfctl list
	program=$(records '.uid == 60702 and .method == "List"' | tail -n 1 | jq -r '.program // "none"')
	[ "$program" = "$(printf '6.5\n%s\n' "$(uname -r)" | sort -VC && echo awfctl || echo none)" ]
	# One that has ended when its call is taken is not, whoever has its number then.
	records '.uid == 60702 and .method == "List"' | tail -n 1 | jq -e '.pid > 0'
}

@test "THREATS 19: a flood of refused connections is counted, not written" {
	local before more
	bed awfd restart
	before=$(records true | wc -l)
	bed_background -u bob -- "$BED_TOOLS/flood" /run/awfd/awfd.sock silent=2000
	wait_for bed_background_said ready
	bed_background_say stop
	wait "$BED_BACKGROUND_PID"
	more=$(($(records true | wc -l) - before))
	((more > 0 && more < 1000)) || { echo "$more records"; false; }
	wait_for omitted_are_told 1000 "$before"
}

@test "THREATS 20: what a user puts into a record can't forge another one, or reach a terminal" {
	before=$(bed_exec -u root -- sh -c 'wc -l </var/log/awfd/audit.jsonl')
	run -0 bed_exec awfctl run -e $'A\x1b[2Jb=1' -- printf '%s' $'x\n{"event":"forged"}\n\x1b]0;t\x07\xc2\x9b31m'
	after=$(bed_exec -u root -- sh -c 'wc -l </var/log/awfd/audit.jsonl')
	[ $((after - before)) = 4 ]
	[ -z "$(records '.event == "forged"')" ]
	run ! bed_exec -u root -- grep -aP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' /var/log/awfd/audit.jsonl
	records '.method == "Start"' | tail -n 1 | jq -e '.grants.command[2] | contains("\\x1b") and contains("\\x0a")'
	run ! grep -aP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$BED_DIR/awfd.log"
}

@test "THREATS 19: a user who asks without end drives nobody's records out" {
	bed awfd restart # for a budget that nothing was taken from
	run -0 bed_exec awfctl run -- true
	before=$(records true | wc -l)
	# shellcheck disable=SC2016 # for the inner shell
	as bob bash -c 'for i in $(seq 3000); do printf "%s\0" "{\"method\":\"io.awf.Sandbox.List\"}"; done |
		socat -t 60 - UNIX-CONNECT:"$AWFD_SOCKET" | tr "\0" "\n" | wc -l' >"$BATS_TEST_TMPDIR/answers"
	[ "$(<"$BATS_TEST_TMPDIR/answers")" = 3000 ]
	more=$(($(records true | wc -l) - before))
	((more > 100 && more < 1000)) || { echo "$more records"; false; }
	run -0 as bob awfctl run -- true
	records '.uid == 60702 and .method == "Start"' | tail -n 1 | jq -e '.decision == "allowed"'
	wait_for omitted_are_told 1000 "$before"
}

# omitted_are_told COUNT LINES: of bob's records that many, since the file had so many lines.
omitted_are_told() {
	as bob awfctl list >/dev/null
	records true | tail -n "+$(($2 + 1))" | jq -se --argjson count "$1" 'map(select(.uid == 60702).omitted // 0) | add > $count'
}

@test "the end of a sandbox that a killed awfd left is told by the next one" {
	bed_background awfctl run -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	id=$(bed_exec awfctl list --json | jq -r '.[].id')
	bed awfd kill
	bed_kill KILL awfctl
	bed awfd start
	wait_for ended_by_next
}

ended_by_next() {
	records ".event == \"end\" and .sandbox == \"$id\"" | jq -e '.reason == "client gone" and .user == "alice"'
}
