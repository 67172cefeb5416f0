#!/usr/bin/env bats
# The way out: an agent reaches what it was granted, with nothing but proxy variables, and is told what
# it was refused. The small internet behind it is the bed's.

load bed
load attack
load internet

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	reset_records
}

teardown() {
	attacker_stop
	bed_service kill host-answers
	[[ -z ${PUBLISHED:-} ]] || bed_exec -u root -- docker rm -fv "${PUBLISHED[@]}"
	bed_clean_up_test
}

# run_job [AWFCTL-RUN-OPTION...] -- COMMAND...
run_job() {
	bed_exec awfctl run --agent-image awf/agent-test:latest "$@"
}

# The status of a request in the agent: 000 when the proxy refused the tunnel, else the answer's.
readonly FETCH='fetch() { curl -sS -o /dev/null --max-time 20 -w "%{http_code} %{http_connect}" "$@" 2>/dev/null || :; }'

# reaches URL / refuses URL, in the running agent.
reaches() {
	local seen
	seen=$(in_agent "$FETCH; fetch $1")
	[[ $seen == '200 '* ]] || { echo "$1: $seen"; return 1; }
}

refuses() {
	local seen
	seen=$(in_agent "$FETCH; fetch $1")
	[[ $seen == '403 000' || $seen == '000 403' ]] || { echo "$1: $seen"; return 1; }
}

@test "curl reaches an allowed domain and its subdomains, by http and https, and no other" {
	prove_alive https://granted.example/ https://other.example/ http://other.example/
	agent_start agent --allow-domains granted.example
	reaches https://granted.example/
	reaches http://granted.example/
	reaches http://granted.example/squid-internal-static/icons/silk/image.png
	reaches https://www.granted.example/
	reaches https://deep.sub.granted.example/
	reaches https://GRANTED.example/
	reaches https://granted.example./
	refuses https://other.example/
	refuses http://other.example/
	refuses https://notgranted.example/
}

@test "each form of a domain means what it says" {
	agent_start agent --allow-domains '*.sub.granted.example,=other.example,w*w.granted.example,*.evil.example' \
		--block-domains b.evil.example
	refuses https://granted.example/
	refuses https://sub.granted.example/
	reaches https://deep.sub.granted.example/
	reaches https://www.granted.example/
	refuses https://blocked.granted.example/
	reaches https://other.example/
	refuses https://sub.other.example/
	refuses https://evil.example/
	reaches https://a.evil.example/
	refuses https://b.evil.example/
	refuses https://x.b.evil.example/
}

@test "a scheme before a domain limits it to that scheme" {
	agent_start agent --allow-domains https://granted.example,http://other.example
	reaches https://granted.example/
	refuses http://granted.example/
	reaches http://other.example/
	refuses https://other.example/
}

@test "domains come from files and rule sets too, and a block wins over all" {
	bed_exec -- sh -c '
		printf "# a comment\ngranted.example, other.example # and more\n\n" >allowed
		printf "blocked.granted.example\n" >blocked
		printf "version: 1\nrules:\n  - domain: dual.example\n  - domain: evil.example\n    subdomains: false\n" >rules.yaml'
	agent_start agent --allow-domains-file allowed --block-domains-file blocked --ruleset-file rules.yaml
	reaches https://granted.example/
	reaches https://other.example/
	reaches https://dual.example/
	reaches https://evil.example/
	refuses https://x.evil.example/
	refuses https://blocked.granted.example/
}

@test "without allowed domains there is no way out, and no squid" {
	run -0 run_job -- sh -c 'env | grep -i _proxy; ip -o link | grep -c squid; true'
	[[ $output == 0 ]]
	run -0 run_job --block-domains a.example -- sh -c 'env | grep -ci _proxy; true'
	[[ $output == 0 ]]
}

@test "an internationalized domain is granted in either form" {
	agent_start agent --allow-domains 'bücher.example'
	reaches https://xn--bcher-kva.example/
	refuses https://granted.example/
}

@test "IPv6 origins are reached like others" {
	prove_alive https://v6only.example/
	agent_start agent --allow-domains v6only.example,dual.example
	reaches https://v6only.example/
	reaches https://dual.example/
}

