#!/usr/bin/env bats
# THREATS, "From a user, through awfd": what the tests of mounts, jobs, floods, the policy and the audit log
# don't attack. Each first proves that its target is there.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# say USER FILE: the file's bytes to awfd's socket; the answers, one a line.
say() {
	# shellcheck disable=SC2016 # for the inner shell
	as "$1" bash -c 'socat -t 60 - UNIX-CONNECT:"${AWFD_SOCKET:-/run/awfd/awfd.sock}" | tr "\0" "\n"' <"$2"
}

# ask USER METHOD PARAMETERS: one call's answer.
ask() {
	printf '{"method":"io.awf.Sandbox.%s","parameters":%s}\0' "$2" "$3" >"$BATS_TEST_TMPDIR/call"
	say "$1" "$BATS_TEST_TMPDIR/call"
}

# guesses METHOD ID: a thousand calls about it.
guesses() {
	for ((i = 0; i < 1000; i++)); do
		printf '{"method":"io.awf.Sandbox.%s","parameters":{"id":"%s"}}\0' "$1" "$2"
	done
}

# time_guesses FILE: the microseconds that they take bob, all of them refused.
time_guesses() {
	local start=${EPOCHREALTIME/[.,]/} refused
	refused=$(say bob "$1" | grep -c NotFound)
	[ "$refused" = 1000 ]
	echo $((${EPOCHREALTIME/[.,]/} - start))
}

# What a round takes more than its best is other work of the machine's.
same_time() {
	((2 * best_theirs < 3 * best_none && 2 * best_none < 3 * best_theirs))
}

# bats test_tags=alone
@test "17 guessing ids: another user's is answered in the same time as one that does not exist" {
	local id theirs=$BATS_TEST_TMPDIR/theirs none=$BATS_TEST_TMPDIR/none round method t best_theirs best_none
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	ask alice Inspect "{\"id\":\"$id\"}" | grep -qF "\"id\":\"$id\""
	for method in Inspect Attach; do
		best_theirs=99999999 best_none=99999999
		guesses "$method" "$id" >"$theirs"
		guesses "$method" aaaaaaaaaa >"$none"
		time_guesses "$none" >"$BATS_TEST_TMPDIR/spent" # the audit log has no room for more of bob's
		for ((round = 0; round < 40; round++)); do
			((round < 7)) || ! same_time || break
			t=$(time_guesses "$theirs")
			best_theirs=$((t < best_theirs ? t : best_theirs))
			t=$(time_guesses "$none")
			best_none=$((t < best_none ? t : best_none))
		done
		echo "# a thousand of $method: $best_theirs us theirs, $best_none us none" >&3
		same_time
	done
	[ "$(bed_exec awfctl inspect --json "$id" | jq -r .state)" = running ]
	run -0 bed_exec awfctl stop "$id"
}

@test "17 an id of any other form is none, and names no file" {
	local id
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	ask alice Inspect "{\"id\":\"$id\"}" | grep -qF "\"id\":\"$id\""
	for other in '' . .. "../$id" "$id/" "$id/../$id" "$id " "${id^^}" "${id:1}" "${id:0:2}" "*" '\u0000' "$id\\n"; do
		run -0 ask alice Inspect "{\"id\":\"$other\"}"
		[[ $output == *'"error":"io.awf.Sandbox.'@(NotFound|InvalidArgument)\"* ]]
	done
	run -0 bed_exec awfctl stop "$id"
}

@test "18 the log directory: no link or file of a user's is there to be written through" {
	local id log
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	log=/var/log/awfd/$id
	run -0 as alice cat "$log/audit.jsonl"
	[[ $output == *"$id"* ]]
	bed_exec -u root -- test -s /var/log/awfd/audit.jsonl
	# The same works where alice may write.
	run -0 as alice sh -c 'cd && ln -s /etc/shadow trap && mkdir traps && mv trap traps/ && : >traps/mine && ln traps/mine traps/hard'
	for attack in \
		"ln -s /etc/shadow $log/trap" \
		"ln -s /etc /var/log/awfd/aaaaaaaaaa" \
		"mkdir /var/log/awfd/bbbbbbbbbb" \
		"mv $log /var/log/awfd/cccccccccc" \
		"mv $log/audit.jsonl $log/other" \
		"rm -f $log/audit.jsonl" \
		"mv -T /home/alice/traps/trap $log/audit.jsonl" \
		"ln $log/audit.jsonl /var/log/awfd/hard" \
		"ln /var/log/awfd/audit.jsonl /tmp/hard-$id" \
		"chmod 777 $log" \
		"truncate -s 0 $log/audit.jsonl" \
		"echo forged >>$log/audit.jsonl"; do
		run ! as alice sh -c "$attack"
	done
	run ! as bob ls "$log"
	run ! as bob cat "$log/audit.jsonl"
	run ! as bob ls /var/log/awfd
	run -0 as alice cat "$log/audit.jsonl"
	[[ $output == *"$id"* && $output != *forged* ]]
	as alice sh -c 'rm -r traps'
	run -0 bed_exec awfctl stop "$id"
}

@test "18 a request has no fields for the engine, and no file that awfd opens" {
	run -0 ask alice Check '{"command":["true"]}'
	[[ $output == *'"allowed":true'* ]]
	for field in privileged HostConfig hostConfig binds capAdd containerName label labels user uid network pidMode devices \
		runtime securityOpt difcProxyCaCertFile envFile logDirectory cgroupParent volumes; do
		run -0 ask alice Check "{\"command\":[\"true\"],\"$field\":\"x\"}"
		[[ $output == *"InvalidArgument"*"\"$field\""* ]]
		run -0 ask alice Start "{\"command\":[\"true\"],\"$field\":\"x\"}"
		[[ $output == *"InvalidArgument"*"\"$field\""* ]]
	done
	# A path is no certificate, whoever could read it.
	bed_exec -u root -- test -r /etc/shadow
	run -0 ask alice Start '{"command":["true"],"difcProxyHost":"localhost","difcProxyCaCert":"/etc/shadow"}'
	[[ $output == *InvalidArgument*difcProxyCaCert* && $output != *root:* ]]
	[ "$(as root awfctl list --json | jq '[.[] | select(.state != "exited")] | length')" = 0 ]
}
