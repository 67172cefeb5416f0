#!/usr/bin/env bats
# Mounts: what a user has the rights to, and nothing else, whatever is done to the paths meanwhile.
# shellcheck disable=SC2016,SC2154 # for other shells; set by run

load bed

setup_file() {
	bed up
}

# A workspace of alice's, and a secret of bob's that she can't read.
setup() {
	as alice sh -c 'rm -rf ~/work && mkdir ~/work && echo hers >~/work/file'
	as bob sh -c 'mkdir -p ~/secrets && echo bobs-secret >~/secrets/file'
}

teardown() {
	bed_clean_up_test
	no_mounts_are_left
}

# Of all that runs on the bed's host nothing has a stage in sight.
no_mounts_are_left() {
	run ! bed_exec -u root -- sh -c 'cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -F /run/awfd/sandboxes'
}

# mount_run SPEC COMMAND: as alice.
mount_run() {
	bed_exec -- awfctl run -v "$1" -- "$2"
}

# refused REASON SPEC [USER]: with the option, the mount and the reason; nothing is started.
refused() {
	run -2 --separate-stderr as "${3:-alice}" awfctl run -v "$2" -- true
	[[ $stderr == *"--mount '$2': $1"* ]] || { echo "$stderr"; false; }
	[ -z "$output" ]
}

@test "a directory is the user's, to read and to write" {
	run -0 mount_run /home/alice/work:/work 'cat /work/file; echo new >/work/new; mkdir /work/sub; id -u >/work/sub/uid'
	[ "$output" = hers ]
	[ "$(as alice cat /home/alice/work/new)" = new ]
	[ "$(as alice stat -c %U /home/alice/work/new)" = alice ]
	[ "$(as alice cat /home/alice/work/sub/uid)" = "$(as alice id -u)" ]
	assert_clean
}

@test "inspect shows what is mounted, and list, which could not hold it, does not" {
	local id
	id=$(as alice awfctl start -v /home/alice/work:/work:ro -v /home/alice/work/file:/data/one -- 'exec sleep 600')
	run -0 as alice awfctl inspect "$id"
	[[ $output == *'Mount:        /home/alice/work:/work:ro'*'Mount:        /home/alice/work/file:/data/one'* ]]
	as alice awfctl list --json | jq -e --arg id "$id" 'any(.id == $id and (has("mounts") | not))'
	run -0 as alice awfctl stop "$id"
	assert_clean
}

@test "read-only is read-only, for a directory and for a file" {
	run -0 --separate-stderr as alice awfctl run -v /home/alice/work:/work:ro -v /home/alice/work/file:/data/one:ro -- '
		cat /work/file /data/one
		touch /work/new || echo no touch; rm /work/file || echo no rm; chmod 777 /work || echo no chmod
		(echo x >/data/one) || echo no write
		(echo x >/work/file) || echo no write'
	[ "$(grep -c '^hers$' <<<"$output")" = 2 ]
	[ "$(grep -c '^no ' <<<"$output")" = 5 ]
	[ "$(as alice cat /home/alice/work/file)" = hers ]
}

@test "a file is mounted alone, at a path that the image does not have" {
	run -0 mount_run /home/alice/work/file:/opt/deep/in/file:rw 'ls /opt/deep/in; echo more >>/opt/deep/in/file'
	[ "$output" = file ]
	[ "$(as alice cat /home/alice/work/file)" = $'hers\nmore' ]
}

@test "32 mounts are mounted, 33 are refused" {
	local options=() i
	for i in {1..32}; do options+=(-v "/home/alice/work:/m/$i:ro"); done
	run -0 as alice awfctl run "${options[@]}" -- 'cat /m/*/file | wc -l'
	[ "$output" = 32 ]
	run -2 --separate-stderr as alice awfctl run "${options[@]}" -v /home/alice/work:/m/33 -- true
	[[ $stderr == *"--mount '/home/alice/work:/m/33': there are more than 32 mounts" ]]
}

@test "what another user has is refused, directly and through a link" {
	# Bob has it, and can mount it.
	run -0 as bob awfctl run -v /home/bob/secrets:/x:ro -- 'cat /x/file'
	[ "$output" = bobs-secret ]
	as alice ln -s /home/bob/secrets /home/alice/work/link
	as alice ln -s /home/bob/secrets/file /home/alice/work/link-to-file
	refused 'you have no right to reach it' /home/bob/secrets:/x:ro
	refused 'you have no right to reach it' /home/bob/secrets/file:/x:ro
	refused 'you have no right to reach it' /home/alice/work/link:/x:ro
	refused 'you have no right to reach it' /home/alice/work/link-to-file:/x:ro
	refused 'you may not read it' /home/bob:/x:ro
	refused 'you may not read it' /etc/shadow:/x:ro
	refused 'you may not write it' /etc/passwd:/x
	refused 'is not there on this host' /home/alice/none:/x
	assert_clean
}

