#!/usr/bin/env bats
# [Pool]: sandboxes that are prepared ahead of any request. Nobody's, with nothing granted; taken once;
# and whatever ends one, nothing of it stays.
# shellcheck disable=SC2154 # run sets output and stderr

load bed
load attack
load internet
load crash-matrix

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

# Granted to no squid either.
readonly NEVER=(tcp:203.0.113.80:9999 tcp:169.254.169.254:80 "tcp:10.77.0.1:$HOST_PORT")

# Of what a sandbox must not reach without a grant: web and others outside, DNS, metadata, the host.
readonly OUTSIDE=(tcp:203.0.113.80:80 tcp:203.0.113.80:443 tcp:203.0.113.80:9999 udp:203.0.113.80:53
	udp:10.77.0.2:53 tcp:10.77.0.2:53 tcp:10.77.0.2:80 tcp:169.254.169.254:80 "tcp:10.77.0.1:$HOST_PORT")

setup_file() {
	bed up
	bed image agent-test
	bed_service start host-answers -- "$BED_TOOLS/answerer" "tcp:0.0.0.0:$HOST_PORT"
}

teardown_file() {
	bed_service kill host-answers
}

teardown() {
	attacker_stop
	unset BED_AWFD
	bed_clean_up_test
}

# --- the pool ---------------------------------------------------------------------------------------

# pool KINDS [LINE...]: restarts awfd with one of each kind, and further configuration.
pool() {
	bed_configure_awfd < <(printf '%s\n' '[Pool]' "Size=${SIZE:-1}" "Kinds=$1" "${@:2}")
}

# Those that are ready, an id a line.
prepared() {
	on_host awfctl list --json | jq -r '.[] | select(.state == "prepared").id'
}

has_prepared() {
	local n
	n=$(prepared | wc -l)
	[ "$n" = "$1" ] || { echo "$n are prepared"; return 1; }
}

full() {
	wait_for has_prepared "$1"
}

# is_replaced ID: it is gone, and another one is ready.
is_replaced() {
	local now
	now=$(prepared)
	[[ $now =~ ^[a-z2-7]{10}$ && $now != "$1" ]] || { echo "prepared: $now"; return 1; }
}

pool_of() {
	bed_exec awfctl inspect --json "$1" | jq -r .pool
}

# pid_of ID ROLE
pid_of() {
	on_host docker inspect -f '{{.State.Pid}}' "awf-$1-$2"
}

# from_inside ID ROLE TARGET...: probed by root of the host in that container's network.
from_inside() {
	on_host nsenter -t "$(pid_of "$1" "$2")" -n "$BED_TOOLS/probe" "${@:3}"
}

is_in_hosts_table() {
	on_host nft list table inet awf | grep -F "$(squid_address "$1")"
}

# owners_of_logs ID
owners_of_logs() {
	# shellcheck disable=SC2016 # the inner shell's
	on_host sh -c 'stat -c %U "/var/log/awfd/$1"/*.jsonl' sh "$1" | sort -u
}

status_of() {
	printf 'curl -sS -o /dev/null --max-time 10 -w "%%{http_code}\\n" %s' "$1"
}

# --- a start takes it -------------------------------------------------------------------------------

