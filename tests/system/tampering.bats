#!/usr/bin/env bats
# Root changes under a running sandbox what holds it: tables, chains, links, containers. Meanwhile
# another sandbox's agent keeps trying what it was not granted, without a single success; then the rules
# are back, and what was granted works again or has ended with a reason.

load bed
load attack
load internet

HOST_PORT=7777

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	ATTACK=$BATS_TEST_TMPDIR/attack
	reset_records
	bed_service start host-answers -- "$BED_TOOLS/answerer" --record "$BED_DIR/host-answers.jsonl" \
		"tcp:0.0.0.0:$HOST_PORT" "udp:0.0.0.0:$HOST_PORT" "tcp:[::]:$HOST_PORT" "udp:[::]:$HOST_PORT"
}

teardown() {
	[[ ! -e ${ATTACK:-}.pid ]] || attack_end || :
	attacker_stop
	bed_service kill host-answers
	bed_clean_up_test
	# What was tampered with and not mended is none of the next test's business.
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || { bed down && bed up && bed image agent-test; }
}

on_host() {
	bed_exec -u root -- "$@"
}

# container_of ID ROLE: the container's name.
container_of() {
	printf 'awf-%s-%s' "$1" "$2"
}

# The ids of the sandboxes that run.
running_ids() {
	bed_exec -- awfctl list --json | jq -r '.[] | select(.state == "running").id' | sort
}

# --- the attack -----------------------------------------------------------------------------------

# What none may reach: the outside, its DNS, the host on its addresses, the other sandbox's squid.
targets() {
	printf '%s\n' tcp:203.0.113.80:80 tcp:203.0.113.80:443 udp:203.0.113.80:53 tcp:10.77.0.2:80 \
		udp:10.77.0.2:53 tcp:10.77.0.2:53 'tcp:[2001:db8::80]:443' icmp:203.0.113.80
	on_host ip -j address | jq -r --arg port "$HOST_PORT" '.[] | .ifname as $link | .addr_info[] |
		select(.scope == "global" and .family == "inet") |
		"tcp:\(.local):\($port)", if $link == "eth0" then "udp:\(.local):\($port)" else empty end'
	squid_address "$1" | sed 's/.*/tcp:&:3128/'
}

all_alive() {
	assert_all_reached "$(on_host "$BED_TOOLS/probe" "$@")"
}

