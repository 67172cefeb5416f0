#!/usr/bin/env bats
# A Varlink library of others, github.com/varlink/go of Debian's golang-github-varlink-go-dev, speaks to awfd.
# shellcheck disable=SC2154 # run sets output and stderr

load bed

readonly CLIENT=/tmp/awf-foreign

setup_file() {
	bed up
	GO111MODULE=off GOFLAGS=-p=2 GOPATH=/usr/share/gocode GOCACHE=$BATS_FILE_TMPDIR/cache CGO_ENABLED=0 \
		go build -o "$BATS_FILE_TMPDIR/client" "$BATS_TEST_DIRNAME/foreign/main.go"
	bed_exec -u root -- sh -c 'cat >"$1" && chmod 755 "$1"' sh "$CLIENT" <"$BATS_FILE_TMPDIR/client"
}

teardown_file() {
	bed_exec -u root -- rm -f "$CLIENT"
}

teardown() {
	bed_clean_up_test
}

# foreign USER METHOD [PARAMETERS]
foreign() {
	as "$1" "$CLIENT" /run/awfd/awfd.sock "$2" "${3:-{\}}"
}

@test "it understands the interface that awfd serves" {
	foreign alice --describe >"$BATS_TEST_TMPDIR/interface"
	diff "$BATS_TEST_TMPDIR/interface" "$BATS_TEST_DIRNAME/../../proto/io.awf.Sandbox.varlink"
	methods=$("$BATS_FILE_TMPDIR/client" --parse <"$BATS_TEST_TMPDIR/interface")
	diff <(echo "$methods") <(sed -n 's/^method \([A-Za-z]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/interface")
	run ! "$BATS_FILE_TMPDIR/client" --parse < <(sed 's/^type Step (/type Step/' "$BATS_TEST_TMPDIR/interface")
}

@test "it starts, lists, inspects and stops a sandbox, and is told what is wrong" {
	local id
	foreign alice Start '{"command":["sleep","600"],"name":"foreign"}' >"$BATS_TEST_TMPDIR/replies"
	jq -se 'length > 5 and .[0].phase != null and .[0].elapsedUs >= 0' "$BATS_TEST_TMPDIR/replies"
	id=$(jq -rs '.[-1].id' "$BATS_TEST_TMPDIR/replies")
	[ "$(foreign alice List | jq -r '.sandboxes[] | "\(.id) \(.name) \(.state)"')" = "$id foreign running" ]
	[ "$(foreign alice Inspect '{"id":"foreign"}' | jq -c .sandbox.command)" = '["sleep","600"]' ]
	[ "$(foreign bob List)" = '{"sandboxes":[]}' ]
	run ! foreign bob Inspect "{\"id\":\"$id\"}"
	[[ $output == "io.awf.Sandbox.NotFound "*"\"id\":\"$id\""* ]]
	run ! foreign alice Start '{"command":["x"],"colour":"red"}'
	[[ $output == 'io.awf.Sandbox.InvalidArgument '*'"field":"colour"'* ]]
	[ "$(foreign alice Stop '{"id":"foreign"}')" = '{}' ]
}

@test "Resize is for the owner, a command with a terminal, and a size that a terminal can have" {
	as alice awfctl start --tty --name sized -- sh -c 'while read -r x; do stty size >/tmp/size; done'
	as alice awfctl start --name none -- 'exec sleep 600'
	[ "$(foreign alice Resize '{"id":"sized","width":123,"height":45}')" = '{}' ]
	run ! foreign bob Resize '{"id":"sized","width":80,"height":24}'
	[[ $output == 'io.awf.Sandbox.NotFound '* ]]
	run ! foreign alice Resize '{"id":"none","width":80,"height":24}'
	[[ $output == *'its command has no terminal'* ]]
	for size in 0 -1 10001 4294967297; do
		run ! foreign alice Resize "{\"id\":\"sized\",\"width\":$size,\"height\":24}"
		[[ $output == *'"field":"width"'*"is not between 1 and 10000"* ]]
		run ! foreign alice Resize "{\"id\":\"sized\",\"width\":80,\"height\":$size}"
		[[ $output == *'"field":"height"'* ]]
	done
	run ! foreign alice Resize '{"id":"sized","width":80}'
	[[ $output == *'"field":"height"'*missing* ]]
	run -0 as alice awfctl stop sized none
	run ! foreign alice Resize '{"id":"sized","width":80,"height":24}'
	[[ $output == *'its command does not run'* ]]
}
