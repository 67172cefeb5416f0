#!/usr/bin/env bats
# awfctl doctor: it finds nothing on a host that is well, and each fault that is made, with the command that
# mends it. Where the bed can, that command is typed, and the host is well again.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # for other shells; set by run

load bed

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

setup_file() {
	bed up
	bed_exec -u root -- mkdir -p /srv/doctor
}

# What a test breaks, and then does not mend, is not what bed_clean_up_test looks for.
teardown() {
	bed_clean_up_test
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || { bed down && bed up; }
}

# doctor USER OPTION...: a finding a line, of which no check, status and cure has a tab in it.
doctor() {
	as "$1" awfctl doctor --format name,status,message,cure "${@:2}"
}

# is_well USER [OPTION...]: nothing is wrong but what depends on the machine, or is not asked: nobody may keep its
# clock.
is_well() {
	local found
	found=$(doctor "$@") || return
	! grep -vP '^[a-z-]+\tok\t|^clock\twarning\t|^difc-proxy\tunknown\tnot asked' <<<"$found" && grep -qP '^engine\tok\t' <<<"$found"
}

# finds CODE NAME STATUS TEXT [USER [OPTION...]]: all of it in one finding, and that exit code.
finds() {
	local code=$1 name=$2 how=$3 text=$4
	run "-$code" doctor "${5:-alice}" "${@:6}"
	grep -P "^$name\t$how\t" <<<"$output" | grep -qF -- "$text" || { echo "$output"; return 1; }
}

# cure NAME: what $output tells for it.
cure() {
	awk -F'\t' -v name="$1" '$1 == name && $4 { print $4; exit }' <<<"$output" | grep .
}

# take COMMAND: types it, as root, on a host whose services are the bed's.
take() {
	echo "$1"
	bed_exec -u root -- bash -ec 'sudo() { "$@"; }; systemctl() { :; }; eval "$1"' bash "$1" >&2
	case $1 in
	*'systemctl '*' awfd.socket') bed awfd start ;;
	*'systemctl '*' awfd') bed awfd restart ;;
	*'systemctl start docker') bed engine start ;;
	esac
}

# --- a host that is well --------------------------------------------------------------------------

@test "on a host that is well nothing has failed, for any user of the group, and nothing is changed" {
	run -0 --separate-stderr doctor alice
	[ -z "$stderr" ]
	is_well alice
	run -0 as alice awfctl doctor --json
	/usr/bin/python3 -c '
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
schema["$ref"] = "#/$defs/doctor"
jsonschema.validate(json.load(sys.stdin), schema, jsonschema.Draft202012Validator)' \
		"$BATS_TEST_DIRNAME/../../awfctl/output.schema.json" <<<"$output"
	# The manual names each check, and no other.
	diff <(jq -r '.[].name' <<<"$output" | sort -u) \
		<(sed -n '/^\.It Cm doctor/,/^Exits with 0/p' "$BATS_TEST_DIRNAME/../../man/awfctl.1" |
			sed -n 's/^\.It Sy //p' | sed 's/ , /\n/g' | sort)
	[[ $(jq -r '.[] | select(.name == "engine").message' <<<"$output") == *"Docker Engine $(as root docker version -f '{{.Server.Version}}')"* ]]
	[[ $(jq -r '.[] | select(.name == "image").message' <<<"$output") == *"awf/squid:latest is $(as root docker image inspect -f '{{slice .Id 0 19}}' awf/squid)"* ]]
	assert_clean
}

@test "the DIFC proxy is asked, and what is wrong with it is told apart, with what to do" {
	finds 0 difc-proxy ok 'localhost:18443 on this host is ready, with a certificate for localhost until 20' alice "${DIFC[@]}"
	bed difc tell certificate expired
	finds 1 difc-proxy failure '(tls-expired); restart the DIFC proxy, which renews' alice "${DIFC[@]}"
	bed difc tell certificate other-name
	finds 1 difc-proxy failure '(tls-wrong-name); a DIFC proxy' alice "${DIFC[@]}"
	bed difc tell clear
	finds 1 difc-proxy failure '(tls-untrusted); a DIFC proxy makes a new CA' alice --difc-proxy-host localhost \
		--difc-proxy-ca-cert /etc/ssl/certs/ISRG_Root_X1.pem
	bed difc tell no-policy on
	finds 1 difc-proxy failure '(policy-missing); start the DIFC proxy with a policy' alice "${DIFC[@]}"
	bed difc tell clear
	bed difc tell refuse on
	finds 1 difc-proxy failure '(refused); is the DIFC proxy running' alice "${DIFC[@]}"
	bed difc tell clear
	is_well alice "${DIFC[@]}"
}

