#!/usr/bin/env bats
# Images of other kinds than ours: a small Debian, busybox, one whose programs musl loads, and one that has
# a program and nothing else. What an image says of itself counts where it should, and nowhere else.

load bed
load internet

readonly SHELLS=(root-debian root-busybox root-musl)
readonly ROOTS=("${SHELLS[@]}" root-static)

setup_file() {
	bed up
}

setup() {
	local root
	for root in "${ROOTS[@]}"; do
		bed image "$root"
	done
}

teardown() {
	bed_clean_up_test
}

# in_root ROOT [OPTION...] -- COMMAND...: as alice.
in_root() {
	bed_exec -- awfctl run --agent-image "awf/$1:latest" "${@:2}"
}

# says ROOT EXPECTED [OPTION...] -- COMMAND...
says() {
	run -0 --separate-stderr in_root "$1" "${@:3}"
	[ "$output" = "$2" ] || { echo "$1: $output, not $2: $stderr"; false; }
}

@test "a program of each image is found by the image's own PATH, and its exit code is the job's" {
	local root
	for root in "${ROOTS[@]}"; do
		says "$root" '' -- witness exit 0
		run -7 in_root "$root" -- witness exit 7
		run -255 in_root "$root" -- /opt/witness/bin/witness exit 255
		run -139 in_root "$root" -- witness die 11
		run -137 in_root "$root" -- witness die 9
		run -127 in_root "$root" -- no-such-program argument
		run -126 in_root "$root" -- /opt/witness argument
	done
	assert_clean
}

@test "an image's ENV and WORKDIR count; its USER, HOME, ENTRYPOINT and CMD do not" {
	local root
	for root in "${ROOTS[@]}"; do
		says "$root" /opt/witness/bin:/usr/bin:/bin -- witness variable PATH
		says "$root" yes -- witness variable FROM_IMAGE
		says "$root" /opt/witness -- witness place
		says "$root" '60701 60701 60701 60701 60701' -- witness ids
		says "$root" /home/alice -- witness variable HOME
		says "$root" alice -- witness variable USER
	done
}

@test "what is made of an image is the image as it was looked at, whatever has its name by then" {
	local image job
	image=$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/root-static:latest)
	job=$(bed_exec -- awfctl start --agent-image awf/root-static:latest -- witness wait)
	[ "$(bed_exec -u root -- docker inspect -f '{{.Config.Image}}' "awf-$job-agent")" = "$image" ]
	bed_exec -- awfctl list --json | jq -e --arg id "$job" 'any(.id == $id and .image == "awf/root-static:latest")'
	bed_exec -- awfctl stop "$job"
}

@test "what the caller says wins over what the image says" {
	local root
	for root in root-busybox root-static; do
		says "$root" mine -e FROM_IMAGE=mine -- witness variable FROM_IMAGE
		says "$root" /mine -e PATH=/mine -- /opt/witness/bin/witness variable PATH
		says "$root" /opt/witness/bin --container-workdir /opt/witness/bin -- witness place
		says "$root" /new/place --container-workdir /new/place -- witness place
	done
}

@test "in each image the job can write to its home, /tmp and the image's volumes, and nowhere else" {
	local root place
	for root in "${ROOTS[@]}"; do
		for place in /home/alice /tmp /var/lib/witness; do
			says "$root" '60701 60701' -- witness write "$place/file"
		done
		for place in / /opt/witness /home /var/lib /usr/local/bin; do
			run -1 --separate-stderr in_root "$root" -- witness write "$place/file"
			[[ $stderr == *'Read-only file system'* || $stderr == *'Permission denied'* ||
				$stderr == *'No such file'* ]]
		done
	done
}

volumes_of_engine() {
	bed_exec -u root -- docker volume ls -q | sort
}

@test "an image's volume is memory of the job's, and leaves nothing with the engine" {
	local before
	before=$(volumes_of_engine)
	says root-debian 'tmpfs full' --memory-limit 64m -- 'while read -r kind place rest; do
			[ "$place" != /var/lib/witness ] || echo -n "$kind "; done </proc/mounts
		head -c 16m /dev/zero >/var/lib/witness/fits &&
			head -c 64m /dev/zero 2>/dev/null >/var/lib/witness/does-not || echo full'
	[ "$(volumes_of_engine)" = "$before" ]
	# What the user mounts there is there instead.
	as alice sh -c 'mkdir -p ~/volume && echo hers >~/volume/file'
	says root-busybox hers -v /home/alice/volume:/var/lib/witness:ro -- cat /var/lib/witness/file
	[ "$(volumes_of_engine)" = "$before" ]
}

@test "standard input and output are byte-exact in each image" {
	local root
	head -c 1M /dev/urandom >"$BATS_TEST_TMPDIR/sent"
	for root in "${ROOTS[@]}"; do
		in_root "$root" -- witness copy <"$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/received"
		cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/received"
	done
}

