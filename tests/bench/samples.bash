# What the benches on the bed keep of their interleaved rounds: series of samples, their quantiles, and
# how long a command takes. run gives its text to the bed's shell in front of theirs.
# shellcheck shell=bash
set -euo pipefail

declare -A samples=()

# sample SERIES VALUE
sample() {
	samples[$1]+="$2"$'\n'
}

# time_of SERIES COMMAND...: its sample is in microseconds. Nothing is parsed while the clock runs.
time_of() {
	local started=${EPOCHREALTIME/[.,]/}
	"${@:2}" >/dev/null </dev/null
	sample "$1" "$((${EPOCHREALTIME/[.,]/} - started))"
}

# quantile PERCENT SERIES
quantile() {
	sort -n <<<"${samples[$2]%$'\n'}" | awk -v p="$1" '{ v[NR] = $1 } END { print v[int((NR - 1) * p / 100 + 1.5)] }'
}

# paired_ratio BASE-SERIES SERIES: the median of the ratios of what was measured together, so that a
# machine that is slower for a while is so for both.
paired_ratio() {
	paste <(printf '%s' "${samples[$1]}") <(printf '%s' "${samples[$2]}") |
		awk '$1 > 0 { printf "%.3f\n", $2 / $1 }' | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.2f\n", v[int((NR + 1) / 2)] }'
}
