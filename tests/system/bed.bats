#!/usr/bin/env bats
# bats file_tags=alone
# The bed itself: that it is what the other tests take it for. Runs on a bed of its own.

export BED_NAME=awf-bed-test
load bed
load internet

setup_file() {
	bed up
}

teardown_file() {
	bed down
}

init_pid() {
	cut -d' ' -f1 "$BED_DIR/init"
}

# What a bed could leave on the machine, one line each.
traces() {
	compgen -G "/sys/fs/cgroup/*/$BED_NAME" || :
	compgen -G "/sys/fs/cgroup/$BED_NAME" || :
	compgen -G "/run/$BED_NAME*" || :
	grep -s "$BED_NAME" /proc/mounts || :
	pgrep -fa "/$BED_NAME" || :
}

fingerprint() {
	md5sum /etc/passwd /etc/group /etc/hosts /etc/resolv.conf
	ip -o link | cut -d: -f2
	nft -s list ruleset 2>/dev/null
	ls /var/lib /var/log /run /home /srv /opt
}

@test "up is nothing to do when the bed is healthy" {
	local before
	before=$(init_pid)
	bed up
	[ "$(init_pid)" = "$before" ]
	run -0 bed status
	[[ $output == *engine* && $output == *awfd* ]]
}

@test "exit codes come through, and 128+n for a signal" {
	local code
	for code in 0 1 42 255; do
		run "-$code" bed_exec sh -c "exit $code"
	done
	run -143 bed_exec sh -c 'kill -TERM $$'
	run -137 bed_exec sh -c 'kill -KILL $$'
	run -127 bed_exec no-such-command
	run -126 bed_exec /etc/passwd
}

@test "stdin, stdout and stderr come through unchanged" {
	head -c 1M /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	bed_exec bash -c 'tee >(cat >&2); wait' <"$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/err"
}

# A signal to `bed exec` is the command's to handle, also from a shell that ignores SIGINT for it.
signal_reaches_command() {
	local status=0
	bed_background bash -c "trap 'echo caught; exit 9' $1; echo ready; while :; do sleep 0.05; done"
	wait_for bed_background_said ready
	kill "-$1" "$BED_BACKGROUND_PID"
	wait "$BED_BACKGROUND_PID" || status=$?
	[ "$status" = 9 ]
	bed_background_said caught
}

@test "INT and TERM reach the command" {
	signal_reaches_command INT
	signal_reaches_command TERM
}

@test "a bed exec that is killed takes its command along" {
	bed_background sh -c 'echo ready; exec sleep 4321'
	wait_for bed_background_said ready
	kill -KILL "$BED_BACKGROUND_PID"
	no_sleeper() { ! bed_exec -u root pgrep -f '^sleep 4321'; }
	wait_for no_sleeper
}

@test "users are who they should be" {
	run -0 as alice id -nG
	[ "$output" = 'alice awf' ]
	run -0 as bob id -nG
	[ "$output" = 'bob awf' ]
	run -0 as mallory id -nG
	[ "$output" = mallory ]
	run -0 bed_exec -- sh -c 'echo "$USER $HOME $PWD"; touch ~/mine'
	[ "$output" = 'alice /home/alice /home/alice' ]
	run ! as mallory ls /home/alice
	run -0 bed_exec -u root id -u
	[ "$output" = 0 ]
	run -0 bed_exec -u root id -nG awf-relay
	[ "$output" = awf-relay ]
	run ! bed_exec docker ps
	run ! as mallory docker ps
}

@test "users find awfctl, the CA and the socket's name" {
	run -0 bed_exec sh -c 'type awfctl; cat "$BED_DIFC_CA"; echo "$AWFD_SOCKET"'
	[[ $output == *BEGIN\ CERTIFICATE*/run/awfd/awfd.sock ]]
}

@test "the host has a name, a network and no way out of itself" {
	run -0 bed_exec hostname
	[ "$output" = awf-bed ]
	run -0 bed_exec getent hosts localhost
	run -0 bed_exec -u root ip -o link show
	[[ $output == *" eth0"* && $output == *" lo"* && $output == *" docker0"* ]]
}

