#!/usr/bin/env bats
# The DIFC proxy is asked before anything is created, and what is wrong with it is told apart.

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
	is_clean
}

with_ca() {
	refused "$1" "$2" --difc-proxy-host "$3" --difc-proxy-ca-cert "${4-$BED_DIFC_CA}"
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

@test "the probe runs as a user of its own, and awfd connects to nothing" {
	bed difc tell hang on
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- true
	wait_for bed_exec -u root -- pgrep -x -u awf-probe awf-difc-probe
	run -0 bed_exec -u root -- ss -Htnp state established dport = :18443
	[[ $output == *awf-difc-probe* && $output != *'"awfd"'* ]]
	bed_kill KILL awfctl
	assert_clean
	run ! bed_exec -u root -- pgrep -x awf-difc-probe
}
