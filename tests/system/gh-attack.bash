# How attacks on gh are made and judged: rows of arguments, tried by the agent's gh and by plain POST.
# shellcheck shell=bash disable=SC2016 # for the agent's shell

# In the agent: each line of stdin, {"args":[...],"env":{...}}, is tried in both ways; a line each says
# what came of it.
install_attacks() {
	agent_file /tmp/attack <<-'END'
	#!/bin/bash
	while IFS= read -r row; do
		mapfile -d '' args < <(jq -j '.args[] + "\u0000"' <<<"$row")
		mapfile -d '' env < <(jq -j '.env // {} | to_entries[] | "\(.key)=\(.value)\u0000"' <<<"$row")
		timeout 60 env "${env[@]}" gh "${args[@]}" </dev/null >/tmp/out 2>/tmp/err
		code=$?
		status=$(jq -c '{args, env: (.env // {})}' <<<"$row" | curl -s --max-time 60 -o /tmp/body -w '%{http_code}' \
			--data-binary @- http://172.30.0.50:11000/exec)
		jq -nc --argjson row "$row" --argjson code "$code" --arg status "$status" --rawfile out /tmp/out \
			--rawfile err /tmp/err --rawfile body /tmp/body \
			'{args: $row.args, env: $row.env, code: $code, out: $out, err: $err, status: $status, body: $body}'
	done
	END
	in_agent 'chmod +x /tmp/attack'
}

# attack: tries the rows of stdin, each an array of arguments or an object; the results are in `results`.
attack() {
	jq -c 'if type == "array" then {args: .} else . end' | agent_file /tmp/rows
	results=$(in_agent '/tmp/attack </tmp/rows')
	[[ -n $results ]]
}

# every CONDITION: it holds for each result; prints those for which it doesn't.
every() {
	local others
	others=$(jq -c "select(($1) | not)" <<<"$results")
	[[ -z $others ]] || { printf 'not so: %s\n' "$1"; cut -c -400 <<<"$others"; return 1; } >&2
}

readonly REFUSED_RAW='.status == "403" and (.body | fromjson | .error | length) > 10'
readonly REFUSED_GH='.code == 1 and .out == "" and (.err | test("^gh: .{10}"))'

# The root directory of cli-proxy's container, seen from the bed's host.
proxy_root() {
	printf '/proc/%s/root' "$(bed_exec -u root -- pgrep -x awf-cli-proxy)"
}

# Nothing was written in cli-proxy, and nothing of it is anywhere: its passwd has a user that no other has.
proxy_is_untouched() {
	local files
	files=$(bed_exec -u root -- find "$(proxy_root)/tmp" "$(proxy_root)/home" "$(proxy_root)/root" -mindepth 1 -not -name 'gh-*')
	[[ -z $files ]] || { echo "$files"; return 1; } >&2
	run ! grep -F 'cli-proxy:x:' <<<"${results:-}"
	run ! grep -F 'cli-proxy:x:' "$BED_DIR/difc/record.jsonl"
}

# all_refused: each row of stdin, in both ways, and none of it was seen at the stand-in.
all_refused() {
	attack
	every "$REFUSED_RAW"
	every "$REFUSED_GH"
	nothing_arrived
	proxy_is_untouched
}
