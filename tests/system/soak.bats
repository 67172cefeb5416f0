#!/usr/bin/env bats
# Four users start and end sandboxes of every kind at once, again and again, while awfd, relays, sidecars,
# clients and the engine are killed at random. Each client gets its command's result or a known error that
# one of the kills explains, none hangs, nothing is left, and awfd is as small as before.
#
# SOAK_CYCLES is how many sandboxes each test starts, SOAK_SECONDS how long it goes on at least, and
# SOAK_SEED repeats what an earlier run said it had done.

load bed

WORKERS=8
USERS=(alice bob carol dave)
CYCLES=${SOAK_CYCLES:-160}
FOR_SECONDS=${SOAK_SECONDS:-0}
SEED=${SOAK_SEED:-$RANDOM}

# What awfd may have grown by since its first cycles, in KiB: what the allocator keeps, no leak of a
# sandbox's 20 KiB or more.
GROWTH_KIB=2048
WARM_UP=24

# What a client may have seen instead of its result, and which kills explain it: one of these while it
# ran. %ID stands for the sandbox that was hit.
KNOWN=(
	'137	^	awfctl'
	'125	cannot connect to awfd at	awfd'
	'125	awfd closed the connection	awfd'
	'125	awfd is stopping	awfd'
	'125	sandbox [a-z2-7]+ ended while awfd was restarted	awfd'
	'125	container awf-%ID-squid ended	squid engine'
	'125	container awf-%ID-cli-proxy ended	cli-proxy engine'
	'125	awf-%ID-squid: the container ended as soon as it started	squid engine'
	'125	awf-%ID-cli-proxy: the container ended as soon as it started	cli-proxy engine'
	'125	relay: awf-relay ended with signal SIGKILL	relay' # in its start
	'125	the relay keeps ending	relay'
	'125	.	engine' # every step of a start may be the one that misses it
	'1[0-9]+	killed with the Docker Engine	engine'
	'255	its exit code is lost: the Docker Engine	engine'
	'[0-9]+	some of its output may be lost: the Docker Engine	engine'
	'8	^curl: 	squid engine'
	'9	^(gh|Get|Post|error|HTTP)	relay cli-proxy engine'
)

setup_file() {
	bed up
}

# The jobs of an awfd that is killed go on; how many there may be is another test's business.
setup() {
	bed image agent-test
	KILLS=$BATS_TEST_TMPDIR/kills OUTCOMES=$BATS_TEST_TMPDIR/outcomes ERRORS=$BATS_TEST_TMPDIR/errors
	touch "$KILLS" "$OUTCOMES" "$ERRORS"
	bed_configure_awfd <<-'END'
	[Daemon]
	StopJobs=no
	LogLevel=info
	[Quota]
	Sandboxes=64
	StartsPerMinute=10000
	HostStartsPerMinute=40000
	END
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop"
	wait
	bed engine pid || bed engine start
	bed awfd pid || bed awfd start
	bed_clean_up_test
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s' "${t%???}"
}

say() {
	echo "# $*" >&3
}

# --- kills ----------------------------------------------------------------------------------------