@test "gh works in each image, whatever it lacks" {
	local root
	for root in "${ROOTS[@]}"; do
		run -0 --separate-stderr in_root "$root" --difc-proxy-host localhost:18443 \
			--difc-proxy-ca-cert "$BED_DIFC_CA" -- gh api rate_limit
		jq -e '.resources.core.limit > 0' <<<"$output"
		says "$root" /usr/local/bin:/opt/witness/bin:/usr/bin:/bin --difc-proxy-host localhost:18443 \
			--difc-proxy-ca-cert "$BED_DIFC_CA" -- witness variable PATH
	done
	assert_clean
}

@test "a shell string is for the image's own shell" {
	local root
	for root in "${SHELLS[@]}"; do
		says "$root" '/home/alice 3 /opt/witness' -- 'echo $HOME $((1 + 2)) "$(pwd)"'
		run -42 in_root "$root" -- 'exit 42'
	done
}

@test "one argument is a string for the shell, and what it says is looked at inside" {
	local row
	# string=>output, in root-debian, whose working directory has one name in it
	for row in 'echo $HOME "a  b" *=>/home/alice a  b bin' 'echo $0 $#=>/bin/sh 0' 'echo "$((5 + 6))"=>11' \
		"echo 'single \$HOME'=>single \$HOME" 'x=1; echo $((x + 1)) | cat=>2' 'echo ~ \*=>/home/alice *' \
		$'echo one\necho two=>one\ntwo' 'echo -- --help=>-- --help' 'echo ü €=>ü €' 'false || echo {a,b}=>{a,b}'; do
		says root-debian "${row#*=>}" -- "${row%%=>*}"
	done
}

@test "several arguments are an argv that arrives exactly as it was given" {
	local arguments=('a b' '  ' '' "it's" '"' $'new\nline\n' $'tab\t' '*' '~' '$HOME' '`id`' '$(id)' '\' '\\n' '--' '-c'
		'--help' '-' '&' ';' '|' '>' '#' '!' '{a,b}' 'ü€𝄞' $'\e[31m' '%s' 'A=1' '' "$(printf '%0102400d' 0)")
	printf '%s\0' "${arguments[@]}" >"$BATS_TEST_TMPDIR/given"
	for root in root-static root-musl; do
		in_root "$root" -- witness arguments "${arguments[@]}" >"$BATS_TEST_TMPDIR/arrived"
		cmp "$BATS_TEST_TMPDIR/given" "$BATS_TEST_TMPDIR/arrived"
	done
	run -2 --separate-stderr in_root root-static -- witness arguments "${arguments[-1]}" "${arguments[-1]}"
	[[ $stderr == *'COMMAND: is longer than 131072 bytes'* ]]
	# JSON carries nothing else.
	run -2 --separate-stderr in_root root-static -- witness arguments $'\xff'
	[[ $stderr == *'argument 3 of the command is not valid UTF-8'* ]]
}

@test "a shell string for an image without a shell is told to be one" {
	local id
	run -127 --separate-stderr in_root root-static -- 'echo hello'
	[[ $stderr == *'its image has no /bin/sh'*'give the command and its arguments as several'* ]] || { echo "$stderr"; false; }
	id=$(bed_exec -- awfctl start --agent-image awf/root-static:latest -- 'echo hello')
	run -127 --separate-stderr bed_exec -- awfctl wait "$id"
	bed_exec -- awfctl inspect --json "$id" | jq -e '.exitCode == 127 and (.reason | contains("/bin/sh"))'
	bed_exec -- awfctl stop "$id"
	# One that has a shell lacks only what the string names.
	run -127 --separate-stderr in_root root-busybox -- 'no-such-program'
	[[ $stderr != *'its image has no'* ]]
	assert_clean
}

# An image whose working directory is root's alone.
close_workdir() {
	bed_exec -u root -- bash -c 'set -e
		mkdir -p /tmp/layer && install -d -m 700 /tmp/layer/closed
		docker create --name closed awf/root-static:latest
		tar -c -C /tmp/layer closed | docker cp - closed:/
		docker commit --change "WORKDIR /closed" closed awf/closed:test; docker rm -v closed; rm -r /tmp/layer' >/dev/null
}

@test "a working directory that is closed to the user keeps no job from starting, and gives it no rights" {
	close_workdir
	run -0 bed_exec -- awfctl run --agent-image awf/closed:test -- witness place
	[ "$output" = /closed ]
	run -1 --separate-stderr bed_exec -- awfctl run --agent-image awf/closed:test -- witness write file
	[[ $stderr == *'Permission denied'* ]]
	run -0 bed_exec -- awfctl run --agent-image awf/closed:test --container-workdir /tmp -- witness write file
	[ "$output" = '60701 60701' ]
	remove_images awf/closed:test
	assert_clean
}

@test "a program of busybox reaches a granted domain, and no other" {
	prove_alive http://granted.example/ http://other.example/
	run -0 --separate-stderr in_root root-busybox --allow-domains granted.example -- wget -q -O - http://granted.example/
	[[ -n $output ]]
	run -1 --separate-stderr in_root root-musl --allow-domains granted.example -- wget -q -O - http://other.example/
	[[ $stderr == *'--allow-domains other.example'* ]] || { echo "$stderr"; false; }
}
