# One client of the soak: starts and ends sandboxes of changing kinds, as whoever runs it, and says of each
# what came of it. It is told by arguments, because its stdin is not for the commands that it runs.
#
#    bash -c "$(<soak-worker.bash)" worker SEED CYCLES UNTIL
#
# CYCLES sandboxes and as many more as begin before UNTIL, in milliseconds since the epoch. Each ends in
# a line, of tabs and words:
#
#    BEGIN END KIND WORD MESSAGE OUTPUT
#
# WORD is "right", or the exit code that came instead; MESSAGE is what was complained of, "-" for nothing.
# shellcheck shell=bash
set -u

# No client needs as long as this, however loaded the machine; one that does hangs.
LIMIT_SECONDS=90
WORD=tungsten

RANDOM=$1
cycles=$2
until=$3
dir=$(mktemp -d "$HOME/soak-XXXXXX")
mkdir "$dir/work"
echo "$WORD" >"$dir/work/word"
difc=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")
egress=(--agent-image awf/agent-test:latest --allow-domains granted.example)
pending=() # ids that an earlier client could not stop

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s' "${t%???}"
}

client() {
	timeout -k 5 "$LIMIT_SECONDS" awfctl "$@" </dev/null >"$dir/out" 2>"$dir/err"
}

# one_line FILE: without what awfctl tells of a start that goes on.
one_line() {
	local text
	text=$(sed '/^awfctl: waiting for /d' "$1" | tr '\n\t' '  ')
	printf '%s\n' "${text:--}"
}

# came CODE WANTED [OUTPUT]: whether the last client ended so; says what it was instead.
came() {
	local code=$1 wanted=$2 output=${3:-}
	[[ $code == "$wanted" && $(<"$dir/out") == "$output" ]] && return
	came=$code$'\t'$(one_line "$dir/err")$'\t'$(one_line "$dir/out")
	return 1
}

# expect CODE OUTPUT ARGUMENT...
expect() {
	local wanted=$1 output=$2 code=0
	shift 2
	client "$@" || code=$?
	came "$code" "$wanted" "$output"
}

# The kinds of cycles. Each fails with what came of it in `came`.

kind_plain() {
	local code=$((RANDOM % 4))
	expect "$code" "$WORD" run -- "echo $WORD; exit $code"
}

kind_gh() {
	expect 6 5000 run "${difc[@]}" -- 'gh api rate_limit --jq .rate.limit || exit 9; exit 6'
}

kind_egress() {
	expect 4 200 run "${egress[@]}" -- \
		'curl -sS -o /dev/null --max-time 10 -w "%{http_code}" https://granted.example/ || exit 8; exit 4'
}

kind_both() {
	expect 5 $'5000\n200' run "${difc[@]}" "${egress[@]}" -- 'gh api rate_limit --jq .rate.limit || exit 9
		curl -sS -o /dev/null --max-time 10 -w "%{http_code}" https://granted.example/ || exit 8; exit 5'
}

kind_mount() {
	expect 0 "$WORD" run -v "$dir/work:/work:ro" -- 'cat /work/word'
}

# What was started and not stopped ends by itself, too.
start_job() {
	local code=0
	client start "$@" || code=$?
	id=$(<"$dir/out")
	[[ $code == 0 && -n $id ]] || came "$code" 0 "an id"
}

stop_job() {
	expect 0 "$1" stop "$1" || { pending+=("$1"); return 1; }
}

kind_waited() {
	local id
	start_job -- 'exit 7' || return
	expect 7 '' wait "$id" || { pending+=("$id"); return 1; }
	stop_job "$id"
}

kind_stopped() {
	local id
	start_job "${difc[@]}" -- 'exec sleep 60' || return
	stop_job "$id"
}

# leaves SIGNAL CODE: a client that is signalled, some time after its start.
leaves() {
	local pid code=0 at=$(($(now_ms) + RANDOM % 3000))
	awfctl run "${difc[@]}" -- 'echo ready; exec sleep 60' </dev/null >"$dir/out" 2>"$dir/err" &
	pid=$!
	while (($(now_ms) < at)) && [[ ! -s $dir/out ]] && kill -0 "$pid" 2>/dev/null; do
		read -r -t 0.05 -u 9 _ || :
	done
	kill "-$1" "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || code=$?
	: >"$dir/out"
	came "$code" "$2"
}

kind_killed() {
	leaves KILL 137
}

kind_signalled() {
	leaves TERM 143
}

kinds=(plain gh egress both mount waited stopped killed signalled)

# What an earlier client was kept from stopping; what is not there any more is stopped.
stop_pending() {
	local id ids=("${pending[@]}")
	pending=()
	for id in "${ids[@]}"; do
		client stop "$id" || grep -q 'no sandbox' "$dir/err" || pending+=("$id")
	done
}

# After a refusal, until awfd and its engine answer: nobody starts job after job against a closed door.
await_awfd() {
	local until=$(($(now_ms) + LIMIT_SECONDS * 1000))
	until client run -- true || (($(now_ms) > until)); do
		read -r -t 0.2 -u 9 _ || :
	done
}

cycle() {
	local begin kind=${kinds[RANDOM % ${#kinds[@]}]} came=right
	begin=$(now_ms)
	"kind_$kind" && came=right
	printf '%s\t%s\t%s\t%s\n' "$begin" "$(now_ms)" "$kind" "$came"
	[[ $came == right ]] || await_awfd
	((${#pending[@]} == 0)) || stop_pending
}

mkfifo "$dir/silence"
exec 9<>"$dir/silence"
for ((n = 0; n < cycles || $(now_ms) < until; n++)); do
	cycle
done
until ((${#pending[@]} == 0)); do
	stop_pending
done
rm -rf "$dir"
