#!/usr/bin/env bats
# The DIFC proxy is asked before anything is created, and once more from within before the command runs.
# What is wrong with it is told apart, and what may pass is waited for.

load bed

setup_file() {
	bed up
}

setup() {
	bed_exec -u root -- docker events --filter type=container >"$BATS_TEST_TMPDIR/events" &
	EVENTS=$!
}

teardown() {
	kill "$EVENTS" 2>/dev/null || :
	bed_clean_up_test
}

# refused EXIT_CODE EXPECTED OPTION...: the start fails, says so, and has created nothing.
refused() {
	local code=$1 expected=$2
	shift 2
	run "-$code" --separate-stderr bed_exec awfctl run "$@" -- true
	echo "$stderr"
	[[ $stderr == *"$expected"* ]]
	[ "$(wc -l <<<"$stderr")" = 1 ]
	[ ! -s "$BATS_TEST_TMPDIR/events" ]
	assert_clean
}

with_ca() {
	refused "$1" "$2" --difc-proxy-host "$3" --difc-proxy-ca-cert "${4-$BED_DIFC_CA}" --difc-wait 0
}

# run_with_difc VERB [OPTION...] [-- COMMAND...]: in the background, by awfctl run or start.
run_with_difc() {
	bed_background awfctl "$1" --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" "${@:2}"
}

# It says on standard error what it waits for.
says_that_it_waits_for() {
	grep -qF "waiting for DIFC proxy localhost:18443: " "$BED_BACKGROUND/err" && grep -qF "($1)" "$BED_BACKGROUND/err"
}

# The one probe that runs.
probe_pid() {
	bed_exec -u root -- pgrep -x -u awf-probe awf-difc-probe
}

no_probe() {
	! probe_pid
}

# network_of PID: as the kernel names it.
network_of() {
	bed_exec -u root -- readlink "/proc/$1/ns/net"
}

pid_of_cli_proxy() {
	bed_exec -u root -- sh -c 'docker inspect -f "{{.State.Pid}}" $(docker ps -q -f label=awf.role=cli-proxy)'
}

@test "what is wrong with the proxy is told apart" {
	with_ca 125 '(refused)' localhost:1
	with_ca 125 '(unresolvable)' no-such-host.invalid:18443
	with_ca 125 '(tls-not-tls)' 10.77.0.2:80
	with_ca 125 '(unreachable)' 10.77.0.99:18443
	with_ca 125 '(timeout)' 198.51.100.1:18443
	with_ca 125 '(tls-untrusted)' localhost:18443 /etc/ssl/certs/ISRG_Root_X1.pem
	bed difc tell certificate expired
	with_ca 125 '(tls-expired)' localhost:18443
	bed difc tell certificate other-name
	with_ca 125 '(tls-wrong-name)' localhost:18443
	bed difc tell certificate other-ca
	with_ca 125 '(tls-untrusted)' localhost:18443
	bed difc tell clear
	bed difc tell refuse on
	with_ca 125 '(refused)' localhost:18443
	bed difc tell clear
	bed difc tell reset on
	with_ca 125 '(reset)' localhost:18443
	bed difc tell clear
	bed difc tell hang on
	with_ca 125 '(timeout)' localhost:18443
	bed difc tell clear
	run -0 bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- true
}

@test "a proxy that comes up is waited for, and what is waited for is told" {
	bed difc tell refuse on
	run_with_difc run -- gh api zen
	wait_for says_that_it_waits_for refused
	bed difc tell reset on
	bed difc tell refuse off
	wait_for says_that_it_waits_for reset
	[ ! -s "$BATS_TEST_TMPDIR/events" ]
	bed difc tell clear
	wait "$BED_BACKGROUND_PID"
	bed_background_said logically
}

@test "a proxy that does not come up is not waited for longer than was asked" {
	bed difc tell refuse on
	local began=${EPOCHREALTIME/./} option
	run -125 --separate-stderr bed_exec awfctl run --difc-proxy-host localhost:18443 \
		--difc-proxy-ca-cert "$BED_DIFC_CA" --difc-wait 1 -- true
	[ $((${EPOCHREALTIME/./} - began)) -ge 1000000 ]
	[[ $stderr == *'awfctl: DIFC proxy localhost:18443: '*'(refused)'* ]]
	[ ! -s "$BATS_TEST_TMPDIR/events" ]
	# As much as the operator says, when the user says nothing.
	bed_configure_awfd <<<$'[Difc]\nWaitSeconds=0'
	refused 125 '(refused)' --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA"
	bed difc tell clear
	for option in -1 3601 99999999999 1.5 '' x; do
		refused 2 "--difc-wait '$option'" --difc-proxy-host localhost --difc-proxy-ca-cert "$BED_DIFC_CA" \
			--difc-wait="$option"
	done
	refused 2 'there is no DIFC proxy to wait for' --difc-wait 1
}