# One process of that name, and whose sandbox it was of; the ID is learned while it lives.
# shellcheck disable=SC2016 # for the shell on the bed
readonly KILL_ONE='
	mapfile -t pids < <(pgrep -x "$1")
	((${#pids[@]} > 0)) || exit 0
	pid=${pids[$2 % ${#pids[@]}]}
	id=$(tr "\0" "\n" </proc/$pid/cmdline | sed -n "s/^--sandbox=//p")
	container=$(sed -n "s|.*/\([0-9a-f]\{64\}\)$|\1|p; T; q" /proc/$pid/cgroup)
	[[ -z $container ]] || id=$(docker inspect -f "{{index .Config.Labels \"awf.sandbox\"}}" "$container")
	kill -KILL "$pid" && echo "${id:--}"'

kill_one() {
	bed_exec -u root -- bash -c "$KILL_ONE" kill "$1" "$RANDOM" 2>/dev/null || :
}

kill_relay() {
	kill_one awf-relay
}

kill_squid() {
	kill_one squid
}

kill_cli-proxy() {
	kill_one awf-cli-proxy
}

kill_awfctl() {
	kill_one awfctl
}

kill_awfd() {
	case $((RANDOM % 2)) in
	0) bed awfd kill && bed awfd start ;;
	1) bed awfd restart ;;
	esac >/dev/null 2>&1
	echo -
}

# The next engine keeps what runs, or does not.
kill_engine() {
	local how=(kill stop) keep=('' --live-restore)
	bed engine "${how[RANDOM % 2]}" >/dev/null 2>&1
	# shellcheck disable=SC2086 # no argument when it is empty
	bed engine start ${keep[RANDOM % 2]} >/dev/null 2>&1
	echo -
}

# killer VICTIM...: one after the other by chance, until the stop; "BEGIN END VICTIM ID" in KILLS.
killer() {
	local victim begin id n
	RANDOM=$SEED
	while [[ ! -e $BATS_TEST_TMPDIR/stop ]]; do
		n=$((RANDOM % $# + 1)) victim=${!n}
		begin=$(now_ms)
		id=$("kill_$victim")
		if [[ -n $id ]]; then
			printf '%s\t%s\t%s\t%s\n' "$begin" "$(now_ms)" "$victim" "$id" >>"$KILLS"
			sleep "$((RANDOM % 4)).$((RANDOM % 9 + 1))" # so long nothing is killed
		else
			sleep 0.3 # there was none
		fi
	done
}

# --- workers --------------------------------------------------------------------------------------

# start_workers CYCLES SECONDS: all of them together.
start_workers() {
	local n script until=$(($(now_ms) + $2 * 1000))
	script=$(<"$BATS_TEST_DIRNAME/soak-worker.bash")
	PIDS=()
	for ((n = 0; n < WORKERS; n++)); do
		as "${USERS[n % ${#USERS[@]}]}" bash -c "$script" soak-worker $((SEED + n)) $(($1 / WORKERS)) "$until" \
			>>"$OUTCOMES" 2>>"$ERRORS" 3>&- &
		PIDS+=($!)
	done
}

await_workers() {
	local pid
	for pid in "${PIDS[@]}"; do
		wait "$pid"
	done
	# A shell says which of its children were killed.
	! grep -v ' Killed  ' "$ERRORS"
}

# soak CYCLES SECONDS VICTIM...
soak() {
	local killer
	rm -f "$BATS_TEST_TMPDIR/stop"
	start_workers "$1" "$2"
	shift 2
	killer "$@" 3>&- &
	killer=$!
	await_workers
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$killer"
}

# --- what came of it ------------------------------------------------------------------------------

# explains VICTIMS BEGIN END MESSAGE [named]: one of them was killed between those times or a little
# before, and of a sidecar it was the one that the message names.
explains() {
	awk -F'\t' -v victims=" $1 " -v begin="$2" -v end="$3" -v message="$4" -v named="${5:-}" '
		index(victims, " " $3 " ") && $1 < end && $2 + ($3 == "engine" ? 30000 : 5000) > begin &&
			(!named || $3 == "engine" || index(message, $4)) { found = 1; exit }
		END { exit !found }' "$KILLS"
}

# is_known BEGIN END CODE MESSAGE
is_known() {
	local row code pattern victims named
	for row in "${KNOWN[@]}"; do
		IFS=$'\t' read -r code pattern victims <<<"$row"
		named=''
		[[ $pattern != *%ID* ]] || named=yes
		[[ $3 =~ ^$code$ && $4 =~ ${pattern/\%ID/[a-z2-7]+} ]] || continue
		explains "$victims" "$1" "$2" "$4" "$named" && return
	done
	return 1
}

assert_all_known() {
	local begin end kind code message output strange=0
	while IFS=$'\t' read -r begin end kind code message output; do
		[[ $code != right ]] || continue
		is_known "$begin" "$end" "$code" "$message" && continue
		echo "nothing explains this: $begin $end $kind $code $message ($output)"
		strange=1
	done <"$OUTCOMES"
	((strange == 0)) || { cat "$KILLS"; return 1; }
}

# right_ones N: so many had the result that they should have.
assert_right() {
	local n
	n=$(cut -f 4 "$OUTCOMES" | grep -cx right)
	((n >= $1)) || { echo "only $n were right"; cat "$OUTCOMES"; return 1; }
}

tally() {
	cut -f "$2" "$1" | sort | uniq -c | awk '{ printf("%s%d %s", NR > 1 ? ", " : "", $1, $2) }'
}

show_figures() {
	say "seed $SEED: $(wc -l <"$OUTCOMES") sandboxes in $(($1 / 1000)) s: $(tally "$OUTCOMES" 4)"
	say "kills: $(tally "$KILLS" 3)"
}

# --- what is left ---------------------------------------------------------------------------------

# Jobs whose clients never learned of them, and results that nobody asked for.
end_all() {
	local ids
	mapfile -t ids < <(as root awfctl list --json | jq -r '.[].id')
	((${#ids[@]} == 0)) || as root awfctl stop "${ids[@]}" >/dev/null
}

no_state() {
	[[ -z $(bed_exec -u root -- find /var/lib/awfd/sandboxes /run/awfd/sandboxes -mindepth 1) ]]
}

# What runs in cgroups that are left.
show_left() {
	bed_exec -u root -- sh -c 'for pid in $(sort -u /sys/fs/cgroup/*/"$BED_NAME"/*/cgroup.procs); do
		ps -o pid=,user=,stat=,args= -p "$pid"; done' || :
}

nothing_left() {
	end_all && { ! grep -q engine "$KILLS" || remove_unborn_of_engine; } && is_clean && no_state
}

assert_nothing_left() {
	wait_for nothing_left || { show_left; return 1; }
}

# awfd_size: "DESCRIPTORS KIB" of the awfd that runs.
awfd_size() {
	bed_exec -u root -- bash -c 'pid=$(pgrep -x awfd) &&
		echo "$(ls /proc/$pid/fd | wc -l) $(sed -n "s/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p" /proc/$pid/status)"'
}

has_descriptors() {
	local now
	now=$(awfd_size)
	((${now% *} <= $1)) || { echo "descriptors: ${now% *}, once $1"; return 1; }
}

@test "while everything is killed at random, each client has its result or a known error, and nothing is left" {
	local begin
	begin=$(now_ms)
	say "seed $SEED"
	soak "$CYCLES" "$FOR_SECONDS" \
		awfd awfd relay relay relay relay relay squid squid squid squid cli-proxy cli-proxy cli-proxy cli-proxy awfctl engine
	show_figures $(($(now_ms) - begin))
	assert_all_known
	assert_right $((CYCLES / 5))
	assert_nothing_left
}

@test "an awfd that lives through all the others' ends is as small as after its first sandboxes" {
	local begin before after
	begin=$(now_ms)
	say "seed $SEED"
	soak "$WARM_UP" $((FOR_SECONDS / 4)) relay squid cli-proxy awfctl
	assert_nothing_left
	before=$(awfd_size)
	soak "$CYCLES" "$FOR_SECONDS" relay relay relay squid squid squid cli-proxy cli-proxy cli-proxy awfctl
	show_figures $(($(now_ms) - begin))
	assert_all_known
	# What is killed costs one sandbox at most.
	assert_right $(($(wc -l <"$OUTCOMES") - $(wc -l <"$KILLS")))
	assert_right $((CYCLES / 5))
	assert_nothing_left
	wait_for has_descriptors "${before% *}"
	after=$(awfd_size)
	say "awfd: ${before% *} descriptors and ${before#* } KiB, then ${after% *} and ${after#* }"
	((${after#* } <= ${before#* } + GROWTH_KIB))
}