@test "a start takes a prepared one of its kind, and says so; without one it starts as ever" {
	local id kind=(plain egress difc egress+difc) options ready
	pool 'plain egress difc egress+difc'
	full 4
	for kind in plain egress difc egress+difc; do
		case $kind in
		plain) options=() ;;
		egress) options=(--allow-domains granted.example) ;;
		difc) options=("${DIFC[@]}") ;;
		egress+difc) options=("${DIFC[@]}" --allow-domains granted.example) ;;
		esac
		full 4
		ready=$(prepared)
		id=$(bed_exec awfctl start "${options[@]}" -- 'exec sleep 600')
		grep -qx "$id" <<<"$ready"
		[ "$(pool_of "$id")" = hit ]
		[ "$(bed_exec awfctl inspect --json "$id" | jq -r '.steps[] | select(.name == "start pause").state')" = skipped ]
		bed_exec awfctl stop "$id"
		full 4
		run ! grep -qx "$id" <<<"$(prepared)"
	done
	id=$(bed_exec awfctl start --enable-host-access --allow-host-ports "$HOST_PORT" -- 'exec sleep 600')
	[ "$(pool_of "$id")" = 'miss: what is granted ports of the host is not prepared' ]
	bed_exec awfctl stop "$id"
	pool plain
	full 1
	id=$(bed_exec awfctl start --allow-domains granted.example -- 'exec sleep 600')
	[ "$(pool_of "$id")" = 'miss: its kind is not one of Kinds= in [Pool]' ]
	bed_exec awfctl stop "$id"
}

@test "without a pool nothing is prepared, and nothing is said of one" {
	local id
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	[ "$(pool_of "$id")" = null ]
	bed_exec awfctl stop "$id"
	has_prepared 0
	assert_clean
}

@test "each has the DIFC proxy, the CA and the repository that its own start named" {
	bed_second_difc 18555 other
	pool difc
	full 1
	# shellcheck disable=SC2016 # the agent's shell
	run -0 bed_exec awfctl run "${DIFC[@]}" --agent-image awf/agent-test:latest -e GITHUB_REPOSITORY=octo/demo -- \
		'gh api user --jq .login; echo "$GITHUB_REPOSITORY"'
	[[ $output == *octo/demo ]]
	full 1
	run -0 as bob awfctl run --difc-proxy-host localhost:18555 --difc-proxy-ca-cert "$BED_SECOND_DIFC_CA" -- \
		gh api rate_limit --jq .rate.limit
	[ "$output" = 5000 ]
	grep -F /rate_limit "$BED_DIR/difc-other.jsonl"
	[ "$(grep -c 'pool: hit' "$BED_DIR/awfd.log")" -ge 2 ]
	full 1
	# The CA of the one is not the other's.
	run -125 bed_exec awfctl run --difc-proxy-host localhost:18555 --difc-proxy-ca-cert "$BED_DIFC_CA" --difc-wait 0 -- true
	[[ $output == *tls-untrusted* ]]
}

# --- nobody's ---------------------------------------------------------------------------------------

@test "from a prepared one nothing is reached before it is taken, and then what was granted" {
	local id
	wait_for all_alive "${OUTSIDE[@]}"
	pool egress+difc
	full 1
	id=$(prepared)
	assert_none_reached "$(from_inside "$id" pause tcp:172.30.0.10:3128 tcp:172.30.0.50:11000 "${OUTSIDE[@]}")"
	assert_none_reached "$(from_inside "$id" cli-proxy tcp:127.0.0.1:18443 'tcp:[::1]:18443' tcp:172.30.0.10:3128 "${OUTSIDE[@]}")"
	assert_none_reached "$(from_inside "$id" squid "${OUTSIDE[@]}")"
	run ! is_in_hosts_table "$id"
	# What there is in its directories is the names of loopback, and of nothing else.
	# shellcheck disable=SC2016 # the inner shell's
	[ "$(on_host sh -c 'cd "/run/awfd/sandboxes/$1" && ls -d */*' sh "$id" | xargs)" = 'cli-proxy/hosts cli-proxy/resolv.conf squid/hosts squid/resolv.conf' ]
	# shellcheck disable=SC2016
	run -1 on_host sh -c 'cd "/run/awfd/sandboxes/$1" && cat ./*/hosts ./*/resolv.conf |
		grep -Ev "^(127\.0\.0\.1|::1)[[:space:]]localhost|^nameserver 127\.0\.0\.1$|^search \.$"' sh "$id"
	[ -z "$output" ]
	on_host test ! -e "/var/log/awfd/$id"
	# With the rules of the host gone, the network's own still hold: where they are the only ones.
	assert_none_reached "$(from_inside "$id" squid tcp:203.0.113.80:80)"

	agent_start alice "${DIFC[@]}" --allow-domains granted.example
	[ "$(bed_exec awfctl list --json | jq -r '.[].id')" = "$id" ]
	assert_all_reached "$(from_inside "$id" pause -t 20000 tcp:172.30.0.10:3128 tcp:172.30.0.50:11000)"
	assert_all_reached "$(from_inside "$id" cli-proxy -t 20000 tcp:127.0.0.1:18443)"
	assert_all_reached "$(from_inside "$id" squid -t 20000 tcp:203.0.113.80:80)"
	is_in_hosts_table "$id"
	assert_none_reached "$(from_inside "$id" squid "${NEVER[@]}")"
	printf '%s\n' "$(status_of http://granted.example/)" >&"$ATTACKER_IN"
	run -0 attacker_line 'end 0'
	[[ $output == 200* ]]
	printf '%s\n' "$(status_of http://evil.example/)" >&"$ATTACKER_IN"
	run -0 attacker_line 'end 0'
	[[ $output == 403* ]]
}

