#!/usr/bin/env bats
# bats file_tags=alone
# The README's first command, as a newcomer types it.

export BED_NAME=awf-bed-demo
load bed

@test "make demo says its phases, prints gh's JSON, and leaves the machine as it was" {
	local before
	before=$(ip -o link; ip netns; ls /run; nft list ruleset 2>/dev/null || :)
	run -0 --separate-stderr make -s -C "$BATS_TEST_DIRNAME/../.." demo
	[ "$(grep -c ' s$' <<<"$output")" -ge 5 ]
	grep '^{' <<<"$output" | jq -e '.resources.core.limit > 0 and .stand_in == "difc"'
	[ "$(ip -o link; ip netns; ls /run; nft list ruleset 2>/dev/null || :)" = "$before" ]
	[ ! -e "$BED_DIR" ]
}
