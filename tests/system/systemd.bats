#!/usr/bin/env bats
# The Debian package on a Debian machine whose first process is systemd: installed, started by its socket,
# restarted, reloaded, watched, upgraded, removed. Each test goes on where the one before ended.

load bed
load documented
load stream

MACHINE=$(readlink -f "${BATS_TEST_FILENAME%/*}/../bed/machine")
DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert /run/difc/ca.crt)

setup_file() {
	setpriv --pdeathsig KILL "$MACHINE" run 3>&- &
	"$MACHINE" wait
	machine useradd --create-home --shell /bin/bash alice
	machine useradd --create-home --shell /bin/bash mallory
	machine install -d -o alice /home/alice/project
	machine install -d -o mallory /home/mallory/project
	machine systemctl mask --quiet --now console-getty.service
	machine_snapshot >"$BATS_FILE_TMPDIR/before"
	machine dpkg --install "$(package)"
	machine usermod --append --groups awf alice
	machine systemd-run --quiet --unit=difc --service-type=notify --property=RuntimeDirectory=difc /awf/build/bin/tests/difc-stand-in \
		--listen 127.0.0.1:18443 --listen '[::1]:18443' --tls-dir /run/difc --record /run/difc/record \
		--control /run/difc/control
}

teardown_file() {
	"$MACHINE" down
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || machine journalctl --no-pager --lines=60 --output=short-monotonic || :
}

machine() {
	"$MACHINE" exec "$@"
}

# alice and mallory, as who logs in: with the groups that they have by now.
machine_as() {
	machine setpriv --reuid "$1" --regid "$1" --init-groups env --chdir="/home/$1/project" HOME="/home/$1" "${@:2}"
}

package() {
	local found
	found=("$BATS_TEST_DIRNAME"/../../build/awf_*.deb)
	echo "/awf/build/${found[0]##*/}"
}

# The processes of that name, by their pids there.
processes() {
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'grep -lx "$1" /proc/[0-9]*/comm | cut -d/ -f3' sh "$1"
}

# start_stream: alice's job with the whole stream, in the background.
start_stream() {
	BED_BACKGROUND=$BATS_TEST_TMPDIR/background
	mkdir "$BED_BACKGROUND"
	machine_as alice awfctl run "${DIFC[@]}" -- "$STREAM" </dev/null \
		>"$BED_BACKGROUND/out" 2>"$BED_BACKGROUND/err" 3>&- &
	BED_BACKGROUND_PID=$!
	wait_for bed_background_said 'line 2'
}

# tell_job WORD: makes the file /tmp/WORD in the one agent there is.
tell_job() {
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'touch "/proc/$(docker inspect -f "{{.State.Pid}}" "$(docker ps -q --filter label=awf.role=agent)")/root/tmp/$1"' sh "$1"
}

end_stream() {
	tell_job end
	background_ended 7
	[ ! -s "$BED_BACKGROUND/err" ] || { cat "$BED_BACKGROUND/err"; false; }
	assert_whole_stream
	wait_for status_is '0 sandboxes'
}

# The relay's listening sockets, by their inodes.
listeners() {
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'count=$(tr "\0" "\n" <"/proc/$1/environ" | sed -n "s/^LISTEN_FDS=//p")
		for fd in $(seq 3 $((2 + count))); do readlink "/proc/$1/fd/$fd"; done | grep ^socket:' sh "$(processes awf-relay)"
}

# The store has the relay's listeners, the stream of the leased sandbox's client, and the socket that owns
# the host's table.
store_is_full() {
	[ "$(property NFileDescriptorStore)" = $((2 + $(listeners | wc -l))) ]
}

has_another_relay() {
	local pid
	pid=$(processes awf-relay)
	[[ $pid =~ ^[0-9]+$ && $pid != "$1" ]]
}

crash() {
	local pid
	pid=$(property MainPID)
	machine systemctl kill --kill-whom=main --signal=KILL awfd.service
	wait_for main_pid_is_new "$pid"
}

kill_relay() {
	local pid
	pid=$(processes awf-relay)
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'kill -KILL "$1"' sh "$pid"
	wait_for has_another_relay "$pid"
}

