#!/usr/bin/env bats
# A name service of the host that is slow, or gone: it keeps nobody waiting but whom it is asked for.

load bed

NAMES=/run/slow-names
AWF_GID=60700

setup_file() {
	bed up
}

# The bed's own nsswitch.conf gets a service that answers when a test wants it to.
setup() {
	bed_exec -u root -- sh -c "
		mkdir $NAMES
		echo $BED_TOOLS >/etc/ld.so.conf.d/slow.conf && ldconfig
		sed -i.bed 's/^\(passwd\|group\):.*/\1: files slow/' /etc/nsswitch.conf"
}

teardown() {
	bed_exec -u root -- sh -c "
		mv /etc/nsswitch.conf.bed /etc/nsswitch.conf
		rm /etc/ld.so.conf.d/slow.conf && ldconfig
		rm -r $NAMES"
	bed_clean_up_test
}

# slow KEY...: the service waits with these answers.
slow() {
	bed_exec -u root -- mkfifo -m 644 "${@/#/$NAMES/}"
}

# answer KEY WORDS...: to one who asks, or will.
answer() {
	bed_exec -u root -- timeout "$WAIT_SECONDS" sh -c 'echo "$2" >"$1"' sh "$NAMES/$1" "${*:2}"
}

# asks QUESTION: a process of awfd's waits for the answer; it is the unprivileged user's.
asks() {
	bed_exec -u root -- pgrep -u awf-probe -fx "awf-names $*"
}

# somebody UID COMMAND...: who has a number and is in no file; chroot asks for no names.
somebody() {
	SOMEBODY=(-u root -- chroot --userspec "+$1:+$1" --groups "+$AWF_GID" / "${@:2}")
}

as_somebody() {
	somebody "$@"
	bed_exec "${SOMEBODY[@]}"
}

in_background() {
	somebody "$@"
	bed_background "${SOMEBODY[@]}"
}

# ends_with CODE: the command in the background does.
ends_with() {
	local code=0
	wait "$BED_BACKGROUND_PID" || code=$?
	((code == $1))
}

# Adds rules, given on stdin, and has awfd read them.
policy() {
	# shellcheck disable=SC2034 # for bed_clean_up_test
	BED_CONFIGURED=yes
	bed_exec -u root -- sh -c 'mkdir -p /etc/awfd/awfd.conf.d && cat >/etc/awfd/awfd.conf.d/test.conf'
	run -0 as root awfctl reload
}

log_has() {
	grep -qF -- "$1" "$BED_DIR/awfd.log"
}

# What goes on while one look-up hangs: alice, bob, and a start of alice's.
others_go_on() {
	local id
	run -0 as bob awfctl list
	# shellcheck disable=SC2016 # the sandbox's shell's
	run -0 as alice awfctl run -- 'echo $USER $HOME'
	[[ $output == 'alice /home/alice' ]]
	id=$(as alice awfctl start -- 'exec sleep 600')
	run -0 as alice awfctl stop "$id"
}

@test "a slow answer about one user delays nobody else, and his call is done when it comes" {
	slow uid-4711
	in_background 4711 awfctl list --json
	wait_for asks uid 4711
	others_go_on
	asks uid 4711
	kill -0 "$BED_BACKGROUND_PID"
	answer uid-4711 sleepy 4711
	ends_with 0
	[[ $(bed_background_output) == '['*']' ]]
	# It is known from now on: nobody is there to answer once more.
	# shellcheck disable=SC2016 # the sandbox's shell's
	run -0 as_somebody 4711 awfctl run -- 'echo $USER $HOME'
	[[ $output == 'sleepy /home/sleepy' ]]
	bed_exec -u root -- cat /var/log/awfd/audit.jsonl |
		jq -se 'any(.[]; .method == "Start" and .uid == 4711 and .user == "sleepy")'
}

@test "a client that sends no more has its answer when the name is there" {
	slow uid-4712
	in_background 4712 sh -c \
		'printf "{\"method\":\"org.varlink.service.GetInfo\"}\0" | socat -t 60 - UNIX:/run/awfd/awfd.sock'
	wait_for asks uid 4712
	answer uid-4712 sleepy 4712
	wait_for bed_background_said '"product":"awfd"'
}

@test "a client that goes away meanwhile leaves nothing, and the next one is served" {
	slow uid-4713
	in_background 4713 awfctl list
	wait_for asks uid 4713
	kill -KILL "$BED_BACKGROUND_PID"
	answer uid-4713 sleepy 4713
	run -0 as_somebody 4713 awfctl list
}

@test "without any answer his start is refused by a clear error, and starts of others are not" {
	slow uid-4714
	run -0 as_somebody 4715 awfctl run -- true # has no name, which is an answer
	in_background 4714 awfctl run -- true
	wait_for asks uid 4714
	others_go_on
	asks uid 4714
	ends_with 125
	grep -F "the host's name service (passwd in nsswitch.conf) does not tell the name of uid '4714': Connection timed out: mend it, or try again later" \
		"$BED_BACKGROUND/err"
	run ! asks uid 4714
	# He can still look, by number.
	run -0 as_somebody 4714 awfctl list
}

@test "a service that is gone is no answer: who might be in a section starts nothing" {
	local said="the host's name service (group in nsswitch.conf) does not tell the gid of group 'crew': Connection refused"
	run -0 as alice awfctl check
	slow group-crew
	policy <<<$'[Group crew]\nImages='
	answer group-crew unavailable
	wait_for log_has "section [Group crew] of the configuration: $said"
	run -125 --separate-stderr as alice awfctl run -- true
	[[ $stderr == *"section [Group crew]: $said: mend it, try again later, or have the gid in awfd.conf"* ]]
	run ! as alice awfctl check
	run -0 as alice awfctl list
}

@test "a slow answer about a section delays starts alone, and then the section counts" {
	slow group-crew
	policy <<<$'[Group crew]\nImages='
	wait_for asks group crew
	bed_background awfctl check
	run -0 as alice awfctl list
	run -0 as bob awfctl list
	asks group crew
	kill -0 "$BED_BACKGROUND_PID"
	answer group-crew crew 60701 # alice's own group
	ends_with 1
	bed_background_said '[Group crew] Images= (/etc/awfd/awfd.conf.d/test.conf:2)'
	run -0 as bob awfctl check
	run -125 as alice awfctl run -- true
}

@test "who waits for the old configuration's sections waits for those of the new one" {
	slow group-crew group-other
	policy <<<$'[Group crew]\nImages='
	bed_background awfctl check
	wait_for asks group crew
	policy <<<$'[Group other]\nImages='
	answer group-crew crew 60701
	asks group other
	kill -0 "$BED_BACKGROUND_PID"
	answer group-other other 60701
	ends_with 1
	bed_background_said '[Group other] Images='
}

@test "a section about nobody counts for nobody, and a new user counts after a reload" {
	slow user-newcomer
	policy <<<$'[User newcomer]\nImages='
	answer user-newcomer nobody
	wait_for log_has 'section [User newcomer] of the configuration is about nobody: there is no such user or group'
	run -0 as alice awfctl check
	run -0 as root awfctl reload
	answer user-newcomer newcomer 60701
	run -1 as alice awfctl check
	[[ $output == *'[User newcomer] Images='* ]]
}
