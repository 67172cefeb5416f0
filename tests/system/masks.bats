#!/usr/bin/env bats
# Credentials in mounts are out of a command's reach, whatever it does to the paths. Each is first read by its
# user on the host.
# shellcheck disable=SC2016,SC2154 # for other shells; set by run

load bed

CANARY=credential-canary

setup_file() {
	bed up
}

# A home with credentials in it, and a workspace without.
setup() {
	as alice sh -c 'mkdir -p ~/work && echo hers >~/work/file'
	secret .ssh/id_ed25519
	secret .netrc
	secret .npmrc
	secret .config/gh/hosts.yml
	secret .aws/sso/cache/token.json
}

teardown() {
	bed_clean_up_test
	run ! bed_exec -u root -- sh -c 'cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -F /run/awfd/sandboxes'
	as alice sh -c 'find ~ -mindepth 1 -delete'
}

# secret PATH [USER]: the canary in a file below the user's home, who can read it.
secret() {
	as "${2:-alice}" sh -c 'cd && mkdir -p "$(dirname "$1")" && echo "$2" >"$1" && grep -q "$2" "$1"' - "$1" "$CANARY"
}

# mask_run SPEC... -- COMMAND: as alice; nothing that it prints is the canary.
mask_run() {
	local options=()
	while [ "$1" != -- ]; do
		options+=(-v "$1")
		shift
	done
	run --separate-stderr bed_exec -- awfctl run "${options[@]}" -- "$2"
	[[ $output$stderr != *"$CANARY"* ]] || { echo "$output$stderr"; false; }
}

@test "a home shows what is in it, and of credentials nothing" {
	mask_run /home/alice:/h -- 'cat /h/work/file; ls -A /h/.ssh /h/.aws /h/.config/gh; cat /h/.netrc /h/.npmrc
		grep -r canary /h; echo "grep $?"; echo new >/h/work/new'
	[ "$status" = 0 ]
	[[ $output == hers*'grep 1' ]]
	[ "$(as alice cat /home/alice/work/new)" = new ]
	# On the host all is as it was.
	[ "$(as alice sh -c 'grep -rl canary ~ | wc -l')" = 5 ]
	as alice sh -c 'echo more >>~/.netrc && mv ~/.config ~/moved && rm -r ~/moved ~/.ssh'
	assert_clean
}

@test "every row of the table is masked, and each is told" {
	local path count=0 paths masked id
	paths=$(grep -oP '^\t\{ "\K[^"]+(?=", (true|false) \},)' "$BATS_TEST_DIRNAME/../../awfd/mount-credentials.c" | tr '*' 1)
	for path in $paths; do
		# A directory where nothing says that it is a file.
		secret "$path" 2>/dev/null || secret "$path/file"
		count=$((count + 1))
	done
	((count > 80))
	[ "$(as alice sh -c 'grep -rl canary ~ | wc -l')" -ge "$count" ]
	mask_run /home/alice:/h -- 'cat /h/work/file; find /h -type f -size +0 | sort'
	[ "$output" = $'hers\n/h/work/file' ]
	id=$(bed_exec awfctl start -v /home/alice:/h -- 'exec sleep 600')
	masked=$(bed_exec awfctl inspect --json "$id" | jq -r '.masked[]')
	bed_exec awfctl stop "$id"
	for path in $paths; do
		grep -qxF "/home/alice/$path" <<<"$masked" || { echo "$path"; false; }
	done
	bed_exec -u root -- grep -E "masks $count places for credentials in its mounts: /home/alice/" "$BED_DIR/awfd.log"
}

@test "a parent, a child and a second path show no more than the home, by links neither" {
	secret dots/keys/id_rsa
	secret dots/token
	as alice sh -c 'rm -r ~/.ssh && ln -s dots/keys ~/.ssh && ln -sf ~/dots/token ~/.git-credentials'
	as alice sh -c 'grep -q canary ~/.ssh/id_rsa && grep -q canary ~/.git-credentials'
	mask_run /home:/parent:ro /home/alice/.config:/child /home/alice:/second:ro /home/alice/dots:/target /home/alice/work:/work -- '
		cat /parent/alice/work/file /second/work/file /work/file
		grep -r canary /parent/alice /child /second /target /work; cat /parent/alice/.ssh/id_rsa; echo end'
	[[ $output == $'hers\nhers\nhers\nend' ]]
}