@test "what stays is not waited for" {
	local long=(--difc-wait 3600 --difc-proxy-ca-cert)
	refused 125 '(tls-untrusted)' "${long[@]}" /etc/ssl/certs/ISRG_Root_X1.pem --difc-proxy-host localhost
	refused 125 '(tls-not-tls)' "${long[@]}" "$BED_DIFC_CA" --difc-proxy-host 10.77.0.2:80
	bed difc tell certificate other-name
	refused 125 '(tls-wrong-name)' "${long[@]}" "$BED_DIFC_CA" --difc-proxy-host localhost
	bed difc tell certificate expired
	refused 125 '(tls-expired)' "${long[@]}" "$BED_DIFC_CA" --difc-proxy-host localhost
}

@test "a proxy that is healthy but cannot be used is told apart, from within" {
	local code
	bed difc tell no-policy on
	run -125 --separate-stderr run_within --difc-wait 3600
	[[ $stderr == 'awfctl: DIFC proxy localhost:18443: through the relay: '*'it is up but has no policy'*'(policy-missing); start the DIFC proxy with a policy' ]]
	bed difc tell clear
	for code in 401 502; do
		bed difc tell status "$code"
		run -125 --separate-stderr run_within --difc-wait 0
		[[ $stderr == *"through the relay: "*"status $code: {\"error\":"*'(http-status); '* ]]
	done
	assert_clean
	run -125 --separate-stderr run_within --difc-wait 0 --env GITHUB_SERVER_URL=https://octo.ghe.com
	[[ $stderr == *'; is it one for octo.ghe.com, with that tenant'* ]]
}

# A start that fails after all was created.
run_within() {
	bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" "$@" -- true
}

@test "the second probe runs in cli-proxy's network, where it reaches the relay and nothing else" {
	local cli_proxy probe address
	bed difc tell status 502
	run_with_difc run --difc-wait 3600 -- gh api zen
	wait_for says_that_it_waits_for http-status
	cli_proxy=$(pid_of_cli_proxy)
	probe=$(probe_pid)
	[ "$(network_of "$probe")" = "$(network_of "$cli_proxy")" ]
	[ "$(network_of "$probe")" != "$(network_of 1)" ]
	# Its user is not let to cli-proxy itself, which listens, nor out.
	run -0 bed_exec -u root -- nsenter -t "$cli_proxy" -n ss -Hltn 'sport = :11000'
	[[ $output == *:11000* ]]
	run -0 in_network_as_probe "$cli_proxy" 127.0.0.1 18443
	for address in '127.0.0.1 11000' '172.30.0.50 11000' '172.30.0.20 80' '10.77.0.1 18443' '203.0.113.80 443'; do
		# shellcheck disable=SC2086 # two words
		run ! in_network_as_probe "$cli_proxy" $address
	done
	bed difc tell clear
	wait "$BED_BACKGROUND_PID"
	bed_background_said logically
	wait_for no_probe
}

# in_network_as_probe PID HOST PORT: whether a connection comes about.
in_network_as_probe() {
	bed_exec -u root -- nsenter -t "$1" -n setpriv --reuid awf-probe --regid awf-probe --clear-groups \
		timeout 2 bash -c "exec 3<>/dev/tcp/$2/$3"
}

@test "a client that goes away ends the waiting, of run and of start, before and after the creation" {
	local verb fault
	for verb in run start; do
		for fault in 'refuse on' 'status 502'; do
			bed difc tell "$fault"
			run_with_difc "$verb" --difc-wait 3600 -- true
			wait_for says_that_it_waits_for "$([[ $fault == refuse* ]] && echo refused || echo http-status)"
			probe_pid
			bed_kill KILL awfctl
			assert_clean
			no_probe
			bed difc tell clear
		done
	done
	[ "$(bed_exec awfctl list --json | jq length)" = 0 ]
}