# attack_begin ID: an agent that tries the same things without a pause until attack_end; ID is the
# sandbox that it attacks, whose agent in_agent still talks to.
attack_begin() {
	local list victim_in=$ATTACKER_IN victim_out=$ATTACKER_OUT
	mapfile -t list < <(targets "$1")
	((${#list[@]} > 12))
	wait_for all_alive "${list[@]:0:${#list[@]}-1}"
	attacker_start attacker --agent-image awf/agent-test:latest --allow-domains granted.example
	assert_all_reached "$(attacker_try -t 20000 tcp:172.30.0.10:3128)"
	: >"$ATTACK.rounds"
	(
		while [[ ! -e $ATTACK.stop ]]; do
			attacker_try "${list[@]}" >>"$ATTACK.seen" || break
			echo round >>"$ATTACK.rounds"
		done
	) 3>&- &
	echo $! >"$ATTACK.pid"
	exec {ATTACKER_IN}>&- {ATTACKER_OUT}<&-
	ATTACKER_IN=$victim_in ATTACKER_OUT=$victim_out
	attack_goes_on
}

rounds() {
	wc -l <"$ATTACK.rounds"
}

has_rounds() {
	(($(rounds) >= $1))
}

# Two more rounds, of which one began after the call.
attack_goes_on() {
	wait_for has_rounds $(($(rounds) + 2))
}

attack_end() {
	touch "$ATTACK.stop"
	wait "$(cat "$ATTACK.pid")" || :
	rm "$ATTACK.pid"
}

assert_attack_in_vain() {
	attack_goes_on
	attack_end
	assert_none_reached "$(cat "$ATTACK.seen")"
}

# --- the victim -----------------------------------------------------------------------------------

victim_start() {
	prove_alive https://granted.example/
	local before
	before=$(running_ids)
	agent_start victim --allow-domains granted.example
	VICTIM=$(comm -13 <(printf '%s\n' "$before") <(running_ids))
	granted_works
}

granted_works() {
	local seen
	seen=$(in_agent "curl -sS -o /dev/null --max-time 5 -w '%{http_code}' https://granted.example/")
	[[ $seen == 200 ]] || { echo "$seen"; return 1; }
}

# assert_ended REASON: the victim has, and its client says why.
assert_ended() {
	local status=0
	wait "$AGENT_PID" || status=$?
	attacker_stop
	[[ $status == 125 ]]
	cat "$BATS_TEST_TMPDIR/victim.err"
	grep -qE "$1" "$BATS_TEST_TMPDIR/victim.err"
}

# --- the rules ------------------------------------------------------------------------------------

table() {
	on_host nft -s list table inet awf | grep -v '# progname'
}

table_is() {
	diff <(printf '%s\n' "$1") <(table)
}

log_says() {
	grep -F "$1" "$BED_DIR/awfd.log"
}

# says_twice TEXT: of the victim and of the attacker.
says_twice() {
	(($(log_says "$1" | wc -l) >= 2))
}

# tamper COMMAND: as root; what the engine and the operator had is loaded again after a round of the
# attack, as it is not awfd's to mend.
tamper() {
	on_host sh -c 'iptables-save >/tmp/rules'
	on_host sh -c "$1"
	attack_goes_on
	on_host sh -c 'iptables-restore /tmp/rules && rm /tmp/rules'
}

readonly RULES=('nft flush ruleset' 'nft delete table inet awf' 'nft flush table inet awf'
	'nft insert rule inet awf squid accept' 'nft flush chain inet awf host')

@test "a table without an owner that others flush, delete or open is back, and the process is named" {
	local command before
	bed_configure_awfd <<<$'[Network]\nTableOwner=no'
	victim_start
	attack_begin "$VICTIM"
	before=$(table)
	[[ $before != *flags* && $before == *elements* ]]
	for command in "${RULES[@]}"; do
		: >"$BED_DIR/awfd.log"
		tamper "$command"
		wait_for table_is "$before"
		wait_for log_says "table inet awf was changed by 'nft' (pid "
		wait_for granted_works
	done
	assert_attack_in_vain
}

@test "a table with an owner is none that others can change" {
	local command before
	victim_start
	attack_begin "$VICTIM"
	before=$(table)
	[[ $before == *'flags owner'* ]] || skip 'this kernel has no tables with an owner that outlive him'
	for command in "${RULES[@]}"; do
		tamper "$command || :"
		table_is "$before"
	done
	granted_works
	assert_attack_in_vain
}

@test "a program that fights for the table gets a pause, and awfd says so until it ends" {
	local before
	bed_configure_awfd <<<$'[Network]\nTableOwner=no'
	victim_start
	attack_begin "$VICTIM"
	before=$(table)
	bed_background -u root -- sh -c 'until [ -e /tmp/enough ]; do nft insert rule inet awf squid accept || :; done'
	wait_for log_says 'table inet awf is changed again and again, last by'
	attack_goes_on
	on_host touch /tmp/enough
	wait "$BED_BACKGROUND_PID"
	on_host rm /tmp/enough
	wait_for table_is "$before"
	wait_for log_says 'table inet awf is left alone again'
	granted_works
	assert_attack_in_vain
}

@test "iptables -F opens nothing, and what was granted works when the engine's rules are back" {
	victim_start
	attack_begin "$VICTIM"
	tamper 'iptables -F; iptables -t nat -F; iptables -P FORWARD ACCEPT'
	wait_for granted_works
	assert_attack_in_vain
}

@test "a port whose isolation is taken off is isolated again" {
	local port
	victim_start
	attack_begin "$VICTIM"
	port=$(squid_port "$VICTIM")
	on_host ip link set "$port" type bridge_slave isolated off
	wait_for log_says "somebody opened squid's port of awf-egress"
	wait_for on_host sh -c "ip -d link show $port | grep -q 'isolated on'"
	granted_works
	assert_attack_in_vain
}

@test "ip link del of a squid's port ends its sandbox, which says why, and no other" {
	victim_start
	attack_begin "$VICTIM"
	on_host ip link del "$(squid_port "$VICTIM")"
	assert_ended 'squid was cut off from awf-egress'
	assert_attack_in_vain
}

@test "a squid's port that is taken out of the bridge ends its sandbox, which says why, and no other" {
	victim_start
	attack_begin "$VICTIM"
	on_host ip link set "$(squid_port "$VICTIM")" nomaster
	assert_ended 'squid was cut off from awf-egress'
	assert_attack_in_vain
}

# The victim's port, and the attacker's.
both_are_isolated() {
	[ "$(on_host ip -d -j link show master awf-egress |
		jq -c 'map(.linkinfo.info_slave_data.isolated)')" = '[true,true]' ]
}

@test "docker network prune opens nothing: the network is made anew, and squids are on it again" {
	local bridge
	victim_start
	attack_begin "$VICTIM"
	bridge=$(on_host cat /sys/class/net/awf-egress/ifindex)
	on_host docker network prune -f
	wait_for says_twice "somebody removed the engine's network awf-egress"
	[ "$(on_host cat /sys/class/net/awf-egress/ifindex)" -gt "$bridge" ]
	wait_for granted_works
	both_are_isolated
	assert_attack_in_vain
}

@test "docker network prune while awfd is away opens nothing, and the next awfd plugs squids in again" {
	victim_start
	attack_begin "$VICTIM"
	bed awfd kill
	on_host docker network prune -f
	on_host test ! -e /sys/class/net/awf-egress
	attack_goes_on
	bed awfd start
	wait_for granted_works
	both_are_isolated
	assert_attack_in_vain
}

# As one that was killed after it had made the port one of the new bridge.
@test "a port that an earlier awfd left down is up with the next" {
	local port
	victim_start
	attack_begin "$VICTIM"
	port=$(squid_port "$VICTIM")
	bed awfd kill
	on_host ip link set "$port" down type bridge_slave isolated off
	run ! granted_works
	bed awfd start
	wait_for granted_works
	both_are_isolated
	assert_attack_in_vain
}

@test "a squid is not plugged into a network that was made anew with other addresses" {
	victim_start
	bed awfd kill
	on_host docker network prune -f
	BED_CONFIGURED=yes
	on_host sh -c 'mkdir -p /etc/awfd/awfd.conf.d && printf "[Egress]\nSubnet=198.18.64.0/24\n" >/etc/awfd/awfd.conf.d/test.conf'
	bed awfd start
	assert_ended 'its addresses are not of 198.18.64.0/24, by \[Egress\] Subnet= in awfd.conf'
}

@test "docker rm -f of a sidecar ends its sandbox, which says why, and no other" {
	local role
	for role in squid pause; do
		rm -f "$BATS_TEST_TMPDIR"/victim.*
		victim_start
		[[ -e $ATTACK.pid ]] || attack_begin "$VICTIM"
		on_host docker rm -f "$(container_of "$VICTIM" "$role")"
		assert_ended "container $(container_of "$VICTIM" "$role") ended"
	done
	assert_attack_in_vain
}

@test "docker rm -f of the agent ends its sandbox as a kill does, and no other" {
	local status=0
	victim_start
	attack_begin "$VICTIM"
	on_host docker rm -f "$(container_of "$VICTIM" agent)"
	wait "$AGENT_PID" || status=$?
	[[ $status == 137 ]]
	attacker_stop
	assert_attack_in_vain
}

@test "ip link del of the bridge ends every sandbox on it, and opens nothing" {
	victim_start
	attack_begin "$VICTIM"
	on_host ip link del awf-egress
	assert_ended 'squid was cut off from awf-egress'
	wait "$(cat "$ATTACK.pid")" || :
	assert_none_reached "$(cat "$ATTACK.seen")"
	assert_clean
	bed down
}