@test "of a group's homes each is masked, that of the user and the others'" {
	as bob sh -c 'chmod 755 ~'
	secret .netrc bob
	secret .npmrc bob
	as alice grep -q "$CANARY" /home/bob/.netrc
	mask_run /home:/homes:ro -- 'ls -A /homes/bob; grep -r canary /homes; echo end'
	as bob sh -c 'rm ~/.netrc ~/.npmrc && chmod 750 ~'
	[[ $output == *.netrc*end ]]
}

@test "what a command does to a mask and the directories around it uncovers nothing" {
	mask_run /home/alice:/h /home/alice/.config:/c -- '
		exec 2>&1
		rm /h/.netrc; mv /h/.netrc /h/x; ln /h/.netrc /h/y; rm -r /h/.ssh; mv /h/.ssh /h/s; echo x >/h/.netrc; touch /h/.aws/x
		chmod 777 /h/.netrc; umount /h/.netrc; mv /c/gh /c/x; rm -r /c/gh
		mv /h/.config /h/moved; cp -r /h /tmp/copy; tar -cf - -C /h . | grep -ac canary
		mkdir /h/.config; mv /h/moved/gh /h/.config/gh
		ln -s /h/moved /h/link; cat /h/link/gh/hosts.yml /proc/self/root/h/.netrc /c/gh/hosts.yml
		grep -r canary /h /c /tmp/copy; echo end'
	echo "$output"
	[[ $output == *'Device or resource busy'*'Read-only file system'*end ]]
	[ "$(as alice cat /home/alice/.netrc)" = "$CANARY" ]
	[ "$(as alice cat /home/alice/moved/gh/hosts.yml)" = "$CANARY" ]
	[ "$(as alice cat /home/alice/.ssh/id_ed25519)" = "$CANARY" ]
}

@test "what is put into a masked directory while the command runs stays out of reach" {
	bed_background awfctl run -v /home/alice:/h -- 'cat /h/work/file; read -r line; ls -A /h/.aws /h/.config/gh
		grep -r canary /h; echo end'
	wait_for bed_background_said hers
	secret .aws/credentials
	as alice sh -c 'echo credential-canary >~/.config/gh/new && mv ~/.config/gh/new ~/.config/gh/hosts.yml'
	bed_background_say go on
	wait "$BED_BACKGROUND_PID"
	[[ $(bed_background_output) == hers*end ]]
	run ! bed_background_said "$CANARY"
}

@test "a workspace has its own files, those of other places by the same names included" {
	as alice sh -c 'echo registry=x >~/work/.npmrc; echo A=b >~/work/.env; mkdir ~/work/.git; echo x >~/work/.git/config'
	mask_run /home/alice/work:/work -- 'cat /work/.npmrc /work/.env /work/.git/config'
	[ "$output" = $'registry=x\nA=b\nx' ]
}

@test "a runner's keys and the token that actions/checkout left are masked, its workspace is not" {
	secret runner-1/.credentials
	secret runner-1/.credentials_rsaparams
	secret runner-1/_work/_temp/git-credentials-0b5.config
	as alice sh -c 'mkdir -p ~/runner-1/_work/r/r && echo code >~/runner-1/_work/r/r/file && echo prompt >~/runner-1/_work/_temp/prompt'
	mask_run /home/alice/runner-1:/a /home/alice/runner-1/_work:/b /home/alice/runner-1/_work/_temp:/c -- '
		cat /a/_work/r/r/file /b/r/r/file /c/prompt; ls /c; grep -r canary /a /b /c; echo end'
	[ "$output" = $'code\ncode\nprompt\ngit-credentials-0b5.config\nprompt\nend' ]
}