@test "the next one has none of the grants of the one before, and its logs are its owner's" {
	local id first
	pool egress
	full 1
	first=$(prepared)
	run -0 bed_exec awfctl run --agent-image awf/agent-test:latest --allow-domains granted.example -- "$(status_of http://granted.example/)"
	[ "$output" = 200 ]
	full 1
	id=$(prepared)
	[ "$id" != "$first" ]
	run -0 as bob awfctl run --agent-image awf/agent-test:latest --allow-domains other.example -- "$(status_of http://granted.example/)"
	[ "$output" = 403 ]
	[ "$(owners_of_logs "$first")" = alice ]
	[ "$(owners_of_logs "$id")" = bob ]
	as bob cat "/var/log/awfd/$id/squid.jsonl" | jq -e 'select(.host == "granted.example").decision == "denied"'
	run ! as alice cat "/var/log/awfd/$id/squid.jsonl"
	run ! as bob cat "/var/log/awfd/$first/squid.jsonl"
	[ "$(on_host sh -c "jq -r 'select(.sandbox == \"$id\" and .event == \"end\").user' /var/log/awfd/audit.jsonl")" = bob ]
}

@test "what a taken one was told of its job is for its sidecar alone" {
	local id path
	pool egress+difc
	full 1
	id=$(bed_exec awfctl start "${DIFC[@]}" --allow-domains granted.example -e GITHUB_REPOSITORY=octo/demo -- 'exec sleep 600')
	[ "$(pool_of "$id")" = hit ]
	for path in squid/environment squid/squid.conf cli-proxy/environment cli-proxy/ca-bundle.pem; do
		on_host test -r "/run/awfd/sandboxes/$id/$path"
		run ! as bob cat "/run/awfd/sandboxes/$id/$path"
	done
	on_host grep -qz '^GITHUB_REPOSITORY=octo/demo$' "/run/awfd/sandboxes/$id/cli-proxy/environment"
	bed_exec awfctl stop "$id"
}

@test "users see nothing of what is prepared, cannot touch it, and it takes nothing of their quotas" {
	local id
	SIZE=2 pool plain '[Quota]' Sandboxes=1 HostSandboxes=1 StartsPerMinute=1
	full 2
	id=$(prepared | head -1)
	[ "$(bed_exec awfctl list --json | jq length)" = 0 ]
	for verb in inspect wait attach stop denials; do
		run -125 bed_exec awfctl "$verb" "$id"
		[[ $output == *"no sandbox '$id' of yours"* ]]
	done
	[ "$(on_host awfctl inspect --json "$id" | jq -c '[.state, .ownerUid, .command]')" = '["prepared",-1,[]]' ]
	run -0 bed_exec awfctl run -- 'echo ran'
	[ "$output" = ran ]
	run -125 bed_exec awfctl run -- true # what was taken did count
	[[ $output == *'limit reached: starts per minute: 1 of 1 in use by alice'* ]]
	# Root can end one, and another is made.
	full 2
	id=$(prepared | head -1)
	on_host awfctl stop "$id"
	full 2
	run ! grep -qx "$id" <<<"$(prepared)"
}