@test "git clone, pip download and an npm registry work with nothing but the variables" {
	agent_start agent --allow-domains git.example,pypi.example,npm.example
	in_agent 'cd /tmp && git clone -q https://git.example/hello.git clone && grep -q "hello from git" clone/README'
	in_agent 'cd /tmp && pip download -q --no-cache-dir --disable-pip-version-check --no-deps --index-url https://pypi.example/simple/ awf-hello && ls *.whl'
	in_agent 'npm view --registry=https://npm.example/ awf-hello version | grep -x 1.0.0'
}

@test "200 connections at once and a gibibyte come through without an error" {
	agent_start agent --allow-domains granted.example,big.example
	run in_agent 'seq 200 | xargs -P 200 -I N curl -sS -o /dev/null --max-time 60 -w "%{http_code}\n" https://granted.example/ | sort | uniq -c | tr -s " "'
	[ "$output" = '200 200' ]
	run in_agent 'curl -sS --max-time 110 https://big.example/1GiB | wc -c'
	[ "$output" = $((1 << 30)) ]
}

@test "another sandbox's end does not interrupt a download" {
	agent_start agent --allow-domains big.example
	in_agent 'curl -sS -N https://big.example/slow >/tmp/slow 2>/tmp/error & echo $! >/tmp/pid'
	wait_for in_agent 'test -s /tmp/slow'
	local i
	for i in 1 2 3; do
		run -0 run_job --allow-domains granted.example -- curl -fsS -o /dev/null https://granted.example/
	done
	# It goes on: more comes, from the same connection.
	local before
	before=$(in_agent 'stat -c %s /tmp/slow')
	wait_for in_agent "test \$(stat -c %s /tmp/slow) -gt $before"
	in_agent 'kill -0 $(cat /tmp/pid) && ! test -s /tmp/error'
}

@test "name servers: the host's own behind its stub, or those that are named, and no others" {
	agent_start agent --allow-domains granted.example
	reaches https://granted.example/
	(($(dns_count granted.example) > 0))
	attacker_stop
	assert_clean
	reset_records
	agent_start second --allow-domains granted.example --dns-servers 203.0.113.53
	reaches https://granted.example/
	(($(dns_count granted.example 10.77.0.2) == 0))
	(($(dns_count granted.example 203.0.113.53) > 0))
}

@test "host access: granted ports of the host's loopback, and no others" {
	bed_service start host-answers -- "$BED_TOOLS/answerer" --record "$BED_DIR/host-answers.jsonl" \
		tcp:127.0.0.1:3000 'tcp:[::1]:3005' tcp:127.0.0.1:3011 tcp:10.77.0.1:3002
	assert_all_reached "$(bed_exec -- "$BED_TOOLS/probe" -t 20000 tcp:127.0.0.1:3000 'tcp:[::1]:3005' tcp:127.0.0.1:3011)"
	agent_start agent --enable-host-access --allow-host-ports 3000-3010
	in_agent 'getent hosts host.docker.internal | grep -w 172.30.0.1'
	run -0 in_agent 'for p in 3000 3005; do nc -w 5 host.docker.internal $p </dev/null | grep -c "answer from"; done'
	[ "$output" = $'1\n1' ]
	# Not granted, granted and nobody there, and another address of the host.
	run -1 in_agent 'nc -w 5 -v host.docker.internal 3011 </dev/null'
	[[ $output == *refused* ]]
	run -0 in_agent 'nc -w 5 host.docker.internal 3002 </dev/null | wc -c'
	[ "$output" = 0 ]
	run -1 in_agent 'nc -w 5 -v 10.77.0.1 3002 </dev/null'
	[[ $output == *unreachable* ]]
	attacker_stop
	# Without it there is no such name.
	run -2 run_job -- getent hosts host.docker.internal
}