# The same package with a higher version, as apt has it from a file.
upgrade() {
	local tree=$BATS_TEST_TMPDIR/package
	dpkg-deb --raw-extract "$BATS_TEST_DIRNAME/../../build/$(basename "$(package)")" "$tree"
	sed -i 's/^Version: .*/&+next/' "$tree/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone --build "$tree" "$tree.deb" >/dev/null
	rm -r "$tree"
	machine tee /tmp/awf-next.deb <"$tree.deb" >/dev/null
	rm "$tree.deb"
	machine apt-get install --yes --quiet=2 /tmp/awf-next.deb
	machine rm -r /tmp/awf-next.deb /var/lib/apt/lists/auxfiles
}

property() {
	machine systemctl show --property "$1" --value "${2:-awfd.service}"
}

# What awf is made of on a machine, one line each: files, units, tables, containers, networks, images,
# mounts, processes, links.
machine_snapshot() {
	# shellcheck disable=SC2016 # the machine's
	machine bash -c '
		find / -xdev \( -path /proc -o -path /sys -o -path /tmp -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /var/lib/dpkg \
			-o -path /var/cache -o -path "/var/log/*" -not -path "*awf*" \
			-o -path /run -not -path "*awf*" \) -prune -o -print
		find /run /var/log /var/lib/systemd -name "*awf*"
		systemctl list-unit-files --no-legend | cut -d" " -f1
		systemctl list-units --all --no-legend --plain "*awf*"
		nft list tables
		docker ps --all --format "container {{.Names}}"
		docker network ls --format "network {{.Name}}"
		docker image ls --all --format "image {{.Repository}}"
		cut -d" " -f5 /proc/self/mountinfo | grep -v /var/lib/docker
		grep -h -e awf -e squid /proc/[0-9]*/comm
		ip -o link | grep -o "^[^@]*: awf[^ ]*"
		true' | LC_ALL=C sort
}

# More for awfd's unit, on stdin.
awfd_drop_in() {
	machine mkdir /run/systemd/system/awfd.service.d
	machine tee /run/systemd/system/awfd.service.d/test.conf >/dev/null
	machine systemctl daemon-reload
}

no_drop_in() {
	machine rm -r /run/systemd/system/awfd.service.d
	machine systemctl daemon-reload
}

main_pid_is_new() {
	local pid
	pid=$(property MainPID)
	[[ $pid != 0 && $pid != "$1" && $(property ActiveState) == active ]]
}

status_is() {
	[[ $(property StatusText) == "$1" ]] || { property StatusText; return 1; }
}

@test "the package brings the units up, the engine has the images, and nothing runs before it is asked for" {
	[ "$(property ActiveState awfd.socket)" = active ]
	[ "$(property ActiveState)" = inactive ]
	[ "$(machine systemctl is-enabled awfd.socket awfd.service | tr '\n' ' ')" = 'enabled enabled ' ]
	[ "$(machine stat -c '%a %U:%G' /run/awfd/awfd.sock)" = '660 root:awf' ]
	[ "$(machine stat -c '%a %U:%G' /run/awfd/namespaces.sock)" = '600 root:root' ]
	[ "$(machine docker image ls --format '{{.Repository}}' 'awf/*' | sort | tr '\n' ' ')" = \
		'awf/agent awf/cli-proxy awf/host awf/pause awf/squid ' ]
	run -0 machine systemd-analyze verify --man=no awfd.service awfd.socket awfd-namespaces@.service \
		awfd-namespaces.socket awfd-images.service
	[ -z "$output" ]
}

@test "the first call starts awfd by its socket, for those in group awf" {
	run -0 machine_as alice awfctl list
	[ "$(property ActiveState)" = active ]
	[ "$(property Type)/$(property NotifyAccess)/$(property KillMode)" = notify/main/process ]
	status_is '0 sandboxes'
	run ! machine_as mallory awfctl list
	[[ $output == *'ermission denied'* ]]
}

@test "a sandboxed command runs under the hardened unit: mount, gh through the relay, squid" {
	machine_as alice sh -c 'mkdir -p ~/work && echo from-home >~/work/in'
	run -0 --separate-stderr machine_as alice awfctl run "${DIFC[@]}" --allow-domains example.com \
		-v /home/alice/work:/work -- 'cat /work/in && echo from-job >/work/out && gh api rate_limit'
	[[ $output == *from-home*rate* ]]
	[ "$(machine stat -c %U /home/alice/work/out)" = alice ]
	# What masks credentials has the same rights.
	machine_as alice sh -c 'echo canary >~/work/.netrc && grep -q canary ~/work/.netrc'
	run -0 --separate-stderr machine_as alice awfctl run -v /home/alice/work:/h:ro -- 'cat /h/in; grep -r canary /h; echo end'
	[[ $output == *from-home*end && $output != *canary* ]]
	wait_for status_is '0 sandboxes'
}