@test "of many that start at once no two get the same, and each is its own user's" {
	local ids user
	SIZE=4 pool plain
	full 4
	# shellcheck disable=SC2016 # the inner shell's
	bed_exec -u root -- bash -c '
		for i in 1 2 3; do
			for user in alice bob; do
				runuser -u "$user" -- awfctl start -- "exec sleep 600" >"/tmp/started-$user-$i" &
			done
		done
		wait'
	ids=$(on_host sh -c 'cat /tmp/started-*; rm /tmp/started-*')
	[ "$(wc -l <<<"$ids")" = 6 ]
	[ "$(sort -u <<<"$ids" | wc -l)" = 6 ]
	[ "$(for id in $ids; do on_host awfctl inspect --json "$id"; done | jq -s 'map(select(.pool == "hit")) | length')" -ge 4 ]
	for user in alice bob; do
		[ "$(as "$user" awfctl list --json | jq -r 'map(.owner) | unique | join(" ")')" = "$user" ]
		[ "$(as "$user" awfctl list --json | jq length)" = 3 ]
	done
	# shellcheck disable=SC2086 # several
	on_host awfctl stop $ids
}

# through_fake_engine: a pool of one plain sandbox whose engine can be told to fail.
through_fake_engine() {
	bed_fake_engine
	pool plain '[Engine]' Socket=/run/fake-engine.sock
	full 1
}

asked_to_start_agent() {
	fake_engine calls | grep -- '-agent/start'
}

# lines_of TEXT: their numbers in the log of the awfd that runs.
lines_of() {
	grep -nF -- "$1" "$BED_DIR/awfd.log" | cut -d: -f1
}

@test "while somebody's start is under way nothing is prepared" {
	local started ended
	through_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/start'
	bed_background awfctl run -- true # takes the one there is
	wait_for asked_to_start_agent
	sleep 1 # in which there would be another one, as there is in any second that is quiet
	has_prepared 0
	bed_kill KILL awfctl
	full 1
	started=$(lines_of 'creating for uid' | tail -1)
	ended=$(lines_of 'creating -> destroying (client gone)' | tail -1)
	lines_of 'preparing it for whoever comes' |
		awk -v started="$started" -v ended="$ended" '$1 > started && $1 < ended { early++ } $1 > ended { late++ } END { exit early > 0 || late != 1 }'
}

pauses_asked_for() {
	fake_engine calls | grep -c -- 'POST.*/containers/create.*-pause' || :
}

# More of them than PAUSES.
asked_for_a_pause() {
	(($(pauses_asked_for) > PAUSES))
}

@test "a preparation that hangs keeps nobody waiting" {
	local id
	through_fake_engine
	PAUSES=$(pauses_asked_for)
	fake_engine hang 1 POST '/containers/create.*-pause'
	on_host awfctl stop "$(prepared)"
	wait_for asked_for_a_pause
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	[ "$(pool_of "$id")" = 'miss: none is ready' ]
	bed_exec awfctl stop "$id"
}

@test "a start that waits for its DIFC proxy does not keep the pool from being filled" {
	local id
	pool difc
	full 1
	id=$(prepared)
	bed difc tell refuse on
	bed_background awfctl run "${DIFC[@]}" --difc-wait 60 -- 'echo ran'
	wait_for is_replaced "$id"
	bed difc tell clear
	wait_for bed_background_said ran
}

# --- its end ----------------------------------------------------------------------------------------