# Real services publish themselves like this: on the loopback, on all addresses, or on a bridge's alone.
@test "host access: a service is reached at whatever address of the host it listens, if the operator names that" {
	local at
	bed_configure_awfd <<<$'[Relay]\nHostAddresses=10.77.0.1 fd77::1'
	bed_service start host-answers -- "$BED_TOOLS/answerer" --record "$BED_DIR/host-answers.jsonl" \
		tcp:127.0.0.1:5432 tcp:10.77.0.1:6379 'tcp:[fd77::1]:3306' tcp:0.0.0.0:27017 tcp:10.77.0.1:5433
	assert_all_reached "$(bed_exec -- "$BED_TOOLS/probe" -t 20000 tcp:127.0.0.1:5432 tcp:10.77.0.1:6379 'tcp:[fd77::1]:3306' \
		tcp:10.77.0.1:27017 tcp:10.77.0.1:5433)"
	agent_start agent --allow-host-service-ports 5432,6379,3306,27017
	# shellcheck disable=SC2016 # for the job's shell
	run -0 in_agent 'for p in 5432 6379 3306 27017; do nc -w 5 host.docker.internal $p </dev/null | grep -c "answer from"; done'
	[ "$output" = $'1\n1\n1\n1' ]
	# The granted ports of the addresses that are named, and nothing else of the host's.
	run -1 in_agent 'nc -w 5 -v host.docker.internal 5433 </dev/null'
	[[ $output == *refused* ]]
	run -0 bed_exec -u root -- nft -j list table inet awf
	[ "$(jq -r '.nftables[].set? // empty | select(.name == "relay_targets4") | .elem[] | (.elem.val? // .).concat |
		join(":")' <<<"$output" | sort | xargs)" = "$(for at in 10.77.0.1 127.0.0.1; do
		printf "$at:%s\n" 27017 3306 5432 6379; done | xargs)" ]
	attacker_stop
}

# publish NAME OPTION...: a container of somebody's whose port 80 is published on the host.
publish() {
	bed_exec -u root -- docker run -d --name "$1" "${@:2}" --entrypoint /bin/httpd awf/root-busybox:latest \
		-f -h /opt/witness >/dev/null
	PUBLISHED+=("$1")
}

@test "host access: a service in a container of its own is reached at the port that it is published on" {
	local port
	bed image root-busybox
	publish service-all -p 5432:80
	publish service-loopback -p 127.0.0.1:6379:80
	for port in 5432 6379; do
		wait_for bed_exec -- curl -sSf -o /dev/null "http://127.0.0.1:$port/bin/witness"
	done
	agent_start agent --allow-host-service-ports 5432,6379
	for port in 5432 6379; do
		in_agent "curl -sSf -o /dev/null http://host.docker.internal:$port/bin/witness"
	done
	attacker_stop
}

@test "host access: dangerous ports only as services, and nothing when the operator forbids it" {
	run -2 --separate-stderr run_job --enable-host-access --allow-host-ports 22 -- true
	[[ $stderr == *--allow-host-ports*22* ]]
	run -2 --separate-stderr run_job --allow-host-ports 3000 -- true
	[[ $stderr == *--enable-host-access* ]]
	run -0 run_job --allow-host-service-ports 5432 -- true
	bed_configure_awfd <<<$'[Policy]\nHostPorts='
	run --separate-stderr run_job --enable-host-access -- true
	((status != 0))
	[[ $stderr == *--allow-host-ports*80*'[Policy] HostPorts='*test.conf:2* ]]
}

@test "one relay serves many host ports and the DIFC proxy, in one process" {
	agent_start agent --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		--enable-host-access --allow-host-ports 3000-3199
	run -0 bed_exec -u root -- pgrep -c -x awf-relay
	[ "$output" = 1 ]
	in_agent 'gh api zen' | grep -q .
}

@test "a private address is reached when its name is granted and the operator permits it" {
	prove_alive http://private.example/
	run --separate-stderr run_job --allow-private private.example -- true
	((status == 2))
	[[ $stderr == *private.example*10.77.0.2*PrivateNetworks* ]]
	bed_configure_awfd <<<$'[Egress]\nPrivateNetworks=10.77.0.2/32'
	agent_start agent --allow-private private.example --allow-domains private-192.example
	reaches http://private.example/
	refuses http://private-192.example/
}

