#!/usr/bin/env bats
# The comparison of a run of the benches with the table in the tree: what it lets through, and what it stops.
# The table and the goals are the test's own, but for the last ones. No bed is needed.

setup() {
	BENCH=$(readlink -f "$BATS_TEST_DIRNAME/../bench")
	cd "$BATS_TEST_TMPDIR" || return
	mkdir fresh
	cat >goals <<-'END'
		# a comment
		relay rate  ratio  >= 1.0 0.20
		relay cpu   ratio  <= 0.8 0.25
		scale idle  median <= 10  0.10
		start some  ratio  <= -   0.30
	END
	relay_row rate 1.5 >table
	relay_row cpu 0.6 >>table
	cp table fresh/relay.json
	scale_row idle 4 | tee -a table >fresh/scale.json
	row start some 1.2 | tee -a table >fresh/start.json
}

# row BENCH ROW RATIO
row() {
	printf '{"bench":"%s","row":"%s","title":"t","unit":"u","base":2,"median":3,"p10":3,"p90":3,"ratio":%s}\n' "$@"
}

relay_row() {
	row relay "$@"
}

scale_row() {
	printf '{"bench":"scale","row":"%s","title":"t","unit":"u","base":null,"median":%s,"p10":1,"p90":9,"ratio":null}\n' "$@"
}

check() {
	run "$BENCH/check" fresh table goals
}

# only_row_failed BENCH ROW: and it is named.
only_row_failed() {
	[ "$status" -ne 0 ]
	[ "$(grep -c '^FAIL' <<<"$output")" = 1 ]
	grep -q "^FAIL $1 $2: " <<<"$output"
}

# doctor FILE ROW VALUE: another ratio in a file's row.
doctor() {
	jq -c --arg row "$2" --argjson value "$3" 'if .row == $row then .ratio = $value else . end' "$1" >doctored
	mv doctored "$1"
}

@test "a run that is as the table passes, and so does one that is better" {
	check
	[ "$status" = 0 ]
	grep -q '^4 rows compared, 0 failed$' <<<"$output"
	doctor fresh/relay.json rate 9.9
	doctor fresh/relay.json cpu 0.1
	check
	[ "$status" = 0 ]
}

@test "a doctored table fails the run, in each direction by the row's name" {
	doctor table rate 9.9
	check
	only_row_failed relay rate
	doctor table rate 1.5
	doctor table cpu 0.1
	check
	only_row_failed relay cpu
}

@test "what is worse within the noise passes, beyond it fails" {
	doctor fresh/relay.json rate 1.31 # 1.5 less a fifth of 1.0
	doctor fresh/relay.json cpu 0.79  # 0.6 and a quarter of 0.8
	scale_row idle 4.9 >fresh/scale.json
	check
	[ "$status" = 0 ]
	doctor fresh/relay.json rate 1.29
	check
	only_row_failed relay rate
	doctor fresh/relay.json rate 1.5
	doctor fresh/relay.json cpu 0.81
	check
	only_row_failed relay cpu
	doctor fresh/relay.json cpu 0.6
	scale_row idle 5.1 >fresh/scale.json
	check
	only_row_failed scale idle
	scale_row idle 4 >fresh/scale.json
	row start some 1.49 >fresh/start.json # a row without a goal: 1.2 and 0.3
	check
	[ "$status" = 0 ]
	row start some 1.51 >fresh/start.json
	check
	only_row_failed start some
}

@test "a row whose noise is - has a goal, and is not compared" {
	echo 'start cold  ratio  <= 1.8 -' >>goals
	row start cold 1.2 >>table
	row start cold 9.9 >>fresh/start.json
	check
	[ "$status" = 0 ]
	grep -q '^4 rows compared, 0 failed$' <<<"$output"
	sed -i 's/cold  ratio  <= 1.8 -/cold  ratio  <= 1.8 0.20/' goals
	check
	only_row_failed start cold
}

@test "a row that was not measured fails, and one that the table does not have" {
	relay_row rate 1.5 >fresh/relay.json
	check
	only_row_failed relay cpu
	grep -q 'was not measured' <<<"$output"
	cp table fresh/relay.json
	rm fresh/scale.json
	cp fresh/start.json table
	relay_row rate 1.5 >>table
	scale_row idle 4 >>table
	check
	only_row_failed relay cpu
	grep -q 'not in the table' <<<"$output"
}

@test "nothing measured, or no table, is no success" {
	rm fresh/*.json
	check
	[ "$status" -ne 0 ]
	grep -q 'nothing was measured' <<<"$output"
	cp table fresh/relay.json
	: >table
	check
	[ "$status" -ne 0 ]
	grep -q 'there is no table' <<<"$output"
}

@test "the results that are written have every row, and say which goal is missed" {
	mkdir to
	echo '- a machine' >fresh/machine.txt
	scale_row rss_each 99 >>fresh/scale.json
	relay_row stream1 1.2 >>fresh/relay.json
	"$BENCH/results" fresh to
	[ "$(jq -r .row to/results.json | sort | tr '\n' ' ')" = 'cpu idle rate rss_each some stream1 ' ]
	grep -q '^- a machine$' to/RESULTS.md
	grep -q 'median <= 64 | \*\*missed\*\* |$' to/RESULTS.md
	grep -q 'ratio >= 1.1 | met |$' to/RESULTS.md
}

@test "the table in the tree has every row that there is a goal for, and RESULTS.md is written from it" {
	local bench row what
	while read -r bench row what _; do
		jq -e --arg bench "$bench" --arg row "$row" --arg what "$what" \
			'select(.bench == $bench and .row == $row) | .[$what] != null' "$BENCH/results.json" | grep -q true ||
			{ echo "$bench $row has no $what in results.json"; return 1; }
	done < <(grep -v '^#' "$BENCH/goals")
	mkdir tree to
	jq -r .bench "$BENCH/results.json" | sort -u | while read -r bench; do
		jq -c --arg bench "$bench" 'select(.bench == $bench)' "$BENCH/results.json" >"tree/$bench.json"
	done
	sed -n '/^- awf of commit/,/^$/{/./p}' "$BENCH/RESULTS.md" >tree/machine.txt
	"$BENCH/results" tree to
	diff "$BENCH/RESULTS.md" to/RESULTS.md
}
