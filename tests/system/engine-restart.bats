#!/usr/bin/env bats
# The Docker Engine goes and comes back while jobs run, by SIGTERM and SIGKILL, with live-restore and
# without: calls say so meanwhile, nothing opens, and each job has ended with a reason or goes on.

load bed
load attack
load internet

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	reset_records
}

# A fixture that some test left without its engine is none.
teardown() {
	bed engine pid || bed engine start
	bed_clean_up_test
	bed engine restart
	engine_cgroup_remove
}

OUTSIDE=(tcp:203.0.113.80:80 tcp:203.0.113.80:443 udp:203.0.113.80:53 tcp:10.77.0.2:80 udp:10.77.0.2:53
	'tcp:[2001:db8::80]:443' icmp:203.0.113.80)

all_alive() {
	assert_all_reached "$(bed_exec -u root -- "$BED_TOOLS/probe" "$@")"
}

# The engine runs with these arguments.
engine_runs_with() {
	bed engine stop
	bed engine start "$@"
}

# Where the kernel counts the memory of a process, by cgroups v1 or v2, and the name of the limit there.
engine_cgroup() {
	if [[ -d /sys/fs/cgroup/memory ]]; then
		echo "/sys/fs/cgroup/memory/$BED_NAME-engine/memory.limit_in_bytes"
	else
		echo "/sys/fs/cgroup/$BED_NAME-engine/memory.max"
	fi
}

engine_cgroup_remove() {
	local cgroup
	cgroup=$(dirname "$(engine_cgroup)")
	[[ ! -d $cgroup ]] || rmdir "$cgroup"
}

# What the engine has is not counted, but for what it needs from now on there is no memory.
engine_has_no_memory() {
	local limit
	limit=$(engine_cgroup)
	mkdir "${limit%/*}"
	echo 1M >"$limit"
	bed engine pid >"${limit%/*}/cgroup.procs"
}

log_says() {
	grep -F "$1" "$BED_DIR/awfd.log"
}

sandbox_starts() {
	bed_exec -- awfctl run -- true
}

refuses_starts() {
	run -125 sandbox_starts
	[[ $output == *'Docker Engine unavailable since '*'Z: no connection to /run/docker.sock: '*'systemctl status docker'* ]] ||
		{ echo "$output"; return 1; }
}

# A job that waits for a word in a pipe of its own, which needs no engine; AGENT is its first process.
# shellcheck disable=SC2016 # for the agent's shell
job_start() {
	bed_background awfctl run --agent-image awf/agent-test:latest --allow-domains granted.example \
		-- 'mkfifo /tmp/word && echo started && read -r code </tmp/word && exit "$code"'
	wait_for bed_background_said started
	AGENT=$(bed_exec -u root -- docker ps -q --filter label=awf.role=agent |
		xargs "$BED" exec -u root -- docker inspect -f '{{.State.Pid}}')
}

job_end_with() {
	bed_exec -u root -- sh -c "echo $1 >/proc/$AGENT/root/tmp/word"
}

# assert_job_ended CODE REASON: and its client says why.
assert_job_ended() {
	local status=0
	wait "$BED_BACKGROUND_PID" || status=$?
	echo "exit code $status: $(<"$BED_BACKGROUND/err")"
	[[ $status =~ ^$1$ && $(<"$BED_BACKGROUND/err") =~ $2 ]]
}

# What the agent reaches, from its network and with its rights: the engine carries its own words, so
# that it could not tell.
as_agent() {
	bed_exec -u root -- nsenter -t "$AGENT" -n -- setpriv --reuid 60701 --regid 60701 --clear-groups \
		--inh-caps=-all --bounding-set=-all -- "$BED_TOOLS/probe" "$@"
}

# What was granted, by way of squid.
agent_fetches_granted() {
	[ "$(bed_exec -u root -- nsenter -t "$AGENT" -n -- curl -sS -o /dev/null --max-time 10 -w '%{http_code}' \
		--proxy http://172.30.0.10:3128 --insecure https://granted.example/)" = 200 ]
}

