#!/usr/bin/env bats
# Files and gh: what is sent are the agent's files, read with the agent's rights, and what is downloaded
# lands in the agent's directory and nowhere else.
# shellcheck disable=SC2016,SC2154 # for the agent's shell; run sets output

load bed
load attack
load internet
load gh

setup_file() {
	gh_sandbox_start
	direct_gh_install
}

setup() {
	gh_sandbox_join
	in_agent 'chmod -R u+rwx /tmp/work 2>/dev/null; rm -rf /tmp/work /tmp/absolute.txt; mkdir -p /tmp/work/in'
}

teardown() {
	bed_exec -- rm -rf canary
	gh_sandbox_leave
}

teardown_file() {
	direct_gh_remove
	gh_sandbox_end
}

# work COMMAND: in the agent's working directory, with an end even where a gh would wait for ever.
work() {
	in_agent "cd /tmp/work/in && $1"
}

# refuses_file COMMAND NAME REASON: gh says what it could not read, and asks nothing.
refuses_file() {
	run -1 work "timeout 20 $1"
	[[ $output == 'gh: '*"$2"* && $output == *"$3"* ]] || { echo "$output"; return 1; } >&2
	nothing_arrived
}

# same_bytes FILE LENGTH: a file there has what the stand-in has for that length.
same_bytes() {
	local expected
	expected=$(as alice curl -sS --cacert "$BED_DIFC_CA" "https://localhost:18443/bytes/$2" | sha256sum)
	[[ $(work "sha256sum <$1") == "$expected" ]]
}

# --- what is sent ---------------------------------------------------------------------------------

@test "a body file is the agent's, byte for byte" {
	local text=$'from the agent \xf0\x9f\x98\x80\n\nno newline at the end' json
	json=$(printf %s "$text" | jq -Rs .)
	printf %s "$text" | agent_file /tmp/work/in/f
	says /o/r/issues/5 'cd /tmp/work/in && gh issue create -R o/r --title T --body-file f'
	asked_graphql 'mutation IssueCreate(' ".input.body == $json"
	bed difc tell forget
	# Every spelling, name and command.
	local flags
	for flags in --body-file=f '-F f' -Ff '-F ./f' '-F ../in/f' '-F /tmp/work/in/f' '-F link'; do
		work "ln -sf f link; gh issue comment 1 -R o/r $flags"
		asked_graphql 'mutation CommentCreate(' ".input.body == $json"
		bed difc tell forget
	done
	work 'gh pr create -R o/r --head fix --title T -F f && gh pr review 3 -R o/r -c -F f && gh issue edit 1 -R o/r -F f'
	asked_graphql 'mutation PullRequestCreate(' ".input.body == $json"
	asked_graphql 'mutation PullRequestReviewAdd(' ".input.body == $json"
	asked_graphql 'mutation IssueUpdate(' ".input.body == $json"
	work 'gh release create v2 -R o/r --title T --notes-file f'
	asked POST /api/v3/repos/o/r/releases ".body == $json"
	bed difc tell forget
	work 'cat f | gh issue comment 1 -R o/r --body-file -'
	asked_graphql 'mutation CommentCreate(' ".input.body == $json"
}

@test "fields and input of gh api are the agent's, byte for byte" {
	local digest
	digest=$(work 'printf "%s" text >f; head -c 1000000 /dev/urandom >bytes; sha256sum <bytes')
	says "$digest" 'cd /tmp/work/in && gh api blob --input bytes | sha256sum'
	says "$digest" 'cd /tmp/work/in && gh api blob -X PUT --input=./bytes | sha256sum'
	says '{"a":"text","b":"@f"}' 'cd /tmp/work/in && gh api echo -F a=@f -f b=@f --jq .body'
	says '{"a":"text","b":"text"}' 'cd /tmp/work/in && gh api echo -Fa=@f --field=b=@/tmp/work/in/f --jq .body'
	says '"from stdin"' 'printf "from stdin" | gh api echo -F a=@- --jq ".body | fromjson.a | tojson"'
}

