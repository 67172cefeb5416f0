# The machinery of the crash matrix: sandboxes with everything, attackers that count, and an awfd that
# kills itself where it is told to (awfd-crash.c).
# shellcheck shell=bash

# Where awfd-crash looks what to do, and writes what it passed.
CRASH=$BED_DIR/crash

# Ports of the bed's host: on every address of it and granted to nobody, and granted on loopback.
readonly HOST_PORT=7777 GRANTED_PORT=3000

# Seen from here; in sandboxes it is /matrix.
SHARED=/home/alice/matrix

readonly EVERYTHING=(
	--agent-image awf/agent-test:latest --pull missing
	--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA"
	--allow-domains granted.example --allow-private private.example
	--enable-host-access --allow-host-ports "$GRANTED_PORT"
	--mount "$SHARED:/matrix" --mount /srv/awf/build/bin/tests:/attack:ro
	--agent-timeout 120
)

on_host() {
	bed_exec -u root -- "$@"
}

# The bed's file of that path, as this side sees it.
seen_from_here() {
	local init
	read -r init _ <"$BED_DIR/init"
	printf '/proc/%s/root%s' "$init" "$1"
}

# --- awfd-crash -----------------------------------------------------------------------------------

# For setup_file, and after a bed that was made anew: its awfd goes on with jobs, permits all that EVERYTHING asks for, and kills itself.
matrix_up() {
	bed up
	bed image agent-test
	export BED_AWFD=tests/crash/awfd
	mkdir -p "$CRASH"
	on_host install -d -o alice -g alice "$SHARED" "$SHARED/.ssh" # which is masked
	bed_configure_awfd <<-END
	[Daemon]
	StopJobs=no
	[Difc]
	RedirectHosts=blob.example
	[Egress]
	PrivateNetworks=10.77.0.2/32
	END
	bed_service start host-answers -- "$BED_TOOLS/answerer" \
		"tcp:0.0.0.0:$HOST_PORT" "udp:0.0.0.0:$HOST_PORT" "tcp:[::]:$HOST_PORT" "udp:[::]:$HOST_PORT" \
		"tcp:127.0.0.1:$GRANTED_PORT"
}

# For teardown_file: the shipped awfd again.
matrix_down() {
	unset BED_AWFD
	bed_service kill host-answers
	on_host rm -rf /etc/awfd/awfd.conf.d/test.conf "$SHARED" "$CRASH"
	bed awfd restart
}

# From now on the points that are passed are written down.
record_points() {
	: >"$CRASH/passed"
}

# has_passed POINT
has_passed() {
	grep -xF -- "$1" "$CRASH/passed"
}

# recorded_points NAME: keeps them, each once, in their order.
recorded_points() {
	awk '!seen[$0]++' "$CRASH/passed" >"$BATS_FILE_TMPDIR/points-$1"
}

# points_of NAME: those that awfd can be killed at.
points_of() {
	grep -v ': known$' "$BATS_FILE_TMPDIR/points-$1" | grep -E "${CRASH_CELLS:-.}"
}

# arm POINT: awfd is to be killed there. Whole or not at all: it may look at any time.
arm() {
	CELL=$1
	printf '%s\n' "$1" >"$CRASH/next"
	mv "$CRASH/next" "$CRASH/at"
}

# Until it has killed itself, and is gone.
await_crash() {
	local pid
	read -r pid _ <"$BED_DIR/awfd.pid" || :
	wait_for is_missing "$CRASH/at" || { echo "awfd never came to: $CELL" >&2; return 1; }
	[[ -z $pid ]] || wait_for is_missing "$(seen_from_here "/proc/$pid")"
}

is_missing() {
	[[ ! -e $1 ]]
}

# --- jobs -----------------------------------------------------------------------------------------

declare -gA JOB_PID=() JOB_IN=() JOB_DIR=()

# A job that attacks TARGETS all the time and, when it is asked, tries all that it was granted, and a
# domain that it was not.
readonly JOB='
	trap "exit 5" TERM
	/attack/probe -t 60 -c "/matrix/$NAME" $TARGETS &
	status() { curl -sS -o /dev/null --max-time 10 -w "%{http_code}" "$1"; }
	is() { [ "$2" = "$3" ] || { echo "$1: $2"; false; }; }
	whole() {
		is gh "$(gh api rate_limit --jq .rate.limit 2>&1)" 5000 &&
		is granted "$(status http://granted.example/ 2>&1)" 200 &&
		is private "$(status http://private.example/ 2>&1)" 200 &&
		is evil "$(status http://evil.example/ 2>&1)" 403 &&
		is port "$(/attack/probe "tcp:172.30.0.1:$PORT")" "tcp:172.30.0.1:$PORT reached"
	}
	echo ready
	while read -r word; do
		case $word in
		end) exit 7 ;;
		*) whole && echo "$word: whole" ;;
		esac
	done
	exec sleep infinity'

