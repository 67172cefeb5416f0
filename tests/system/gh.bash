# What the tests of gh share: one sandbox for all tests of a file, and what the DIFC stand-in recorded.
# shellcheck shell=bash disable=SC2154 # run sets output

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

# The user and group of gh in cli-proxy; the agent's runs as alice.
readonly GH_UID=65532

# For setup_file. Artifacts and logs are in storage, to which the DIFC proxy redirects.
gh_sandbox_start() {
	bed up
	bed image agent-test
	bed_configure_awfd <<-END
	[Difc]
	RedirectHosts=blob.example
	SystemCABundle=$BED_CA_BUNDLE
	END
	agent_share "${DIFC[@]}"
}

# For setup: nothing that was recorded before counts.
gh_sandbox_join() {
	bed difc tell clear
	bed difc tell forget
	agent_join
}

# For teardown: after a test that failed, nobody knows what the agent is still busy with.
gh_sandbox_leave() {
	end_background
	bed difc tell clear
	[[ -z ${BATS_TEST_COMPLETED:-} ]] || return 0
	show_logs
	gh_asked
	agent_unshare
	assert_clean
	agent_share "${DIFC[@]}" 3>&-
}

# For teardown_file.
gh_sandbox_end() {
	agent_unshare
	BATS_TEST_COMPLETED=yes bed_clean_up_test
}

# --- what arrived at the stand-in -----------------------------------------------------------------

# Every request, as JSON.
gh_requests() {
	jq -c 'select(.event == "request").request' "$BED_DIR/difc/record.jsonl"
}

# Every request, as METHOD PATH.
gh_asked() {
	gh_requests | jq -r '"\(.method) \(.uri)"'
}

# asked METHOD PATH [JQ-CONDITION-ON-BODY]: such a request arrived; a query doesn't matter.
asked() {
	gh_requests | jq -se --arg method "$1" --arg path "$2" '
		any(.[]; .method == $method and (.uri | split("?")[0]) == $path and
			((.body // "") as $text | ($text | fromjson? // $text) | ('"${3:-true}"')? // false))' >/dev/null ||
		{ printf 'not asked: %s\nbut:\n' "$*"; gh_requests | cut -c -2000; return 1; } >&2
}

# asked_graphql QUERY [JQ-CONDITION-ON-VARIABLES]
asked_graphql() {
	asked POST /api/graphql "(.query | contains(\"$1\")) and (.variables | ${2:-true})"
}

# Nobody even connected.
nothing_arrived() {
	jq -se 'all(.[]; .event != "accept" and .event != "request")' "$BED_DIR/difc/record.jsonl" >/dev/null ||
		{ gh_requests | cut -c -2000; return 1; } >&2
}

# --- what the agent sees --------------------------------------------------------------------------

# says TEXT COMMAND: it succeeds in the agent, and prints the text among others.
says() {
	run -0 in_agent "$2"
	[[ $output == *"$1"* ]] || { printf '%s\nsaid:\n%s\n' "$2" "$output"; return 1; } >&2
}

# Succeeds when no gh runs in any cli-proxy; says which do.
no_gh_runs() {
	! some_gh_runs
}

some_gh_runs() {
	bed_exec -u root -- pgrep -l -u "$GH_UID" -x gh
}

# --- the same gh without anything around it -------------------------------------------------------

# Takes gh out of cli-proxy's image, to prove what it would do.
direct_gh_install() {
	bed_exec -u root -- sh -c '
		id=$(docker create awf/cli-proxy:latest true) && docker cp "$id:/usr/bin/gh" /tmp/direct-gh >/dev/null
		docker rm "$id" >/dev/null; test -x /tmp/direct-gh && : >/tmp/direct-ca.crt'
	direct_gh_trust "$BED_DIFC_CA" "$BED_CA"
}

# direct_gh_trust FILE...: also these CAs.
direct_gh_trust() {
	bed_exec -u root -- sh -c 'cat "$@" >>/tmp/direct-ca.crt' sh "$@"
}

# direct_gh [NAME=VALUE...] -- ARG...: on the bed's host, as alice, against the same stand-in.
direct_gh() {
	local env=()
	while [[ $1 != -- ]]; do env+=("$1"); shift; done
	shift
	bed_exec -- env -i PATH=/usr/bin:/bin HOME=/home/alice/direct GH_HOST=localhost:18443 GH_PROMPT_DISABLED=1 \
		GH_NO_UPDATE_NOTIFIER=1 SSL_CERT_FILE=/tmp/direct-ca.crt "${env[@]}" /tmp/direct-gh "$@"
}

direct_gh_remove() {
	bed_exec -u root -- rm -rf /tmp/direct-gh /tmp/direct-ca.crt /home/alice/direct
}