@test "release upload sends the agent's files" {
	local digests
	digests=$(work 'head -c 100000 /dev/urandom >a.bin; head -c 33 /dev/urandom >b.bin; sha256sum a.bin b.bin' | cut -d ' ' -f 1)
	run -0 work 'gh release upload v1 -R o/r a.bin "./b.bin#A label"'
	gh_requests | jq -r 'select(.uri | startswith("/api/uploads/repos/o/r/releases/31/assets?")) | .body_sha256' |
		sort | diff - <(sort <<<"$digests")
	gh_asked | grep -F 'name=a.bin'
	gh_asked | grep -F 'name=b.bin' | grep -E 'label=A(\+|%20)label'
}

@test "what the agent cannot read is named, and nothing is asked" {
	work 'echo secret >closed; chmod 000 closed; mkdir dir; mkfifo fifo; cat closed' && false
	refuses_file 'gh issue create -R o/r -t T --body-file closed' closed denied
	refuses_file 'gh issue create -R o/r -t T --body-file none' none 'o such file'
	refuses_file 'gh issue create -R o/r -t T --body-file dir' dir irectory
	refuses_file 'gh api echo --input closed' closed denied
	refuses_file 'gh api echo --input none' none 'o such file'
	refuses_file 'gh api echo --input dir' dir irectory
	refuses_file 'gh api echo -F a=@closed' closed denied
	refuses_file 'gh api echo -F a=@none' none 'o such file'
	refuses_file 'gh release upload v1 -R o/r closed' closed denied
	refuses_file 'gh release upload v1 -R o/r none' none 'o such file'
	refuses_file 'gh release upload v1 -R o/r dir' dir irectory
}

@test "a file of /proc is read, although it says that it is empty" {
	local version
	version=$(in_agent 'cat /proc/version')
	says "$version" 'gh api echo -F a=@/proc/version --jq ".body | fromjson.a"'
	says 0 'true >/tmp/work/in/empty; gh api blob --input /tmp/work/in/empty | wc -c'
}

@test "a FIFO is read as gh reads it, or refused by name, and never waited for for ever" {
	work 'mkfifo fifo; (timeout 20 sh -c "printf text >fifo" &) ; timeout 20 gh issue comment 1 -R o/r -F fifo >out 2>&1; echo $? >code'
	if [[ $(work 'cat code') == 0 ]]; then
		asked_graphql 'mutation CommentCreate(' '.input.body == "text"'
	else
		[[ $(work 'cat code out') == $'1\ngh: '*fifo* ]]
		nothing_arrived
	fi
}

@test "a file that is too large is refused with the limit" {
	work 'truncate -s 134217729 big'
	run -1 work 'gh api blob --input big >/dev/null'
	[ "$output" = 'gh: The files are larger than 134217728 bytes' ]
	nothing_arrived
	run -1 work 'gh release upload v1 -R o/r big /dev/zero'
	[ "$output" = 'gh: /dev/zero does not tell its size, and is larger than 67108864 bytes' ]
	nothing_arrived
	work 'rm big'
}

# --- what is downloaded ---------------------------------------------------------------------------

# Nothing is beside the directory that a download was for.
nothing_escaped() {
	local files
	files=$(in_agent 'cd /tmp/work && find . -mindepth 1 -not -path "./in/dl*" -not -path ./in -not -path "./kept*"; ls -d /tmp/absolute.txt /tmp/escaped* 2>/dev/null; find in -path "in/dl*" -type l')
	[[ -z $files ]] || { echo "$files"; return 1; } >&2
}

@test "release download puts the assets where the agent says" {
	run -0 work 'gh release download v1 -R o/r -D dl'
	same_bytes dl/first.bin 41000
	same_bytes dl/second.bin 42000
	run -0 work 'cd dl && rm * && gh release download v1 -R o/r -p second.bin && ls'
	[ "$output" = second.bin ]
	run -0 work 'gh release download v1 -R o/r -p first.bin -O dl/renamed'
	same_bytes dl/renamed 41000
	work 'gh release download v1 -R o/r -p first.bin -O - >dl/piped'
	same_bytes dl/piped 41000
	nothing_escaped
}

