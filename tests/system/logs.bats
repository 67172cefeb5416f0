#!/usr/bin/env bats
# awfctl logs: what a sandbox's logs have, while it runs and when it is gone; for its owner alone.

load bed
load internet
load attack

setup_file() {
	bed up
	bed image agent-test
}

teardown() {
	stop_all
	bed_clean_up_test
}

# job [AWFCTL-START-OPTION...] -- COMMAND...: started in the background; its id.
job() {
	bed_exec awfctl start --agent-image awf/agent-test:latest --allow-domains granted.example "$@"
}

readonly ASKS='curl -s -o /dev/null https://granted.example/; curl -s https://other.example/
	timeout 1 bash -c "</dev/tcp/172.30.0.10/22"'

@test "what squid allowed and refused, what the firewall dropped and what awfd was asked are there, in order" {
	local id
	id=$(job -- "$ASKS; exit 3")
	run -3 bed_exec awfctl wait "$id"
	run -0 --separate-stderr bed_exec awfctl logs "$id"
	[ "$(head -n 1 <<<"$output" | grep -c 'audit .*method=Start decision=allowed')" = 1 ]
	grep -E '  squid .*from=agent method=CONNECT host=granted.example port=443 .*decision=allowed' <<<"$output"
	grep -E '  squid .*host=other.example .*decision=denied' <<<"$output"
	grep -E '  firewall .*container=agent protocol=tcp .*port=22 .*reason="port not granted"' <<<"$output"
	grep -E '  audit .*event=end .*exitCode=3' <<<"$output"
	[ "$(cut -c1-24 <<<"$output")" = "$(cut -c1-24 <<<"$output" | sort)" ]
	run -0 --separate-stderr bed_exec awfctl logs --json --source squid "$id"
	jq -se 'length >= 2 and all(.log == "squid") and any(.host == "other.example" and .decision == "denied")' <<<"$output"
	run -0 --separate-stderr bed_exec awfctl logs --since 2000-01-01 --until 2000-01-02 "$id"
	[ -z "$output" ]
	[ -n "$(bed_exec awfctl logs --since 10m "$id")" ]
}

@test "they are followed to the end of the sandbox, and over a restart of awfd, as refusals are" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no)
	local id logs denials
	id=$(job -- 'until [ -e /tmp/one ]; do sleep 0.1; done; curl -s https://one.example/
		until [ -e /tmp/two ]; do sleep 0.1; done; curl -s https://two.example/; exit 0')
	bed_background awfctl denials -f --format host,count "$id"
	denials=$BED_BACKGROUND_PID
	bed_background awfctl logs -f "$id"
	logs=$BED_BACKGROUND_PID
	wait_for bed_background_said method=Start
	touch_in_container "awf-$id-agent" /tmp/one
	wait_for bed_background_said host=one.example
	wait_for grep -q one.example "$BATS_TEST_TMPDIR/background-0/out"
	bed awfd kill
	touch_in_container "awf-$id-agent" /tmp/two
	bed awfd start
	wait "$logs" "$denials"
	bed_background_said host=two.example
	bed_background_said event=end
	[ "$(grep -c host=one.example <(bed_background_output))" = 1 ]
	[ "$(cat "$BATS_TEST_TMPDIR/background-0/out")" = $'one.example\t1\ntwo.example\t1' ]
	[ ! -s "$BATS_TEST_TMPDIR/background-0/err" ]
}

# relay_told ID FILTER: whether the records of its relay, as an array, fit a filter of jq.
relay_told() {
	bed_exec awfctl logs --json --source relay "$1" >"$BATS_TEST_TMPDIR/relay"
	jq -se "$2" "$BATS_TEST_TMPDIR/relay" || { cat "$BATS_TEST_TMPDIR/relay"; return 1; }
}

no_connection_is_open() {
	bed_exec awfctl stats --json "$1" | jq -e '.[0].relayOpen == 0'
}