@test "an image that the engine lost is named with what brings it back, and that does" {
	machine docker image rm --force awf/host >/dev/null
	run -125 --separate-stderr machine_as alice awfctl run -- true
	[[ $stderr == *"No such image: awf/host:latest; 'awfctl predownload --difc-proxy' or 'systemctl start awfd-images'"* ]]
	machine systemctl start awfd-images.service
	run -0 machine_as alice awfctl run -- true
	# So can whoever may start sandboxes.
	wait_for status_is '0 sandboxes'
	machine docker image rm --force awf/host >/dev/null
	run -0 --separate-stderr machine_as alice awfctl predownload --json
	json=$output
	[ "$(jq -r '.[] | select(.origin == "imported").reference' <<<"$json")" = awf/host:latest ]
	run -0 machine_as alice awfctl run -- true
	# What is imported so is the same for awf-images.
	run -0 machine systemctl start awfd-images.service
	[ "$(machine docker image inspect -f '{{.Id}}' awf/host:latest)" = "$(jq -r '.[] | select(.origin == "imported").id' <<<"$json")" ]
}

# doctor: what alice is told that is not ok, a finding a line; nobody keeps the machine's clock.
doctor() {
	machine_as alice awfctl doctor --format name,status,cure "$@" | grep -vP '\tok\t|^clock\twarning|^difc-proxy\tunknown'
}

# cured NAME: the doctor's command for it is typed, as root, and alice is told then that all is well.
cured() {
	local cure
	cure=$(grep -P "^$1\tfailure\t" <<<"$output" | cut -f3)
	[[ $cure == 'sudo systemctl '* ]] || { echo "$output"; return 1; }
	machine sh -c "${cure#sudo }"
	wait_for is_well
}

is_well() {
	machine_as alice awfctl doctor >/dev/null && run -1 doctor && [ -z "$output" ]
}

@test "the doctor finds the machine well under the hardened unit, and its commands make it so" {
	is_well
	machine systemctl stop awfd.socket awfd.service
	run doctor
	cured socket
	machine systemctl stop docker.socket docker.service
	run doctor
	cured engine
	run -0 machine_as alice awfctl doctor "${DIFC[@]}"
	[[ $output == *$'difc-proxy\tok\tlocalhost:18443 on this host is ready'* ]]
}

@test "the messages in the journal have fields to find them by" {
	run -0 machine journalctl --quiet --output=json MESSAGE_ID=6a9c3c0f5d1b4be6a7b1f0f5c2e4d893
	id=$(jq -rs 'map(select(.AWF_METHOD == "Start" and .AWF_DECISION == "allowed"))[-1].AWF_SANDBOX' <<<"$output")
	[[ $id =~ ^[a-z2-7]{10}$ ]]
	run -0 machine journalctl --quiet --output=cat "AWF_SANDBOX=$id"
	[[ $output == *'-> running'* ]]
	uid=$(machine id --user alice)
	# Not one without its owner.
	[ "$(machine journalctl --quiet --output=json "AWF_SANDBOX=$id" | jq -r .AWF_UID | sort --unique)" = "$uid" ]
	run -0 machine journalctl --quiet --output=cat "AWF_UID=$uid" "AWF_SANDBOX=$id"
	[[ $output == *'creating -> running'* ]]
	run -0 machine journalctl --catalog --quiet "AWF_SANDBOX=$id"
	[[ $output == *'A user asked awfd for something, or a sandbox ended'* ]]
}

@test "systemctl reload brings a configuration into force, and says why one cannot be" {
	pid=$(property MainPID)
	printf '[Policy]\nPidsMax=77\n' | machine tee /etc/awfd/awfd.conf.d/test.conf >/dev/null
	run -0 machine_as alice awfctl check --pids-limit 76 -- true
	run -0 machine systemctl reload awfd
	run ! machine_as alice awfctl check --pids-limit 78 -- true
	printf '[Policy]\nPidsMax=none\n' | machine tee /etc/awfd/awfd.conf.d/test.conf >/dev/null
	run ! machine systemctl reload awfd
	status=$(property StatusText)
	[[ $status == '0 sandboxes; configuration not read again since 20'*'PidsMax'* ]]
	run ! machine_as alice awfctl check --pids-limit 78 -- true # the one before is in force
	machine rm /etc/awfd/awfd.conf.d/test.conf
	run -0 machine systemctl reload awfd
	status_is '0 sandboxes'
	[ "$(property MainPID)" = "$pid" ]
	[ "$(property ActiveState)" = active ]
}

