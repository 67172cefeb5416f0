#!/usr/bin/env bats
# bats file_tags=alone
# As many sandboxes at once as a host may have by default, of four users, each with a DIFC proxy of its
# own: nothing of one is in another. And in which order many are started.

load bed

USERS=(alice bob carol dave)
COUNT=64

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# start_one N: of the user whose turn it is, with its own DIFC proxy; it tells who it is, and waits.
start_one() {
	local user=${USERS[$1 % 4]}
	bed_second_difc $((20000 + $1)) "difc-$1"
	bed_background -u "$user" -- awfctl run --difc-proxy-host "localhost:$((20000 + $1))" \
		--difc-proxy-ca-cert "$BED_SECOND_DIFC_CA" -- \
		'gh api rate_limit --jq .stand_in; id -u; hostname -i 2>/dev/null; echo started
		read -r line; gh api rate_limit --jq .stand_in; echo ended'
	OUTPUTS[$1]=$BED_BACKGROUND
	INPUTS[$1]=$BED_BACKGROUND_IN
	PIDS[$1]=$BED_BACKGROUND_PID
}

# all_said WORD
all_said() {
	local said
	said=$(grep -lx "$1" "${OUTPUTS[@]/%//out}" | wc -l)
	((said == COUNT)) || { echo "$((COUNT - said)) have not said $1"; cat "${OUTPUTS[@]/%//err}"; return 1; }
}

# Each user sees his own sandboxes, and in their logs nothing but what is his.
assert_own() {
	local user=$1 uid ids id
	uid=$(as "$user" id -u)
	ids=$(as "$user" awfctl list --json | jq -r '.[] | select(.state == "running") | .id')
	[ "$(wc -l <<<"$ids")" = $((COUNT / 4)) ]
	for id in $ids; do
		[ "$(as "$user" cat "/var/log/awfd/$id/gh.jsonl" | jq -r '"\(.uid) \(.sandbox)"' | sort -u)" = "$uid $id" ]
		run ! as mallory cat "/var/log/awfd/$id/gh.jsonl"
	done
}

@test "64 sandboxes of 4 users at once: each has its own, and nothing is left of them" {
	local n user
	OUTPUTS=() INPUTS=() PIDS=()
	for ((n = 0; n < COUNT; n++)); do
		start_one "$n"
	done
	WAIT_SECONDS=400 wait_for all_said started
	[ "$(bed_exec -u root -- docker ps -q --filter label=awf.role=agent | wc -l)" = "$COUNT" ]
	# One more is refused, by the host's quota, and whose it would be does not matter.
	run -125 --separate-stderr as alice awfctl run -- true
	[[ $stderr == *'sandboxes: '*' of '*' in use'* ]]
	for user in "${USERS[@]}"; do
		assert_own "$user"
	done
	for ((n = 0; n < COUNT; n++)); do
		echo go >&"${INPUTS[$n]}"
	done
	WAIT_SECONDS=200 wait_for all_said ended
	for ((n = 0; n < COUNT; n++)); do
		wait "${PIDS[$n]}"
		# Its own proxy's name, twice, and no other's; its own user's number.
		[ "$(grep -o 'difc-[0-9]*' "${OUTPUTS[$n]}/out" | xargs)" = "difc-$n difc-$n" ]
		grep -qx "$(as "${USERS[n % 4]}" id -u)" "${OUTPUTS[$n]}/out"
	done
	WAIT_SECONDS=300 wait_for is_clean
}

# --- turns to start ---------------------------------------------------------------------------------

# How many go on at once: one more than there are processors.
AT_ONCE=$(($(getconf _NPROCESSORS_ONLN) + 1))

# hang_first CALL: as many of these calls to the engine are never answered.
hang_first() {
	local n
	bed_fake_engine
	for ((n = 1; n <= AT_ONCE; n++)); do
		fake_engine hang "$n" POST "$1"
	done
}

# One more of alice's than go on at once.
start_of_alice() {
	local n
	OUTPUTS=() PIDS=()
	for ((n = 0; n <= AT_ONCE; n++)); do
		bed_background -u alice -- awfctl run -- 'echo it ran'
		OUTPUTS+=("$BED_BACKGROUND")
		PIDS+=("$BED_BACKGROUND_PID")
	done
}

# asked N REGEX: so many such calls have come to the engine.
asked() {
	[ "$(fake_engine calls | grep -cE "$2")" = "$1" ]
}

# How many wait, and are told so.
waiting() {
	cat "${OUTPUTS[@]/%//err}" | grep -cF 'waiting for its turn: as many others are being started as this host keeps up with'
}

one_waits() {
	[ "$(waiting)" = 1 ]
}

# Waits for the ends of alice's; one is well, the others are awfd's failure.
one_ran() {
	local pid code codes=()
	for pid in "${PIDS[@]}"; do
		code=0
		wait "$pid" || code=$?
		codes+=("$code")
	done
	[ "$(printf '%s\n' "${codes[@]}" | sort -n | uniq -c | xargs)" = "1 0 $AT_ONCE 125" ]
}

@test "one more is started at once than there are processors: the next waits, but not for another user's" {
	hang_first '/containers/.*-pause/start'
	start_of_alice
	wait_for asked "$AT_ONCE" 'POST .*-pause/start'
	run -0 --separate-stderr as bob awfctl run -- 'echo it ran'
	[ "$output$stderr" = 'it ran' ]
	wait_for one_waits
	asked $((AT_ONCE + 1)) 'POST .*/containers/create.*-pause'
	# Of what waited there is nothing that could be left.
	bed awfd kill
	bed awfd start
	assert_clean
}

@test "when one is started, or cannot be, it is the turn of who waits" {
	hang_first '/containers/.*-agent/attach'
	start_of_alice
	one_ran
	one_waits
	# Nothing of it was made before.
	fake_engine calls | awk -v first="$AT_ONCE" '
		/POST .*-agent\/attach/ { attached++ }
		/POST .*\/containers\/create.*-pause/ && ++created == first + 1 { exit !(attached == first) }'
	assert_clean
}
