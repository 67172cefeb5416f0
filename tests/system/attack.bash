# An attacker inside a sandbox's agent that tries what it is told: one sandbox, many questions.

# Where tests/system/probe.c was built to, as this side and as the bed's host see it.
PROBE=$BATS_TEST_DIRNAME/../../build/bin/tests/probe

# attacker_start NAME [AWFCTL-RUN-OPTION...]: a sandbox whose agent runs the probe on demand. The probe
# comes in by stdin, because nothing of the host is mounted there.
attacker_start() {
	local name=$1 size
	shift
	size=$(stat -c %s "$PROBE")
	mkfifo "$BATS_TEST_TMPDIR/$name.in" "$BATS_TEST_TMPDIR/$name.out"
	"$BED" exec -- awfctl run "$@" -- "
		head -c $size >/tmp/probe; chmod +x /tmp/probe; echo ready
		while read -r targets; do /tmp/probe \$targets; echo end; done" \
		<"$BATS_TEST_TMPDIR/$name.in" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	exec {ATTACKER_IN}>"$BATS_TEST_TMPDIR/$name.in" {ATTACKER_OUT}<"$BATS_TEST_TMPDIR/$name.out"
	cat "$PROBE" >&"$ATTACKER_IN"
	attacker_line ready
}

# Reads lines up to the given one; those before it are printed. Fails after a minute of silence.
attacker_line() {
	local line
	while read -r -t 60 -u "$ATTACKER_OUT" line; do
		[[ $line != "$1" ]] || return 0
		printf '%s\n' "$line"
	done
	echo "the attacker's sandbox does not answer" >&2
	return 1
}

# attacker_try TARGET...: what the agent saw of each, a line each.
attacker_try() {
	printf '%s\n' "$*" >&"$ATTACKER_IN"
	attacker_line end
}

# Ends the attacker's command by ending its stdin.
attacker_stop() {
	[[ -n ${ATTACKER_IN:-} ]] || return 0
	exec {ATTACKER_IN}>&- {ATTACKER_OUT}<&-
	ATTACKER_IN=
}

# assert_all WORD LINES: every line of a probe's output says (or, with !WORD, does not say) the word.
assert_all_reached() {
	local refused
	refused=$(grep -v ' reached$' <<<"$1") || return 0
	printf 'should have been reached:\n%s\n' "$refused" >&2
	return 1
}

assert_none_reached() {
	local reached
	[[ -n $1 ]] || { echo 'nothing was tried' >&2; return 1; }
	reached=$(grep ' reached$' <<<"$1") || return 0
	printf 'should not have been reached:\n%s\n' "$reached" >&2
	return 1
}

# --- a shell in an agent --------------------------------------------------------------------------

# What runs there: a shell that says what each line printed and how it ended.
# shellcheck disable=SC2016 # for the agent's shell
readonly AGENT_LOOP='echo ready; while IFS= read -r line; do (eval "$line") 2>&1; status=$?; echo; echo "end $status"; done'

# agent_start NAME [AWFCTL-RUN-OPTION...]: a sandbox whose agent runs what in_agent says. The image is
# the one that has the tools and trusts the bed's CA.
agent_start() {
	local name=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/$name.in" "$BATS_TEST_TMPDIR/$name.out"
	"$BED" exec -- awfctl run --agent-image awf/agent-test:latest "$@" -- "$AGENT_LOOP" \
		<"$BATS_TEST_TMPDIR/$name.in" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	AGENT_PID=$!
	exec {ATTACKER_IN}>"$BATS_TEST_TMPDIR/$name.in" {ATTACKER_OUT}<"$BATS_TEST_TMPDIR/$name.out"
	attacker_line ready || { cat "$BATS_TEST_TMPDIR/$name.err" >&2; return 1; }
}

# agent_share [AWFCTL-RUN-OPTION...]: for setup_file, one agent for all tests of a file. It holds both
# ends of its pipes, so that it outlives the tests that join and leave it.
agent_share() {
	local pipes=$BATS_FILE_TMPDIR/agent
	rm -f "$pipes".*
	mkfifo "$pipes.in" "$pipes.out"
	"$BED" exec -- awfctl run --agent-image awf/agent-test:latest "$@" -- "$AGENT_LOOP" \
		0<>"$pipes.in" 1<>"$pipes.out" 2>"$pipes.err" 3>&- &
	echo $! >"$pipes.pid"
	agent_join
	attacker_line ready || { cat "$pipes.err" >&2; return 1; }
}

# For setup: in_agent goes to the shared one.
agent_join() {
	exec {ATTACKER_IN}<>"$BATS_FILE_TMPDIR/agent.in" {ATTACKER_OUT}<>"$BATS_FILE_TMPDIR/agent.out"
}

# Its client is killed, so its sandbox goes.
agent_unshare() {
	local pid
	pid=$(cat "$BATS_FILE_TMPDIR/agent.pid") || return 0
	kill -TERM "$pid" 2>/dev/null || :
	wait_for gone_from_proc "$pid"
}

gone_from_proc() {
	[[ ! -e /proc/$1 || $(<"/proc/$1/stat") == *') Z '* ]]
}

# in_agent COMMAND: runs one line there; its output and its exit code.
in_agent() {
	local line lines=''
	printf '%s\n' "$1" >&"$ATTACKER_IN"
	while read -r -t 120 -u "$ATTACKER_OUT" line; do
		if [[ $line =~ ^end\ ([0-9]+)$ ]]; then
			printf '%s' "${lines%$'\n'}"
			return "${BASH_REMATCH[1]}"
		fi
		lines+=$line$'\n'
	done
	echo "the agent does not answer: $1" >&2
	return 255
}

# agent_file PATH: makes a file there from stdin.
agent_file() {
	in_agent "echo $(base64 -w 0) | base64 -d >$1"
}
