#!/usr/bin/env bats
# gh repo clone and pr checkout: git does it in the agent, and the agent's grants bound what it reaches.
# shellcheck disable=SC2016,SC2154 # for the agent's shell; run sets output

load bed
load attack
load internet
load gh

# What the small internet's github.com serves.
readonly REPOSITORY=$BATS_TEST_DIRNAME/../../build/internet/www/github.com/o/r.git
readonly URL=https://github.com/o/r.git

# Everything in the working directory but .git: which kind it is, what it is called, what is in it.
readonly LISTING='{
	find . -mindepth 1 -path ./.git -prune -o -type l -printf "link %P %l\n" -o -perm -u+x -printf "executable %P\n"
	find . -path ./.git -prune -o -type f -exec sha256sum {} +
} | sort'

setup_file() {
	bed up
	bed image agent-test
}

setup() {
	bed difc tell forget
	reset_records
}

teardown() {
	attacker_stop
	bed_clean_up_test
}

clone_sandbox() {
	agent_start agent "${DIFC[@]}" "$@"
	agent_file /tmp/listing <<<"$LISTING"
	bed difc tell forget # that it was tried
}

# same_as REF DIRECTORY: byte for byte, in the agent, what the repository has under that name.
same_as() {
	local tree=$BATS_TEST_TMPDIR/tree
	rm -rf "$tree" && mkdir "$tree"
	git -c safe.directory='*' -C "$REPOSITORY" archive "$1" | tar -x -C "$tree"
	diff <(cd "$tree" && sh -c "$LISTING") <(in_agent "cd $2 && sh /tmp/listing")
}

@test "gh repo clone brings a repository that may be reached, byte for byte" {
	clone_sandbox --allow-domains github.com
	in_agent 'cd /tmp && gh repo clone o/r'
	same_as main /tmp/r
	[ "$(in_agent 'git -C /tmp/r remote get-url origin')" = "$URL" ]
	in_agent 'cd /tmp && gh repo clone o/r elsewhere -- --quiet --no-checkout && cd elsewhere && git checkout -q main'
	same_as main /tmp/elsewhere
	wait_for origin_saw '"host":"github.com"'
	# By its URL, and from the server that the runner names.
	in_agent "cd /tmp && gh repo clone $URL url"
	same_as main /tmp/url
	in_agent 'cd /tmp && GITHUB_SERVER_URL=https://github.com gh repo clone o/r server'
	same_as main /tmp/server
	# What it does not have is git's to tell.
	run -128 in_agent 'cd /tmp && gh repo clone o/none'
	[[ $output == *"repository 'https://github.com/o/none.git/' not found"* ]]
	nothing_arrived
}

@test "gh repo clone without any way out says which option would give one" {
	prove_alive "$URL/info/refs?service=git-upload-pack"
	reset_records
	clone_sandbox
	run -1 in_agent 'cd /tmp && gh repo clone o/r'
	[ "$output" = 'gh: repo clone needs git to reach github.com, and this sandbox was granted no egress: start it with --allow-domains github.com' ]
	run -1 in_agent 'cd /tmp && gh repo clone https://git.example/hello.git'
	[[ $output == *'start it with --allow-domains git.example' ]]
	run -1 in_agent 'cd /tmp && GITHUB_SERVER_URL=https://git.example gh repo clone o/r'
	[[ $output == *'start it with --allow-domains git.example' ]]
	in_agent '! test -e /tmp/r && ! test -e /tmp/hello'
	assert_not_resolved github.com git.example
	assert_origins_idle
}

@test "gh repo clone from where the sandbox was not granted is refused, and the run's end says the option" {
	prove_alive "$URL/info/refs?service=git-upload-pack"
	reset_records
	run -128 --separate-stderr bed_exec awfctl run --agent-image awf/agent-test:latest "${DIFC[@]}" \
		--allow-domains git.example -- sh -c 'cd /tmp; gh repo clone o/r; status=$?; ls -d r; exit $status'
	[ -z "$output" ]
	[[ $stderr == *"unable to access '$URL/'"*403* ]]
	[[ $stderr == *'--allow-domains github.com'* ]]
	assert_not_resolved github.com
	assert_origins_idle
}

@test "gh pr checkout says which commands of git do it, and they do" {
	local advice
	clone_sandbox --allow-domains github.com
	in_agent 'cd /tmp && gh repo clone o/r'
	run -1 in_agent 'cd /tmp/r && gh pr checkout 3'
	[[ $output == "gh: 'pr checkout' is not permitted: "*'; use git: '* ]]
	nothing_arrived
	same_as main /tmp/r
	advice=${output#*; use git: }
	advice=${advice//NUMBER/3}
	in_agent "cd /tmp/r && ${advice//BRANCH/fix}"
	same_as refs/pull/3/head /tmp/r
	[ "$(in_agent 'git -C /tmp/r branch --show-current')" = fix ]
}
