#!/usr/bin/env bats
# awfctl run on the real parts: streams, exit codes, signals, nothing left behind.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# awfctl run with the bed's DIFC proxy, as alice.
run_with_difc() {
	bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- "$@"
}

@test "gh in the agent reaches GitHub through the DIFC proxy" {
	run -0 --separate-stderr run_with_difc gh api rate_limit
	jq -e '.resources.core.limit > 0' <<<"$output"
	[ -z "$stderr" ]
	assert_clean
}

@test "exit codes 0, 1, 42 and 255 come through" {
	for code in 0 1 42 255; do
		run "-$code" bed_exec awfctl run -- "exit $code"
	done
	assert_clean
}

@test "a command that is not there is 127, one that can't be executed is 126" {
	run -127 bed_exec awfctl run -- /no/such/command argument
	run -127 bed_exec awfctl run -- no-such-command argument
	run -127 bed_exec awfctl run -- 'no-such-command'
	run -126 bed_exec awfctl run -- /etc/passwd argument
	assert_clean
}

@test "death by signal comes through as 128+n" {
	run -143 bed_exec awfctl run -- 'kill -TERM $$'
	run -137 bed_exec awfctl run -- 'kill -KILL $$'
	run -139 bed_exec awfctl run -- 'kill -SEGV $$'
	assert_clean
}

@test "several arguments arrive exactly as given" {
	run -0 --separate-stderr bed_exec awfctl run -- printf '<%s>' 'a b' '$HOME' "it's" '' '"' $'new\nline' 'ü'
	[ "$output" = $'<a b><$HOME><it\'s><><"><new\nline><ü>' ]
}

@test "64 MiB of random bytes pass stdin and stdout unchanged" {
	head -c 64M /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	bed_exec awfctl run -- cat <"$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/received"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/received"
	assert_clean
}

@test "stdout and stderr stay apart, byte by byte" {
	head -c 4M /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	bed_exec awfctl run -- 'tee /dev/stderr' <"$BATS_TEST_TMPDIR/sent" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/err"
}

@test "the end of stdin reaches the command, and its answer still comes" {
	run -0 --separate-stderr bash -c 'printf one | "$1" exec -- awfctl run -- "cat; sleep 0.2; echo two"' - "$BED"
	[ "$output" = "onetwo" ]
}

@test "an idle stdin does not keep a command from ending" {
	mkfifo "$BATS_TEST_TMPDIR/idle"
	exec 7<>"$BATS_TEST_TMPDIR/idle"
	run -3 timeout 30 "$BED" exec -- awfctl run -- 'exit 3' <&7
	exec 7>&-
}

@test "GitHub tokens don't reach the agent, and the user is told" {
	run -0 --separate-stderr bed_exec awfctl run --difc-proxy-host localhost:18443 \
		--difc-proxy-ca-cert "$BED_DIFC_CA" -e GITHUB_TOKEN=s3cr3t -e GH_TOKEN=s3cr3t -e KEPT=yes -- env
	[[ $output == *KEPT=yes* ]]
	[[ $output != *s3cr3t* ]]
	[[ $stderr == *GITHUB_TOKEN* && $stderr == *GH_TOKEN* ]]
	[[ $stderr != *s3cr3t* ]]
}

@test "the agent runs as the caller, without capabilities, and can't gain any" {
	run -0 --separate-stderr bed_exec awfctl run -- 'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status'
	[ "${lines[0]}" = "$(bed_exec id -u)" ]
	[[ ${lines[1]} == CapBnd:*0000000000000000 || ${lines[1]} == CapEff:*0000000000000000 ]]
	[[ ${lines[2]} == *0000000000000000 ]]
	[[ ${lines[3]} == NoNewPrivs:*1 ]]
	run ! bed_exec awfctl run -- 'echo x >/etc/canary'
	run ! bed_exec awfctl run -- 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# What ends a running awfctl, and the exit code that its caller sees.
ends_by() {
	local signal=$1 expected=$2 pid status=0
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-- 'echo started; exec sleep 600'
	pid=$BED_BACKGROUND_PID
	wait_for bed_background_said started
	bed_kill "$signal" awfctl
	wait "$pid" || status=$?
	[ "$status" = "$expected" ]
	wait_for is_clean
	assert_clean
}

@test "Ctrl-C of awfctl leaves nothing" {
	ends_by INT 130
}

@test "SIGTERM of awfctl leaves nothing" {
	ends_by TERM 143
}

@test "SIGKILL of awfctl leaves nothing" {
	ends_by KILL 137
}

@test "two sandboxes with different DIFC ports don't see each other" {
	bed_second_difc 18444 other
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-- 'gh api rate_limit; echo; echo started; read -r line; gh api rate_limit; echo; exec cat'
	wait_for bed_background_said started
	run -0 --separate-stderr bed_exec awfctl run --difc-proxy-host 127.0.0.1:18444 \
		--difc-proxy-ca-cert "$BED_SECOND_DIFC_CA" -- gh api rate_limit
	[ "$(jq -r .stand_in <<<"$output")" = other ]
	[[ $(bed_background_output) != *other* ]]
	bed_kill KILL awfctl
	wait_for is_clean
}
