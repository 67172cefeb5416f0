#!/usr/bin/env bats
# awfctl metrics and TextFile=: what awfd has done, for a monitoring system; for root alone.

load bed
load attack
load internet

setup_file() {
	bed up
	bed image agent-test
}

teardown() {
	stop_all
	bed_exec -u root -- rm -rf /srv/metrics
	bed_clean_up_test
}

# samples [PARSER]: NAME LABELS VALUE of stdin, as Prometheus' own library, which is Debian's python's, understands it.
samples() {
	/usr/bin/python3 -c '
import json, sys
from importlib import import_module
parse = import_module(sys.argv[1]).text_fd_to_metric_families
for family in parse(sys.stdin):
    for s in family.samples:
        print(s.name, json.dumps(s.labels, sort_keys=True), float(s.value), family.type)' "${1:-prometheus_client.openmetrics.parser}"
}

metrics() {
	bed_exec -u root -- awfctl metrics | samples
}

# value_of NAME LABELS: of the metrics on stdin.
value_of() {
	awk -v name="$1" -v labels="$2" '{ v = $(NF - 1); t = $0; sub(/^[^ ]+ /, "", t); sub(/ [^ ]+ [^ ]+$/, "", t)
		if ($1 == name && t == labels) { print v; found = 1 } } END { exit !found }'
}

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

@test "starts, sandboxes, relays and refusals are in it, also of sandboxes that are gone; and it is OpenMetrics" {
	local id before after
	bed awfd restart
	id=$(bed_exec awfctl start --agent-image awf/agent-test:latest "${DIFC[@]}" --allow-domains granted.example -- '
		curl -s -o /dev/null https://granted.example/; curl -s https://other.example/; gh api rate_limit; gh auth status
		sleep 600')
	wait_for refused_all "$id"
	run -125 bed_exec awfctl run --agent-image no-such -- true
	before=$(metrics)
	[ "$(value_of awfd_starts_total '{"result": "ok", "step": ""}' <<<"$before")" = 1.0 ]
	grep '^awfd_starts_total {"result": "failed", "step": "[^"]' <<<"$before"
	[ "$(value_of awfd_sandboxes '{"state": "running"}' <<<"$before")" = 1.0 ]
	[ "$(value_of awfd_start_duration_seconds_count '{}' <<<"$before")" = 1.0 ]
	[ "$(value_of awfd_denials_total '{"source": "squid"}' <<<"$before")" = 1.0 ]
	[ "$(value_of awfd_denials_total '{"source": "gh"}' <<<"$before")" = 1.0 ]
	[ "$(value_of awfd_engine_errors_total '{}' <<<"$before")" != 0.0 ]
	grep -E '^awfd_relay_bytes_total \{"direction": "received"\} [1-9]' <<<"$before"
	bed_exec awfctl stop "$id"
	after=$(metrics)
	[ "$(value_of awfd_sandboxes '{"state": "running"}' <<<"$after")" = 0.0 ]
	[ "$(value_of awfd_relay_connections_open '{}' <<<"$after")" = 0.0 ]
	diff <(grep -E '^awfd_(relay_connections|denials|requests|starts)[a-z_]*_total' <<<"$before") \
		<(grep -E '^awfd_(relay_connections|denials|requests|starts)[a-z_]*_total' <<<"$after")
	run ! grep -E "alice|$id|example" <<<"$after"
}

refused_all() {
	bed_exec awfctl stats --json "$1" | jq -e '.[0] | .requestsRefused == 1 and .ghAllowed == 1 and .ghRefused == 1 and .relayOpen == 0'
}

@test "root alone is told" {
	metrics
	run -125 --separate-stderr bed_exec awfctl metrics
	[[ $stderr == *'Metrics is for root only'* ]]
	[ -z "$output" ]
}

# has_written SAMPLE VALUE
has_written() {
	bed_exec -u root -- cat /srv/metrics/awfd.prom | samples prometheus_client.parser | grep -F "$1 $2"
}

@test "the file is written when something has changed, for everybody to read, and not at idle" {
	local id written
	bed_exec -u root -- mkdir -p /srv/metrics
	bed_configure_awfd <<<$'[Metrics]\nTextFile=/srv/metrics/awfd.prom\nIntervalSeconds=1'
	wait_for has_written 'awfd_sandboxes {"state": "running"}' 0.0
	[ "$(bed_exec -u root -- stat -c '%a %U' /srv/metrics/awfd.prom)" = '644 root' ]
	id=$(bed_exec awfctl start --agent-image awf/agent-test:latest -- 'sleep 600')
	wait_for has_written 'awfd_sandboxes {"state": "running"}' 1.0
	has_written 'awfd_starts_total {"result": "ok", "step": ""}' "1.0 counter"
	bed_exec awfctl stop "$id"
	# After that there is nothing more to tell.
	wait_for has_written 'awfd_sandboxes {"state": "exited"}' 1.0
	[ "$(bed_exec -u root -- ls /srv/metrics)" = awfd.prom ]
	# Each write makes another file.
	written=$(bed_exec -u root -- stat -c %i /srv/metrics/awfd.prom)
	sleep 3
	[ "$(bed_exec -u root -- stat -c %i /srv/metrics/awfd.prom)" = "$written" ]
}

times_told() {
	grep -cF 'TextFile=/srv/no-such/awfd.prom is not written' "$BED_DIR/awfd.log" || :
}

has_told() {
	[ "$(times_told)" = "$1" ]
}

@test "a file that cannot be written is told once, and jobs run" {
	local before
	before=$(times_told)
	bed_configure_awfd <<<$'[Metrics]\nTextFile=/srv/no-such/awfd.prom\nIntervalSeconds=1'
	wait_for has_told $((before + 1))
	run -0 bed_exec awfctl run --agent-image awf/agent-test:latest -- 'sleep 3'
	has_told $((before + 1))
}
