#!/usr/bin/env bats
# What the operator permits to whom: the same by check and by run, for two users and their groups, and
# after a reload.

load bed

setup_file() {
	bed up
}

teardown() {
	[[ -z ${BED_OWN_POLICY_OFF:-} ]] || bed_exec -u root -- mv /etc/awfd/awfd.conf.bed /etc/awfd/awfd.conf
	bed_clean_up_test
}

# Writes more configuration, given on stdin, without telling awfd.
write_policy() {
	# shellcheck disable=SC2034 # for bed_clean_up_test
	BED_CONFIGURED=yes
	bed_exec -u root -- sh -c 'mkdir -p /etc/awfd/awfd.conf.d && cat >/etc/awfd/awfd.conf.d/test.conf'
}

# Writes it and has awfd read it.
policy() {
	write_policy
	run -0 as root awfctl reload
}

DIFC=(--difc-proxy-ca-cert "$BED_DIFC_CA" --difc-proxy-host)

# allowed USER OPTIONS...: check says so, by the line given in $by; and run does it.
allowed() {
	run -0 as "$1" awfctl check "${@:2}"
	[[ -z ${by:-} || $output == *"$by"* ]]
	run -0 as "$1" awfctl run "${@:2}" -- true
}

# refused USER OPTIONS...: check says so, and run ends with the same line.
refused() {
	run -1 as "$1" awfctl check "${@:2}"
	[[ $output == *refused*"$by"* ]]
	run -125 --separate-stderr as "$1" awfctl run "${@:2}" -- true
	[[ $stderr == *'permission denied: '*"is not permitted by $by; the operator"* ]]
}

@test "without a policy of the operator's: the agent's image, a DIFC proxy of this host, public domains" {
	local own
	BED_OWN_POLICY_OFF=yes
	own=$(bed_exec -u root -- awk '/^nameserver/ { print $2; exit }' /run/systemd/resolve/resolv.conf)
	bed_exec -u root -- sed -i.bed '/^\[Policy\]/,$d' /etc/awfd/awfd.conf
	policy <<<''
	by='[Policy] Images= (the default)' allowed alice
	by='[Policy] DifcAddresses= (the default)' allowed alice "${DIFC[@]}" localhost:18443
	by='[Policy] DifcAddresses= (the default)' allowed alice "${DIFC[@]}" 127.0.0.1
	by='[Policy] AllowedDomains= (the default)' allowed alice --allow-domains granted.example
	by='[Policy] Images= (the default)' refused alice --agent-image awf/squid
	by='[Policy] DifcAddresses= (the default)' refused alice "${DIFC[@]}" localhost:443
	by='[Policy] DifcAddresses= (the default)' refused alice "${DIFC[@]}" 10.77.0.2:18443
	by='[Policy] DnsServers= (the default)' allowed alice --allow-domains granted.example \
		--dns-servers "$own"
	by='[Policy] DnsServers= (the default)' refused alice --allow-domains granted.example \
		--dns-servers "$own,10.9.9.9"
	by='[Policy] HostPorts= (the default)' refused alice --enable-host-access
	by='[Policy] UpstreamProxies= (the default)' refused alice --allow-domains granted.example \
		--upstream-proxy http://10.77.0.2:3128
	by='[Policy] Images= (the default)' refused root --agent-image awf/squid
}

@test "each key: allowed and refused, by the line that check names" {
	local c=/etc/awfd/awfd.conf.d/test.conf
	policy <<-'END'
	[Policy]
	Images=awf/agent
	AllowedDomains=granted.example
	HostPorts=3000-3005
	UpstreamProxies=upstream.example:3128
	PrivateDomains=*.corp.example
	DifcAddresses=localhost:18443
	DnsServers=10.9.0.0/16
	END
	by="[Policy] Images= ($c:2)" allowed alice
	by="[Policy] Images= ($c:2)" refused alice --agent-image awf/pause
	by="[Policy] AllowedDomains= ($c:3)" allowed alice --allow-domains '*.granted.example,=granted.example'
	by="[Policy] AllowedDomains= ($c:3)" refused alice --allow-domains granted.example,example.com
	by="[Policy] HostPorts= ($c:4)" allowed alice --enable-host-access --allow-host-ports 3001,3003-3005
	by="[Policy] HostPorts= ($c:4)" refused alice --enable-host-access --allow-host-ports 3004-3006
	by="[Policy] HostPorts= ($c:4)" refused alice --allow-host-service-ports 5432
	by="[Policy] HostPorts= ($c:4)" refused alice --allow-domains localhost
	by="[Policy] UpstreamProxies= ($c:5)" refused alice --upstream-proxy http://other.example:3128
	by="[Policy] PrivateDomains= ($c:6)" refused alice --allow-private private.example
	by="[Policy] DnsServers= ($c:8)" allowed alice --allow-domains granted.example --dns-servers 10.9.9.9
	by="[Policy] DnsServers= ($c:8)" refused alice --allow-domains granted.example --dns-servers 10.8.9.9
	by="[Policy] DifcAddresses= ($c:7)" allowed alice "${DIFC[@]}" host.docker.internal
	by="[Policy] DifcAddresses= ($c:7)" refused alice "${DIFC[@]}" localhost:18444
}