agent_is_alive() {
	bed_exec -u root -- test -e "/proc/$AGENT/root/tmp/word"
}

# --- the engine keeps what runs -------------------------------------------------------------------

# outlives stop|kill: the job ends while nobody can ask for its exit code.
outlives() {
	engine_runs_with --live-restore
	wait_for all_alive "${OUTSIDE[@]}"
	job_start
	assert_all_reached "$(as_agent -t 20000 tcp:172.30.0.10:3128)"
	bed engine "$1"
	refuses_starts
	assert_all_reached "$(as_agent -t 20000 tcp:172.30.0.10:3128)"
	wait_for all_alive "${OUTSIDE[@]}"
	assert_none_reached "$(as_agent "${OUTSIDE[@]}")"
	job_end_with 7
	bed engine start --live-restore
	assert_job_ended 7 ''
	wait_for log_says 'the Docker Engine answers again'
	sandbox_starts
	assert_clean
}

@test "with live-restore a job outlives an engine that is stopped, and its exit code is learned" {
	outlives stop
}

@test "with live-restore a job outlives an engine that is killed, and its exit code is learned" {
	outlives kill
}

@test "with live-restore a job goes on when the engine is back" {
	engine_runs_with --live-restore
	job_start
	bed engine kill
	refuses_starts
	bed engine start --live-restore
	wait_for sandbox_starts
	agent_is_alive
	assert_none_reached "$(as_agent "${OUTSIDE[@]}")"
	assert_all_reached "$(as_agent -t 20000 tcp:172.30.0.10:3128)"
	job_end_with 9
	assert_job_ended 9 ''
	assert_clean
}

@test "with live-restore a squid whose network is gone waits for an engine that is away, and an awfd that was" {
	engine_runs_with --live-restore
	wait_for all_alive "${OUTSIDE[@]}"
	job_start
	agent_fetches_granted
	bed awfd kill
	bed_exec -u root -- docker network prune -f
	bed engine stop
	bed awfd start
	agent_is_alive
	wait_for all_alive "${OUTSIDE[@]}"
	assert_none_reached "$(as_agent "${OUTSIDE[@]}")"
	bed engine start --live-restore
	wait_for log_says 'it is made anew, and squid is on it again'
	agent_fetches_granted
	job_end_with 9
	assert_job_ended 9 ''
	assert_clean
}

# Not waited for: what ends when the engine has died waits for the next engine, which knows its exit code.
engine_dies_of_starts() {
	bed_exec -- awfctl start -- true || :
	! bed engine pid
}

engine_left_nothing() {
	remove_unborn_of_engine && is_clean
}

@test "with live-restore a job outlives an engine that runs out of memory, and starts say that it is away" {
	engine_runs_with --live-restore
	job_start
	engine_has_no_memory
	wait_for engine_dies_of_starts
	refuses_starts
	agent_is_alive
	assert_none_reached "$(as_agent "${OUTSIDE[@]}")"
	assert_all_reached "$(as_agent -t 20000 tcp:172.30.0.10:3128)"
	bed engine start --live-restore
	wait_for sandbox_starts
	job_end_with 9
	assert_job_ended 9 ''
	wait_for engine_left_nothing
}

# --- the engine ends what runs --------------------------------------------------------------------

# An engine that is stopped ends its containers first, so that the agent may be gone by then.
ends_with_engine() {
	local seen=''
	wait_for all_alive "${OUTSIDE[@]}"
	job_start
	bed engine "$1"
	refuses_starts
	seen=$(as_agent "${OUTSIDE[@]}") || :
	[[ -z $seen ]] || assert_none_reached "$seen"
	bed engine start
	assert_job_ended "$2" "$3"
	wait_for sandbox_starts
	assert_clean
}

@test "a job whose engine is stopped has ended and says why, and the next one starts" {
	ends_with_engine stop '1[0-9]*' 'container awf-.* ended|killed with the Docker Engine'
}

@test "a job whose engine is killed has ended and says why, and the next one starts" {
	ends_with_engine kill '1[0-9]*' 'container awf-.* ended|killed with the Docker Engine'
}
