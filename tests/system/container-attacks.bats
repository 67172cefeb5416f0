#!/usr/bin/env bats
# THREATS, "From the agent: the container", and 16 of "From a user, through awfd": each attack first succeeds
# outside, as root on the bed's host or as it says, and then fails in an agent.

load bed
load attack

ESCAPE=$BATS_TEST_DIRNAME/../../build/bin/tests/escape
ESCAPE_INSIDE=/srv/awf/build/bin/tests/escape

setup_file() {
	bed up
	bed image agent-test
	agent_share --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA"
	agent_file /tmp/escape <"$ESCAPE"
	in_agent 'chmod +x /tmp/escape'
}

setup() {
	agent_join
}

teardown() {
	bed_clean_up_shared_test
}

teardown_file() {
	agent_join
	agent_unshare
	assert_clean
	forget_results
}

# The shared sandbox stays; what else a test started goes.
bed_clean_up_shared_test() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || show_logs
	end_background
}

# --- 13 -------------------------------------------------------------------------------------------

@test "13 namespaces, mounts, handles, ptrace, keys, bpf, io_uring, userfaultfd, perf, vsock, personality, ..." {
	local attack count=0
	for attack in $("$ESCAPE" --list); do
		run -0 bed_exec -u root -- "$ESCAPE_INSIDE" "$attack"
		[ "$output" = "$attack reached" ]
		run -1 in_agent "/tmp/escape $attack"
		[[ $output =~ ^"$attack "(EPERM|EACCES|EROFS|ENOSYS)$ ]] || { echo "$output"; false; }
		count=$((count + 1))
	done
	((count > 35))
}

@test "13 the same attacks fail in the sandbox of root" {
	local attack attacks
	# What root is already, and may become again, is no escape.
	attacks=$("$ESCAPE" --list | grep -vx -e effective-root -e setuid)
	# shellcheck disable=SC2016,SC2086 # for the job's shell; words
	run -0 --separate-stderr bed_exec -u root -- bash -c 'cat "$1" | awfctl run -- "
		cat >/tmp/escape; chmod +x /tmp/escape; for a in $2; do /tmp/escape \$a && echo escaped; done; id -u"' - \
		"$ESCAPE_INSIDE" "$(tr '\n' ' ' <<<"$attacks")"
	[[ $output != *reached* && $output != *escaped* && ${lines[-1]} = 0 ]] || { echo "$output"; false; }
	[ "${#lines[@]}" = $(($(wc -l <<<"$attacks") + 1)) ]
}

# A set-uid program of root's is in the image: outside it makes mallory root.
@test "13 a set-uid program gives nobody more" {
	bed_exec -u root -- install -m 4755 "$ESCAPE_INSIDE" /tmp/set-uid
	run -0 as mallory /tmp/set-uid effective-root
	bed_exec -u root -- bash -c 'set -e
		docker create --name set-uid awf/agent-test:latest true
		tar -c -C /tmp set-uid | docker cp - set-uid:/
		docker commit set-uid awf/set-uid:test; docker rm set-uid' >/dev/null
	run -0 --separate-stderr bed_exec awfctl run --agent-image awf/set-uid:test -- 'stat -c "%a %u" /set-uid
		/set-uid effective-root setuid mount || id -u'
	remove_images awf/set-uid:test
	bed_exec -u root -- rm /tmp/set-uid
	[ "${lines[*]}" = "4755 0 effective-root EPERM setuid EPERM mount EPERM $(bed_exec id -u)" ]
}

@test "13 no process in reach has an environment with more than the job's own" {
	local secret=GITHUB_TOKEN=s3cr3t
	# It is there, and outside root can read it.
	bed_background -- env "$secret" sleep 600
	wait_for bed_exec -u root -- sh -c "cat /proc/[0-9]*/environ 2>/dev/null | grep -aq $secret"
	run -0 in_agent 'cat /proc/[0-9]*/environ | tr "\0" "\n" | cut -d= -f1 | grep -v -x OLDPWD | sort -u | xargs'
	[ "$output" = 'AWF_CLI_PROXY_IP AWF_CLI_PROXY_URL HOME HOSTNAME LOGNAME PATH PWD USER' ] || { echo "$output"; false; }
	run -0 in_agent 'for p in /proc/[0-9]*; do tr "\0" " " <"$p/cmdline"; echo; done'
	[[ $output != *dockerd* && $output != *awfd* && $output != *squid* ]]
}

