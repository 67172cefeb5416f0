# Helpers of the system tests: the bed, what runs on it in the background, and what must not be left.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

# shellcheck source=wait.bash
source "${BASH_SOURCE[0]%/*}/wait.bash"

BED=$(readlink -f "${BASH_SOURCE[0]%/*}/../bed/bed")
export BED
export BED_NAME=${BED_NAME:-awf-bed}
export BED_DIR=/run/$BED_NAME
export BED_DIFC_CA=$BED_DIR/difc/ca.crt
BED_TOOLS=/srv/awf/build/bin/tests

bed() {
	"$BED" "$@"
}

# Runs a command on the bed's host: bed_exec [-u USER] [--netns NAME] [--] COMMAND...
bed_exec() {
	"$BED" exec "$@"
}

# as USER COMMAND...
as() {
	"$BED" exec -u "$1" -- "${@:2}"
}

# --- what sandboxes must not leave ----------------------------------------------------------------

# Succeeds when no container, namespace, link, set element, helper, mount, cgroup or directory of a
# sandbox is on the bed; lists what is.
is_clean() {
	"$BED" leftovers
}

# Ends of clients are noticed after they happened, so a little time is granted.
assert_clean() {
	wait_for is_clean
}

# remove_images NAME...: the engine has them no longer, by these names. The containers of a sandbox go
# after its prompt, and keep their images until then.
remove_images() {
	local image
	for image in "$@"; do
		wait_for bed_exec -u root -- docker rmi "$image"
	done
}

# --- commands in the background -------------------------------------------------------------------

BED_BACKGROUND_PIDS=()