@test "release download overwrites what is there only when told" {
	work 'mkdir dl; echo mine >dl/first.bin'
	run -1 work 'gh release download v1 -R o/r -p first.bin -D dl'
	[[ $output == *first.bin*exist* ]]
	[ "$(work 'cat dl/first.bin')" = mine ]
	run -0 work 'gh release download v1 -R o/r -p "*.bin" -D dl --skip-existing'
	[ "$(work 'cat dl/first.bin')" = mine ]
	same_bytes dl/second.bin 42000
	run -0 work 'gh release download v1 -R o/r -p first.bin -D dl --clobber'
	same_bytes dl/first.bin 41000
}

@test "run download unpacks an artifact where the agent says" {
	prove_alive https://blob.example/good.zip
	run -0 work 'gh run download 1 -R o/r -n art -D dl'
	[ "$(work 'cat dl/good.txt')" = good ]
	# Every byte once.
	[ "$(work 'sha256sum <dl/deep/er.bin')" = "$(printf '%b' "$(printf '\\x%02x' {0..255})" | sha256sum)" ]
	# Without a name each has a directory of its own, as with gh.
	run -0 work 'mkdir dl2 && cd dl2 && gh run download 1 -R o/r && cat art/good.txt'
	[ "$output" = good ]
	run -1 work 'gh run download 1 -R o/r -n none -D dl3'
	nothing_escaped
}

@test "neither an artifact's name nor what is in it leads out of the directory" {
	direct_gh -- run download 2 -R o/r -D canary/deep
	bed_exec -- test -e canary/good.txt
	work 'mkdir -p dl/deep; timeout 60 gh run download 2 -R o/r -D dl/deep; true'
	nothing_escaped
	work '! test -e dl/good.txt'
	work 'timeout 60 gh run download 2 -R o/r -n .. -D dl/deep; true'
	nothing_escaped
	work 'rm -rf dl; timeout 60 gh run download 3 -R o/r -n evil -D dl; true'
	nothing_escaped
	work 'rm -rf dl; mkdir dl && cd dl && timeout 60 gh run download 3 -R o/r; true'
	nothing_escaped
	work 'rm -rf dl; mkdir dl; timeout 60 gh release download evil -R o/r -D dl; true'
	nothing_escaped
}

@test "what is at the place already is neither overwritten nor followed" {
	bed_exec -- sh -c 'mkdir -p canary/dl canary/kept && ln -s ../kept canary/dl/deep'
	direct_gh -- run download 1 -R o/r -n art -D canary/dl
	bed_exec -- test -e canary/kept/er.bin
	work 'mkdir -p dl ../kept; echo mine >../kept/file; ln -s ../../kept/file dl/good.txt'
	work 'timeout 60 gh run download 1 -R o/r -n art -D dl; true'
	[ "$(in_agent 'cat /tmp/work/kept/file')" = mine ]
	work 'rm -rf dl; mkdir dl; ln -s ../../kept dl/deep'
	work 'timeout 60 gh run download 1 -R o/r -n art -D dl; true'
	[ "$(in_agent 'ls /tmp/work/kept')" = file ]
	work 'rm -rf dl; mkdir dl; ln -s ../../kept dl/art'
	work 'timeout 60 gh run download 1 -R o/r -D dl; true'
	[ "$(in_agent 'ls /tmp/work/kept')" = file ]
	work 'rm -rf dl; mkdir dl; ln -s ../../kept/file dl/first.bin'
	work 'timeout 60 gh release download v1 -R o/r -D dl --clobber; true'
	[ "$(in_agent 'cat /tmp/work/kept/file')" = mine ]
	work 'rm -rf dl; mkdir dl; echo mine >dl/good.txt'
	run -1 work 'timeout 60 gh run download 1 -R o/r -n art -D dl'
	[[ $output == *good.txt* ]]
	[ "$(work 'cat dl/good.txt')" = mine ]
}

@test "names in what gh says of files are fit for a terminal" {
	run -1 work 'gh api blob --input "$(printf "a\033]0;x\a")"'
	[ "$output" = 'gh: cannot read a\x1b]0;x\x07: No such file or directory' ]
	nothing_arrived
}

@test "a place that the agent cannot write is named" {
	work 'mkdir closed; chmod 500 closed'
	run -1 work 'gh release download v1 -R o/r -D closed/dl'
	[[ $output == 'gh: '*closed*denied* ]]
	run -1 work 'gh run download 1 -R o/r -n art -D closed/dl'
	[[ $output == 'gh: '*closed*denied* ]]
}