# A refusal proves something only when its target is alive.
@test "what is outside answers" {
	local at
	for at in 10.77.0.2/80 169.254.169.254/80 203.0.113.80/443 2001:db8::80/443 fd77::2/80; do
		run -0 bed_exec bash -c "exec 3<>/dev/tcp/$at; timeout 5 cat <&3"
		[[ $output == *"answer from tcp:"* ]]
	done
	run -0 bed_exec -u root --netns outside ip -o address
	[[ $output == *169.254.169.254* ]]
}

# As on a machine with systemd-resolved, whose own file names the resolver behind the stub.
@test "the host resolves through a stub, and its upstream is on file" {
	run -0 bed_exec cat /etc/resolv.conf
	[[ $output == *'nameserver 127.0.0.53'* ]]
	run -0 bed_exec cat /run/systemd/resolve/resolv.conf
	[ "$output" = 'nameserver 10.77.0.2' ]
	bed dns reset
	run -0 bed_exec getent ahostsv4 granted.example
	[[ $output == 203.0.113.10* ]]
	(($(dns_count granted.example 10.77.0.2) > 0))
	run -2 bed_exec getent hosts no-such-name.example
	(($(dns_count no-such-name.example) > 0))
}

@test "DNS servers say who has which address, and count what they are asked" {
	local name want
	while read -r name want; do
		run -0 bed_exec dig +short +time=2 @10.77.0.2 "$name" A "$name" AAAA
		[ "$(sort <<<"$output" | xargs)" = "$want" ]
	done <<-'END'
	granted.example 2001:db8::10 203.0.113.10
	v6only.example 2001:db8::15
	xn--bcher-kva.example 203.0.113.16
	secret.evil.example 2001:db8::66 203.0.113.66
	private.example 10.77.0.2
	mixed.example 10.77.0.2 203.0.113.20
	metadata.example 169.254.169.254
	loop.example 127.0.0.1 ::1
	host.example 10.77.0.1 fd77::1
	mapped.example ::ffff:10.77.0.2
	ula.example fd77::2
	squid.example 198.18.0.1
	END
	bed dns reset
	for name in 10.77.0.2 203.0.113.53 fd77::2 2001:db8::53; do
		run -0 bed_exec dig +time=2 "@$name" a.b.evil.example TXT
		run -0 bed_exec dig +tcp +time=2 "@$name" Nowhere.Test
		[[ $output == *NXDOMAIN* && $output == *'flags: qr aa'* ]]
	done
	[ "$(dns_count)" = 8 ]
	[ "$(dns_count nowhere.test)" = 4 ]
	[ "$(dns_count nowhere.test 203.0.113.53)" = 1 ]
	[ "$(dns_count .evil.example 2001:db8::53)" = 1 ]
	[ "$(dns_count evil.example)" = 0 ]
	run ! assert_not_resolved evil.example
	assert_not_resolved granted.example
	bed dns reset
	[ "$(dns_count)" = 0 ]
}

@test "a DNS answer can be changed while a test runs" {
	bed dns set rebind.example 203.0.113.20
	run -0 bed_exec getent ahostsv4 rebind.example
	[[ $output == 203.0.113.20* ]]
	bed dns set rebind.example 10.77.0.2
	run -0 bed_exec getent ahostsv4 rebind.example
	[[ $output == 10.77.0.2* ]]
	bed dns set rebind.example
	run -2 bed_exec getent ahostsv4 rebind.example
}

# Every origin, by each of its addresses, from where it lives and from the host; verified by the CA.
@test "origins answer by name with their own certificates, and write down what they were asked" {
	local origin from
	prove_alive https://granted.example/ http://blocked.granted.example/ https://granted.example:8443/ \
		http://granted.example:8080/ tcp:203.0.113.10:22 https://deep.sub.granted.example/
	for from in host outside; do
		prove_alive --from "$from" https://{www.granted,dual,v6only,xn--bcher-kva,other,evil,x.evil}.example/ \
			https://{private,private-172,private-192,cgnat,metadata,linklocal,ula}.example/ \
			http://{metadata,private}.example/ 'tcp:[2001:db8::10]:443' 'tcp:[fd77::2]:443'
	done
	reset_records
	assert_origins_idle
	run -0 bed_exec curl -sS https://granted.example/some/path
	[ "$output" = 'origin granted.example address 203.0.113.10 port 443 sni granted.example' ] ||
		[ "$output" = 'origin granted.example address 2001:db8::10 port 443 sni granted.example' ]
	wait_for origin_saw '"host":"granted.example","method":"GET","path":"/some/path"'
	run ! assert_origins_idle
}

