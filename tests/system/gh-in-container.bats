#!/usr/bin/env bats
# The confinement of gh in the real container: the real gh works in it, and an attacker in its place
# gets nowhere. What each attack does without confinement is shown in gh-confinement.bats.

# shellcheck disable=SC2016 # what the agent expands

load bed

CLI_PROXY_UID=65532

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

with_difc() {
	bed_exec awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" -- "$@"
}

# The process of cli-proxy's user with that name, on the bed's host.
process_of() {
	bed_exec -u root -- pgrep -u "$CLI_PROXY_UID" -x "$1"
}

# status_of PID: what it may still gain, and its filters: the container's and its own two.
status_of() {
	bed_exec -u root -- awk '/^(NoNewPrivs|Seccomp|Seccomp_filters|CapBnd):/ { print $1 $2 }' "/proc/$1/status"
}

# limit_of PID NAME: the soft and the hard one.
limit_of() {
	bed_exec -u root -- sed -n "s/^$2 *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p" "/proc/$1/limits"
}

@test "the real gh works in its confinement" {
	run -0 --separate-stderr with_difc gh api rate_limit
	jq -e '.resources.core.limit > 0' <<<"$output"
	run -0 --separate-stderr with_difc gh issue list -R o/r
	[[ $output == *'The first issue'* ]]
	run -0 --separate-stderr with_difc gh pr list -R o/r
	[[ $output == *'The first pull request'* ]]
	run -0 --separate-stderr with_difc gh api rate_limit --jq .rate.limit
	[ "$output" = 5000 ]
}

@test "a gh that runs is confined, and the proxy not to be looked into" {
	local pid
	bed_background awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		-- 'echo started; read -r line; gh api rate_limit'
	wait_for bed_background_said started
	bed difc tell stall on
	bed_background_say go
	wait_for process_of gh
	pid=$(process_of gh)
	[ "$(status_of "$pid" | xargs)" = 'CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2 Seccomp_filters:3' ]
	[ "$(limit_of "$pid" 'Max cpu time')" = '60 60' ]
	[ "$(limit_of "$pid" 'Max data size')" = '268435456 268435456' ]
	[ "$(limit_of "$pid" 'Max file size')" = '134217728 134217728' ]
	[ "$(limit_of "$pid" 'Max core file size')" = '0 0' ]
	# Its files: in number, and in pages.
	[ "$(bed_exec -u root -- stat -f -c '%c %b' "/proc/$(process_of awf-cli-proxy)/root/tmp")" = '73728 36864' ]
	[ "$(bed_exec -u root -- stat -c %u "/proc/$pid/environ")" = "$CLI_PROXY_UID" ]
	[ "$(bed_exec -u root -- stat -c %u "/proc/$(process_of awf-cli-proxy)/environ")" = 0 ]
}

@test "a gh that needs too much memory ends alone" {
	run -0 --separate-stderr with_difc '
		for i in 1 2 3 4; do gh api rate_limit --jq "[range(1000000000)] | length" 2>&1 & done
		wait
		gh api rate_limit --jq .rate.limit'
	[[ $output == *'gh was stopped: it needs more than 268435456 bytes of memory'* ]]
	[ "${lines[-1]}" = 5000 ]
}

# The image of cli-proxy with the attacker as its gh.
make_attacker_image() {
	bed_exec -u root -- sh -c "
		docker create --name attacker awf/cli-proxy:latest x &&
		docker cp '$BED_TOOLS/fake-gh' attacker:/usr/bin/gh && docker commit attacker awf/attacker:latest
		docker rm attacker"
}

@test "an attacker in the place of gh gets nowhere" {
	local attack
	make_attacker_image
	bed_configure_awfd <<<$'[Images]\nCliProxy=awf/attacker:latest'
	run -0 --separate-stderr with_difc '
		gh search issues say alive
		gh search issues attack file-write ./own
		gh search issues attack file-read /etc/passwd
		gh api descriptors | tr "\n" " "; echo
		for attack in exec-path execat-path execat-descriptor execat-high execat-absolute; do
			gh search issues attack $attack /usr/bin/git
		done
		for attack in exec-self process-fork process-clone3 namespace-unshare memory-shared socket-unix; do
			gh search issues attack $attack
		done
		for attack in proc-environ proc-memory other-trace other-memory other-kill other-owner other-limit; do
			gh search issues attack $attack 1
		done
		gh search issues attack file-write /tmp/canary
		gh search issues attack file-list /tmp
		gh search issues attack file-chmod /tmp
		gh search issues attack file-read /proc/self/environ
		:'
	echo "$output" "$stderr"
	[ "${lines[*]:0:4}" = 'alive reached reached 0 1 2 ' ]
	[ "${#lines[@]}" = 26 ]
	for attack in "${lines[@]:4}"; do
		[[ $attack =~ ^(Operation not permitted|Permission denied|Function not implemented)$ ]]
	done
	remove_images awf/attacker:latest
}