@test "an awfd that was killed is started again" {
	pid=$(property MainPID)
	machine systemctl kill --kill-whom=main --signal=KILL awfd.service
	wait_for main_pid_is_new "$pid"
	run -0 machine_as alice awfctl run -- 'echo again'
	[[ $output == *again* ]]
}

@test "an awfd whose loop stands still is ended by the watchdog and started again" {
	printf '[Service]\nWatchdogSec=5\n' | awfd_drop_in
	machine systemctl restart awfd.service
	pid=$(property MainPID)
	before=$(property WatchdogTimestampMonotonic)
	watchdog_was_told() { [[ $(property WatchdogTimestampMonotonic) -gt $((before + 6000000)) ]]; }
	wait_for watchdog_was_told # it lives longer than that while it turns
	[ "$(property MainPID)" = "$pid" ]
	machine systemctl kill --kill-whom=main --signal=STOP awfd.service
	wait_for main_pid_is_new "$pid"
	run -0 machine journalctl --quiet --output=cat --unit awfd.service
	[[ $output == *'Watchdog timeout'* ]]
	run -0 machine_as alice awfctl list
	no_drop_in
	machine systemctl restart awfd.service
}

@test "the status says since when the engine is unavailable, and no longer when it is back" {
	run -0 machine_as alice awfctl list
	machine systemctl stop --quiet docker.socket docker.service
	run ! machine_as alice awfctl run -- true
	[[ $(property StatusText) == *'; engine unavailable since 20'*'Connection refused'* ]]
	run -0 machine journalctl --quiet --output=cat AWF_PROBLEM=engine AWF_PROBLEM_STATE=begun
	[ -n "$output" ]
	machine systemctl start docker.service
	wait_for status_is '0 sandboxes'
	run -0 machine_as alice awfctl run -- true
}

@test "a stop ends within a bound that beats SIGKILL, and the next call starts awfd again" {
	wait_for status_is '0 sandboxes'
	started=$SECONDS
	run -0 machine systemctl stop awfd.service
	((SECONDS - started < 10))
	[ "$(property Result)" = success ]
	[ "$(property ActiveState awfd.socket)" = active ]
	[ "$(property TimeoutStopUSec)" = 9s ]
	run -0 machine_as alice awfctl list
	[ "$(property ActiveState)" = active ]
}

@test "relays are not killed with awfd by the service manager" {
	printf '[Service]\nRestart=no\n' | awfd_drop_in
	id=$(machine_as alice awfctl start "${DIFC[@]}" -- 'sleep 600')
	relay=$(processes awf-relay)
	[ -n "$relay" ]
	machine systemctl kill --kill-whom=main --signal=KILL awfd.service
	awfd_has_failed() { [[ $(property ActiveState) == failed ]]; }
	wait_for awfd_has_failed # it is all over for systemd, and nobody else is there to end relays
	[ "$(processes awf-relay)" = "$relay" ]
	no_drop_in
	machine systemctl start awfd.service
	machine_as alice awfctl stop "$id" || :
	wait_for status_is '0 sandboxes'
	[ -z "$(processes awf-relay)" ]
}

@test "a job that streams and calls gh sees an upgrade, a restart and a crash of awfd, and has lost nothing" {
	start_stream
	[ -n "$(listeners)" ]
	store_is_full
	goes_on_after upgrade
	[[ $(machine dpkg-query --show --showformat='${Version}' awf) == *+next ]]
	store_is_full
	goes_on_after machine systemctl restart awfd.service
	store_is_full
	goes_on_after crash
	store_is_full
	end_stream
	[ "$(property NFileDescriptorStore)" = 1 ] # its table's owner
	run -0 machine journalctl --quiet --output=cat --unit awfd.service
	[[ $output != *'are not gone on with'* ]]
	machine dpkg --install "$(package)"
}

# What the job's one yes(1) has written.
written_by_job() {
	local pid
	pid=$(processes yes)
	[[ -n $pid ]] && machine sed -n 's/^wchar: //p' "/proc/$pid/io"
}

