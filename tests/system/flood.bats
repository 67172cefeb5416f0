#!/usr/bin/env bats
# One user floods awfd's socket: it stays small, others don't notice, and everything works afterwards.

load bed

# Processors are the kernel's to share: it gets those that nobody else wants.
FLOOD=(chrt --idle 0 "$BED_TOOLS/flood" /run/awfd/awfd.sock)
ROUNDS=12
SAMPLES=20

setup_file() {
	bed up
}

# The defaults, but for fewer sandboxes: awfd is to be flooded, not the engine. And without the debug
# log of the bed.
setup() {
	bed_configure_awfd <<<$'[Daemon]\nLogLevel=info\n[Quota]\nSandboxes=3\n'"${QUOTA:-}"
	log_mark=$(wc -l <"$BED_DIR/awfd.log")
}

teardown() {
	bed_clean_up_test
}

# start_flood KIND=COUNT...: as alice; stop_flood shows what came of it.
start_flood() {
	bed_background -u alice -- "${FLOOD[@]}" "$@"
	wait_for bed_background_said ready
}

stop_flood() {
	bed_background_say stop
	wait "$BED_BACKGROUND_PID"
	bed_background_output
}

# counter NAME: of what the last flood did.
counter() {
	grep -oE "$1 [0-9]+" "$BED_BACKGROUND/out" | tail -n 1 | cut -d' ' -f2
}

# The microseconds that awfctl list takes bob, one number a line.
time_lists() {
	as bob bash -c 'for ((i = 0; i < $1; i++)); do
		start=${EPOCHREALTIME/./}
		awfctl list >/dev/null || exit
		echo $((${EPOCHREALTIME/./} - start))
	done' - "$SAMPLES"
}

