# A shell at the end of each way that a bench measures, which is asked over pipes, so that nothing has to
# be started while the clock runs. run gives its text to the bed's shell, like that of samples.bash. Who
# uses it has for each way a function start_WAY that runs its arguments there, and in `there` what the
# shells are told first.
# shellcheck shell=bash disable=SC2154 # set by who uses it
set -euo pipefail

scratch=$(mktemp -d)
chmod 755 "$scratch"

die() {
	printf '%s: %s\n' "$0" "$*" >&2
	exit 1
}

declare -A to=() from=() pid=()

# There is another end of each pipe, here, so that no open waits.
start() {
	local way=$1 in out
	mkfifo "$scratch/$way."{in,out}
	exec {in}<>"$scratch/$way.in" {out}<>"$scratch/$way.out"
	"start_$way" bash <"$scratch/$way.in" >"$scratch/$way.out" &
	pid[$way]=$! to[$way]=$in from[$way]=$out
	printf '%s\n' "$there" >&"$in"
}

# ask WAY COMMAND...: `answer` is what it printed, as words.
ask() {
	printf '%s\n' "${*:2}" >&"${to[$1]}"
	read -r -t 300 -a answer <&"${from[$1]}" || die "no answer to '${*:2}', $1"
}

finish() {
	local way
	for way in "${!pid[@]}"; do
		printf 'exit\n' >&"${to[$way]}"
		wait "${pid[$way]}" || :
	done
	rm -rf "$scratch"
}
trap finish EXIT
