#!/usr/bin/env bats
# What reading commands print for programs.
# shellcheck disable=SC2154 # run sets output and stderr

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# Whether standard input is what the schema says of a command's --json.
is_valid() {
	/usr/bin/python3 -c '
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
schema["$ref"] = "#/$defs/" + sys.argv[2]
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(json.load(sys.stdin), schema, jsonschema.Draft202012Validator)' \
		"$BATS_TEST_DIRNAME/../../awfctl/output.schema.json" "$1"
}

@test "--json is as its schema has it, whatever a sandbox has been through" {
	local plain rich
	plain=$(as alice awfctl start -- 'exit 3')
	rich=$(as alice awfctl start --name rich -v /home/alice:/mnt --allow-domains granted.example \
		--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- \
		"curl -sx http://172.30.0.10:3128 http://other.example/; sleep 600")
	run -3 as alice awfctl wait "$plain"
	wait_for has_denial rich
	as alice awfctl list --json | is_valid list
	as alice awfctl inspect --json rich >"$BATS_TEST_TMPDIR/rich"
	is_valid inspect <"$BATS_TEST_TMPDIR/rich"
	as alice awfctl inspect --json "$plain" | is_valid inspect
	as alice awfctl denials --json rich | is_valid denials
	as alice awfctl check --json --allow-domains granted.example -- x | is_valid check
	# What is not there, or is something else, is not valid.
	run ! is_valid inspect < <(jq 'del(.state)' "$BATS_TEST_TMPDIR/rich")
	run ! is_valid inspect < <(jq '.exitCode = "0"' "$BATS_TEST_TMPDIR/rich")
	run ! is_valid inspect < <(jq '.more = 1' "$BATS_TEST_TMPDIR/rich")
	run -0 as alice awfctl stop rich "$plain"
}

has_denial() {
	[ "$(as alice awfctl denials --format host "$1")" = other.example ]
}

@test "--format and --quiet print what a script wants, and a wrong field is told with the right one" {
	local id
	id=$(as alice awfctl start --name it -- 'exec sleep 600')
	[ "$(as alice awfctl list -q)" = "$id" ]
	[ "$(as alice awfctl list --format name,state,owner)" = $'it\trunning\talice' ]
	[ "$(as alice awfctl inspect --format command "$id")" = '["/bin/sh","-c","exec sleep 600"]' ]
	run -2 --separate-stderr as alice awfctl list --format stat
	[ "$stderr" = "awfctl: --format 'stat': there is no such field; did you mean 'state'?" ]
	run -0 as alice awfctl stop it
	[ -z "$(as bob awfctl list -q)" ]
}