@test "an origin answers for any SNI and any Host, so fronting would work" {
	reset_records
	run -0 bed_exec curl -sS -H 'Host: evil.example' https://granted.example/
	[[ $output == 'origin evil.example '* ]]
	wait_for origin_saw '"sni":"granted.example","host":"evil.example"'
	run -0 bed_exec curl -sSk --connect-to evil.example:443:granted.example:443 https://evil.example/
	[[ $output == 'origin evil.example '* ]]
	wait_for origin_saw '"sni":"evil.example","host":"evil.example"'
	run -60 bed_exec curl -sS --connect-to evil.example:443:granted.example:443 https://evil.example/
}

@test "a connection without a request is written down, too" {
	reset_records
	run bed_exec bash -c 'exec 3<>/dev/tcp/203.0.113.10/443; printf "no TLS\n" >&3; cat <&3'
	wait_for origin_saw 203.0.113.10:443
	bed origins reset
	run -0 bed_exec bash -c 'exec 3<>/dev/tcp/203.0.113.20/443'
	wait_for origin_saw 203.0.113.20:443
}

@test "one GiB, and a download without end" {
	run -0 bed_exec bash -c 'curl -sS https://big.example/1GiB | wc -c'
	[ "$output" = 1073741824 ]
	bed_background curl -sSN https://big.example/slow
	some() { [ "$(wc -c <"$BED_BACKGROUND/out")" -gt "$1" ]; }
	wait_for some 0
	wait_for some 100000
	kill -0 "$BED_BACKGROUND_PID"
	kill "$BED_BACKGROUND_PID"
}

@test "git, pip and npm find what they look for" {
	run -0 bed_exec sh -c 'git clone -q https://git.example/hello.git ~/hello && cat ~/hello/README'
	[ "$output" = 'hello from git' ]
	wait_for origin_saw /hello.git/git-upload-pack
	bed image agent-test
	run -0 bed_exec -u root docker run --rm awf/agent-test:latest sh -ec '
		curl -sS https://granted.example/
		pip3 download -q --no-cache-dir --index-url https://pypi.example/simple/ -d /tmp/w awf-hello && ls /tmp/w
		npm view --registry https://npm.example/ awf-hello version'
	[[ $output == *'origin granted.example'*awf_hello-1.0-py3-none-any.whl*1.0.0 ]]
}

@test "the corporate proxy forwards, writes down, and one wants to know who asks" {
	reset_records
	run -0 bed_exec curl -sS -x "$CORP_PROXY" https://granted.example/
	[[ $output == 'origin granted.example '* ]]
	corp_saw 'CONNECT granted.example:443'
	wait_for origin_saw '"peer":"10.77.0.8"'
	run -0 bed_exec curl -sS -x "$CORP_PROXY" http://other.example/
	[[ $output == 'origin other.example '* ]]
	corp_saw 'GET http://other.example/'
	run ! corp_saw granted.example corp-auth
	run -56 bed_exec curl -sS -x "${CORP_AUTH_PROXY/worker:sesame@}" https://granted.example/
	[[ $output == *407* ]]
	run -0 bed_exec curl -sS -x "$CORP_AUTH_PROXY" https://granted.example/
	[[ $output == 'origin granted.example '* ]]
	corp_saw 'CONNECT granted.example:443' corp-auth
}

@test "services of the small internet can be ended and started anew" {
	local service
	for service in dns origins git corp corp-auth resolver; do
		bed "$service" kill
		run ! bed "$service" pid
		bed "$service" start
		bed "$service" restart
	done
	run -0 bed status
	prove_alive --from host https://granted.example/
}