@test "through the corporate proxy, with no_proxy honoured" {
	bed_configure_awfd <<<$'[Egress]\nUpstreamProxy=http://proxy.corp.example:3128\nNoProxy=other.example'
	reset_records
	agent_start agent --allow-domains granted.example,other.example
	reaches https://granted.example/
	reaches http://granted.example/
	wait_for corp_saw granted.example
	reaches https://other.example/
	run corp_saw other.example
	((status != 0))
	refuses https://evil.example/
	run corp_saw evil.example
	((status != 0))
}

squid_is_plugged_in() {
	[ "$(bed_exec -u root -- ip -j link show master awf-egress | jq length)" = 1 ]
}

# It looks for the proxy when it begins, and lets nobody through who comes before it has found it.
@test "with a corporate proxy squid begins only when everything is in place" {
	local squid
	bed_fake_engine
	bed_configure_awfd <<<$'[Engine]\nSocket=/run/fake-engine.sock\n[Egress]\nUpstreamProxy=http://proxy.corp.example:3128'
	fake_engine hang 1 POST '/containers/.*-pause/start'
	bed_background awfctl run --allow-domains granted.example -- true
	wait_for squid_is_plugged_in
	squid=$(bed_exec -u root -- docker ps -q --filter label=awf.role=squid)
	squid=$(bed_exec -u root -- docker inspect -f '{{.State.Pid}}' "$squid")
	[ "$(bed_exec -u root -- cat "/proc/$squid/comm")" = hold ]
	bed awfd kill
	bed awfd start
	assert_clean
}

@test "a proxy, or a private name, with IPv6 too is reached by a squid that has none" {
	bed dns set both.corp.example fd77::8 10.77.0.8
	bed dns set both.example 10.77.0.2 10.77.0.99 fd77::99
	bed_configure_awfd <<<$'[Egress]\nIPv6=no\nPrivateNetworks=10.77.0.0/24 fd77::/64'
	[[ $(bed_exec getent ahosts both.corp.example | head -n 1) == fd77::8* ]]
	prove_alive http://10.77.0.2/
	agent_start agent --upstream-proxy http://both.corp.example:3128 \
		--allow-private both.example --allow-domains granted.example
	reaches https://granted.example/
	wait_for corp_saw granted.example
	reaches http://both.example/
}

@test "squid's and the firewall's decisions are JSON lines that the owner can read" {
	run run_job --allow-domains granted.example -- sh -c '
		curl -s -o /dev/null https://granted.example/
		curl -s -o /dev/null https://other.example/
		timeout 5 bash -c "echo >/dev/tcp/172.30.0.10/22"; exit 3'
	((status == 3))
	local dir
	dir=$(bed_exec -u root -- sh -c 'ls -dt /var/log/awfd/*/ | head -1')
	run -0 as alice cat "${dir}squid.jsonl"
	jq -se 'any(.decision == "allowed" and .host == "granted.example" and .port == 443 and .sni == "granted.example" and .bytesOut > 0)' <<<"$output"
	jq -se 'any(.decision == "denied" and .host == "other.example" and .method == "CONNECT" and .from == "agent")' <<<"$output"
	run -0 as alice cat "${dir}firewall.jsonl"
	jq -se 'any(.protocol == "tcp" and .destination == "172.30.0.10" and .port == 22 and .container == "agent")' <<<"$output"
	run ! as bob cat "${dir}squid.jsonl"
	run ! as mallory cat "${dir}squid.jsonl"
}

@test "a failed run lists what was refused, with the option that would grant it" {
	run -7 --separate-stderr run_job --allow-domains granted.example -- sh -c '
		curl -s https://other.example/ https://other.example/ https://evil.example/; exit 7'
	[[ $stderr == *other.example* ]]
	[[ $stderr == *'--allow-domains other.example'* ]]
	run -0 --separate-stderr run_job --allow-domains granted.example -- sh -c 'curl -s https://other.example/; true'
	[[ $stderr != *other.example* ]]
}