@test "when a part of a prepared one ends it is replaced as a whole, and not at once again and again" {
	local id role
	pool egress+difc
	for role in squid cli-proxy pause; do
		full 1
		id=$(prepared)
		on_host docker kill "awf-$id-$role"
		wait_for is_replaced "$id"
		[ -z "$(on_host docker ps -aq --filter "label=awf.sandbox=$id")" ]
		on_host test ! -e "/run/awfd/sandboxes/$id" -a ! -e "/var/lib/awfd/sandboxes/$id.json"
	done
	grep -F 'ended; the next one is made in 1 s' "$BED_DIR/awfd.log"
	grep -F 'ended; the next one is made in 4 s' "$BED_DIR/awfd.log"
	bed_exec awfctl run "${DIFC[@]}" --allow-domains granted.example -- 'gh api rate_limit'
}

port_is_gone() {
	! on_host test -e "/sys/class/net/$1"
}

# A container's first process waits for all others in its namespace, after it has given up its network:
# here for one whose parent, outside, does not ask what became of it.
@test "one whose squid is long in ending, when its port is gone already, is replaced, and that is why" {
	local id squid port parent
	pool egress
	full 1
	id=$(prepared)
	squid=$(pid_of "$id" squid)
	port=$(squid_port "$id")
	bed_background -u root -- sh -c "echo \$\$; exec nsenter -t $squid -p sleep 600"
	wait_for test -s "$BED_BACKGROUND/out"
	parent=$(<"$BED_BACKGROUND/out")
	wait_for on_host pgrep -P "$parent"
	on_host kill -STOP "$parent"
	on_host kill -KILL "$squid"
	wait_for port_is_gone "$port"
	bed_exec awfctl run --allow-domains granted.example -- true # awfd has been told, and gives it to nobody
	on_host kill -KILL "$parent"
	wait_for is_replaced "$id"
	lines_of "$id: prepared -> destroying (container awf-$id-squid ended)" | grep .
}

@test "one whose squid loses its place on the network is replaced" {
	local id
	pool egress
	full 1
	id=$(prepared)
	on_host ip link del "$(squid_port "$id")"
	wait_for is_replaced "$id"
}

@test "after an engine that was restarted starts work, and there are prepared ones again" {
	local id
	pool plain
	full 1
	id=$(prepared)
	bed engine restart
	bed_exec awfctl run -- true
	wait_for is_replaced "$id"
}

@test "a reload replaces what was prepared by the old configuration, and removes what is too much" {
	local id
	SIZE=2 pool 'plain egress'
	full 4
	id=$(prepared | head -1)
	# The one that is taken is never of another configuration than the start.
	# shellcheck disable=SC2016 # sed's
	bed_exec -u root -- sed -i 's/^Size=.*/Size=1/; s/^Kinds=.*/Kinds=plain/; $a[Agent]\nPids=77' /etc/awfd/awfd.conf.d/test.conf
	on_host awfctl reload
	run -0 bed_exec awfctl start -- 'exec sleep 600'
	[[ $(pool_of "$output") == miss:* ]]
	bed_exec awfctl stop "$output"
	wait_for is_replaced "$id"
	bed_exec -u root -- sed -i 's/^Size=.*/Size=0/' /etc/awfd/awfd.conf.d/test.conf
	on_host awfctl reload
	full 0
	assert_clean
}

@test "when a sidecar's image is replaced under its name, so is what was prepared from it" {
	local id
	on_host docker tag awf/squid:latest awf/squid:pool
	pool egress '[Images]' Squid=awf/squid:pool
	full 1
	id=$(prepared)
	on_host docker commit "awf-$id-squid" awf/squid:pool
	wait_for is_replaced "$id"
	[ "$(on_host docker inspect -f '{{.Image}}' "awf-$(prepared)-squid")" = "$(on_host docker image inspect -f '{{.Id}}' awf/squid:pool)" ]
	bed_exec awfctl run --allow-domains granted.example -- true
	on_host rm /etc/awfd/awfd.conf.d/test.conf
	bed awfd restart
	assert_clean
	on_host docker rmi awf/squid:pool
}

