# A job that must not miss anything, and what it said so far: of the command in the background.
# shellcheck shell=bash

# Says "ready" and then numbers lines, and gh's answers, until /tmp/end is there.
# shellcheck disable=SC2034,SC2016 # for the tests, and for the job
readonly STREAM='
	echo ready; n=0
	until test -e /tmp/end; do
		n=$((n + 1)); echo "line $n"
		gh api rate_limit --jq .rate.limit || exit 9
	done
	echo "last $n"; exit 7'

lines_so_far() {
	wc -l <"$BED_BACKGROUND/out"
}

has_lines() {
	(($(lines_so_far) >= $1))
}

# goes_on_after COMMAND...: the stream does, and did not end before.
goes_on_after() {
	local before
	before=$(lines_so_far)
	"$@"
	wait_for has_lines $((before + 4))
}

# Every line and every answer, in order and once.
assert_whole_stream() {
	local n
	n=$(sed -n 's/^last //p' "$BED_BACKGROUND/out")
	[ "$n" -gt 0 ]
	diff <(echo ready; for ((k = 1; k <= n; k++)); do printf 'line %d\n5000\n' "$k"; done; echo "last $n") \
		"$BED_BACKGROUND/out"
}

# The command in the background ended with that code.
background_ended() {
	local code=0
	wait "$BED_BACKGROUND_PID" || code=$?
	[ "$code" = "$1" ] || { echo "exit code $code"; cat "$BED_BACKGROUND/err"; return 1; }
}