@test "a link of the user's own is followed" {
	as alice ln -s work /home/alice/own-link
	run -0 mount_run /home/alice/own-link:/work 'cat /work/file'
	as alice rm /home/alice/own-link
	[ "$output" = hers ]
}

@test "links in a workspace lead nowhere outside the sandbox" {
	as alice ln -s /home/bob/secrets/file /home/alice/work/to-bob
	as alice ln -s /home/alice/.profile-of-host /home/alice/work/to-home
	as alice sh -c 'echo host >/home/alice/.profile-of-host'
	as alice ln -s ../../../etc/awfd/awfd.conf /home/alice/work/up
	[ "$(as alice cat /home/alice/work/to-home)" = host ]
	as alice test -e /home/alice/work/up
	run -0 mount_run /home/alice/work:/work '
		for i in to-bob to-home up; do cat /work/$i && echo "$i leads out"; done; ls /work/..'
	[[ $output != *'leads out'* && $output != *bobs-secret* ]]
	[[ $output == *work* && $output != *alice* ]]
}

@test "paths of other forms are refused" {
	refused "the source 'work' is not absolute" work:/x
	refused "the source './work' is not absolute" ./work:/x
	refused "the source has '..' in it" /home/alice/../bob/secrets:/x
	refused "the destination 'x' is not absolute" /home/alice/work:x
	refused "the destination has '..' in it" /home/alice/work:/x/../etc/ssl
	refused 'the destination is missing' /home/alice/work
	refused "'rx' is neither ro nor rw" /home/alice/work:/x:rx
}

@test "what is open elsewhere is not a path" {
	local fd
	# Root's shell has bob's directory open; so has alice's, with her own.
	bed_background -u root -- sh -c 'exec 9</home/bob/secrets; echo $$; read -r line'
	wait_for test -s "$BED_BACKGROUND/out"
	fd=/proc/$(bed_background_output)/fd/9
	bed_exec -u root -- test "$fd/file" -ef /home/bob/secrets/file
	refused 'you have no right to reach it' "$fd:/x:ro"
	run -2 --separate-stderr as alice sh -c 'exec 9<$HOME/work; awfctl run -v /proc/$$/fd/9:/x:ro -- true'
	[[ $stderr == *'one of /proc'* ]]
	refused 'has too many links, or one of /proc' /proc/self/root/etc:/x:ro
	bed_background_say enough
}

@test "what is no file and no directory is refused, and not waited for" {
	as alice mkfifo /home/alice/work/fifo
	as alice python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/home/alice/work/socket")'
	bed_exec -u root -- sh -c 'mknod -m 666 /home/alice/work/device c 1 3'
	refused 'is neither a directory nor a regular file' /home/alice/work/fifo:/x
	refused 'is neither a directory nor a regular file' /home/alice/work/socket:/x
	refused 'is neither a directory nor a regular file' /home/alice/work/device:/x
	refused 'is neither a directory nor a regular file' /dev/null:/x
	refused 'is neither a directory nor a regular file' /run/docker.sock:/x root
}

# Root may read all of them: it is not for want of rights.
@test "the host's own places are never mounted, not even for root" {
	local place
	for place in / /proc /proc/sys /sys /sys/kernel /dev /dev/shm /run /run/awfd /run/awfd/sandboxes \
		/var /var/lib /var/lib/awfd /var/log/awfd /var/lib/docker /var/run; do
		bed_exec -u root -- test -d "$place"
		run -2 --separate-stderr as root awfctl run -v "$place:/x:ro" -- true
		[[ $stderr == *"--mount '$place:/x:ro': "*' which is never mounted: '* ]] || { echo "$place: $stderr"; false; }
	done
	run -0 as root awfctl run -v /root:/x:ro -- 'ls -ld /x'
}

@test "a mount inside a source is neither taken along nor uncovered" {
	as alice sh -c 'mkdir -p ~/outer/in ~/outer/other && echo hidden >~/outer/in/file'
	bed_exec -u root -- mount -t proc proc /home/alice/outer/in
	as alice test -e /home/alice/outer/in/self
	refused 'has another mount in it, at /home/alice/outer/in' /home/alice/outer:/x:ro
	refused 'is on a filesystem of type proc' /home/alice/outer/in:/x:ro
	run -0 mount_run /home/alice/outer/other:/x:ro 'ls -d /x'
	bed_exec -u root -- umount /home/alice/outer/in
	run -0 mount_run /home/alice/outer:/x:ro 'cat /x/in/file'
	[ "$output" = hidden ]
}

