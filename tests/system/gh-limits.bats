#!/usr/bin/env bats
# What the calls of gh in a sandbox may take, by awfd.conf, and what its owner can read of them.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

# job COMMAND: runs it in a sandbox, as alice.
job() {
	bed_exec awfctl run "${DIFC[@]}" -- "$1"
}

# The logs of the sandbox that was started last.
last_logs() {
	bed_exec -u root -- sh -c 'ls -dt /var/log/awfd/*/ | head -1'
}

# The memory cgroup of the one cli-proxy, of cgroups v1 or v2.
cli_proxy_cgroup() {
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec -u root -- sh -c 'id=$(docker ps -q --no-trunc --filter label=awf.role=cli-proxy)
		ls -d "/sys/fs/cgroup/memory/$BED_NAME/$id" 2>/dev/null || ls -d "/sys/fs/cgroup/$BED_NAME/$id"'
}

# has_logged DIRECTORY EVENT COUNT
has_logged() {
	[ "$(as alice grep -c "\"$2\"" "${1}gh.jsonl")" -ge "$3" ]
}

@test "every call of gh is in gh.jsonl, which the owner can read and nobody else" {
	local dir uid
	job 'gh api rate_limit >/dev/null; gh api no/such/path >/dev/null 2>&1; gh auth status 2>/dev/null
		printf 12345 | gh api no/such/path --input - >/dev/null 2>&1; gh issue list -R octo/repo >/dev/null 2>&1; :'
	dir=$(last_logs)
	uid=$(bed_exec -- id -u)
	run -0 as alice cat "${dir}gh.jsonl"
	[ "$(jq -r .event <<<"$output" | xargs)" = 'exec_start exec_done exec_start exec_done exec_denied exec_start exec_done exec_start exec_done' ]
	jq -se --arg id "$(basename "$dir")" --argjson uid "$uid" 'all(.sandbox == $id and .uid == $uid)' <<<"$output"
	jq -se 'all(.time | test("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$"))' <<<"$output"
	jq -se '.[1] | .decision == "allowed" and .command == "api" and .args == ["api", "rate_limit"] and
		.exitCode == 0 and .stdoutBytes > 0 and .durationMs > 0' <<<"$output"
	jq -se '.[0].id == .[1].id and .[2].id == .[3].id and .[0].id != .[2].id' <<<"$output"
	jq -se '.[3] | .exitCode == 1 and (.stderrPreview | test("404"))' <<<"$output"
	jq -se '.[4] | .decision == "denied" and .command == "auth" and .subcommand == "status" and
		.args == ["auth", "status"] and (.reason | test("not permitted")) and .id == null' <<<"$output"
	jq -se '.[6].stdinBytes == 5' <<<"$output"
	jq -se '.[8] | .command == "issue" and .subcommand == "list"' <<<"$output"
	run ! as bob cat "${dir}gh.jsonl"
	run ! as mallory cat "${dir}gh.jsonl"
	run ! as alice sh -c "echo >>${dir}gh.jsonl"
}

@test "no secret and no control character of an argument is in gh.jsonl" {
	local dir token=ghp_0123456789abcdefghijABCDEFGHIJ012345
	job "gh api rate_limit -H 'Authorization: token plain-secret' 2>/dev/null
		gh api rate_limit -f 'password=plain-secret' >/dev/null 2>&1; gh api $token >/dev/null 2>&1; gh auth https://user:plain-secret@github.com 2>/dev/null
		gh api \"\$(printf 'x\\033[31m')\" >/dev/null 2>&1; :"
	dir=$(last_logs)
	run -0 as alice cat "${dir}gh.jsonl"
	[ "$(jq -r .event <<<"$output" | xargs)" = 'exec_denied exec_start exec_done exec_start exec_done exec_denied exec_denied' ]
	[[ $output == *'[redacted]'* && $output == *'x\\x1b[31m'* ]]
	[[ $output != *ghp_* && $output != *plain-secret* ]]
	run ! env LC_ALL=C grep -P '[\x00-\x09\x0b-\x1f\x7f-\x9f]' <<<"$output"
}