# times_refused ID HOST TIMES: squid answers before it logs.
times_refused() {
	bed_exec awfctl denials --json "$1" |
		jq -e --arg host "$2" --argjson times "$3" '[.[] | select(.host == $host).count] | add == $times'
}

@test "awfctl denials shows them while the job runs, follows, and speaks JSON; to the owner alone" {
	agent_start agent --allow-domains granted.example
	refuses https://other.example/
	local id
	id=$(bed_exec awfctl list --json | jq -r '.[0].id')
	wait_for times_refused "$id" other.example 1
	run -0 bed_exec awfctl denials "$id"
	[[ $output == *other.example*443* ]]
	run -0 bed_exec awfctl denials --json "$id"
	jq -e 'any(.host == "other.example" and .grant == "--allow-domains other.example")' <<<"$output"
	run ! as bob awfctl denials "$id"
	bed_background awfctl denials -f --json "$id"
	wait_for bed_background_said other.example
	refuses https://evil.example/
	wait_for bed_background_said evil.example
}

refused_by_firewall() {
	in_agent 'timeout 2 bash -c "</dev/tcp/172.30.0.10/22" || :'
	bed_exec awfctl denials --json "$1" | jq -e 'any(.source == "firewall" and .port == 22)'
}

@test "what was refused is known to the awfd that comes after, and counted on" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no)
	agent_start agent --allow-domains granted.example --block-domains evil.granted.example
	local id before
	id=$(bed_exec awfctl list --json | jq -r '.[0].id')
	refuses https://other.example/
	refuses https://evil.granted.example/
	wait_for times_refused "$id" evil.granted.example 1
	wait_for refused_by_firewall "$id"
	before=$(bed_exec awfctl denials --json "$id")
	bed awfd kill
	bed awfd start
	diff <(jq -S . <<<"$before") <(bed_exec awfctl denials --json "$id" | jq -S .)
	refuses https://other.example/
	wait_for times_refused "$id" other.example 2
}

@test "what an ended sandbox was refused is known to the awfd that comes after" {
	bed_configure_awfd < <(printf '%s\n' '[Daemon]' StopJobs=no)
	local id
	id=$(bed_exec awfctl start --agent-image awf/agent-test:latest --allow-domains granted.example -- \
		'curl -s https://other.example/; true')
	bed_exec awfctl wait "$id"
	times_refused "$id" other.example 1
	bed awfd kill
	bed awfd start
	times_refused "$id" other.example 1
	run ! as bob awfctl denials "$id"
}

# How many CAs the only cli-proxy's gh trusts.
trusted_cas() {
	bed_exec -u root -- sh -c 'cat /run/awfd/sandboxes/*/cli-proxy/ca-bundle.pem | grep -c BEGIN'
}

@test "without redirects gh trusts the DIFC proxy's CA alone" {
	agent_start agent --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA"
	[ "$(in_agent 'gh api zen')" = 'Keep it logically awesome.' ]
	[ "$(trusted_cas)" = 1 ]
}

@test "gh follows a redirect to artifact storage through squid, and the agent may not" {
	prove_alive https://blob.example/artifact.txt
	bed_configure_awfd <<-END
	[Difc]
	RedirectHosts=blob.example
	SystemCABundle=$BED_CA_BUNDLE
	END
	agent_start agent --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" --allow-domains granted.example
	run in_agent 'gh api repos/octo/repo/actions/artifacts/1/zip'
	[[ $output == 'hello from an artifact' ]]
	(($(trusted_cas) > 1))
	refuses https://blob.example/artifact.txt
	# What is granted to the agent is not granted to cli-proxy.
	run in_agent 'gh api repos/octo/repo/actions/artifacts/2/zip'
	((status != 0))
	reaches https://granted.example/
}