@test "no address is asked that the operator does not permit, and the rest is told all the same" {
	bed_configure_awfd <<<$'[Policy]\nDifcAddresses=localhost:18443'
	bed answers reset
	finds 1 difc-proxy failure 'permission denied: 10.77.0.2:80 is not permitted by [Policy] DifcAddresses=' alice --difc-proxy-host 10.77.0.2:80 --difc-proxy-ca-cert "$BED_DIFC_CA"
	[[ $output == *'(/etc/awfd/awfd.conf.d/test.conf:2)'* && $output == *$'engine\tok\t'* ]]
	[ -z "$(bed answers log)" ]
	finds 0 difc-proxy ok 'is ready' alice "${DIFC[@]}"
	# It is alive, and asked as soon as that is permitted.
	bed_configure_awfd <<<$'[Policy]\nDifcAddresses=*'
	finds 1 difc-proxy failure '(tls-not-tls)' alice --difc-proxy-host 10.77.0.2:80 --difc-proxy-ca-cert "$BED_DIFC_CA"
	[ -n "$(bed answers log)" ]
}

# --- reaching awfd --------------------------------------------------------------------------------

@test "who is in no group is told which, and after the cure that he has to log in again" {
	finds 1 group failure 'mallory is no member of awf' mallory
	[[ $output == *$'socket\tunknown\t/run/awfd/awfd.sock was not tried'* && $output == *$'engine\tunknown\tnot looked at'* ]]
	[ "$(cure group)" = 'sudo usermod -aG awf mallory' ]
	take "$(cure group)"
	run -1 bed_exec -u root -- setpriv --reuid mallory --regid mallory --clear-groups awfctl doctor
	[[ $output == *$'group\tfailure\tmallory was made a member of awf after this session began'*$'\tnewgrp awf'* ]]
	is_well mallory
	bed_exec -u root -- gpasswd -d mallory awf
	finds 1 group failure 'no member' mallory
}

@test "without awfd, with a socket that it left, or none, what it would find is unknown" {
	local healthy
	healthy=$(as alice awfctl doctor --format name | sort -u)
	bed awfd kill
	finds 1 socket failure '/run/awfd/awfd.sock is stale: nobody listens'
	diff <(cut -f1 <<<"$output" | sort -u) <(echo "$healthy")
	# The engine, which is not looked at, is not said to be well.
	[[ $output == *$'engine\tunknown\t'* ]]
	take "$(cure socket)"
	is_well alice
	bed awfd stop
	bed_exec -u root -- rm -f /run/awfd/awfd.sock
	finds 1 socket failure '/run/awfd/awfd.sock is not there'
	take "$(cure socket)"
	is_well alice
	run -1 as alice awfctl doctor --socket /etc/passwd
	[[ $output == *$'socket\tfailure\t/etc/passwd is no socket'* ]]
}

@test "an awfd that hangs is not waited for" {
	bed_kill STOP awfd
	finds 1 daemon failure 'awfd does not answer in time'
	[ "$(cure daemon)" = 'sudo systemctl restart awfd' ]
	bed_kill CONT awfd
	is_well alice
}

# --- the engine -----------------------------------------------------------------------------------

@test "the engine is away: that is said once, and what it would say is unknown" {
	bed engine stop
	finds 1 engine failure 'docker.sock'
	[[ $output == *$'image\tunknown\tthe engine does not say'* && $output == *$'forwarding\tok\t'* ]]
	take "$(cure engine)"
	wait_for is_well alice
}

@test "an engine that hangs costs each user one diagnosis at a time, and awfd none of its own time" {
	bed_kill STOP dockerd
	bed_background awfctl doctor --format name,status,message,cure
	local first=$BED_BACKGROUND first_pid=$BED_BACKGROUND_PID
	bed_background awfctl doctor --format name,status,message,cure
	as bob timeout 3 awfctl list
	wait "$first_pid" || :
	wait "$BED_BACKGROUND_PID" || :
	bed_kill CONT dockerd
	# One of them had the engine's time, the other was told so at once.
	run cat "$first/out" "$BED_BACKGROUND/out"
	grep -qP '^engine\tfailure\t.*\tsudo systemctl restart docker$' <<<"$output"
	grep -qP '^engine\tunknown\t.*one of yours is being made' <<<"$output"
	wait_for is_well alice
}

@test "an image is missing: the cure brings it" {
	bed_exec -u root -- sh -c 'mkdir -p /srv/doctor/images && cd /srv/doctor/images &&
		cp /srv/awf/build/images/squid.tar . && sha256sum <squid.tar >squid.tar.sha256'
	bed_configure_awfd <<<$'[Images]\nArchives=/srv/doctor/images'
	bed_exec -u root -- docker image rm --force awf/squid:latest
	finds 0 image warning 'the engine does not have awf/squid:latest, which a sandbox with domains needs'
	[ "$(cure image)" = 'awfctl predownload --difc-proxy' ]
	as alice sh -c "$(cure image)"
	is_well alice
	bed_exec -u root -- docker tag awf/pause:latest awf/keep:latest
	bed_exec -u root -- docker image rm awf/pause:latest
	finds 1 image failure 'the engine does not have awf/pause:latest, which every'
	bed_exec -u root -- docker tag awf/keep:latest awf/pause:latest
	bed_exec -u root -- docker image rm awf/keep:latest
	is_well alice
	bed_exec -u root -- rm -r /srv/doctor/images
}