@test "an access log that isn't cli-proxy's form is not taken over" {
	local dir log
	bed_background -- awfctl run "${DIFC[@]}" -- 'gh api rate_limit >/dev/null; echo ready; read -r line; gh auth 2>/dev/null; echo again; read -r line'
	wait_for bed_background_said ready
	dir=$(last_logs)
	log=/run/awfd/sandboxes/$(basename "$dir")/cli-proxy.log
	bed_exec -u root -- sh -c "printf 'garbage\n{\"event\":\"exec_done\"}\n{\"timestamp\":\"2026-11-25T20:58:45.123Z\",\"event\":\"exec_denied\",\"reason\":\"\\\\u001b]0;x\"}\n' >>$log"
	bed_background_say
	wait_for bed_background_said again
	wait_for has_logged "$dir" exec_denied 1
	run -0 as alice cat "${dir}gh.jsonl"
	[ "$(jq -r .event <<<"$output" | xargs)" = 'exec_start exec_done exec_denied' ]
	# Nobody but cli-proxy writes there.
	run ! as alice sh -c "echo >>$log"
	run ! as alice cat "$log"
}

@test "200 calls at once are all answered or told, within cli-proxy's memory" {
	local cgroup
	bed_background -- awfctl run "${DIFC[@]}" -- '
		for i in $(seq 200); do { gh api rate_limit >/tmp/out-$i 2>/tmp/err-$i; echo $? >/tmp/code-$i; } & done; wait
		cat /tmp/code-* | sort | uniq -c; cat /tmp/err-* | sort | uniq -c; ls /tmp/code-* | wc -l; echo done; read -r line'
	WAIT_SECONDS=120 wait_for bed_background_said done
	bed_background_said 200
	# A call was answered by gh or told why not, and no other way.
	run -0 bed_background_output
	[[ $output =~ ([0-9]+)' 0' ]]
	((BASH_REMATCH[1] >= 52))
	run -1 grep -vE '^ *[0-9]+ (0|1|gh: busy: 4 calls of gh run and 48 wait, no more may; try again)$|^200$|^done$' <<<"$output"
	cgroup=$(cli_proxy_cgroup)
	[ -n "$cgroup" ]
	assert_memory_was_enough "$cgroup"
}

# No gh was ended for lack of memory, and a good part of the limit was never used.
assert_memory_was_enough() {
	local max limit
	if [[ -e $1/memory.peak ]]; then
		max=$(<"$1/memory.peak") limit=$(<"$1/memory.max")
		grep -qx 'oom_kill 0' "$1/memory.events"
	else
		max=$(<"$1/memory.max_usage_in_bytes") limit=$(<"$1/memory.limit_in_bytes")
		grep -qx 'oom_kill 0' "$1/memory.oom_control"
	fi
	echo "$max of $limit bytes"
	((max > 0 && max < limit / 2))
}

@test "limits of awfd.conf are told by the errors that they cause, and bound the container" {
	local cgroup dir
	bed_configure_awfd <<'END'
[Gh]
RunningCalls=1
WaitingCalls=1
WaitSeconds=2
TimeoutSeconds=20
OutputMax=1K
InputMax=10
FilesMax=1M
GhMemoryMax=128M
END
	bed image agent-test
	# Another client than ours, which would ask a busy cli-proxy again.
	bed_background -- awfctl run --agent-image awf/agent-test:latest "${DIFC[@]}" -- '
		exec_gh() { curl -s -d "$1" "$AWF_CLI_PROXY_URL/exec"; echo; }
		printf 12345678901 | gh api no/such --input - 2>&1; exec_gh "{\"args\":[\"--help\"]}"; echo ready; read -r line
		exec_gh "{\"args\":[\"api\",\"user\"]}" & read -r line
		exec_gh "{\"args\":[\"api\",\"user\"]}" & exec_gh "{\"args\":[\"api\",\"user\"]}" & wait; echo done; read -r line'
	wait_for bed_background_said ready
	bed_background_said 'gh was stopped: its input is larger than 10 bytes'
	bed_background_said 'gh was stopped: its output is larger than 1024 bytes'
	cgroup=$(cli_proxy_cgroup)
	[ "$(cat "$cgroup"/memory.{limit_in_bytes,max} 2>/dev/null)" = $(((128 + 1 + 16 + 2 * 3 + 96) << 20)) ]
	bed difc tell stall on
	dir=$(last_logs)
	bed_background_say
	# The first runs; of the others one waits, the other is told.
	wait_for has_logged "$dir" exec_start 3
	bed_background_say
	wait_for bed_background_said done
	bed_background_said 'busy: 1 calls of gh run and 1 wait, no more may; try again'
	bed_background_said 'busy: no gh became free within 2 s; try again'
	bed_background_said 'gh was stopped: it did not finish within 20 s'
}
