#!/usr/bin/env bats
# The files in man/examples/, read by what reads such files, and their commands run as their schedulers do.
# shellcheck disable=SC2016,SC2154 # for other shells; set by run

load bed
load documented

setup_file() {
	bed up
	bed image agent-test
}

# Nothing is configured but what awf-examples(7) says.
setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	bed_configure_awfd <<<$'[Images]\nAgent=host'
}

teardown() {
	as alice rm -rf /home/alice/runner
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || bed_exec -u root -- docker kill pod || :
	bed_clean_up_test
}

# The elements of a JSON array, into the array WORDS.
read_words() {
	mapfile -d '' -t WORDS < <(jq --raw-output --join-output '.[] | . + "\u0000"')
	[ "${#WORDS[@]}" -gt 0 ]
}

@test "each step of the GitHub Actions workflow does what its name says" {
	local steps
	# As the runner has it: its own files beside the checkout.
	as alice sh -c 'mkdir -p ~/runner/_work/r/r ~/runner/_work/_temp && echo secret >~/runner/.credentials &&
		printf "all:\n\tcat ../../../.credentials; touch made\n" >~/runner/_work/r/r/Makefile'
	mapfile -d '' -t steps < <(tests/system/examples.py actions | jq --raw-output --join-output '.[] | . + "\u0000"')
	[ "${#steps[@]}" = 4 ]
	for step in "${steps[@]}"; do
		echo "--- $step"
		run -0 as alice env -C /home/alice/runner/_work/r/r GITHUB_WORKSPACE=/home/alice/runner/_work/r/r \
			RUNNER_TEMP=/home/alice/runner/_work/_temp GITHUB_REPOSITORY=o/r DIFC_CA="$BED_DIFC_CA" \
			bash -e -c "$(on_the_bed <<<"$step")"
		echo "$output"
		[[ $output != *secret* ]]
	done
	as alice test -f /home/alice/runner/_work/r/r/made
	as alice cat /home/alice/runner/_work/_temp/awf/squid.jsonl | jq -es 'any(.host == "github.com" and .decision == "allowed")'
	assert_clean
}

@test "the task of the Nomad job runs as its client starts it, and ends with it" {
	tests/system/examples.py nomad >"$BATS_TEST_TMPDIR/arguments"
	read_words <"$BATS_TEST_TMPDIR/arguments"
	[ "${WORDS[0]}" = /usr/bin/awfctl ]
	mapfile -t WORDS < <(printf '%s\n' "${WORDS[@]:1}" | on_the_bed)
	run -0 as alice env -C / awfctl "${WORDS[@]}" # in a directory of root's
	[[ $output == *refs/heads/main* ]]
	run ! as alice sh -c 'exec timeout --signal=TERM 5 awfctl run --agent-image awf/agent -- sleep 600'
	assert_clean
}

# What a syntax error is told of.
@test "the reader of HCL refuses what is none" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/man/examples"
	for change in 's/^job/job =/' 's/"--"/"--/' 's/^  }$//' 's/type = /type : /' 's/args = \[/args = [,/'; do
		sed "$change" man/examples/nomad.hcl >"$tree/man/examples/nomad.hcl"
		! cmp -s man/examples/nomad.hcl "$tree/man/examples/nomad.hcl"
		(cd "$tree" && run ! "$BATS_TEST_DIRNAME/examples.py" nomad) || { echo "accepted: $change"; false; }
	done
}

@test "the pod of the DaemonSet starts sandboxes of its user, and has no other rights" {
	local pod programs=() file
	read_words < <(tests/system/examples.py pod | sed 's/"1000:1000"/"60701:60701"/; s/"990"/"60700"/')
	pod=("${WORDS[@]}")
	[[ " ${pod[*]} " == *' 60701:60701 '*' 60700 '* ]]
	# In the place of kubernetes.Dockerfile: awfctl and its libraries, beside an image of Debian's programs.
	for file in $(ldd build/bin/awfctl | grep -oE '/[^ ]*lib(json-c|yaml)[^ ]*'); do
		programs+=(--volume "$file:$file:ro")
	done
	programs+=(--volume /srv/awf/build/bin/awfctl:/usr/bin/awfctl:ro awf/agent-test)
	read_words < <(tests/system/examples.py exec | jq '.[0]')
	bed_exec -u root -- docker run --detach --rm --name pod "${pod[@]}" "${programs[@]}" "${WORDS[@]}"
	read_words < <(tests/system/examples.py exec | jq '.[1]')
	run -0 bed_exec -u root -- docker exec pod "${WORDS[@]}"
	run -0 bed_exec -u root -- docker exec -i pod awfctl run --agent-image awf/agent -- 'id -u; cat' <<<'through the pod'
	[ "$output" = $'60701\nthrough the pod' ]
	# It is alice on the node, who has her rights there and no more.
	run -0 bed_exec -u root -- docker exec pod awfctl run --agent-image awf/agent -v /home/alice:/alice:ro -- stat -c %u /alice
	[ "$output" = 60701 ]
	run -2 bed_exec -u root -- docker exec pod awfctl run --agent-image awf/agent -v /root:/root:ro -- true
	# Without the group it has no way in.
	run -125 bed_exec -u root -- docker run --rm --user 60703:60703 --volume /run/awfd:/run/awfd:ro "${programs[@]}" awfctl list
	[[ $output == *'only root and members of group awf may'* ]]
	bed_exec -u root -- docker kill pod
	assert_clean
}

@test "the image of the DaemonSet has the libraries that awfctl needs" {
	local file needed
	needed=$(for file in $(ldd build/bin/awfctl | grep -oE '/[^ ]*'); do
		dpkg-query --search "$(readlink -f "$file")" | cut -d: -f1
	done | sort -u | grep -vx libc6)
	[ -n "$needed" ]
	[ "$needed" = "$(grep -oE '\blib[a-z][a-z0-9.-]*[0-9]\b' man/examples/kubernetes.Dockerfile | sort -u)" ]
}