@test "what became of each connection through the relay is there, whatever ends meanwhile; none is missing" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no '[Policy]' HostPorts=3000)
	local id
	id=$(job --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		--enable-host-access --allow-host-ports 3000 -- '
		gh api rate_limit; bash -c "exec 3<>/dev/tcp/host.docker.internal/3000; cat <&3"
		until [ -e /tmp/two ]; do sleep 0.1; done; gh api rate_limit')
	wait_for relay_told "$id" 'any(.from == "agent" and .host == "host.docker.internal" and .port == 3000 and
		.result == "failed" and .reason == "Connection refused") and
		any(.from == "cli-proxy" and .port == 18443 and .result == "closed" and .bytesReceived > 100)'
	wait_for no_connection_is_open "$id"
	bed_kill KILL awf-relay
	wait_for relay_told "$id" '(map(select(.event == "start")) | length) == 2 and
		any(.event == "end" and .reason == "awf-relay ended with signal SIGKILL")'
	bed awfd kill
	touch_in_container "awf-$id-agent" /tmp/two
	bed awfd start
	run -0 bed_exec awfctl wait "$id"
	relay_told "$id" '.[-1] as $last | map(select(.event == "connection")) as $all | $last.event == "end" and
		$last.reason == "the sandbox ended" and $last.failed == 1 and
		$last.connections == ($all | map(.count) | add) and
		$last.bytesSent == ($all | map(.bytesSent) | add) and
		$last.bytesReceived == ($all | map(.bytesReceived) | add)'
	run ! as bob cat "/var/log/awfd/$id/relay.jsonl"
	run -0 bed_exec awfctl logs summary "$id"
	[[ $output == *'| Relay | '*' connections, 1 failed |'* ]]
	[[ $output == *'| `host.docker.internal:3000` | `agent` | 1 | 1 | 0 | 0 |'* ]]
}

@test "a sandbox that is gone has its logs, where the operator has them; another user's are not there" {
	local id said
	bed_configure_awfd <<<$'[Daemon]\nLogDirectory=/srv/awf-logs'
	bed_exec -u root -- mkdir -m 0711 -p /srv/awf-logs
	id=$(job -- "$ASKS; sleep 600")
	run -0 bed_exec awfctl inspect --json "$id"
	[ "$(jq -r .logDirectory <<<"$output")" = "/srv/awf-logs/$id" ]
	bed_exec awfctl logs "$id" | grep -q method=Start
	for said in "$(as bob awfctl logs "$id" 2>&1)" "$(as bob awfctl logs -f "$id" 2>&1)"; do
		[ "$said" = "awfctl: no sandbox '$id' of yours; awfctl list shows them" ]
	done
	bed_exec awfctl stop "$id"
	bed_exec awfctl stop "$id" # its result, too
	run -125 bed_exec awfctl inspect "$id"
	bed_exec awfctl logs "$id" | grep 'event=end'
	bed_exec -u root -- awfctl logs "$id" | grep -q 'event=end'
	run -125 --separate-stderr as bob awfctl logs "$id"
	[ "$stderr" = "awfctl: no sandbox '$id' of yours; awfctl list shows them" ]
	[ -z "$output" ]
	for id in ../../../etc aaaaaaaaaa ''; do
		run -125 --separate-stderr bed_exec awfctl logs "$id"
		[[ $stderr == *"no sandbox '$id' of yours"* ]]
	done
}

@test "copies that run makes are found where the operator has the logs, and summed up" {
	local dir=/home/alice/copies
	bed_configure_awfd <<<$'[Daemon]\nLogDirectory=/srv/awf-logs'
	bed_exec -u root -- mkdir -m 0711 -p /srv/awf-logs
	run -3 bed_exec awfctl run --agent-image awf/agent-test:latest --allow-domains granted.example \
		--proxy-logs-dir "$dir" --audit-dir "$dir" -- "$ASKS; exit 3"
	run -0 bed_exec awfctl logs summary --dir "$dir"
	[[ $output == *'| Exit code | 3 after '* ]]
	[[ $output == *'| `granted.example:443` | `agent` | 1 | '* ]]
	[[ $output == *'| `other.example:443` | `agent` | `CONNECT` | `not allowed` | 1 |'* ]]
	[[ $output == *'| `172.30.0.10:22` | `agent` | `tcp` | `port not granted` | '* ]]
	run -0 bed_exec awfctl logs summary --json --dir "$dir"
	jq -e '.exitCode == 3 and (.reached | length) == 1 and .reached[0].bytesReceived > 0' <<<"$output"
	bed_exec rm -r "$dir"
}

@test "THREATS 20: what a user has written to a log reaches no terminal of root's" {
	local id
	id=$(job -- 'sleep 600')
	# The file is the user's own.
	bed_exec sh -c 'chmod u+w "/var/log/awfd/$1/squid.jsonl" && printf "{\"host\":\"\\\\u001b]0;x\"}\n\033[2J\302\205\n" >>"/var/log/awfd/$1/squid.jsonl"' sh "$id"
	for format in '' --json; do
		# shellcheck disable=SC2086 # no option, or one
		bed_exec -u root -- awfctl logs $format --source squid "$id" >"$BATS_TEST_TMPDIR/out"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 2 ]
		run ! grep -aP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$BATS_TEST_TMPDIR/out"
	done
}