median() {
	sort -n "$1" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

# best COLUMN FILE
best() {
	sort -n -k "$1,$1" "$2" | awk -v column="$1" 'NR == 1 { print $column }'
}

awfd_rss_kib() {
	bed_exec -u root -- awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

# sandboxes_of USER [STATE]: the ids, as root sees them, who has no quota of connections.
sandboxes_of() {
	as root awfctl list --json |
		jq -r --arg user "$1" --arg state "${2:-}" '.[] | select(.owner == $user and
			(if $state == "" then .state != "exited" else .state == $state end)) | .id'
}

# has_sandboxes USER COUNT [STATE]
has_sandboxes() {
	[ "$(sandboxes_of "$1" "${3:-}" | wc -l)" = "$2" ]
}

# What a user has running is ended.
stop_all_of() {
	sandboxes_of "$1" | xargs -r "$BED" exec -u root -- awfctl stop
}

# What awfd has logged since the mark that setup made.
new_log() {
	tail -n "+$((log_mark + 1))" "$BED_DIR/awfd.log"
}

log_says() {
	new_log | grep -qF "$1"
}

# hardly_slower: the medians of the rounds so far, of which a busy machine's delays only add to some.
hardly_slower() {
	(($(best 2 "$medians") <= 3 * $(best 1 "$medians")))
}

# bats test_tags=alone
@test "2000 connections of one user: another's list is hardly slower, and awfd stays small" {
	# Those that hold their connections first, and fewer than there are places for.
	local attack=(silent=20 half-sent=20 never-reading=20 list=20 costly=20 deep=600 giant=600 start=700)
	local quiet=$BATS_TEST_TMPDIR/quiet flooded=$BATS_TEST_TMPDIR/flooded medians=$BATS_TEST_TMPDIR/medians round pid rss
	pid=$(bed_exec -u root -- pgrep -x awfd)
	start_flood start=10 # so that the engine is done with what alice may have
	wait_for has_sandboxes alice 3 running
	stop_flood
	for ((round = 0; round < ROUNDS; round++)); do
		((round < 3)) || ! hardly_slower || break
		time_lists >"$quiet"
		start_flood "${attack[@]}"
		time_lists >"$flooded"
		rss=$(awfd_rss_kib "$pid")
		stop_flood
		[ "$(wc -l <"$quiet")" = "$SAMPLES" ]
		[ "$(wc -l <"$flooded")" = "$SAMPLES" ]
		[ "$(counter opened)" -ge 2000 ]
		[ "$(counter refused)" -ge 100 ]
		((rss < 160 * 1024))
		echo "$(median "$quiet") $(median "$flooded")" >>"$medians"
		echo "# awfctl list: $(median "$quiet") us, flooded $(median "$flooded") us; awfd $rss KiB" >&3
	done
	echo "# best: $(best 1 "$medians") us, flooded $(best 2 "$medians") us" >&3
	hardly_slower
	[ "$(bed_exec -u root -- pgrep -x awfd)" = "$pid" ]
	has_sandboxes alice 3
	stop_all_of alice
	run -0 as alice awfctl run -- echo works
	assert_clean
}

@test "one user's flood takes nothing of another's quota" {
	start_flood start=20 silent=1980
	wait_for has_sandboxes alice 3 running
	for _ in {1..3}; do
		run -0 --separate-stderr as bob awfctl start -- sleep 600
	done
	run -125 as bob awfctl start -- sleep 600
	[[ $output == *"limit reached: sandboxes: 3 of 3 in use by bob: "*"[Quota] Sandboxes="* ]]
	stop_flood
	stop_all_of bob
	stop_all_of alice
	assert_clean
}

@test "a connection too many is told which quota, its value and its use" {
	start_flood silent=128
	run -125 as alice awfctl list
	[[ $output == *"limit reached: connections: 128 of 128 in use by alice: "*"[Quota] Connections="* ]]
	run -0 as bob awfctl list
	run -0 as root awfctl list
	stop_flood
	wait_for as alice awfctl list
}

@test "half a message, and an answer that nobody reads, end their connections" {
	QUOTA='MessageSeconds=1' setup
	bed_background -u alice -- "$BED_TOOLS/flood" --once /run/awfd/awfd.sock half-sent=20 never-reading=20 silent=5
	wait_for bed_background_said ready
	wait_for has_connections 5
	[ -z "$(kill -0 "$BED_BACKGROUND_PID" 2>&1)" ]
	stop_flood
	wait_for has_connections 0
}

# has_connections NUMBER: of clients, which may have gone themselves.
has_connections() {
	local connections
	connections=$(bed_exec -u root -- ss -xH state connected)
	[ "$(grep -cF ' /run/awfd/awfd.sock ' <<<"$connections")" = "$1" ] || { echo "$connections"; return 1; }
}

@test "out of descriptors awfd rests, and goes on when it has some" {
	local pid
	pid=$(bed_exec -u root -- pgrep -x awfd)
	run -0 as bob awfctl list
	bed_exec -u root -- prlimit --pid "$pid" --nofile=3:
	bed_background -u bob -- timeout 30 awfctl list --json
	wait_for log_says 'cannot accept connections: Too many open files'
	[ ! -s "$BED_BACKGROUND/out" ]
	[ "$(new_log | grep -c 'cannot accept connections')" = 1 ]
	bed_exec -u root -- prlimit --pid "$pid" --nofile=4096:
	wait "$BED_BACKGROUND_PID"
	wait_for log_says 'accepting connections again'
	run -0 as alice awfctl run -- echo works
	assert_clean
}

@test "quotas of starts, memory and pids refuse what is more, by name, value and use" {
	local row
	for row in 'StartsPerMinute=1|starts per minute: 1 of 1 in use by alice: ' \
		'Memory=7G|memory: 6160M of 7168M in use by alice, 6160M more asked for: ' \
		'Pids=1500|pids: 1008 of 1500 in use by alice, 1008 more asked for: ' \
		'HostSandboxes=1|sandboxes: 1 of 1 in use by all users of this host: ' \
		'HostMemory=7G|memory: 6160M of 7168M in use by all users of this host, 6160M more asked for: '; do
		QUOTA=${row%%|*} setup
		run -0 --separate-stderr as alice awfctl start -- sleep 600
		run -125 as alice awfctl start -- sleep 600
		[[ $output == *"limit reached: ${row#*|}"* ]]
		stop_all_of alice
		assert_clean
	done
}

@test "after all that came and went nothing is counted" {
	QUOTA=$'[Daemon]\nLogLevel=debug' setup
	start_flood start=20 silent=50 half-sent=50 never-reading=50 giant=20
	wait_for has_sandboxes alice 3 running
	stop_flood
	run ! log_says 'uid 60701 uses nothing any more'
	stop_all_of alice
	wait_for log_says 'uid 60701 uses nothing any more'
	assert_clean
}
