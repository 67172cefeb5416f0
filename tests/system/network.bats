#!/usr/bin/env bats
# Attacks from the agent and from cli-proxy on everything that was not granted. Each target is first
# reached from elsewhere, so that a refusal means something.

load bed
load attack

# Ports on every address of the bed's host, also the one that the answering service has beside DIFC.
HOST_PORT=7777

setup_file() {
	bed up
}

setup() {
	bed_service start host-answers -- "$BED_TOOLS/answerer" --record "$BED_DIR/host-answers.jsonl" \
		"tcp:0.0.0.0:$HOST_PORT" "udp:0.0.0.0:$HOST_PORT" "tcp:[::]:$HOST_PORT" "udp:[::]:$HOST_PORT"
}

teardown() {
	attacker_stop
	bed_service kill host-answers
	bed_clean_up_test
}

difc_options() {
	printf '%s\n' --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA"
}

probe_on_host() {
	bed_exec -u root -- "$BED_TOOLS/probe" "$@"
}

# Every address of the bed's host, as TCP and UDP targets; its loopback addresses too. From the host
# itself the engine's bridges answer TCP only: it masquerades the datagram's way there. Their IPv6
# addresses are none before a first container is on the bridge.
host_targets() {
	bed_exec -u root -- ip -j address | jq -r --arg port "$HOST_PORT" '
		.[] | .ifname as $link | .addr_info[] | select(.scope == "global" or .scope == "host") |
		select(.tentative != true) |
		(if .family == "inet6" then "[\(.local)]" else .local end) |
		"tcp:\(.):\($port)", if $link == "docker0" or $link == "awf-egress" then empty else "udp:\(.):\($port)" end'
}

# Host services that are bound to one address or to loopback only, among them what awf itself uses.
host_service_targets() {
	printf '%s\n' tcp:127.0.0.1:18443 'tcp:[::1]:18443'
}

outside_targets() {
	printf '%s\n' tcp:10.77.0.2:80 udp:10.77.0.2:53 'tcp:[fd77::2]:80' 'udp:[fd77::2]:53' \
		tcp:203.0.113.80:80 tcp:203.0.113.80:443 tcp:203.0.113.80:9999 udp:203.0.113.80:53 \
		'tcp:[2001:db8::80]:443' 'udp:[2001:db8::80]:53' tcp:169.254.169.254:80 \
		icmp:10.77.0.2 icmp:203.0.113.80
}

# Addresses at which nothing may be reachable whatever they are: Docker's own resolver, gateways that
# an engine network would have, broadcast and multicast.
conventional_targets() {
	printf '%s\n' "udp:172.17.0.1:$HOST_PORT" udp:127.0.0.11:53 tcp:127.0.0.11:53 udp:172.17.0.1:53 tcp:172.30.0.1:80 \
		udp:172.30.0.1:53 tcp:172.30.0.10:3128 udp:255.255.255.255:53 udp:224.0.0.251:5353 \
		icmp:172.17.0.1 icmp:172.30.0.50 udp:172.30.0.50:53 tcp:172.30.0.50:22 tcp:172.30.0.50:18443
}

all_targets() {
	host_targets
	host_service_targets
	outside_targets
	conventional_targets
}

all_alive() {
	assert_all_reached "$(probe_on_host "$@")"
}