@test "destinations that hide a part of the sandbox, or one another, are refused" {
	local target
	for target in / /proc /proc/1 /sys /dev /dev/null /tmp /run /run/awf /etc /etc/passwd /etc/hosts \
		/etc/resolv.conf /etc/ssl /etc/ssl/certs/ca-certificates.crt /usr /usr/local/bin/gh /bin /lib /usr/lib; do
		run -2 --separate-stderr as alice awfctl run -v "/home/alice/work:$target" -- true
		[[ $stderr == *"--mount '/home/alice/work:$target': nothing is mounted at "* ]] ||
			{ echo "$target: $stderr"; false; }
	done
	run -2 --separate-stderr as alice awfctl run -v /home/alice/work:/a -v /home/alice/work:/a/b -- true
	[[ $stderr == *"--mount '/home/alice/work:/a/b': destinations do not lie in one another"* ]]
	run -0 as alice awfctl run -v /home/alice/work:/tmp/work -v /home/alice/work/file:/usr/bin/of-hers -- \
		'cat /tmp/work/file /usr/bin/of-hers'
	[ "$output" = $'hers\nhers' ]
}

@test "a set-user-ID program and a device on a mount give nothing" {
	bed_exec -u root -- sh -c '
		cp /usr/bin/id /home/alice/work/id && chmod 4755 /home/alice/work/id
		mknod -m 666 /home/alice/work/null c 1 3'
	# Both work on the host.
	[ "$(as alice /home/alice/work/id -u)" = 0 ]
	as alice sh -c 'echo x >/home/alice/work/null'
	run -0 mount_run /home/alice/work:/work '
		grep " /work " /proc/self/mountinfo; /work/id -u; (echo x >/work/null) 2>&1; true'
	[[ ${lines[0]} == *' /work rw,nosuid,nodev'* ]]
	[ "${lines[1]}" = "$(as alice id -u)" ]
	[[ ${lines[2]} == *'ermission denied'* ]]
	run -0 mount_run /home/alice/work:/work:ro 'grep " /work " /proc/self/mountinfo'
	[[ $output == *' /work ro,nosuid,nodev'* ]]
}

# Alice is in group awf beside her own.
@test "rights by a supplementary group count for the mount, and not in the sandbox" {
	bed_exec -u root -- sh -c '
		install -d -m 750 -g awf /srv/group && echo open >/srv/group/open && chmod 644 /srv/group/open
		echo closed >/srv/group/closed && chgrp awf /srv/group/closed && chmod 640 /srv/group/closed'
	run -0 mount_run /srv/group/open:/x:ro 'cat /x'
	[ "$output" = open ]
	run -1 mount_run /srv/group/closed:/x:ro 'cat /x'
	[[ $output != *closed* ]]
	[ "$(as alice cat /srv/group/closed)" = closed ]
	bed_exec -u root -- rm -r /srv/group
}

@test "root's sandbox has root's files, without root's power over others'" {
	run -0 as root awfctl run -v /root:/x -- 'id -u; touch /x/of-root && rm /x/of-root'
	[ "$output" = 0 ]
	bed_exec -u root -- test -r /home/bob/secrets/file
	refused 'you have no right to reach it' /home/bob/secrets:/x:ro root
}

# --- races ----------------------------------------------------------------------------------------

# has_both FILE OURS THEIRS: both outcomes of a race were met.
has_both() {
	grep -q -- "$2" "$1" && grep -q -- "$3" "$1"
}

# What alice gets while she exchanges a directory of hers for a link to bob's: for 30 s, and on a slow
# machine until both sides of the exchange were met.
race() {
	local began=$SECONDS status
	while ((SECONDS < began + 30)) || { ((SECONDS < began + 180)) &&
		! has_both "$BATS_TEST_TMPDIR/race.$3" '^hers$' 'you have no right to reach it'; }; do
		status=0
		as alice awfctl run -v "$1:/x:ro" -- "cat $2" >>"$BATS_TEST_TMPDIR/race.$3" 2>&1 || status=$?
		echo "status $status" >>"$BATS_TEST_TMPDIR/race.$3"
	done
}