@test "the DIFC stand-in serves localhost on both address families" {
	local at
	for at in 127.0.0.1:18443 '[::1]:18443'; do
		run -0 bed_exec sh -c 'openssl s_client -connect "$1" -servername localhost -CAfile "$BED_DIFC_CA" \
			-verify_hostname localhost -verify_return_error </dev/null' - "$at"
		[[ $output == *"CN = MCPG Proxy CA"* ]]
	done
}

@test "the DIFC stand-in fails on demand, and stops failing" {
	reach() { bed_exec sh -c 'echo | timeout 2 openssl s_client -connect 127.0.0.1:18443 -CAfile "$BED_DIFC_CA" \
		-verify_hostname localhost -verify_return_error'; }
	local fault
	for fault in 'refuse on' 'hang on' 'reset on' 'certificate expired' 'certificate other-name' 'certificate other-ca'; do
		# shellcheck disable=SC2086 # two words
		bed difc tell $fault
		run ! reach
		bed difc tell clear
		run -0 reach
	done
}

@test "services can be stopped, killed and started" {
	local before
	before=$(bed awfd pid)
	bed awfd restart
	[ "$(bed awfd pid)" != "$before" ]
	bed awfd kill
	run ! bed awfd pid
	run -1 bed status
	bed awfd start
	run -0 bed status
}

@test "what a sandbox could leave is found" {
	assert_clean
	bed_exec -u root docker create --label awf.sandbox=x --name awf-x-agent awf/agent:latest true
	run ! is_clean
	[[ $output == *'container awf-x-agent'* ]]
	bed_exec -u root docker rm awf-x-agent
	bed_exec -u root ip link add awf-x type bridge
	run ! is_clean
	[[ $output == *'link awf-x'* ]]
	bed_exec -u root ip link del awf-x
	# awfd's own network for squids stays; a port of it does not.
	bed_exec -u root ip link show awf-egress
	bed_exec -u root ip link add port0 master awf-egress type veth peer name port1
	run ! is_clean
	[[ $output == *'link port0 in awf-egress'* ]]
	bed_exec -u root ip link del port0
	bed_exec -u root mkdir -p /run/awfd/sandboxes/x
	run ! is_clean
	bed_exec -u root rmdir /run/awfd/sandboxes/x
	assert_clean
}

@test "the fake engine counts calls and fails the one it is told to" {
	bed_service start fake-engine -- "$BED_TOOLS/fake-engine" --listen /run/fake-engine.sock \
		--upstream /run/docker.sock --control /run/fake-engine.control
	engine() { bed_exec -u root docker -H unix:///run/fake-engine.sock "$@"; }
	run -0 engine images -q
	run -0 fake_engine calls
	[[ $output == *'GET '*/images/json* ]]
	fake_engine clear
	fake_engine fail 2 '*' /images/json 507 no room today
	run -0 engine images -q
	run -1 engine images -q
	[[ $output == *'no room today'* ]]
	run -0 engine images -q
	fake_engine lose 1 POST containers/create
	run ! engine create --name lost awf/agent:latest true
	run -0 engine rm lost
	bed_service kill fake-engine
}

@test "SIGKILL of init ends everything, and up cures it" {
	kill -KILL "$(init_pid)"
	# Its processes go first, and it is the last.
	gone() { local code=0; bed status || code=$?; [ "$code" = 3 ]; }
	wait_for gone
	run -125 bed_exec true
	bed up
	run -0 bed status
	bed_exec true
}

@test "down leaves no trace, and is content when there is none" {
	bed down
	run -0 traces
	[ -z "$output" ]
	bed down
	run -3 bed status
	bed up
}

@test "the machine stays as it was" {
	local before
	bed down
	before=$(fingerprint)
	bed up
	bed_exec -u root touch /etc/canary /var/lib/canary /run/canary /root/canary /home/canary
	bed down
	diff <(echo "$before") <(fingerprint)
	bed up
}

@test "two ups at once make one bed" {
	bed down
	bed up &
	bed up
	wait $!
	run -0 bed status
}