@test "a stop of awfd ends what is prepared, and no job; what one left that was killed the next removes" {
	local id job
	pool egress '[Daemon]' StopJobs=no
	full 1
	job=$(bed_exec awfctl start --allow-domains granted.example -- 'exec sleep 600')
	[ "$(pool_of "$job")" = hit ]
	full 1
	id=$(prepared)
	bed awfd stop
	[ "$(on_host docker ps -a --filter label=awf.sandbox --format '{{.Label "awf.sandbox"}}' | sort -u)" = "$job" ]
	bed awfd start
	full 1
	id=$(prepared)
	bed awfd kill
	on_host docker inspect "awf-$id-squid" >/dev/null # alive, and nobody's
	bed awfd start
	wait_for is_replaced "$id"
	[ -z "$(on_host docker ps -aq --filter "label=awf.sandbox=$id")" ]
	[ "$(bed_exec awfctl inspect --json "$job" | jq -r .state)" = running ]
	bed_exec awfctl stop "$job"
}

# --- awfd is killed at any turn ---------------------------------------------------------------------

# The points of preparing and of taking, once each: steps, state files, rules.
record_pool_points() {
	record_points
	pool egress+difc
	full 1
	recorded_points prepare
	record_points
	bed_exec awfctl run "${DIFC[@]}" --allow-domains granted.example -- true
	recorded_points all
	# What comes then may be the job's end, or the next one's being prepared, as it happens.
	sed '/^create: start agent: running$/q' "$BATS_FILE_TMPDIR/points-all" >"$BATS_FILE_TMPDIR/points-take"
	rm "$CRASH/passed"
}

no_pool() {
	bed_exec -u root -- sh -c 'echo >/etc/awfd/awfd.conf.d/test.conf'
}

# Whatever was there is removed by an awfd that has no pool.
assert_nothing_left() {
	no_pool
	bed awfd start
	assert_clean
}

# assert_no_way_out ID: while awfd is away, whatever it had come to when it handed that one over. All at
# once, since each waits as long as one that would answer might take.
assert_no_way_out() {
	local role targets pid pids=()
	for role in pause cli-proxy squid; do
		targets=("${OUTSIDE[@]}")
		[[ $role != squid ]] || targets=("${NEVER[@]}")
		from_inside "$1" "$role" "${targets[@]}" >"$BATS_TEST_TMPDIR/from-$role" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || : # the probe's code says that not all was reached
	done
	for role in pause cli-proxy squid; do
		assert_none_reached "$(<"$BATS_TEST_TMPDIR/from-$role")"
	done
}

@test "killed anywhere while it prepares one, or hands one over, awfd leaves no way out and nothing that stays" {
	local points point id
	wait_for all_alive "${OUTSIDE[@]}"
	export BED_AWFD=tests/crash/awfd
	mkdir -p "$CRASH"
	record_pool_points
	mapfile -t points < <(points_of prepare | grep -E '^(create: .*: running|save: )')
	((${#points[@]} >= 5)) || { printf '%s\n' "${points[@]}"; false; }
	for point in "${points[@]}"; do
		no_pool
		bed awfd restart
		bed_exec -u root -- sh -c 'printf "%s\n" "[Pool]" Size=1 Kinds=egress+difc >/etc/awfd/awfd.conf.d/test.conf'
		arm "$point"
		on_host awfctl reload
		await_crash
		assert_nothing_left
	done
	mapfile -t points < <(points_of take | grep -E '^(create: .*: (before|running)|call: nft.*: after)$')
	((${#points[@]} >= 12)) || { printf '%s\n' "${points[@]}"; false; }
	printf '%s\n' "${points[@]}" | grep -xF 'call: nft_namespace_grant: after'
	for point in "${points[@]}"; do
		pool egress+difc
		full 1
		id=$(prepared)
		arm "$point"
		bed_background awfctl run "${DIFC[@]}" --allow-domains granted.example -- true
		await_crash
		assert_no_way_out "$id"
		assert_nothing_left
	done
	rm -r "$CRASH"
}