# Asked again when a datagram was lost: it is the targets that are proven, not UDP.
prove_targets_alive() {
	local targets
	mapfile -t targets < <(host_targets; host_service_targets; outside_targets)
	((${#targets[@]} > 15))
	wait_for all_alive "${targets[@]}"
}

attack_all() {
	local targets
	mapfile -t targets < <(all_targets)
	assert_none_reached "$(attacker_try "${targets[@]}")"
}

# The one thing granted works: without it, refusals would prove nothing.
prove_grant_works() {
	assert_all_reached "$(attacker_try -t 20000 tcp:172.30.0.50:11000)"
}

@test "agent reaches no host service, no outside address, no DNS, no link-local address" {
	local options
	mapfile -t options < <(difc_options)
	prove_targets_alive
	attacker_start agent "${options[@]}"
	prove_grant_works
	attack_all
}

@test "agent without a DIFC proxy reaches nothing at all" {
	prove_targets_alive
	attacker_start agent
	attack_all
	assert_none_reached "$(attacker_try tcp:172.30.0.50:11000 tcp:172.30.0.10:3128)"
}

@test "with the host's rules flushed and awfd killed the agent still reaches nothing more" {
	local options
	mapfile -t options < <(difc_options)
	attacker_start agent "${options[@]}"
	bed_exec -u root -- nft flush ruleset
	bed_exec -u root -- iptables -F
	bed_exec -u root -- iptables -P FORWARD ACCEPT
	bed_exec -u root -- sysctl -qw net.ipv4.ip_forward=1
	prove_targets_alive
	prove_grant_works
	attack_all
	bed awfd kill
	prove_targets_alive
	prove_grant_works
	attack_all
	# The table of an awfd that is gone can be flushed by anyone; nothing gets wider by it.
	bed_exec -u root -- nft flush ruleset
	attack_all
	attacker_stop
	bed awfd start
	# What Docker had is back when the engine starts anew; the next test gets a fresh bed.
	bed down
	bed up
	setup
}

@test "another sandbox is not reachable, though its addresses look the same" {
	local options
	mapfile -t options < <(difc_options)
	bed_background -u bob -- awfctl run "${options[@]}" -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	attacker_start agent "${options[@]}"
	# bob's agent, and what listens in its network: alive when asked from there.
	local pid
	pid=$(sandbox_pid agent bob)
	service_in "$pid" bob-answers tcp:172.30.0.20:7000 udp:172.30.0.20:7000
	assert_all_reached "$(bed_exec -u root -- nsenter -t "$pid" -n "$BED_TOOLS/probe" -t 20000 tcp:172.30.0.20:7000 udp:172.30.0.20:7000)"
	assert_none_reached "$(attacker_try tcp:172.30.0.20:7000 udp:172.30.0.20:7000)"
	bed_service kill bob-answers
}

# The first process of a sandbox's container, seen from the bed's host: sandbox_pid ROLE [OWNER].
sandbox_pid() {
	local uid
	uid=$(bed_exec -u "${2:-alice}" -- id -u)
	bed_exec -u root -- docker ps -q --filter "label=awf.role=$1" --filter "label=awf.owner-uid=$uid" |
		xargs "$BED" exec -u root -- docker inspect -f '{{.State.Pid}}'
}

# Something alive inside the network of a process: service_in PID NAME ADDRESS...
service_in() {
	bed_exec -u root -- nsenter -t "$1" -n "$BED_TOOLS/service" --dir "$BED_DIR" start "$2" -- \
		"$BED_TOOLS/answerer" "${@:3}"
}

# A command in cli-proxy's network, as its user.
in_cli_proxy() {
	bed_exec -u root -- nsenter -t "$(sandbox_pid cli-proxy)" -n -- \
		setpriv --reuid 65532 --regid 65532 --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
}

@test "cli-proxy reaches the DIFC port on its own localhost and nothing else at all" {
	local options targets
	mapfile -t options < <(difc_options)
	mapfile -t targets < <(host_targets | grep -v '127.0.0.1\|\[::1\]'; outside_targets; conventional_targets |
		grep -v 172.30.0.50)
	prove_targets_alive
	attacker_start agent "${options[@]}"
	assert_all_reached "$(in_cli_proxy "$BED_TOOLS/probe" -t 20000 tcp:127.0.0.1:18443 'tcp:[::1]:18443')"
	assert_none_reached "$(in_cli_proxy "$BED_TOOLS/probe" "${targets[@]}" "tcp:127.0.0.1:$HOST_PORT" \
		"udp:127.0.0.1:$HOST_PORT" "tcp:[::1]:$HOST_PORT" tcp:127.0.0.1:22)"
}

@test "cli-proxy cannot open a connection to the agent" {
	local options
	mapfile -t options < <(difc_options)
	attacker_start agent "${options[@]}"
	service_in "$(sandbox_pid agent)" agent-answers tcp:0.0.0.0:7000 udp:0.0.0.0:7000
	assert_all_reached "$(attacker_try -t 20000 tcp:127.0.0.1:7000 udp:127.0.0.1:7000 tcp:172.30.0.20:7000)"
	assert_none_reached "$(in_cli_proxy "$BED_TOOLS/probe" tcp:172.30.0.20:7000 udp:172.30.0.20:7000 icmp:172.30.0.20)"
	bed_service kill agent-answers
}

@test "openssl in cli-proxy's network sees the DIFC proxy's own certificate, verified" {
	local options proxy relayed
	mapfile -t options < <(difc_options)
	attacker_start agent "${options[@]}"
	relayed=$(in_cli_proxy openssl s_client -connect localhost:18443 -verify_return_error \
		-verify_hostname localhost -CAfile "$BED_DIFC_CA" </dev/null)
	[[ $relayed == *'Verify return code: 0 (ok)'* ]]
	proxy=$(bed_exec openssl x509 -noout -fingerprint -sha256 -in "$BED_DIR/difc/server.crt")
	[ "$(openssl x509 -noout -fingerprint -sha256 <<<"$relayed")" = "$proxy" ]
}

@test "the relay's user reaches only the DIFC proxies of live sandboxes" {
	local options relay
	mapfile -t options < <(difc_options)
	relay=(bed_exec -u awf-relay -- "$BED_TOOLS/probe")
	assert_none_reached "$("${relay[@]}" tcp:127.0.0.1:18443)"
	attacker_start agent "${options[@]}"
	assert_all_reached "$("${relay[@]}" -t 20000 tcp:127.0.0.1:18443)"
	prove_targets_alive
	mapfile -t targets < <(host_targets; outside_targets; printf '%s\n' udp:127.0.0.1:18443)
	assert_none_reached "$("${relay[@]}" "${targets[@]}")"
	attacker_stop
	assert_clean
	assert_none_reached "$("${relay[@]}" tcp:127.0.0.1:18443)"
}

@test "the namespaces hold two point-to-point host routes, no default route, and do not forward" {
	local options role pid
	mapfile -t options < <(difc_options)
	attacker_start agent "${options[@]}"
	for role in agent cli-proxy; do
		pid=$(sandbox_pid "$role")
		run -0 bed_exec -u root -- nsenter -t "$pid" -n -- ip -j route show table main
		[ "$(jq -r '.[].dst' <<<"$output" | wc -l)" = 1 ]
		run -0 bed_exec -u root -- nsenter -t "$pid" -n -- ip -6 route show default
		[ -z "$output" ]
		run -0 bed_exec -u root -- nsenter -t "$pid" -n -- sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding
		[ "$output" = $'0\n0' ]
	done
	# The links carry the sandbox's id.
	run -0 bed_exec -u root -- nsenter -t "$pid" -n -- ip -j link
	[[ $(jq -r '.[] | select(.ifname == "agent").ifalias' <<<"$output") =~ ^[a-z2-7]{10}$ ]]
}

# AF_VSOCK (40) belongs to no network namespace, io_uring (425) makes sockets by itself; AF_PACKET (17),
# AF_ALG (38), AF_BLUETOOTH (31) and AF_XDP (44) are nothing that a job needs; bpf (321), unshare (272),
# mount (165) and keyctl (250) change the kernel around it.
@test "agent makes no sockets outside its network namespace, and reaches no io_uring" {
	local ways=(family:40 syscall:425 syscall:272 syscall:165 syscall:250)
	assert_all_reached "$(probe_on_host family:40 syscall:425 family:17 syscall:250)"
	attacker_start agent
	assert_all_reached "$(attacker_try family:1 family:2 family:10 family:16)"
	assert_none_reached "$(attacker_try "${ways[@]}" family:17 family:38 family:31 family:44 syscall:321)"
}