# Whether the job waits for somebody to read: nothing was written since the last look.
job_is_stuck() {
	local now seen=$BATS_TEST_TMPDIR/written
	now=$(written_by_job)
	[[ -n $now && $now == "$(cat "$seen" 2>/dev/null)" ]] && return
	echo "$now" >"$seen"
	return 1
}

# A stream that nobody reads keeps the engine from ending its container; awfd cuts it, and so the next one
# must have it.
@test "a client that reads nothing keeps no sandbox from ending, also when awfd was started again" {
	machine_as alice bash -c 'awfctl run -- yes yes > >(exec sleep 600)' </dev/null 3>&- &
	client=$!
	wait_for job_is_stuck
	machine systemctl restart awfd.service
	id=$(machine_as alice awfctl list --json | jq -r '.[0].id')
	# the engine does not see the command's end: it has all its grace time, 10 s
	run -0 machine_as alice timeout 25 awfctl stop "$id"
	machine sh -c 'kill -KILL "$1"' sh "$(processes sleep)"
	wait "$client" || :
	wait_for status_is '0 sandboxes'
}

# Calls gh until /tmp/end is there.
readonly CALLER='until test -e /tmp/end; do gh api rate_limit >/dev/null && echo >>/tmp/calls; done; exit 7'

# gh_works: a call that began after now is answered.
gh_works() {
	tell_job beginning
	wait_for job_called
	tell_job beginning
	wait_for job_called
}

# Since /tmp/beginning was made there.
job_called() {
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'cd "/proc/$(docker inspect -f "{{.State.Pid}}" "$(docker ps -q --filter label=awf.role=agent)")/root/tmp" && test calls -nt beginning'
}

@test "a relay that is killed after awfd was is followed by one with the same listeners" {
	id=$(machine_as alice awfctl start "${DIFC[@]}" -- "$CALLER")
	sockets=$(listeners)
	[ -n "$sockets" ]
	crash
	kill_relay
	[ "$(listeners)" = "$sockets" ]
	gh_works
	tell_job end
	run -7 machine_as alice awfctl wait "$id"
	wait_for status_is '0 sandboxes'
}

@test "no client is refused or cut off while awfd is started again ten times" {
	# shellcheck disable=SC2016 # the machine's
	machine_as alice sh -c 'n=0; until test -e /tmp/enough; do awfctl list >/dev/null || exit 1; n=$((n + 1)); done; echo "$n"' \
		>"$BATS_TEST_TMPDIR/calls" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
	client=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		machine systemctl reset-failed awfd.service # that many are no accident here
		machine systemctl restart awfd.service
	done
	machine_as alice touch /tmp/enough
	wait "$client" || { cat "$BATS_TEST_TMPDIR/errors"; false; }
	machine rm /tmp/enough
	[ "$(cat "$BATS_TEST_TMPDIR/calls")" -ge 10 ]
}

@test "while awfd is started again nobody else can change the host's table" {
	machine nft list table inet awf | grep -q 'flags owner' || skip 'this kernel has no owned, persistent tables'
	start_stream
	awfd_drop_in <<-'END'
		[Service]
		ExecStartPre=+/bin/sh -c 'iptables-save >/run/rules && nft add table inet bystander && nft -s list table inet awf >/run/table-before'
		ExecStartPre=+/usr/sbin/nft flush ruleset
		ExecStartPre=+/bin/sh -c 'nft list tables >/run/tables && nft -s list table inet awf >/run/table-after && iptables-restore </run/rules'
	END
	goes_on_after machine systemctl restart awfd.service
	no_drop_in
	[ "$(machine cat /run/tables)" = 'table inet awf' ]
	machine grep -q 'relay_targets4' /run/table-after
	machine cmp /run/table-before /run/table-after
	machine rm /run/rules /run/tables /run/table-before /run/table-after
	end_stream
}