# Starts a command of the bed's host in the background, its stdin open and idle until
# bed_background_say. BED_BACKGROUND_PID is the `bed exec`, which ends as the command does. The other
# functions are about the last one that was started.
bed_background() {
	BED_BACKGROUND=$BATS_TEST_TMPDIR/background-${#BED_BACKGROUND_PIDS[@]}
	mkdir "$BED_BACKGROUND"
	mkfifo "$BED_BACKGROUND/in"
	# Both ends: neither this open nor the command's waits for the other.
	exec {BED_BACKGROUND_IN}<>"$BED_BACKGROUND/in"
	"$BED" exec "$@" <"$BED_BACKGROUND/in" >"$BED_BACKGROUND/out" 2>"$BED_BACKGROUND/err" &
	BED_BACKGROUND_PID=$!
	BED_BACKGROUND_PIDS+=("$BED_BACKGROUND_PID")
}

bed_background_say() {
	printf '%s\n' "$*" >&"$BED_BACKGROUND_IN"
}

bed_background_output() {
	cat "$BED_BACKGROUND/out"
}

# Fails with all that was said when it wasn't that.
bed_background_said() {
	grep -qF -- "$1" "$BED_BACKGROUND/out" || { cat "$BED_BACKGROUND"/{out,err}; return 1; }
}

# bed_kill SIGNAL NAME: every process of that name on the bed's host; there has to be one.
bed_kill() {
	"$BED" exec -u root -- pkill "-$1" -x "$2"
}

# bed_end NAME: kills every process of that name, and waits until there is none.
bed_end() {
	bed_kill KILL "$1"
	wait_for none_runs "$1"
}

none_runs() {
	! "$BED" exec -u root -- pgrep -x "$1"
}

# squid_port ID: the host's end of its squid's way to the bridge.
squid_port() {
	bed_exec -u root -- ip -j link show master awf-egress | jq -r --arg id "$1" '.[] | select(.ifalias == $id).ifname'
}

# squid_address ID: of a sandbox's squid, on the bridge.
squid_address() {
	local pid
	pid=$(bed_exec -u root -- docker inspect -f '{{.State.Pid}}' "awf-$1-squid")
	bed_exec -u root -- nsenter -t "$pid" -n ip -j -4 address show eth0 | jq -r '.[].addr_info[].local'
}

# touch_in_container NAME PATH: makes a file there, from outside: what `docker exec` runs is killed when
# the container's command sees the file and ends.
touch_in_container() {
	"$BED" exec -u root -- sh -c \
		'touch "/proc/$(docker inspect -f "{{.State.Pid}}" "$1")/root$2"' sh "$1" "$2"
}

# --- more than the bed has at first ---------------------------------------------------------------

# bed_service VERB NAME [-- COMMAND...]: a service that a test adds.
bed_service() {
	"$BED" exec -u root -- "$BED_TOOLS/service" --dir "$BED_DIR" "$@"
}

# bed_second_difc PORT NAME: another DIFC stand-in, whose answers carry NAME.
bed_second_difc() {
	local dir=$BED_DIR/difc-$2
	BED_SECOND_DIFC=$2
	# shellcheck disable=SC2034 # for the test
	BED_SECOND_DIFC_CA=$dir/ca.crt
	bed_service start "difc-$2" -- "$BED_TOOLS/difc-stand-in" --identity "$2" \
		--listen "127.0.0.1:$1" --listen "[::1]:$1" --tls-dir "$dir" \
		--record "$BED_DIR/difc-$2.jsonl" --control "$BED_DIR/difc-$2.control"
}

# Restarts awfd with more configuration, given on stdin, for the rest of the test.
bed_configure_awfd() {
	BED_CONFIGURED=yes
	"$BED" exec -u root -- sh -c 'mkdir -p /etc/awfd/awfd.conf.d && cat >/etc/awfd/awfd.conf.d/test.conf'
	"$BED" awfd restart
}

# bed_awfd_apart DIRECTORY...: awfd in a mount namespace of its own, in which these are empty. As systemd
# has it: /run is shared with services, and they see neither homes nor temporary files.
bed_awfd_apart() {
	bed awfd stop
	bed_exec -u root -- mount --make-shared /run
	# shellcheck disable=SC2016 # for the inner shell
	bed_service start awfd-apart -- unshare --mount --propagation slave sh -c '
		for directory; do mount -t tmpfs none "$directory" || exit; done; exec /srv/awf/build/bin/awfd' sh "$@"
	wait_for as alice awfctl list
}

bed_awfd_back() {
	bed_service stop awfd-apart
	bed_exec -u root -- mount --make-private /run
	bed awfd start
}

# Puts the fake engine between awfd and the engine; fake_engine tells it what to do.
bed_fake_engine() {
	bed_service start fake-engine -- "$BED_TOOLS/fake-engine" --listen /run/fake-engine.sock \
		--upstream /run/docker.sock --control /run/fake-engine.control
	BED_FAKE_ENGINE=yes
	bed_configure_awfd <<<$'[Engine]\nSocket=/run/fake-engine.sock'
}

fake_engine() {
	"$BED" exec -u root -- "$BED_TOOLS/fake-engine" --tell /run/fake-engine.control "$@"
}

# --- after a test ---------------------------------------------------------------------------------

show_logs() {
	local log
	for log in awfd engine difc; do
		printf -- '--- end of %s.log\n' "$log"
		tail -n 40 "$BED_DIR/$log.log" || :
	done
}

# Those that still run: the number of one that has been waited for may be anybody's now.
end_background() {
	local pid ours
	ours=" $(jobs -rp; jobs -sp) "
	for pid in "${BED_BACKGROUND_PIDS[@]}"; do
		[[ ${ours//$'\n'/ } == *" $pid "* ]] || continue
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
}

undo_services() {
	[[ -z ${BED_SECOND_DIFC:-} ]] || bed_service kill "difc-$BED_SECOND_DIFC"
	"$BED" difc tell clear
	[[ -n ${BED_CONFIGURED:-} ]] || return 0
	"$BED" exec -u root -- rm -f /etc/awfd/awfd.conf.d/test.conf
	"$BED" awfd restart
	[[ -z ${BED_FAKE_ENGINE:-} ]] || bed_service kill fake-engine
}

# An engine that is killed forgets what it was just making: the mount that it filled a container's first
# layer by, cgroups, and in some of them a runc that waits for the word to execute a command, and never will,
# or a pause that has just begun, which has no network. Nothing else may be in them; with it, they could not
# be removed.
# shellcheck disable=SC2016 # for the shell on the bed
remove_unborn_of_engine() {
	bed_exec -u root -- sh -c 'for pid in $(sort -u /sys/fs/cgroup/*/"$BED_NAME"/*/cgroup.procs); do
			case $(tr "\0" " " </proc/$pid/cmdline) in "runc init " | "/pause ") kill -KILL "$pid" ;; esac
		done
		sed -n "s|^[^ ]* \(/var/lib/docker/overlay2/[^ ]*-init/merged\) .*|\1|p" /proc/self/mounts | xargs -r umount
		find /sys/fs/cgroup/*/"$BED_NAME" /sys/fs/cgroup/"$BED_NAME" -mindepth 1 -depth -type d \
			-exec rmdir {} \;' 2>/dev/null || :
}

# One may be gone by itself before it is stopped: when its client is, or its removal is over.
none_is_listed() {
	"$BED" exec -u root -- sh -c 'awfctl list --quiet | xargs -r awfctl stop; [ -z "$(awfctl list --quiet)" ]'
}

# Ends every sandbox, and forgets every result.
stop_all() {
	wait_for none_is_listed
}

# Results that nobody has asked for are there until somebody does, also after a restart of awfd: the next
# test counts its own.
forget_results() {
	local init
	read -r init _ <"$BED_DIR/init"
	compgen -G "/proc/$init/root/var/lib/awfd/sandboxes/*" >/dev/null || return 0
	stop_all
}

# For teardown: ends what the test started, and gives the next test a bed as good as new, whatever
# this one left.
bed_clean_up_test() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || show_logs
	end_background
	if undo_services && assert_clean && forget_results; then
		return
	fi
	"$BED" down
	"$BED" up
}
