#!/usr/bin/env bats
# The crash matrix: awfd is killed before, within and after every step of its plans, at every write of a
# state file, and at every turn of its own start. When it is started again there is nothing left, or a
# whole sandbox; meanwhile attackers try what they were not granted, without a single success.
#
# CRASH_CELLS is a pattern of the cells to try, when one of them has failed.

load bed
load attack
load internet
load crash-matrix

setup_file() {
	matrix_up
	record_all
}

teardown_file() {
	matrix_down
}

# --- what there is to be killed at ------------------------------------------------------------------

# A whole life of a sandbox with everything for each way to end, with no crash but one between.
record_all() {
	local way TARGETS=(tcp:203.0.113.80:80)
	# shellcheck disable=SC2034 # for bed_background
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	for way in "${WAYS[@]}"; do
		record_points
		job_start "$way"
		await_job "$way"
		wait_for has_passed "save: running: after"
		recorded_points create
		record_points
		bed awfd kill
		bed awfd start
		wait_for has_passed 'call: sandbox_lease_renew: after'
		recorded_points adopt
		record_points
		end_by "$way" "$way"
		job_code "$way"
		assert_clean
		recorded_points "destroy-$way"
		# What comes when the plan is run again and again: of a squid that has ended the next awfd puts
		# nothing into the host's table.
		sed '/^method: /d; /^call: nft_squid_remove: /d' "$BATS_FILE_TMPDIR/points-destroy-$way" >"$BATS_FILE_TMPDIR/points-again-$way"
	done
	rm "$CRASH/passed"
}

# The ways in which a sandbox ends.
readonly WAYS=(end stop gone)

# end_by WAY NAME
end_by() {
	case $1 in
	end) job_say "$2" end ;;
	stop) bed_background awfctl stop "$(job_id "$2")" ;;
	gone) on_host pkill -KILL -f "^awfctl run .* NAME=$2 " ;;
	esac
}

# steps_of PLAN FILE: what the plan's table has.
steps_of() {
	sed -n "s/^$1: \(.*\): known$/\1/p" "$BATS_FILE_TMPDIR/points-$2"
}

assert_recorded() {
	grep -qxF -- "$2" "$BATS_FILE_TMPDIR/points-$1" || { echo "not passed: $2"; return 1; }
}

@test "every step of both plans, every state file and awfd's own start are cells" {
	local plan step phase
	for plan in create/create destroy/destroy-{end,stop,gone}; do
		(($(steps_of "${plan%/*}" "${plan#*/}" | wc -l) >= 12))
		while read -r step; do
			assert_recorded "${plan#*/}" "${plan%/*}: $step: before"
			assert_recorded "${plan#*/}" "${plan%/*}: $step: after"
		done < <(steps_of "${plan%/*}" "${plan#*/}")
	done
	for phase in create/creating create/running destroy-{end,stop,gone}/destroying; do
		for step in before 'written, not renamed' after; do
			assert_recorded "${phase%/*}" "save: ${phase#*/}: $step"
		done
	done
	(($(grep -c '^create: .*: running$' "$BATS_FILE_TMPDIR/points-create") >= 12))
	(($(grep -c '^destroy: .*: running$' "$BATS_FILE_TMPDIR/points-destroy-end") >= 4))
	(($(grep -c '^call: ' "$BATS_FILE_TMPDIR/points-adopt") >= 12))
}

@test "the awfd that is shipped has nothing of what kills it" {
	nm "$BATS_TEST_DIRNAME/../../build/bin/tests/crash/awfd" | grep -q __wrap_plan_start
	run ! grep -q __wrap_ <(nm "$BATS_TEST_DIRNAME/../../build/bin/awfd")
	grep -qF '%s/crash/%s' "$BATS_TEST_DIRNAME/../../build/bin/tests/crash/awfd"
	run ! grep -qF '%s/crash/%s' "$BATS_TEST_DIRNAME/../../build/bin/awfd"
}

# --- those who attack meanwhile ---------------------------------------------------------------------

setup() {
	CELL='no cell'
	CELLS=0
	TARGETS=()
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || echo "in the cell: $CELL"
	rm -f "$CRASH/at"
	[[ -z ${VICTIM:-} ]] || bed_service kill bob-answers
	bed awfd start
	bed_clean_up_test
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || matrix_up # on a bed that may be another one
}

