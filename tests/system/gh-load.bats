#!/usr/bin/env bats
# bats file_tags=alone
# Many calls of gh at once: each is answered or told to come back, cli-proxy stays within its memory, and
# another sandbox hardly notices.
# shellcheck disable=SC2016,SC2154 # for the agent's shell; run sets output

load bed
load attack
load internet
load gh

readonly CALLS=200 ROUNDS=6

# A call is little but processor time, most of it for starting programs. Shared out equally with each of a
# crowd's it would take many times as long; but a crowd's calls yield theirs. How much slower it is then is the
# machine's: one on which programs start slowly starts them more slowly beside others that start. So it is
# compared with a call beside the same sandbox when it starts programs on every processor and calls no gh. In
# hundredths, with room for a machine that has more to do.
readonly SLOWER_THAN_BUSY=130

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	bed difc tell forget
}

teardown() {
	local agent
	for agent in "${CROWD:-}" "${OTHER:-}"; do
		use "$agent"
		attacker_stop
	done
	bed_clean_up_test
}

# use "IN OUT": in_agent goes to that sandbox.
use() {
	read -r ATTACKER_IN ATTACKER_OUT <<<"$1" || :
}

# The middle one of some calls, in microseconds, made one after the other by the current sandbox.
latency() {
	in_agent 'bash /tmp/latency' | sort -n | sed -n 6p
}

# The least of what was measured in several rounds: whatever else the machine does only adds to it.
least() {
	printf '%s\n' "$@" | sort -n | head -n 1
}

install_crowd() {
	agent_file /tmp/crowd <<-'END'
	rm -rf /tmp/calls; mkdir /tmp/calls
	for ((i = 0; i < $1; i++)); do
		{ gh api rate_limit --jq .rate.limit >/tmp/calls/$i.out 2>&1; echo $? >/tmp/calls/$i.code; } &
	done
	wait
	END
}

# What starts programs on every processor, one after the other, until it is ended.
install_busy() {
	agent_file /tmp/busy <<-'END'
	for ((i = $(nproc); i; i--)); do
		while :; do /bin/true; done &
	done
	echo $$ $(jobs -p) >/tmp/busy.pids
	wait
	END
}

install_latency() {
	agent_file /tmp/latency <<-'END'
	for i in {1..11}; do
		began=${EPOCHREALTIME/[.,]/}
		gh api zen >/dev/null || exit
		echo $((${EPOCHREALTIME/[.,]/} - began))
	done
	END
}

# Every call of the crowd ended, with the answer or told that there was no place.
all_answered() {
	run -0 in_agent 'cd /tmp/calls && for f in *.code; do printf "%s %s\n" "$(cat $f)" "$(cat ${f%.code}.out)"; done'
	[ "${#lines[@]}" = "$CALLS" ]
	grep -q '^0 5000$' <<<"$output"
	! grep -vxE '0 5000|1 gh: .*busy.*' <<<"$output"
}

# oom_kills CONTAINER: of cgroups v1 or v2.
oom_kills() {
	bed_exec -u root -- sh -c '
		id=$(docker inspect -f "{{.Id}}" "$1")
		cat /sys/fs/cgroup/memory/$BED_NAME/$id/memory.oom_control /sys/fs/cgroup/$BED_NAME/$id/memory.events 2>/dev/null |
			sed -n "s/^oom_kill //p"' sh "$1"
}

# What has been measured is what is to be shown: of a crowd and of a busy one whatever else is done only adds.
hardly_slower() {
	(($(least "${noisy[@]}") * 100 < $(least "${busy[@]}") * SLOWER_THAN_BUSY))
}

crowd_is_there() {
	in_agent 'kill -0 $(cat /tmp/pid)'
}

@test "200 calls at once of one sandbox, and the calls of another" {
	local proxy quiet=() busy=() noisy=() round
	agent_start crowd "${DIFC[@]}"
	install_crowd
	install_busy
	CROWD="$ATTACKER_IN $ATTACKER_OUT"
	proxy=$(bed_exec -u root -- docker ps -q --filter label=awf.role=cli-proxy)
	agent_start other "${DIFC[@]}"
	install_latency
	OTHER="$ATTACKER_IN $ATTACKER_OUT"
	latency >/dev/null # warm
	for ((round = 0; round < ROUNDS; round++)); do
		((round < 2)) || ! hardly_slower || break
		quiet+=("$(latency)")
		use "$CROWD"
		in_agent 'rm -f /tmp/busy.pids; bash /tmp/busy &'
		wait_for in_agent 'test -s /tmp/busy.pids'
		use "$OTHER"
		busy+=("$(latency)")
		use "$CROWD"
		in_agent 'kill -0 $(cat /tmp/busy.pids) && kill $(cat /tmp/busy.pids)' # all the while
		in_agent "bash /tmp/crowd $CALLS & echo \$! >/tmp/pid"
		wait_for some_gh_runs
		use "$OTHER"
		noisy+=("$(latency)")
		use "$CROWD"
		crowd_is_there # all the while
		WAIT_SECONDS=120 wait_for in_agent '! kill -0 $(cat /tmp/pid) 2>/dev/null'
		all_answered
		use "$OTHER"
	done
	echo "# alone: ${quiet[*]} us; beside a busy one: ${busy[*]} us; beside the crowd: ${noisy[*]} us" >&3
	hardly_slower
	[ "$(oom_kills "$proxy")" = 0 ]
	no_gh_runs
}