@test "a source that is exchanged for a link for 30 s, at full speed, never shows what it leads to" {
	local pids=() i
	as alice sh -c 'mkdir -p ~/race/a && echo hers >~/race/a/file && ln -sfn /home/bob/secrets ~/race/b'
	bed_background -u alice -- "$BED_TOOLS/swap" /home/alice/race/a /home/alice/race/b
	# Who looks with root's rights sees the secret.
	wait_for bed_exec -u root -- grep -q bobs-secret /home/alice/race/a/file
	race /home/alice/race/a /x/file 0 3>&- &
	pids+=($!)
	race /home/alice/race/a/file /x 1 3>&- &
	pids+=($!)
	race /home/alice/race/b /x/file 2 3>&- &
	pids+=($!)
	for i in "${pids[@]}"; do wait "$i"; done
	bed_background_say stop
	wait_for test -s "$BED_BACKGROUND/out"
	cat "$BATS_TEST_TMPDIR"/race.* | sort | uniq -c
	run ! grep -r bobs-secret "$BATS_TEST_TMPDIR"/race.0 "$BATS_TEST_TMPDIR"/race.1 "$BATS_TEST_TMPDIR"/race.2
	# Both sides of the exchange were met, and there were many.
	for i in 0 1 2; do
		grep -q '^hers$' "$BATS_TEST_TMPDIR/race.$i"
		grep -q 'you have no right to reach it' "$BATS_TEST_TMPDIR/race.$i"
	done
	[ "$(bed_background_output)" -gt 100000 ]
	assert_clean
}

# Files that a request is made from are read by awfctl: awfd opens no path but those of mounts.
@test "a CA file that is exchanged for a link for 30 s is read with the user's rights" {
	local began tries=$BATS_TEST_TMPDIR/tries
	bed_exec -u root -- install -m 444 "$BED_DIFC_CA" /home/alice/ca
	as alice ln -sfn /home/bob/secrets/file /home/alice/ca-link
	bed_background -u alice -- "$BED_TOOLS/swap" /home/alice/ca /home/alice/ca-link
	wait_for bed_exec -u root -- grep -q bobs-secret /home/alice/ca
	began=$SECONDS
	while ((SECONDS < began + 30)) || { ((SECONDS < began + 180)) && ! has_both "$tries" '^started$' 'Permission denied'; }; do
		as alice awfctl run --difc-proxy-host localhost:18443 --difc-proxy-ca-cert /home/alice/ca \
			-- 'echo started' >>"$tries" 2>&1 || :
	done
	bed_background_say stop
	wait_for test -s "$BED_BACKGROUND/out"
	sort "$tries" | uniq -c
	grep -qx started "$tries"
	grep -qx 'awfctl: --difc-proxy-ca-cert: .*Permission denied.*' "$tries"
	run ! grep -vx -e started -e 'awfctl: --difc-proxy-ca-cert: .*Permission denied.*' "$tries"
	run ! grep -q bobs-secret "$BED_DIR/awfd.log"
	as alice rm /home/alice/ca /home/alice/ca-link
}

# --- what stays -----------------------------------------------------------------------------------

# Waits in the engine, where the stage is what it will bind.
stage_is_there() {
	bed_exec -u root -- grep -E ' /run/awfd/sandboxes/[a-z2-7]{10}/mounts/0 ' /proc/1/mountinfo
}

@test "nobody but root enters the stage, and a start that is given up leaves none" {
	local stage
	bed_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/attach'
	bed_background awfctl run -v /home/alice/work:/work -- true
	wait_for stage_is_there
	stage=$(stage_is_there | awk '{ print $5 }')
	[ "$(bed_exec -u root -- cat "$stage/file")" = hers ]
	run ! as alice ls "$stage"
	run ! as alice cat "$stage/file"
	run ! as alice ls "${stage%/0}"
	bed_kill KILL awfctl
	assert_clean
	run ! stage_is_there
}

@test "the stage is gone while the command runs" {
	bed_background awfctl run -v /home/alice/work:/work -- 'cat /work/file; read -r line; cat /work/file'
	wait_for bed_background_said hers
	run ! stage_is_there
	run ! bed_exec -u root -- sh -c 'ls -d /run/awfd/sandboxes/*/mounts'
	bed_exec -u root -- sh -c 'ls -d /run/awfd/sandboxes/*'
	bed_background_say go on
	wait "$BED_BACKGROUND_PID"
	[ "$(bed_background_output)" = $'hers\nhers' ]
}

@test "SIGKILL of awfd between stage and start leaves nothing after its restart" {
	bed_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/start'
	bed_background awfctl run -v /home/alice/work:/work -v /home/alice/work/file:/file:ro -- true
	wait_for stage_is_there
	bed awfd kill
	stage_is_there
	fake_engine clear
	bed awfd start
	assert_clean
	no_mounts_are_left
	[ "$(as alice cat /home/alice/work/file)" = hers ]
}

@test "awfd in a mount namespace of its own mounts what the engine's host has" {
	bed_awfd_apart /home /tmp
	run ! bed_exec -u root -- nsenter -t "$(bed_exec -u root -- pgrep -x awfd)" -m ls /home/alice
	run -0 mount_run /home/alice/work:/work 'cat /work/file; echo new >/work/new'
	[ "$output" = hers ]
	refused 'you have no right to reach it' /home/bob/secrets:/x:ro
	no_mounts_are_left
	assert_clean
	bed_awfd_back
	[ "$(as alice cat /home/alice/work/new)" = new ]
}