@test "13 the engine's and awfd's sockets, and the host's abstract ones, are not there" {
	local socket
	for socket in /run/docker.sock /run/awfd/awfd.sock; do
		run -0 bed_exec -u root -- test -S "$socket"
		run -1 in_agent "test -e $socket || test -e /var$socket"
	done
	run -0 bed_exec -u root -- grep -c @ /proc/net/unix
	((output > 0))
	run -0 in_agent 'grep -c / /proc/net/unix || grep -c @ /proc/net/unix || echo none'
	[ "${lines[-1]}" = none ] || { echo "$output"; false; }
}

@test "13 devices, kernel memory, settings and cgroups can't be opened or written" {
	run -0 bed_exec -u root -- sh -c 'test -e /dev/kmsg && head -c 1 /proc/keys && head -c 1 /proc/timer_list'
	run -0 in_agent 'ls /dev | grep -vx core | xargs'
	[ "$output" = 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero' ] || { echo "$output"; false; }
	run -0 in_agent 'head -c 1 /proc/keys 2>/dev/null | wc -c; head -c 1 /proc/timer_list 2>/dev/null | wc -c'
	[ "${lines[*]}" = '0 0' ] || { echo "$output"; false; }
	run -0 in_agent 'find /proc/sys /sys -type f -writable 2>/dev/null | wc -l'
	[ "$output" = 0 ]
	run -0 in_agent 'find /sys/fs/cgroup -maxdepth 2 -name "*release_agent*" -writable 2>/dev/null | wc -l'
	[ "$output" = 0 ]
}

# --- 14 -------------------------------------------------------------------------------------------

@test "14 nothing of the host's files is there: others' homes, awfd's state, logs and CA" {
	local path
	bed_exec -u root -- sh -c 'echo canary >/home/bob/canary; echo canary >/srv/canary'
	for path in /home/bob/canary /srv/canary /var/lib/awfd/sandboxes /var/log/awfd /run/awfd/sandboxes \
		/etc/awfd /var/lib/docker "$BED_DIFC_CA" /etc/shadow; do
		run -0 bed_exec -u root -- ls -d "$path"
		run in_agent "cat $path || ls $path"
		[ "$status" != 0 ] || { echo "$path: $output"; false; }
	done 2>/dev/null
	run -0 in_agent 'cut -d" " -f2 /proc/mounts | grep -v -e "^/proc" -e "^/sys" -e "^/dev" -e "/docker-init$" | sort | xargs'
	[ "$output" = '/ /etc/hostname /etc/hosts /etc/resolv.conf /home/alice /tmp /usr/local/bin/gh' ] ||
		{ echo "$output"; false; }
	bed_exec -u root -- rm /home/bob/canary /srv/canary
}

@test "14 the names it has are loopback's, not the host's, and not its own to change" {
	local path names
	run -0 in_agent 'getent hosts localhost; cat /etc/hosts /etc/resolv.conf | tr -s " \t" " "'
	names=$output
	[ "$output" = '::1             localhost ip6-localhost ip6-loopback
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
search .
nameserver 127.0.0.1' ] || { echo "$output"; false; }
	for path in /etc/hosts /etc/resolv.conf; do
		run ! in_agent "echo '203.0.113.80 evil.example' >>$path"
		run ! in_agent "rm -f $path"
		run ! in_agent "mv $path $path.old"
	done
	run -0 in_agent 'getent hosts localhost; cat /etc/hosts /etc/resolv.conf | tr -s " \t" " "'
	[ "$output" = "$names" ]
}

@test "14 what awfd keeps of a sandbox is not for another user to read, nor for its owner to write" {
	local id path count=0
	id=$(bed_exec awfctl start --allow-domains web.example -- 'exec sleep 600')
	run -0 bed_exec -u root -- find "/run/awfd/sandboxes/$id" "/var/log/awfd/$id" "/var/lib/awfd/sandboxes/$id.json" -type f
	for path in $output; do
		count=$((count + 1))
		run ! as bob cat "$path"
		run ! bed_exec sh -c "echo x >>$path"
	done
	((count > 4))
	run ! as bob ls /run/awfd/sandboxes
	bed_exec awfctl stop "$id"
}

# --- 16 -------------------------------------------------------------------------------------------

@test "16 nothing that a job writes to honours set-uid bits or devices" {
	local place
	run -0 bed_exec -u root -- sh -c "install -m 4755 $ESCAPE_INSIDE /srv/set-uid && grep ' /srv ' /proc/mounts"
	run -0 as mallory /srv/set-uid effective-root
	bed_exec -u root -- rm /srv/set-uid
	run -0 in_agent 'for place in /tmp "$HOME" /dev/shm; do grep " $place " /proc/mounts; done'
	[ "${#lines[@]}" = 3 ]
	for place in "${lines[@]}"; do [[ $place == *nosuid*nodev* || $place == *nodev*nosuid* ]]; done
}