# job_start NAME: a sandbox with everything.
job_start() {
	COUNTERS[$1]=$(seen_from_here "$SHARED/$1")
	rm -f "${COUNTERS[$1]}"
	bed_background awfctl run "${EVERYTHING[@]}" -e "NAME=$1" -e "TARGETS=${TARGETS[*]}" \
		-e "PORT=$GRANTED_PORT" -- "$JOB"
	JOB_PID[$1]=$BED_BACKGROUND_PID
	JOB_IN[$1]=$BED_BACKGROUND_IN
	JOB_DIR[$1]=$BED_BACKGROUND
}

job_said() {
	grep -qxF -- "$2" "${JOB_DIR[$1]}/out" || { cat "${JOB_DIR[$1]}"/{out,err}; return 1; }
}

# Its attack has begun, too.
await_job() {
	wait_for job_said "$1" ready
	attack_goes_on "$1"
}

job_say() {
	printf '%s\n' "$2" >&"${JOB_IN[$1]}"
}

job_ended() {
	! kill -0 "${JOB_PID[$1]}" 2>/dev/null
}

# job_code NAME: sets CODE, the exit code of its client, which ends soon or has.
job_code() {
	local in=${JOB_IN[$1]}
	CODE=0
	wait_for job_ended "$1"
	wait "${JOB_PID[$1]}" || CODE=$?
	exec {in}>&-
}

# Everything that it was granted works, and nothing else.
assert_whole() {
	local turn=check-$RANDOM
	job_say "$1" "$turn"
	wait_for job_said "$1" "$turn: whole"
}

# The id of the sandbox of that job.
job_id() {
	# shellcheck disable=SC2016 # the inner shell's
	on_host sh -c 'docker inspect -f "{{index .Config.Labels \"awf.sandbox\"}} {{json .Config.Env}}" \
		$(docker ps -q --filter label=awf.role=agent)' | sed -n "s/ .*\"NAME=$1\".*//p"
}

# --- attackers that count ---------------------------------------------------------------------------

# Targets that nobody in a sandbox may reach: the outside, DNS, metadata, the host on each of its
# addresses, another sandbox.
forbidden_targets() {
	printf '%s\n' tcp:203.0.113.80:80 tcp:203.0.113.80:443 tcp:203.0.113.80:9999 udp:203.0.113.80:53 \
		udp:10.77.0.2:53 tcp:10.77.0.2:53 tcp:10.77.0.2:80 tcp:169.254.169.254:80 \
		'tcp:[2001:db8::80]:443' 'tcp:[fd77::2]:80' icmp:203.0.113.80
	host_targets
}

host_targets() {
	on_host ip -j address | jq -r --arg port "$HOST_PORT" '.[] | .ifname as $link | .addr_info[] |
		select(.scope == "global" and .tentative != true) |
		(if .family == "inet6" then "[\(.local)]" else .local end) |
		"tcp:\(.):\($port)", if $link == "eth0" then "udp:\(.):\($port)" else empty end'
}

all_alive() {
	assert_all_reached "$(on_host "$BED_TOOLS/probe" "$@")"
}

declare -gA COUNTERS=() # name to file, of the probes that count

# read_counter NAME: sets ROUNDS, TRIED and REACHED, 0 as long as it has not begun.
read_counter() {
	ROUNDS=0 TRIED=0 REACHED=0
	[[ ! -s ${COUNTERS[$1]} ]] || read -r ROUNDS TRIED REACHED <"${COUNTERS[$1]}" || return
	ROUNDS=$((10#$ROUNDS)) TRIED=$((10#$TRIED)) REACHED=$((10#$REACHED))
}

has_rounds() {
	read_counter "$1" && ((ROUNDS >= $2)) || { echo "$ROUNDS rounds"; return 1; }
}

# Two more rounds of each attacker, of which one began after the call.
attack_goes_on() {
	local name
	local -A goal=()
	for name in "$@"; do
		read_counter "$name"
		goal[$name]=$((ROUNDS + 2))
	done
	for name in "$@"; do
		wait_for has_rounds "$name" "${goal[$name]}"
	done
}

# What stood in the way, for who has to find out why that was not enough.
tell_of_walls() {
	date +%s.%N
	on_host bridge -d link show
	on_host nft list chain inet awf private
	on_host nft list chain inet awf egress
}

# Not one attempt of all that there were.
assert_attacks_in_vain() {
	local name
	for name in "${!COUNTERS[@]}"; do
		read_counter "$name"
		((REACHED == 0)) || {
			echo "$name reached $REACHED of $TRIED:"
			grep reached "${JOB_DIR[$name]:-$CRASH}/out"
			tell_of_walls
			return 1
		}
	done
}
