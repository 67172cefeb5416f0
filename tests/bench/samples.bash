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

# await COMMAND...: until it succeeds; a bench whose machine never comes to that ends, and says so.
await() {
	local deadline=$((SECONDS + 120))
	until "$@"; do
		((SECONDS < deadline)) || { echo "$0: waited 120 s in vain for: $*" >&2; exit 1; }
		read -r -t 0.05 <> <(:) || :
	done
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

# --- what is printed, and kept for results and check ----------------------------------------------

rows=()

# row_head WHAT BASE SERIES: the names of the columns.
row_head() {
	printf '%-58s %10s %10s %10s %10s %7s\n' "$1" "$2" "$3" p10 p90 ratio
}

# row NAME TITLE UNIT SCALE DECIMALS BASE-SERIES SERIES: medians, in UNIT after SCALE, and the median of what
# each round's ratio was; no base series, no ratio.
row() {
	local base=null ratio=null text
	if [[ $6 ]]; then
		base=$(quantile 50 "$6")
		ratio=$(paired_ratio "$6" "$7")
	fi
	text=$(awk -v bench="$(basename "${0%-bench}")" -v n="$1" -v t="$2" -v u="$3" -v scale="$4" -v d="$5" -v base="$base" \
		-v m="$(quantile 50 "$7")" -v lo="$(quantile 10 "$7")" -v hi="$(quantile 90 "$7")" -v ratio="$ratio" '
		function cell(v) { return v == "null" ? "-" : sprintf("%." d "f", v * scale) }
		function number(v) { return v == "null" ? v : sprintf("%.6g", v * scale) }
		BEGIN {
			printf "%-58s %10s %10s %10s %10s %7s\n", t ", " u, cell(base), cell(m), cell(lo), cell(hi), ratio == "null" ? "-" : ratio
			printf "{\"bench\":\"%s\",\"row\":\"%s\",\"title\":\"%s\",\"unit\":\"%s\",\"base\":%s,\"median\":%s,\"p10\":%s,\"p90\":%s,\"ratio\":%s}\n",
				bench, n, t, u, number(base), number(m), number(lo), number(hi), ratio
		}')
	printf '%s\n' "${text%%$'\n'*}"
	rows+=("${text#*$'\n'}")
}

# save_rows FILE: as lines of JSON, if there is a file.
save_rows() {
	[[ -z $1 ]] || printf '%s\n' "${rows[@]}" >"$1"
}