@test "a user's section counts before his groups', these before everyone's, for him alone" {
	local c=/etc/awfd/awfd.conf.d/test.conf
	policy <<-'END'
	[Policy]
	Images=awf/agent
	[Group awf]
	Images=awf/none
	[Group bob]
	Images=awf/agent:*
	[User alice]
	Images=awf/agent awf/nothing
	HostPorts=3000
	END
	by="[User alice] Images= ($c:8)" allowed alice
	by="[User alice] HostPorts= ($c:9)" allowed alice --enable-host-access --allow-host-ports 3000
	# Of bob's two groups one grants it.
	by="[Group bob] Images= ($c:6)" allowed bob
	by="[Group awf] Images= ($c:4)" refused bob --agent-image awf/nothing
	by="[Policy] Images= ($c:2)" allowed root
}

@test "an image is what it says: no abbreviated id, and a digest only where one is permitted" {
	local id
	id=$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/agent:latest)
	[[ $id =~ ^sha256:[0-9a-f]{64}$ ]]
	# The engine takes its beginning for the image.
	bed_exec -u root -- docker image inspect "${id:7:12}" >/dev/null
	policy <<<$'[Policy]\nImages=awf/agent '"${id:7:12} ${id:7:12}:*"
	run -125 --separate-stderr bed_exec awfctl run --agent-image "${id:7:12}" -- true
	[[ $stderr == *": No such image: ${id:7:12}:latest; "* ]] || { echo "$stderr"; false; }
	by='[Policy] Images=' refused_image "$id"
	policy <<<$'[Policy]\nImages='"$id"
	allowed alice --agent-image "$id"
	allowed alice --agent-image "${id#sha256:}"
}

refused_image() {
	run -125 --separate-stderr bed_exec awfctl run --agent-image "$1" -- true
	[[ $stderr == *"permission denied: --agent-image '$1'"*"$by"* ]]
}

@test "check says what is wrong with the form, as run does, and starts nothing" {
	run -2 --separate-stderr bed_exec awfctl check --allow-domains 1.2.3.4
	[[ $stderr == *--allow-domains*1.2.3.4* ]]
	run -0 bed_exec awfctl check --json --allow-domains granted.example "${DIFC[@]}" localhost:1
	jq -e 'length == 3 and all(.[]; .allowed) and .[1].what == "difcProxyHost" and .[1].value == "localhost:1"' <<<"$output"
	[ "$(as root awfctl list --json | jq length)" = 0 ]
	is_clean
}

@test "reload counts for what comes, not for what is there; a bad file changes nothing and says so" {
	local id
	policy <<<$'[User alice]\nHostPorts=3000'
	id=$(bed_exec awfctl start --enable-host-access --allow-host-ports 3000 -- 'exec sleep 600')
	policy <<<$'[User alice]\nHostPorts='
	by='[User alice] HostPorts= (/etc/awfd/awfd.conf.d/test.conf:2)' refused alice --enable-host-access --allow-host-ports 3000
	[ "$(bed_exec awfctl inspect --json "$id" | jq -r .state)" = running ]
	write_policy <<<$'[User alice]\nHostPorts=x'
	run -125 --separate-stderr as root awfctl reload
	[[ $stderr == *'old configuration stays in force'*test.conf:2*HostPorts=x* ]]
	grep -q 'old configuration stays in force.*HostPorts=x' "$BED_DIR/awfd.log"
	by='[User alice] HostPorts= (/etc/awfd/awfd.conf.d/test.conf:2)' refused alice --enable-host-access --allow-host-ports 3000
	policy <<<$'[User alice]\nHostPorts=*'
	by='[User alice] HostPorts= (/etc/awfd/awfd.conf.d/test.conf:2)' allowed alice --enable-host-access --allow-host-ports 3000
	run -0 bed_exec awfctl stop "$id"
}