@test "an awfd that is killed leaves no probe waiting" {
	bed difc tell refuse on
	run_with_difc run --difc-wait 3600 -- true
	wait_for says_that_it_waits_for refused
	probe_pid
	bed awfd kill
	wait_for no_probe
	bed awfd start
}

@test "a proxy that goes away and comes back while the command runs: gh fails clearly, and works again" {
	local fault
	# shellcheck disable=SC2016 # the agent's shell's
	run_with_difc run -- 'while read -r turn; do
		gh api zen >"/tmp/out" 2>"/tmp/err" && echo "$turn: $(cat /tmp/out)" || echo "$turn: failed: $(tail -n 1 /tmp/err)"
	done'
	ask() {
		bed_background_say "$1"
		wait_for bed_background_said "$1: $2"
	}
	ask first 'Keep it logically awesome.'
	for fault in refuse reset; do
		bed difc tell "$fault" on
		ask "$fault" 'failed: gh: the DIFC proxy does not answer; gh works again as soon as it does'
		bed difc tell clear
		ask "after $fault" 'Keep it logically awesome.'
	done
	bed difc tell no-policy on
	ask 'unfiltered' 'Keep it logically awesome.'
	bed difc tell status 503
	ask 'no policy' 'failed: gh: the DIFC proxy was started without a policy'
	bed difc tell clear
	bed difc tell certificate expired
	ask expired "failed: gh: the DIFC proxy's certificate has expired"
	bed difc tell clear
	bed difc stop
	ask stopped 'failed: gh: the DIFC proxy does not answer'
	# It has a new CA now, which this sandbox was not given.
	bed difc start
	ask other 'failed: gh: the DIFC proxy is not the one that this sandbox was started for'
	run -0 bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- gh api zen
}

@test "the address is refused with the field, the value and the reason" {
	local host
	for host in localhost:0 localhost:65536 localhost:018443 localhost:18443x user@localhost \
		localhost/path 'localhost?query' '[::1' '::1:18443' localhost:11000 ' localhost' "localhost"$'\n'; do
		with_ca 2 '--difc-proxy-host' "$host"
	done
}

@test "every spelling of the runner host works" {
	local host
	for host in localhost localhost:18443 127.0.0.1 '[::1]:18443' host.docker.internal https://localhost:18443 ''; do
		run -0 --separate-stderr bed_exec awfctl run --difc-proxy-host "$host" \
			--difc-proxy-ca-cert "$BED_DIFC_CA" -- gh api zen
		[[ $output == *logically* ]]
	done
}

@test "a CA file that can't be used is refused with its path and the reason" {
	bed_exec sh -c ': >empty.crt; echo no PEM >text.crt; mkfifo fifo.crt; mkdir dir.crt
		cp "$BED_DIFC_CA" mine.crt; chmod 000 mine.crt
		printf -- "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" >broken.crt'
	with_ca 2 '/nowhere/ca.crt: No such file' localhost /nowhere/ca.crt
	with_ca 2 'mine.crt: Permission denied' localhost mine.crt
	with_ca 2 '/etc/shadow: Permission denied' localhost /etc/shadow
	with_ca 2 'fifo.crt: not a regular file' localhost fifo.crt
	with_ca 2 'dir.crt' localhost dir.crt
	with_ca 2 '/dev/zero: not a regular file' localhost /dev/zero
	with_ca 2 'empty.crt' localhost empty.crt
	with_ca 2 'text.crt' localhost text.crt
	with_ca 2 'broken.crt' localhost broken.crt
	bed_exec sh -c 'rm -rf -- *.crt'
}

@test "an address without a CA is refused with what to do, and the other way round" {
	refused 2 'needs --difc-proxy-ca-cert' --difc-proxy-host localhost:18443
	refused 2 '--difc-proxy-host' --difc-proxy-ca-cert "$BED_DIFC_CA"
}

difc_clients() {
	bed_exec -u root -- ss -Htnp state established dport = :18443
}

probe_is_connected() {
	difc_clients | grep -q awf-difc-probe
}

@test "the probe runs as a user of its own, and awfd connects to nothing" {
	bed difc tell hang on
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- true
	wait_for bed_exec -u root -- pgrep -x -u awf-probe awf-difc-probe
	wait_for probe_is_connected
	run -0 difc_clients
	[[ $output != *'"awfd"'* ]]
	bed_kill KILL awfctl
	assert_clean
	run ! bed_exec -u root -- pgrep -x awf-difc-probe
}
