# What the tests of egress ask of the small internet: that a target is alive, and what it was asked.
# shellcheck shell=bash

export BED_CA=$BED_DIR/internet/ca.crt
export BED_CA_BUNDLE=$BED_DIR/internet/bundle.crt

# The corporate proxies, as URLs that a user would give.
# shellcheck disable=SC2034 # for the tests
CORP_PROXY=http://proxy.corp.example:3128 CORP_AUTH_PROXY=http://worker:sesame@proxy.corp.example:3129

# is_alive [--netns NAME] URL|tcp:HOST:PORT|udp:HOST:PORT|dns:SERVER: one question, one answer.
is_alive() {
	local where=()
	[[ $1 != --netns ]] || { where=("$1" "$2"); shift 2; }
	case $1 in
	http://* | https://*)
		bed_exec "${where[@]}" -- curl -sS -o /dev/null --noproxy '*' --max-time 5 --range 0-99 -- "$1"
		;;
	dns:*)
		bed_exec "${where[@]}" -- dig +time=2 +tries=1 "@${1#dns:}" granted.example
		;;
	tcp:* | udp:*) bed_exec "${where[@]}" -u root -- "$BED_TOOLS/probe" "$1" ;;
	*) echo "what is '$1'?" >&2; return 2 ;;
	esac
}

# prove_alive [--from host|outside] TARGET...: from outside, if not from the bed's host. What it asks is
# recorded like anything else: reset_records comes after it.
prove_alive() {
	local target where=(--netns outside)
	if [[ $1 == --from ]]; then
		[[ $2 == outside ]] || where=()
		shift 2
	fi
	for target in "$@"; do
		wait_for is_alive "${where[@]}" "$target" || return
	done
}

# dns_count [NAME [SERVER]]: how many queries for it arrived; .NAME is whatever is below it, no name is
# all of them.
dns_count() {
	"$BED" dns count "$@"
}

# assert_not_resolved NAME...: no query for it or for anything below it arrived, at any server.
assert_not_resolved() {
	local name
	for name in "$@"; do
		[[ $(dns_count "$name") == 0 && $(dns_count ".$name") == 0 ]] || { "$BED" dns log >&2; return 1; }
	done
}

# origin_saw TEXT: some origin wrote it down, for example '"host":"granted.example"'. A request is written
# down when it has ended, a little after its client knows: wait_for origin_saw.
origin_saw() {
	"$BED" origins log | grep -F -- "$1"
}

# No connection at all reached any origin.
assert_origins_idle() {
	[[ -z $("$BED" origins log) ]] || { "$BED" origins log >&2; return 1; }
}

# corp_saw TEXT [corp|corp-auth]: for example 'CONNECT granted.example:443'.
corp_saw() {
	"$BED" "${2:-corp}" log | grep -F -- "$1"
}

# answer_saw TARGET: one of what answers with a line was connected to, for example tcp:10.77.0.2:80.
answer_saw() {
	"$BED" answers log | grep -F -- "\"at\":\"$1\""
}

# Keep-alive connections and those that just ended would still be written down later, so what has been
# asked before has to have ended.
reset_records() {
	local recorder
	wait_for origins_have_no_connections || return
	for recorder in dns origins corp corp-auth answers; do
		"$BED" "$recorder" reset || return
	done
}

# Other connections than those of a test that goes on are ended by who made them.
origins_have_no_connections() {
	local connections
	connections=$(bed_exec -u root --netns outside -- ss -Htn state established state close-wait \
		"( sport = :80 or sport = :443 or sport = :8080 or sport = :8443 )")
	[[ -z $connections || -n ${KEEP_CONNECTIONS:-} ]] || { echo "$connections"; return 1; }
}