log_has() {
	grep -qF -- "$1" "$BED_DIR/awfd.log"
}

@test "SIGHUP is a reload, too; keys that count only after a restart are named" {
	write_policy <<<$'[User alice]\nImages=\n[Daemon]\nSocket=/run/other.sock\n[Group no-such-group]\nPidsMax=1'
	bed_kill HUP awfd
	wait_for log_has '[Daemon] Socket= changed, which counts only after a restart'
	wait_for log_has 'section [Group no-such-group] of the configuration is about nobody'
	by='[User alice] Images= (/etc/awfd/awfd.conf.d/test.conf:2)' refused alice
	run -0 --separate-stderr as root awfctl reload
	[[ $stderr == *'[Daemon] Socket= changed'* ]]
	write_policy <<<'nonsense'
	bed_kill HUP awfd
	wait_for log_has "'nonsense' is no KEY=VALUE"
	by='[User alice] Images= (/etc/awfd/awfd.conf.d/test.conf:2)' refused alice
}

@test "a reload changes the host's quotas, and takes nothing that is in use" {
	local id
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	policy <<<$'[Quota]\nHostSandboxes=1'
	[[ $output != *Host* ]]
	run -125 --separate-stderr as bob awfctl run -- true
	[[ $stderr == *'sandboxes: 1 of 1 in use by all users of this host: '*HostSandboxes=* ]]
	[ "$(bed_exec awfctl inspect --json "$id" | jq -r .state)" = running ]
	policy <<<$'[Quota]\nHostSandboxes=2'
	run -0 as bob awfctl run -- true
	run -0 bed_exec awfctl stop "$id"
}

@test "reload is for root alone" {
	run -125 --separate-stderr bed_exec awfctl reload
	[[ $stderr == *'permission denied: Reload is for root only, and you are uid '* ]]
	run -0 as root awfctl reload
}

readonly INTERFACE=$BATS_TEST_DIRNAME/../../proto/io.awf.Sandbox.varlink

# One call by hand: the whole answer.
varlink_call() {
	as "$1" bash -c 'printf "{\"method\":\"io.awf.Sandbox.%s\",\"parameters\":%s}\0" "$1" "$2" |
		socat -t 60 - UNIX-CONNECT:"${AWFD_SOCKET:-/run/awfd/awfd.sock}" | tr "\0" "\n"' _ "$2" "$3"
}

# parameters_of METHOD ID: with a number for each further one that it needs.
parameters_of() {
	local needed
	needed=$(grep -oP "^method $1\(id: string\K[^)]*" "$INTERFACE" | grep -oP '\w+(?=: int)' || :)
	# shellcheck disable=SC2086 # words
	jq -cn --arg id "$2" '{ id: $id } + ($ARGS.positional | map({ key: ., value: 1 }) | from_entries)' --args $needed
}

# Every method that the interface has for one sandbox, so that a new one is tested by being there.
@test "by every method, another user's sandbox answers as one that does not exist" {
	local id method methods theirs none
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	methods=$(grep -oP '^method \K\w+(?=\(id: string)' "$INTERFACE")
	[ "$(wc -w <<<"$methods")" -ge 5 ]
	# It is there, for its owner.
	varlink_call alice Inspect "{\"id\":\"$id\"}" | jq -e --arg id "$id" '.parameters.sandbox.id == $id'
	for method in $methods; do
		theirs=$(varlink_call bob "$method" "$(parameters_of "$method" "$id")")
		none=$(varlink_call bob "$method" "$(parameters_of "$method" aaaaaaaaaa)")
		[[ $none == *io.awf.Sandbox.NotFound* ]] || { echo "$method: $none"; false; }
		[ "${theirs//$id/aaaaaaaaaa}" = "$none" ] || { echo "$method: $theirs"; false; }
	done
	[ "$(bed_exec awfctl inspect --json "$id" | jq -r .state)" = running ]
	run -0 bed_exec awfctl stop "$id"
}