@test "a stop keeps what runs for the next start; with StopJobs=yes it ends all within 10 s" {
	id=$(machine_as alice awfctl start "${DIFC[@]}" -- "$CALLER")
	relay=$(processes awf-relay)
	run -0 machine systemctl stop awfd.service
	[ "$(property ActiveState)" = inactive ]
	[ "$(processes awf-relay)" = "$relay" ]
	gh_works
	machine systemctl start awfd.service
	status_is '1 sandbox'
	gh_works
	tell_job end
	run -7 machine_as alice awfctl wait "$id"
	machine_as alice awfctl start "${DIFC[@]}" -- 'sleep 600'
	printf '[Daemon]\nStopJobs=yes\n' | machine tee /etc/awfd/awfd.conf.d/test.conf >/dev/null
	machine systemctl reload awfd.service
	wait_for status_is '1 sandbox' # with nothing left to do
	started=$SECONDS
	run -0 machine systemctl stop awfd.service
	((SECONDS - started < 10))
	[ "$(property Result)" = success ]
	[ "$(property ActiveState)" = inactive ]
	[ -z "$(processes awf-relay)" ]
	[ -z "$(machine docker ps --all --quiet --filter label=awf.sandbox)" ]
	machine rm /etc/awfd/awfd.conf.d/test.conf
	machine systemctl start awfd.service
}