# Bob's sandbox, whose squid answers more than a squid does.
victim_start() {
	local id pid
	bed_background -u bob -- awfctl run --allow-domains granted.example -- 'echo ready; exec sleep infinity'
	wait_for bed_background_said ready
	id=$(on_host docker ps --filter label=awf.role=squid --format '{{.Label "awf.sandbox"}}')
	VICTIM=$(squid_address "$id")
	pid=$(on_host docker inspect -f '{{.State.Pid}}' "awf-$id-squid")
	on_host nsenter -t "$pid" -n nft flush ruleset
	on_host nsenter -t "$pid" -n "$BED_TOOLS/service" --dir "$BED_DIR" start bob-answers -- \
		"$BED_TOOLS/answerer" tcp:0.0.0.0:443
	assert_all_reached "$(on_host nsenter -t "$pid" -n "$BED_TOOLS/probe" -t 20000 "tcp:$VICTIM:443")"
}

# A sandbox that is there all the time, whose agent attacks; and its squid, as if it were taken over and
# its own namespace's rules were flushed: the host's table alone is in its way.
attackers_start() {
	victim_start
	mapfile -t TARGETS < <(forbidden_targets)
	((${#TARGETS[@]} > 15))
	wait_for all_alive "${TARGETS[@]}"
	TARGETS+=("tcp:$VICTIM:443")
	job_start bystander
	await_job bystander
	assert_whole bystander
	squid_start
	attack_goes_on bystander squid
	QUIET=$(bed snapshot)
}

# What squid may reach is no attack.
squid_start() {
	local pid name targets
	name=awf-$(job_id bystander)-squid
	pid=$(on_host docker inspect -f '{{.State.Pid}}' "$name")
	on_host nsenter -t "$pid" -n nft flush ruleset
	# Who becomes another user forgets to die with his parent.
	AS_SQUID=(nsenter -t "$pid" -n setpriv --reuid 65533 --regid 65533 --clear-groups
		--inh-caps=-all --bounding-set=-all --pdeathsig KILL -- "$BED_TOOLS/probe")
	assert_all_reached "$(on_host "${AS_SQUID[@]}" -t 20000 tcp:203.0.113.80:443)"
	mapfile -t targets < <(printf '%s\n' "${TARGETS[@]}" | grep -vE '(203.0.113.80|db8::80\]):(80|443)$|^tcp:10.77.0.2:80$|:53$')
	# shellcheck disable=SC2034 # for the attackers that count
	COUNTERS["squid"]=$CRASH/squid
	install -m 666 /dev/null "$CRASH/squid"
	# No function: who is killed at the end is the one whose death is the probe's, too.
	"$BED" exec -u root -- "${AS_SQUID[@]}" -t 60 -c "$CRASH/squid" "${targets[@]}" >"$CRASH/out" 3>&- &
	BED_BACKGROUND_PIDS+=($!)
}

# --- cells ------------------------------------------------------------------------------------------

# Nothing of sandboxes but of those that were there when QUIET was taken, and of so many jobs beside
# them. The state file goes last: before that there is no use in looking closely.
assert_quiet() {
	wait_for has_states $((2 + ${1:-0}))
	wait_for is_quiet "${1:-0}"
}

# Records of what has ended do not count.
has_states() {
	local states
	mapfile -t states < <(grep -Ls '"phase":"exited"' "$(seen_from_here /var/lib/awfd/sandboxes)"/*)
	((${#states[@]} == $1)) || { printf '%s\n' "${states[@]}"; return 1; }
}

is_quiet() {
	local now more
	now=$(bed snapshot) || { echo "cannot tell what is left: $now"; return 1; }
	more=$(comm -13 <(echo "$QUIET") <(echo "$now"))
	(($(grep -c . <<<"$more") == $1 * ${JOB_LINES:-0})) || { echo "$more"; return 1; }
}

# attack_in_gap: awfd has killed itself, and others make use of it.
attack_in_gap() {
	await_crash
	attack_goes_on bystander squid
	CELLS=$((CELLS + 1))
}

# Restarts it, to be killed at that point. An end before it was ready is no failure here.
restart_to_crash() {
	arm "$1"
	bed awfd start 2>/dev/null || :
}

# create_cell POINT: the sandbox is not, and its client says why; or it is whole.
create_cell() {
	arm "$1"
	job_start job
	attack_in_gap
	bed awfd start
	wait_for job_is_known job
	if job_ended job; then
		job_code job
		[[ $CODE == 125 ]]
		grep -q 'awfd closed the connection' "${JOB_DIR[job]}/err"
	else
		assert_whole job
		assert_ends job 7
		WHOLE+=("$1")
	fi
	assert_quiet
	assert_attacks_in_vain
}

job_is_known() {
	job_ended "$1" || job_said "$1" ready
}

# assert_ends JOB CODE: by itself, when it is told to.
assert_ends() {
	job_say "$1" end
	job_code "$1"
	[[ $CODE == "$2" ]]
}

@test "killed in a start: nothing is left, or a whole sandbox" {
	local point WHOLE=()
	attackers_start
	while read -r -u 9 point; do
		create_cell "$point"
	done 9< <(points_of create)
	# A client that has its command's stream comes back; before that there is none to come back to.
	[[ -n ${CRASH_CELLS:-} || ${WHOLE[*]} == 'method: io.awf.Sandbox.Wait: permitted' ]]
	the_end create
}

# the_end POINTS...: of a test; the bystander lived through all of it, and every cell was tried.
the_end() {
	local points expected=0
	for points in "$@"; do
		expected=$((expected + $(points_of "$points" | wc -l)))
	done
	CELL='the end'
	((CELLS == expected))
	assert_whole bystander
	attack_goes_on bystander squid
	assert_attacks_in_vain
	all_alive "${TARGETS[@]:0:${#TARGETS[@]}-1}" # but the last, which is alive for its own sandbox only
	assert_ends bystander 7
}

# Sandboxes start faster together.
readonly POOL=6

pool_fill() {
	local n lines
	for ((n = 0; n < POOL; n++)); do
		job_start "pool$n"
	done
	for ((n = 0; n < POOL; n++)); do
		await_job "pool$n"
	done
	lines=$(comm -13 <(echo "$QUIET") <(bed snapshot) | wc -l)
	JOB_LINES=$((lines / POOL))
	((JOB_LINES > 10 && lines == JOB_LINES * POOL))
	LEFT=$POOL
}

# destroy_cell POINT: one of the pool, which is whole after those before it, ends.
destroy_cell() {
	local job
	((LEFT > 0)) || pool_fill
	job=pool$((--LEFT))
	assert_whole "$job"
	arm "$1"
	job_say "$job" end
	attack_in_gap
	bed awfd start
	job_code "$job"
	[[ $CODE == 7 ]]
	assert_quiet "$LEFT"
	assert_attacks_in_vain
}

@test "killed while a sandbox is removed whose command ended: nothing is left but its exit code" {
	local point
	LEFT=0
	attackers_start
	while read -r -u 9 point; do
		destroy_cell "$point"
	done 9< <(points_of destroy-end)
	while ((LEFT > 0)); do
		assert_ends "pool$((--LEFT))" 7
	done
	the_end destroy-end
}

# Of one whose client has gone when it is removed nothing is saved.
@test "killed while the result of a background sandbox is saved: it can be asked all the same" {
	local step id
	for step in before 'written, not renamed' after; do
		arm "save: exited: $step"
		id=$(bed_exec awfctl start -- 'exit 7')
		await_crash
		bed awfd start
		run -7 bed_exec awfctl wait "$id"
		bed_exec awfctl stop "$id"
		assert_clean
	done
}

# One to be removed, beside the attackers.
doomed_start() {
	attackers_start
	job_start job
	await_job job
	assert_whole job
}

# Who asked is told, and can ask again.
stopped_in_vain() {
	arm 'method: io.awf.Sandbox.Stop: permitted'
	end_by stop job
	await_crash
	attack_goes_on bystander squid
	bed awfd start
	! wait "$BED_BACKGROUND_PID" || return 1
	grep -q 'awfd closed the connection' "$BED_BACKGROUND/err"
	assert_whole job
}

# removed_in_spite_of WAY: killed at each point of the plan, again and again.
removed_in_spite_of() {
	local point
	while read -r -u 9 point; do
		if ((CELLS == 0)); then
			arm "$point"
			end_by "$1" job
		else
			restart_to_crash "$point"
		fi
		attack_in_gap
		assert_attacks_in_vain
	done 9< <(points_of "again-$1")
	bed awfd start
	job_code job
	assert_quiet
}

@test "killed when told to stop a sandbox, which is whole then, and again and again while it stops" {
	doomed_start
	stopped_in_vain
	removed_in_spite_of stop
	[[ $CODE == 5 ]]
	the_end again-stop
}

@test "killed again and again while a sandbox is removed whose client is gone" {
	doomed_start
	removed_in_spite_of gone
	the_end again-gone
}

# --- its own start ------------------------------------------------------------------------------------

# killed_in_starts: at each point of it, one start after the other.
killed_in_starts() {
	local point
	while read -r -u 9 point; do
		restart_to_crash "$point"
		attack_in_gap
		assert_attacks_in_vain
	done 9< <(points_of adopt)
	bed awfd start
}

@test "killed while it goes on with a sandbox that runs, and removes one that was being created" {
	attackers_start
	arm 'create: sidecars ready: running'
	job_start job
	await_crash
	killed_in_starts
	job_code job
	[[ $CODE == 125 ]]
	assert_quiet
	the_end adopt
}

@test "killed while it goes on with a sandbox that runs, and with the removal of another" {
	attackers_start
	job_start job
	await_job job
	arm 'destroy: remove agent: before'
	job_say job end
	await_crash
	killed_in_starts
	job_code job
	[[ $CODE == 7 ]]
	assert_quiet
	the_end adopt
}
