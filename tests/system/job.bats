#!/usr/bin/env bats
# What a job is given of the host: whom it runs as, its home, its limits, its environment.

load bed

setup_file() {
	bed up
}

teardown() {
	bed_clean_up_test
}

# run_as USER [AWFCTL-RUN-OPTION...] -- COMMAND...
run_as() {
	as "$1" awfctl run "${@:2}"
}

# --- whom it runs as ------------------------------------------------------------------------------

@test "the job has the caller's uid and gid, no further group, and a user who isn't root gets no root" {
	local user
	[ "$(as alice id -nG)" = 'alice awf' ]
	for user in alice bob; do
		run -0 --separate-stderr run_as "$user" -- 'id -u; id -g; id -G; echo "$USER $LOGNAME $HOME"'
		[ "${lines[*]}" = "$(as "$user" id -u) $(as "$user" id -g) $(as "$user" id -g) $user $user /home/$user" ]
	done
	run -0 --separate-stderr run_as root -- 'id -u; echo "$USER $HOME"; grep CapBnd /proc/self/status'
	[[ $output == $'0\nroot /root\n'CapBnd:*0000000000000000 ]]
}

@test "nothing of a request makes the job another user" {
	local request field
	for field in '"user":"0:0"' '"uid":0' '"privileged":true' '"capAdd":["ALL"]' '"HostConfig":{"Privileged":true}' \
		'"environment":{"A":"1"},"labels":{"awf.owner-uid":"0"}'; do
		request="{\"method\":\"io.awf.Sandbox.Start\",\"parameters\":{\"command\":[\"id\"],$field}}"
		run -0 bed_exec bash -c 'printf "%s\0" "$1" | socat -t 60 - UNIX-CONNECT:"$AWFD_SOCKET" | tr -d "\0"' - "$request"
		jq -e '.error == "io.awf.Sandbox.InvalidArgument" and .parameters.reason == "is not a known field"' <<<"$output"
	done
}