@test "each squid has a port of the bridge, with addresses of awfd's and routes by the bridge alone" {
	local id address inside pid
	id=$(bed_exec awfctl start --allow-domains granted.example -- 'exec sleep infinity')
	[[ $(squid_port "$id") =~ ^vethawf([0-9]+)$ ]]
	address=198.18.0.${BASH_REMATCH[1]}
	((BASH_REMATCH[1] >= 8))
	[ "$(squid_address "$id")" = "$address" ]
	pid=$(bed_exec -u root -- docker inspect -f '{{.State.Pid}}' "awf-$id-squid")
	inside=(bed_exec -u root -- nsenter -t "$pid" -n ip -j)
	[ "$("${inside[@]}" route show default | jq -c 'map([.gateway, .dev])')" = '[["198.18.0.1","eth0"]]' ]
	[ "$("${inside[@]}" -6 route show default | jq -c 'map([.gateway, .dev])')" = '[["fd61:7766:6567::1","eth0"]]' ]
	[ "$("${inside[@]}" -6 address show eth0 | jq -r '.[].addr_info[].local')" = "fd61:7766:6567::${BASH_REMATCH[1]}" ]
	# What somebody connects has another part of the network, and is no way to squid.
	run -28 bed_exec -u root -- docker run --rm --network awf-egress awf/agent:latest sh -c "
		cat /proc/net/fib_trie; curl -sS --max-time 2 http://$address:3128/"
	[[ $output == *198.18.0.[2-7]* && $output == *'onnection timed out'* ]]
	bed_exec awfctl stop "$id"
}

@test "a network of an earlier awf is made anew, unless somebody is on it" {
	local old='docker network rm awf-egress; docker network create -o com.docker.network.bridge.name=awf-egress
		-o com.docker.network.bridge.enable_icc=false -o com.docker.network.bridge.enable_ip_masquerade=true
		--subnet 198.18.0.0/20 --label awf.network=egress awf-egress'
	# shellcheck disable=SC2086 # one line
	bed_exec -u root -- sh -c "$(echo $old)"
	bed_exec -u root -- docker run -d --name stranger --network awf-egress awf/agent:latest sleep 1000
	run -125 --separate-stderr run_job --allow-domains granted.example -- true
	[[ $stderr == *'network awf-egress has subnets'*'not 198.18.0.0/20 with IPRange 198.18.0.0/29'* ]] || { echo "$stderr"; false; }
	bed_exec -u root -- docker rm -f stranger
	agent_start agent --allow-domains granted.example
	reaches https://granted.example/
	[ "$(bed_exec -u root -- docker network inspect -f '{{(index .IPAM.Config 0).IPRange}}' awf-egress)" = 198.18.0.0/29 ]
	grep -F "is of another version or configuration, and free: it is made anew" "$BED_DIR/awfd.log"
}

@test "squid's death ends the sandbox, with the reason" {
	agent_start agent --allow-domains granted.example
	reaches https://granted.example/
	bed_exec -u root -- sh -c 'kill -9 $(docker inspect -f "{{.State.Pid}}" $(docker ps -q --filter label=awf.role=squid))'
	local status=0
	wait "$AGENT_PID" || status=$?
	((status == 125))
	grep -q 'squid ended' "$BATS_TEST_TMPDIR/agent.err"
}

@test "squid takes every configuration that the corpus of the translator's fuzz target makes" {
	local corpus=$BATS_TEST_DIRNAME/../fuzz/corpus/squid-config
	tar -c -C "$corpus" . | bed_exec -u root -- sh -c 'mkdir -p /tmp/corpus && tar -x -C /tmp/corpus'
	run -0 bed_exec -u root -- env AWF_SQUID='docker run --rm -v /tmp:/tmp:ro -u 65533:65533 --cap-drop ALL --read-only --network none --entrypoint /usr/sbin/squid awf/squid:latest -k parse -f' \
		"$BED_TOOLS/replay-squid-config" /tmp/corpus
	# It does say no to what is none.
	printf 'no_such_directive on\n' | bed_exec -u root -- tee /tmp/bad.conf >/dev/null
	run bed_exec -u root -- docker run --rm -v /tmp:/tmp:ro -u 65533:65533 --cap-drop ALL --read-only --network none \
		--entrypoint /usr/sbin/squid awf/squid:latest -k parse -f /tmp/bad.conf
	[[ $status != 0 || $output == *unrecognized* ]]
}