@test "what its user names is mounted, and the log says so" {
	run -0 bed_exec -- awfctl run -v /home/alice/.netrc:/data/netrc:ro -v /home/alice/.aws:/data/aws:ro -- \
		'cat /data/netrc /data/aws/sso/cache/token.json'
	[ "$output" = "$CANARY"$'\n'"$CANARY" ]
	bed_exec -u root -- grep -F 'the mount at /data/netrc was asked for by name' "$BED_DIR/awfd.log"
	bed_exec -u root -- grep -F 'the mount at /data/aws was asked for by name' "$BED_DIR/awfd.log"
}

@test "inspect and the audit log tell what is masked, and inspect does after a restart of awfd, too" {
	local id which filter
	id=$(bed_exec awfctl start -v /home/alice:/h -v /home/alice/.config:/c:ro -v /home/alice/.netrc:/data/netrc:ro -- 'exec sleep 600')
	bed awfd kill
	bed awfd start
	run -0 bed_exec awfctl inspect "$id"
	[[ $output == *$'\nMasked:       /home/alice/.ssh\n'* ]]
	[ "$(grep -c '^Masked: .*/home/alice/.config/gh$' <<<"$output")" = 1 ]
	bed_exec awfctl inspect --json "$id" | jq -e '.masked | sort == ["/home/alice/.aws", "/home/alice/.config/gh",
		"/home/alice/.netrc", "/home/alice/.npmrc", "/home/alice/.ssh"]'
	which='select(.event == "masks" and .sandbox == "'$id'" and .user == "alice")'
	filter='(.masked | length == 5) and .named == ["/home/alice/.netrc"]'
	bed_exec -u root -- cat /var/log/awfd/audit.jsonl | jq -c "$which" | jq -e "$filter"
	as alice cat "/var/log/awfd/$id/audit.jsonl" | jq -c "$which" | jq -e "$filter"
	bed_exec -u root -- grep -F "audit: alice: credentials in the mounts" "$BED_DIR/awfd.log"
	bed_exec awfctl stop "$id"
}

@test "more than can be masked is not mounted at all" {
	as alice sh -c 'mkdir -p ~/homes; for i in $(seq 257); do mkdir ~/homes/$i && echo x >~/homes/$i/.netrc; done'
	run -2 --separate-stderr as alice awfctl run -v /home/alice/homes:/h:ro -- true
	[[ $stderr == *"--mount '/home/alice/homes:/h:ro': there are more credentials in it than can be masked"* ]]
	as alice rm -r /home/alice/homes/257
	mask_run /home/alice/homes:/h:ro -- 'ls /h | wc -l; find /h -type f -size +0'
	[ "$output" = 256 ]
	assert_clean
}

# --- what stays -----------------------------------------------------------------------------------

mask_is_there() {
	bed_exec -u root -- grep -E ' /run/awfd/sandboxes/[a-z2-7]{10}/mounts/0/.netrc ' /proc/1/mountinfo
}

@test "SIGKILL of awfd between mask and start leaves nothing after its restart" {
	bed_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/start'
	bed_background awfctl run -v /home/alice:/h -- true
	wait_for mask_is_there
	bed awfd kill
	mask_is_there
	fake_engine clear
	bed awfd start
	assert_clean
	run ! mask_is_there
	[ "$(as alice cat /home/alice/.netrc)" = "$CANARY" ]
}

# --- other ways to a secret -----------------------------------------------------------------------

@test "no process of a sandbox has a token in its environment, nor may one leave a core" {
	local id role
	id=$(bed_exec awfctl start --difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA" --allow-domains web.example \
		-e "GITHUB_TOKEN=$CANARY" -e "GH_TOKEN=$CANARY" -- 'exec sleep 600')
	for role in pause squid cli-proxy agent; do
		bed_exec -u root -- sh -c 'set -e
			for pid in $(docker top "awf-$1-$2" -o pid | tail -n +2); do
				tr "\0" "\n" <"/proc/$pid/environ" | grep -q .
				! grep -aq "$3" "/proc/$pid/environ" "/proc/$pid/cmdline"
				grep -qE "^Max core file size +0 +0 " "/proc/$pid/limits"
			done' - "$id" "$role" "$CANARY" || { echo "$role"; false; }
	done
	bed_exec awfctl stop "$id"
}