@test "the names of all that the service manager may hold fit into awfd's environment" {
	# One text of it may have 128 KiB (MAX_ARG_STRLEN); with more, awfd could not be executed.
	longest='awf-abcdefghij-difc-257:' others='LISTEN_FDNAMES=awfd.socket:'
	(($(property FileDescriptorStoreMax) * ${#longest} + ${#others} < 131072))
}

@test "the status says that others change the host's table, and no longer when they leave it alone" {
	printf '[Network]\nTableOwner=no\n' | machine tee /etc/awfd/awfd.conf.d/test.conf >/dev/null
	machine systemctl restart awfd.service
	[ "$(property NFileDescriptorStore)" = 0 ] # the table has no owner
	wait_for fight_is_told
	wait_for status_is '0 sandboxes'
	machine rm /etc/awfd/awfd.conf.d/test.conf
	machine systemctl restart awfd.service
}

fight_is_told() {
	machine nft flush table inet awf
	[[ $(property StatusText) == "0 sandboxes; firewall since 20"*"changed again and again, last by 'nft'"* ]] || return
	# Whoever cannot see the unit hears it, too.
	machine_as alice awfctl doctor | grep -qP "^firewall\tfailure\tfirewall since 20.*last by 'nft'.*; stop the program"
}

# exposure UNIT: what systemd-analyze counts of it.
exposure() {
	machine systemd-analyze security --no-pager "$1" | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p'
}

@test "the exposures that systemd-analyze counts are those that the units explain, and awfd's is 2.5 at most" {
	local awfd namespaces
	awfd=$(exposure awfd.service)
	namespaces=$(exposure awfd-namespaces@test.service)
	grep -qF "still counts, $awfd in all" "$BATS_TEST_DIRNAME/../../systemd/awfd.service"
	grep -qF "security counts, $namespaces in all" "$BATS_TEST_DIRNAME/../../systemd/awfd-namespaces@.service"
	awk -v e="$awfd" 'BEGIN { exit !(e <= 2.5) }'
}

# broker: the main process of what enters namespaces for awfd.
broker() {
	machine systemctl show --property=MainPID --value 'awfd-namespaces@*.service' | grep -vx -e 0 -e ''
}

@test "awfd has none of the rights to enter namespaces, and what has them is there for its connection alone" {
	local held
	machine_as alice awfctl run -- true
	held=$(machine sed -n 's/^CapBnd:\s*//p' "/proc/$(property MainPID)/status")
	((0x$held == (1 << 0 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12))) # CHOWN KILL SETGID SETUID NET_ADMIN
	[ "$(broker | wc -l)" = 1 ]
	machine systemctl restart awfd.service
	only_one_broker() { [ "$(broker | wc -l)" = 1 ]; }
	machine_as alice awfctl run -- true
	wait_for only_one_broker
	# Who is not root is kept away by the socket's mode.
	run ! machine_as alice test -w /run/awfd/namespaces.sock
}

@test "what enters namespaces is killed, and stopped: no job sees it, and the next start has a new one" {
	local before
	id=$(machine_as alice awfctl start "${DIFC[@]}" -- "$CALLER")
	before=$(broker)
	# shellcheck disable=SC2016 # the machine's
	machine sh -c 'kill -KILL "$1"' sh "$before"
	run -0 machine_as alice awfctl run -v /home/alice/work:/work -- 'cat /work/in'
	[[ $output == *from-home* ]]
	[ "$(broker)" != "$before" ]
	machine systemctl stop 'awfd-namespaces@*.service'
	run -0 machine_as alice awfctl run -- true
	gh_works
	tell_job end
	run -7 machine_as alice awfctl wait "$id"
	wait_for status_is '0 sandboxes'
}

@test "while nothing enters namespaces a start is refused with the unit's name, jobs go on, and it comes back by itself" {
	id=$(machine_as alice awfctl start "${DIFC[@]}" -- "$CALLER")
	machine systemctl stop awfd-namespaces.socket 'awfd-namespaces@*.service'
	run -125 --separate-stderr machine_as alice awfctl run -- true
	[[ $stderr == *'/run/awfd/namespaces.sock (systemctl start awfd-namespaces.socket)'* ]]
	gh_works
	machine systemctl start awfd-namespaces.socket
	run -0 machine_as alice awfctl run -- true
	gh_works
	tell_job end
	run -7 machine_as alice awfctl wait "$id"
	wait_for status_is '0 sandboxes'
}

@test "make install puts everything below DESTDIR, and make uninstall leaves only configuration" {
	cd "$BATS_TEST_DIRNAME/../.."
	make -s install DESTDIR="$BATS_TEST_TMPDIR/at"
	installed=$(cd "$BATS_TEST_TMPDIR/at" && find . -type f ! -name '*.gz' ! -path './usr/share/man/*' | sort)
	# The package has what make install installs.
	[ "$installed" = "$(dpkg-deb --fsys-tarfile build/awf_*.deb | tar -t |
		grep -v -e '/$' -e '^./usr/share/\(man\|lintian\)/' -e '^./usr/share/doc/awf/c' | sort)" ]
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR/at"
	[ "$(cd "$BATS_TEST_TMPDIR/at" && find . -type f)" = ./etc/awfd/awfd.conf ]
}

@test "an upgrade keeps the configuration, the socket and what the operator disabled, and restarts awfd" {
	echo '# mine' | machine tee -a /etc/awfd/awfd.conf >/dev/null
	machine systemctl disable --quiet awfd.service
	pid=$(property MainPID)
	socket=$(machine stat -c %i /run/awfd/awfd.sock)
	machine dpkg --install "$(package)"
	[ "$(property MainPID)" != "$pid" ]
	[ "$(property ActiveState)" = active ]
	[ "$(machine stat -c %i /run/awfd/awfd.sock)" = "$socket" ]
	[ "$(machine tail -n 1 /etc/awfd/awfd.conf)" = '# mine' ]
	run machine systemctl is-enabled awfd.service
	[ "$output" = disabled ]
	run -0 machine_as alice awfctl run -- true
}

# Typed as they stand, but for what is asked for and what is a placeholder.
@test "what the documentation tells the operator to type works" {
	local id
	id=$(machine_as alice awfctl start -- sleep 600)
	documented machine
	mapfile -t COMMANDS < <(printf '%s\n' "${COMMANDS[@]}" | sed -e 's/\bsudo //g' -e 's/apt-get install/& --yes --quiet=2/' \
		-e "s/AWF_SANDBOX=ID/AWF_SANDBOX=$id/" -e 's/\bUSER\b/mallory/')
	run ! machine_as mallory awfctl run -- id
	run machine env -C /awf SYSTEMD_PAGER= bash -c "$TYPE_ALL" bash "${COMMANDS[@]}"
	echo "$output"
	[ "$status" = 0 ]
	machine_as alice awfctl stop "$id"
	# The newcomer's first command, after a new login.
	run -0 machine_as mallory awfctl run -- id
	[[ $output == *mallory* ]]
	machine gpasswd --delete mallory awf
	machine rm -rf /var/lib/apt/lists/auxfiles
}

@test "removed, with a job running: nothing is left but configuration, state and logs; purged: nothing" {
	machine_as alice awfctl start "${DIFC[@]}" --allow-domains example.com -- 'sleep 600'
	[ -n "$(processes awf-relay)" ]
	machine systemctl stop --quiet difc.service
	machine dpkg --remove awf
	[ -n "$(machine ls /etc/awfd/awfd.conf /var/log/awfd/audit.jsonl)" ]
	[ -z "$(machine docker ps --all --quiet)" ]
	[ -z "$(processes 'awf.*')" ]
	machine dpkg --purge awf
	# The users and the group stay, as Debian has it: their ids are not to be given to others.
	machine rm -rf /run/difc /home/alice/work
	machine_snapshot >"$BATS_FILE_TMPDIR/after"
	diff "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/after"
}
