#!/usr/bin/env bats
# As many sandboxes at once as a host may have by default, of four users, each with a DIFC proxy of its
# own: nothing of one is in another.

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
	local n missing=0
	for ((n = 0; n < COUNT; n++)); do
		grep -qx "$1" "${OUTPUTS[$n]}/out" || missing=$((missing + 1))
	done
	((missing == 0)) || { echo "$missing have not said $1"; cat "${OUTPUTS[@]/%//err}"; return 1; }
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
	WAIT_SECONDS=60 wait_for is_clean
}