@test "the home is there, writable, runs programs, and is nobody else's; the rest is read-only" {
	run -0 --separate-stderr run_as alice -- 'stat -c "%a %u" "$HOME"; ls -A "$HOME" | wc -l
		cp /bin/echo "$HOME/say" && "$HOME/say" hello; cd && pwd'
	[ "$output" = $'700 60701\n0\nhello\n/home/alice' ]
	run -0 --separate-stderr run_as alice -- 'for d in / /etc /usr /usr/local/bin /home /var /opt; do
		if touch "$d/x"; then echo "$d"; fi; done; grep -E " (/tmp|/home/alice) " /proc/mounts'
	[[ ${lines[0]} == *nosuid,nodev* && ${lines[1]} == *nosuid,nodev* && ${#lines[@]} = 2 ]]
	run -0 --separate-stderr run_as alice -e HOME=/tmp/mine -e USER=x -- 'echo "$HOME $USER $LOGNAME"'
	[ "$output" = '/tmp/mine x alice' ]
	run ! as alice test -e /home/alice/say
}

# --- limits ---------------------------------------------------------------------------------------

# What the engine was told of the agent of a sandbox.
limits_of() {
	bed_exec -u root -- docker inspect -f \
		'{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' "awf-$1-agent"
}

@test "limits are those of the options, or the defaults" {
	id=$(bed_exec awfctl start -- 'exec sleep 600')
	[ "$(limits_of "$id")" = '6442450944 6442450944 1000 0' ]
	bed_exec awfctl stop "$id"
	id=$(bed_exec awfctl start --memory-limit 512m --pids-limit 20 --cpus 1.5 -- 'exec sleep 600')
	[ "$(limits_of "$id")" = '536870912 536870912 20 1500000000' ]
	bed_exec awfctl stop "$id"
}

@test "a limit that can't be is refused with the option, the value and what would do" {
	local row
	for row in '--memory-limit 15m|16m' '--memory-limit lots|512m' '--pids-limit 0|from 1' '--pids-limit -1|200' \
		'--cpus 0|0.01' '--cpus x|1.5' '--cpus 100000|this host has' '--agent-timeout 0|1 second' '--agent-timeout x|30'; do
		echo "$row"
		# shellcheck disable=SC2086 # option and value
		run -2 --separate-stderr bed_exec awfctl run ${row%|*} -- true
		[[ $stderr == *"${row%% *}"*"${row#*|}"* ]]
	done
}

@test "a job out of memory is told so, in every way that one asks" {
	run -0 --separate-stderr bed_exec awfctl run --memory-limit 64m -- 'head -c 32m /dev/zero | tail -c 32m | wc -c'
	[ "$output" = 33554432 ]
	[[ $stderr != *memory* ]]
	# What it reads it gets once awfd looks at its memory; the engine alone misses some kills.
	run -137 --separate-stderr bed_exec awfctl run --memory-limit 64m -- sh -c 'read -r go; exec tail /dev/zero' <<<go
	[[ $stderr == *'more memory than it may: 64M; give it more with --memory-limit'* ]]
	# Also when the command itself goes on.
	run -0 --separate-stderr bed_exec awfctl run --memory-limit 64m -- 'read -r go; tail /dev/zero; exit 0' <<<go
	[[ $stderr == *'more memory than it may'* ]]
	id=$(bed_exec awfctl start --memory-limit 64m -- 'until [ -e /tmp/go ]; do sleep 0.05; done; exec tail /dev/zero')
	touch_in_container "awf-$id-agent" /tmp/go
	run -137 --separate-stderr bed_exec awfctl wait "$id"
	[[ $stderr == *'more memory than it may: 64M'* ]]
	bed_exec awfctl inspect --json "$id" | jq -e '.oomKilled and .exitCode == 137'
	[[ $(bed_exec awfctl inspect "$id") == *'OOM killed:   yes'* ]]
	bed_exec awfctl stop "$id"
}

@test "files in /tmp and home count as the job's memory" {
	# shellcheck disable=SC2016 # for the job's shell
	for place in /tmp '$HOME'; do
		run -0 --separate-stderr bed_exec awfctl run --memory-limit 64m -- \
			"head -c 16m /dev/zero >$place/fits && head -c 64m /dev/zero >$place/does-not 2>/dev/null || echo full"
		[ "$output" = full ]
	done
}

@test "a fork bomb meets the limit of processes, and the next job runs" {
	run --separate-stderr timeout 60 "$BED" exec -- awfctl run --pids-limit 32 -- \
		'for i in $(seq 64); do sleep 600 & done; wait'
	[[ $stderr == *'Cannot fork'* || $stderr == *'Resource temporarily unavailable'* ]]
	run -0 --separate-stderr bed_exec awfctl run --pids-limit 32 -- 'for i in $(seq 16); do sleep 0.1 & done; wait; echo well'
	[ "$output" = well ]
	assert_clean
}

# start_with_timeout SECONDS COMMAND: a minute is the least that the option can say; the method takes seconds.
start_with_timeout() {
	local request
	request=$(jq -nc --argjson seconds "$1" --arg command "$2" '{method: "io.awf.Sandbox.Start",
		parameters: {command: ["sh", "-c", $command], agentTimeout: $seconds}}')
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec bash -c 'coproc AWFD { exec socat - UNIX-CONNECT:"$AWFD_SOCKET"; }
		printf "%s\0" "$1" >&"${AWFD[1]}"
		IFS= read -r -d "" -u "${AWFD[0]}" reply; printf "%s" "$reply"' - "$request" | jq -r .parameters.id
}

@test "a job whose time is over gets SIGTERM, then SIGKILL, and its code is 124" {
	id=$(start_with_timeout 1 'trap "exit 9" TERM; while :; do sleep 0.05; done')
	run -124 --separate-stderr bed_exec awfctl wait "$id"
	[[ $stderr == *'its time of 1 s was over'* ]]
	bed_exec awfctl stop "$id"
	id=$(start_with_timeout 1 'trap "" TERM; while :; do sleep 0.05; done')
	run -124 --separate-stderr timeout 40 "$BED" exec -- awfctl wait "$id"
	bed_exec awfctl inspect --json "$id" | jq -e '.exitCode == 124 and (.reason | contains("was over"))'
	bed_exec awfctl stop "$id"
	id=$(start_with_timeout 60 'exit 5')
	run -5 --separate-stderr bed_exec awfctl wait "$id"
	bed_exec awfctl stop "$id"
}

# --- environment ----------------------------------------------------------------------------------

# With these in its environment, as alice.
with_variables() {
	bed_exec -- env "${variables[@]}" awfctl run "$@" -- env
}

@test "THREATS 22: --env-all passes the caller's environment on, without secrets and what is the host's" {
	local name
	variables=(MINE=yes CI=true GITHUB_REPOSITORY=o/r)
	local secrets=(GITHUB_TOKEN GH_TOKEN GITHUB_PERSONAL_ACCESS_TOKEN ACTIONS_RUNTIME_TOKEN
		ACTIONS_ID_TOKEN_REQUEST_TOKEN OPENAI_API_KEY ANTHROPIC_API_KEY NPM_TOKEN)
	local own=(SSH_AUTH_SOCK XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS LD_LIBRARY_PATH SUDO_USER HTTPS_PROXY)
	for name in "${secrets[@]}" "${own[@]}"; do variables+=("$name=canary"); done
	# They are there: one that is named comes through.
	run -0 --separate-stderr with_variables -e GITHUB_TOKEN
	[[ $output == *GITHUB_TOKEN=canary* && $output != *MINE* ]]
	run -0 --separate-stderr with_variables --env-all
	[[ $output == *MINE=yes* && $output == *CI=true* && $output == *GITHUB_REPOSITORY=o/r* ]]
	[[ $output != *canary* && $output == *HOME=/home/alice* ]]
	for name in "${secrets[@]}"; do [[ $stderr == *"$name"* ]]; done
	[[ $stderr != *canary* && $stderr != *SSH_AUTH_SOCK* ]]
}

@test "-e wins over --env-file, that over --env-all, and --exclude-env over the latter two" {
	variables=(A=all B=all C=all D=all X=all)
	bed_exec bash -c 'printf "# a comment\nB=file\nC=file\nX=file\nQ=\"a b\" # all of it\n" >"$HOME/variables"'
	run -0 --separate-stderr with_variables --env-all --env-file /home/alice/variables -e C=option --exclude-env D \
		--exclude-env X --exclude-env C
	for expected in A=all B=file C=option 'Q="a b" # all of it'; do grep -qxF "$expected" <<<"$output"; done
	run ! grep -E '^(D|X)=' <<<"$output"
	bed_exec rm /home/alice/variables
}

@test "THREATS 22: with a DIFC proxy no option passes a GitHub token on, and the user is told which" {
	variables=(GITHUB_TOKEN=canary)
	bed_exec bash -c 'printf "GH_TOKEN=canary\nKEPT=yes\n" >"$HOME/variables"'
	run -0 --separate-stderr with_variables --env-file /home/alice/variables -e GITHUB_TOKEN
	[ "$(grep -c canary <<<"$output")" = 2 ]
	run -0 --separate-stderr with_variables --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" \
		--env-all --env-file /home/alice/variables -e GITHUB_TOKEN -e ACTIONS_RUNTIME_TOKEN=canary
	[[ $output == *KEPT=yes* && $output != *canary* ]]
	for name in GITHUB_TOKEN GH_TOKEN ACTIONS_RUNTIME_TOKEN; do [[ $stderr == *"$name"* ]]; done
	[[ $stderr != *canary* ]]
	bed_exec rm /home/alice/variables
}

@test "an env file is read with the caller's rights, and what is wrong with it is told without a value" {
	bed_exec -u root -- sh -c 'echo A=canary >/root/variables; chmod 644 /root/variables'
	run -2 --separate-stderr bed_exec awfctl run --env-file /root/variables -- env
	[[ $stderr == *'--env-file: /root/variables'*'your rights'* ]]
	run -0 as root awfctl run --env-file /root/variables -- env
	[[ $output == *A=canary* ]]
	bed_exec bash -c 'printf "A=1\nB C=canary\n" >"$HOME/variables"; mkfifo "$HOME/fifo"'
	run -2 --separate-stderr bed_exec awfctl run --env-file /home/alice/variables -- env
	[[ $stderr == *'variables:2: the name has white space'* && $stderr != *canary* ]]
	run -2 --separate-stderr timeout 20 "$BED" exec -- awfctl run --env-file /home/alice/fifo -- env
	run -2 --separate-stderr timeout 20 "$BED" exec -- awfctl run --env-file /dev/zero -- env
	bed_exec bash -c 'printf "LONG=%070000d\n" 0 >"$HOME/variables"'
	run -2 --separate-stderr bed_exec awfctl run --env-file /home/alice/variables -- env
	[[ $stderr == *"'LONG' is 70005 bytes long; one may have 65536"* ]]
	bed_exec rm /home/alice/variables /home/alice/fifo
}

# In the environment of awfd and of the engine, and so of what both start.
environment_of() {
	# shellcheck disable=SC2016 # for the inner shell
	bed_exec -u root -- sh -c 'tr "\0" "\n" </proc/$(pgrep -x -o "$1")/environ' - "$1"
}

@test "nothing of awfd's or the engine's environment is in the job's" {
	[[ $(environment_of dockerd) == *BED_DIR=* ]]
	[[ $(environment_of awfd) == *BED_DIR=* ]]
	run -0 --separate-stderr bed_exec -- env -i AWFD_SOCKET=/run/awfd/awfd.sock /srv/awf/build/bin/awfctl run -- env -u NONE
	names=$(cut -d= -f1 <<<"$output" | sort | tr '\n' ' ')
	[ "$names" = 'HOME HOSTNAME LOGNAME PATH USER ' ] || { echo "$names"; false; }
}