# --- the host -------------------------------------------------------------------------------------

@test "forwarding is off: the cure switches it on" {
	bed_exec -u root -- sysctl -qw net.ipv4.ip_forward=0
	finds 1 forwarding failure 'net.ipv4.ip_forward is 0'
	take "$(cure forwarding)"
	is_well alice
	reaches_granted
}

reaches_granted() {
	as alice awfctl run --allow-domains granted.example -- curl -sf http://granted.example/
}

@test "another network has the egress network's addresses: the cure gives that others" {
	as alice awfctl run --allow-domains granted.example -- true
	assert_clean # of what the network is to be free of
	bed_exec -u root -- sh -c 'ip route add 198.18.0.0/15 via 10.77.0.2'
	finds 0 addresses warning '198.18.0.0/20 of awf-egress lies in 198.18.0.0/15 (the route by eth0)'
	bed_exec -u root -- ip route del 198.18.0.0/15
	is_well alice
	bed_exec -u root -- sh -c 'ip link add vpn0 type veth peer vpn1 && ip address add 198.18.5.1/24 dev vpn0 && ip link set vpn0 up'
	finds 1 addresses failure "198.18.0.0/20 of awf-egress and 198.18.5.1/32 (vpn0's address) have addresses in common"
	take "$(cure addresses)"
	is_well alice
	reaches_granted
	[ "$(as root docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' awf-egress)" = 198.18.64.0/20 ]
	bed_exec -u root -- sh -c 'ip link del vpn0; rm /etc/awfd/awfd.conf.d/egress.conf'
	assert_clean
	bed_exec -u root -- docker network rm awf-egress
	bed awfd restart
	is_well alice
}

@test "the network is another than awfd's: the cure makes it anew" {
	bed_exec -u root -- sh -c 'docker network rm awf-egress; docker network create --subnet 198.18.0.0/20 awf-egress'
	finds 1 network failure "the engine's network awf-egress has com.docker.network.bridge.name"
	take "$(cure network)"
	is_well alice
	reaches_granted
}

@test "a disk is full, or nearly" {
	bed_exec -u root -- mount -t tmpfs -o size=4m,mode=711 none /var/log/awfd
	finds 1 disk failure '/var/log/awfd has 4.0 MiB left for the logs: remove what nobody needs'
	bed_exec -u root -- sh -c "$(cure disk | sed 's/^sudo //')"
	bed_exec -u root -- mount -o remount,size=100m /var/log/awfd
	finds 0 disk warning '/var/log/awfd has 100.0 MiB left'
	bed_exec -u root -- mount -o remount,size=1g,nr_inodes=50 /var/log/awfd
	finds 1 disk failure 'more files, for the logs'
	bed_exec -u root -- umount /var/log/awfd
	is_well alice
}

@test "a clock that is behind the time at which awfctl was made is wrong" {
	bed_exec -u root -- sh -c 'cp /srv/awf/build/bin/awfctl /srv/doctor/awfctl && touch -d 2100-01-01 /srv/doctor/awfctl'
	run -1 as alice /srv/doctor/awfctl doctor --format name,status,message,cure
	[[ $output == *$'clock\tfailure\tit is wrong: it says 20'*'made at 2100-01-01'*$'\tsudo timedatectl set-ntp true'* ]]
	bed_exec -u root -- touch -d 2001-01-01 /srv/doctor/awfctl
	run -0 as alice /srv/doctor/awfctl doctor
}

# --- awfd's own troubles --------------------------------------------------------------------------

@test "a configuration that cannot be used is told, and the cure says where" {
	bed_configure_awfd <<<''
	bed_exec -u root -- sh -c 'printf "[Agent]\nPids=many\n" >/etc/awfd/awfd.conf.d/test.conf'
	run -125 as root awfctl reload
	finds 0 configuration warning 'test.conf:2: Pids=many: expected'
	run -1 bed_exec -u root -- sh -c "$(cure configuration | sed 's/^sudo //')"
	[[ $output == *'test.conf:2: Pids=many'* ]]
	bed_exec -u root -- rm /etc/awfd/awfd.conf.d/test.conf
	run -0 as root awfctl reload
	is_well alice
}

@test "what cannot be removed is told, to others only that there is something" {
	local id
	bed_fake_engine
	fake_engine fail 0 DELETE '/containers/' 500 'device is busy'
	run -4 as alice awfctl run -- 'exit 4'
	id=$(as alice awfctl list --format id)
	wait_for finds 0 removals warning "something of sandbox $id is left, which awfd goes on trying to remove: "
	finds 0 removals warning "something of sandbox $id is left" root
	finds 0 removals warning 'sandboxes of others is left, of 1 of them' bob
	[[ $output != *"$id"* && $output != *busy* ]]
	fake_engine clear
	assert_clean
	is_well alice
}
