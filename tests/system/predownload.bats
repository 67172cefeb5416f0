#!/usr/bin/env bats
# Images that are brought to the engine: by whom, from where, and what is left when it fails. The registry is
# a real one.

load bed
load registry

readonly POLICY=/etc/awfd/awfd.conf.d/test.conf

setup_file() {
	bed up
	bed image root-static
	registry_start
	TOOL_DIGEST=$(registry_push awf/root-static:latest team/tool:1)
	registry_push awf/root-static:latest other/tool:1 >/dev/null
	registry_push_large team/large:1 >/dev/null
	export TOOL_DIGEST
}

teardown_file() {
	registry_stop
}

setup() {
	bed_exec -u root -- mkdir -p /srv/archives
	bed_configure_awfd <<-END
	[Policy]
	Images=*
	Pull=$REGISTRY/team $REGISTRY_SLOW $REGISTRY_PLAIN $REGISTRY_TLS localhost:5009
	END
}

# No test leaves an image to the next.
teardown() {
	local images
	images=$(pulled_images)
	[[ -z $images ]] || remove_images $images
	bed_exec -u root -- rm -rf /srv/archives /tmp/archives
	bed_clean_up_test
}

# By their names alone: one of ours may be the same image.
pulled_images() {
	bed_exec -u root -- docker image ls --all --digests --format \
		'{{.Repository}}{{if eq .Tag "<none>"}}@{{.Digest}}{{else}}:{{.Tag}}{{end}}' |
		grep -E '^([0-9.]+|localhost):500[0-9]/' || :
}

has_image() {
	bed_exec -u root -- docker image inspect "$1" >/dev/null 2>&1
}

# What a pull has under way: layers that come, and those that came.
traces_of_engine() {
	registry_root 'ls /var/lib/docker/tmp; ls /var/lib/docker/overlay2; ls /var/lib/docker/image/overlay2/layerdb/sha256'
}

predownload() {
	as alice awfctl predownload "$@"
}

# fails OPTION... -- PART...: with code 125, nothing on standard output, and all these parts in what is said.
fails() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	run -125 --separate-stderr predownload "${options[@]}"
	[ -z "$output" ]
	for part in "${@:2}"; do
		[[ $stderr == *"$part"* ]] || { echo "$stderr"; return 1; }
	done
}

@test "what is there already is told, for each part that a sandbox needs" {
	run -0 --separate-stderr predownload --json
	[ "$(jq -c '[.[].reference]' <<<"$output")" = '["awf/agent:latest","awf/pause:latest","awf/squid:latest"]' ]
	jq -e 'all(.origin == "present" and (.id | test("^sha256:[0-9a-f]{64}$")))' <<<"$output"
	[ -z "$stderr" ]
	run -0 predownload --difc-proxy
	[[ ${lines[0]} == $'IMAGE\tORIGIN\tID' && $output == *awf/cli-proxy:latest*present* ]]
	run -0 predownload --image host --json
	jq -e '.[0].reference == "awf/host:latest"' <<<"$output"
}

@test "an image is pulled by its tag, run, and asked for again" {
	local image=$REGISTRY/team/tool:1
	run -0 --separate-stderr predownload --image "$image" --json
	jq -e --arg image "$image" '.[0] | .reference == $image and .origin == "pulled"' <<<"$output"
	[[ $stderr == "bringing image $image"* ]]
	run -0 as alice awfctl run --agent-image "$image" -- witness exit 0
	# Its name means another image by now, which is what comes.
	bed_exec -u root -- docker tag awf/agent:latest "$image"
	run -0 --separate-stderr predownload --image "$image" --json
	jq -e '.[0].origin == "pulled"' <<<"$output"
	[ "$(jq -r '.[0].id' <<<"$output")" = "$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/root-static:latest)" ]
	bed_exec -u root -- jq -se --arg image "$image" 'any(.method == "Predownload" and .decision == "allowed" and
		.user == "alice" and (.grants.images | index($image)))' /var/log/awfd/audit.jsonl
}

@test "an image is pulled by its digest, which is what comes, and not asked for again" {
	local image=$REGISTRY/team/tool@$TOOL_DIGEST
	run -0 predownload --image "$image" --json
	bed_exec -u root -- docker image inspect "$image" | jq -e --arg image "$image" '.[0].RepoDigests | index($image)'
	run -0 as alice awfctl run --agent-image "$image" -- witness exit 0
	bed_service stop registry
	run -0 --separate-stderr predownload --image "$image" --json
	jq -e '.[0].origin == "present"' <<<"$output"
	bed_service --at 127.0.0.1:5000 start registry -- docker-registry serve /tmp/registry/plain.yml
}

@test "what the registry has not, does not speak, or is not trusted for is told with what to do" {
	fails --image "$REGISTRY/team/none:1" -- 'manifest unknown; check the name and the tag or digest'
	fails --image "$REGISTRY/team/tool@sha256:$(printf %064d 7)" -- 'manifest unknown; check the name'
	fails --image "$REGISTRY_TLS/team/tool:1" -- 'x509: ' 'the operator can put its CA into /etc/docker/certs.d'
	fails --image "$REGISTRY_PLAIN/team/tool:1" -- 'the registry has no TLS: the operator can permit that'
	fails --image localhost:5009/team/tool:1 -- 'connection refused; is the registry running'
	[ -z "$(pulled_images)" ]
	# The same, where nothing is wrong.
	run -0 predownload --image "$REGISTRY/team/tool:1"
}

@test "nobody but root pulls what the operator does not permit" {
	local image=$REGISTRY/other/tool:1
	# It is there to be pulled.
	run -0 --separate-stderr as root awfctl predownload --image "$image" --json
	jq -e '.[0].origin == "pulled"' <<<"$output"
	remove_images "$image"
	fails --image "$image" -- "--image '$image': is not permitted by [Policy] Pull= ($POLICY:3); the operator of this host can add it"
	run -2 --separate-stderr predownload --image "$REGISTRY/team/../other/tool:1"
	[[ $stderr == *"--image '$REGISTRY/team/../other/tool:1': is no name that a registry could have"* ]] || { echo "$stderr"; false; }
	fails --image "$REGISTRY/teams/tool:1" -- "is not permitted by [Policy] Pull="
	fails --image "debian:12" -- "is not permitted by [Policy] Pull="
	for when in missing always; do
		run -125 --separate-stderr as alice awfctl run --pull "$when" --agent-image "$image" -- witness exit 0
		[[ $stderr == *"--agent-image '$image': is not permitted by [Policy] Pull= ($POLICY:3)"* ]] || { echo "$stderr"; false; }
	done
	run -1 as alice awfctl check --pull always --agent-image "$image"
	[[ $output == *--agent-image*"$image"*refused*'Pull='* ]]
	[ -z "$(pulled_images)" ]
	assert_clean
	bed_exec -u root -- jq -se 'any(.method == "Predownload" and .decision == "refused" and .user == "alice")' \
		/var/log/awfd/audit.jsonl
}

@test "an image that no job of the user's may have is not pulled for him either" {
	bed_configure_awfd <<-END
	[Policy]
	Images=awf/agent $REGISTRY/team/tool:1
	Pull=*
	END
	run -0 predownload --image "$REGISTRY/team/tool:1"
	fails --image "$REGISTRY/other/tool:1" -- 'is not permitted by [Policy] Images='
	! has_image "$REGISTRY/other/tool:1"
}

@test "names of awfd's own images are asked of no registry, whatever is permitted" {
	bed_configure_awfd <<<$'[Policy]\nImages=*\nPull=*'
	run -125 --separate-stderr predownload --image awf/not-there:latest
	[[ $stderr == *'image awf/not-there:latest is not there'*'install awf again'* ]] || { echo "$stderr"; false; }
	run -125 --separate-stderr as root awfctl predownload --image awf/agent:other
	[[ $stderr == *'names that begin with awf/ are asked of no registry'* ]] || { echo "$stderr"; false; }
	# For the engine it is the same name.
	run -125 --separate-stderr as root awfctl predownload --image docker.io/awf/agent:other
	[[ $stderr == *'names that begin with awf/ are asked of no registry'* ]] || { echo "$stderr"; false; }
}

@test "awfd's own images come from the archives that were installed" {
	local sum
	registry_root 'mkdir -p /tmp/archives && cd /tmp/archives && cp /srv/awf/build/images/pause.tar new.tar &&
		sha256sum <new.tar >new.tar.sha256 && cp new.tar short.tar && echo none >short.tar.sha256'
	sum=$(registry_root 'cut -c-64 /tmp/archives/new.tar.sha256')
	bed_configure_awfd <<<$'[Images]\nArchives=/tmp/archives\nHost=awf/new:latest'
	run -125 --separate-stderr as alice awfctl run --agent-image host -- true
	[[ $stderr == *"No such image: awf/new:latest; 'awfctl predownload --difc-proxy' or 'systemctl start awfd-images'"* ]] || { echo "$stderr"; false; }
	run -0 --separate-stderr predownload --image host --json
	jq -e '.[0] | .reference == "awf/new:latest" and .origin == "imported"' <<<"$output"
	[ "$(bed_exec -u root -- docker image inspect -f '{{index .Config.Labels "awf.archive"}}' awf/new:latest)" = "$sum" ]
	remove_images awf/new:latest
	fails --image awf/short:latest -- 'short.tar.sha256: is no checksum'
}

@test "a start says that an image is missing and what brings it, and brings it when asked" {
	local image=$REGISTRY/team/tool:1
	for options in '' --skip-pull '--pull never'; do
		run -125 --separate-stderr as alice awfctl run $options --agent-image "$image" -- witness exit 0
		[[ $stderr == *"No such image: $image; 'awfctl predownload --image $image' or '--pull missing' brings it"* ]] || { echo "$stderr"; false; }
	done
	run -3 --separate-stderr as alice awfctl run --pull missing --log-level debug --agent-image "$image" -- witness exit 3
	[[ $stderr == *"waiting for image $image, which is being brought"*'bring images: '*' ms'* ]] || { echo "$stderr"; false; }
	# Now it is there.
	run -3 --separate-stderr as alice awfctl run --pull missing --agent-image "$image" -- witness exit 3
	[[ $stderr != *'waiting for image'* ]]
	run -3 --separate-stderr as alice awfctl run --pull always --agent-image "$image" -- witness exit 3
	[[ $stderr == *"waiting for image $image"* ]]
	run -2 --separate-stderr as alice awfctl run --pull sometimes -- true
	[[ $stderr == *"--pull 'sometimes': is none of never, missing and always"* ]]
	run -2 --separate-stderr as alice awfctl run --pull always --skip-pull -- true
	[[ $stderr == *'--skip-pull and --pull'* ]]
	assert_clean
}

@test "a start that is given up while its image comes leaves nothing" {
	local before image=$REGISTRY_SLOW/team/large:1
	before=$(traces_of_engine)
	bed_background -u alice -- awfctl run --pull missing --agent-image "$image" -- witness exit 0
	wait_for layer_is_coming
	kill "$BED_BACKGROUND_PID"
	wait_for nothing_came
	[ "$(traces_of_engine)" = "$before" ]
	assert_clean
}

layer_is_coming() {
	registry_root 'ls /var/lib/docker/tmp | grep .'
}

nothing_came() {
	! layer_is_coming && [[ -z $(pulled_images) && $(traces_of_engine) == "$before" ]]
}

@test "a client that is killed in the middle of a pull leaves nothing" {
	local before image=$REGISTRY_SLOW/team/large:1
	before=$(traces_of_engine)
	bed_background -u alice -- awfctl predownload --image "$image"
	wait_for layer_is_coming
	kill -KILL "$BED_BACKGROUND_PID"
	wait_for nothing_came
	wait_for grep -q "image $image: given up, as nobody waits for it any more" "$BED_DIR/awfd.log"
}

@test "an awfd that ends in the middle of a pull leaves nothing" {
	local before image=$REGISTRY_SLOW/team/large:1
	before=$(traces_of_engine)
	bed_background -u alice -- awfctl predownload --image "$image"
	wait_for layer_is_coming
	bed awfd kill
	wait_for nothing_came
	bed awfd start
}

@test "two who ask for the same image wait for one pull, which goes on for the one who stays" {
	local image=$REGISTRY_SLOW/team/large:1 first before
	before=$(pulls_of "$image")
	bed_background -u alice -- awfctl predownload --image "$image" --json
	first=$BED_BACKGROUND_PID
	wait_for layer_is_coming
	bed_background -u bob -- awfctl predownload --image "$image" --json
	wait_for bed_background_tells Downloading
	kill -KILL "$first"
	wait "$BED_BACKGROUND_PID"
	bed_background_output | jq -e '.[0].origin == "pulled"'
	[ "$(pulls_of "$image")" = $((before + 1)) ]
	has_image "$image"
}

# How many pulls of an image awfd began.
pulls_of() {
	grep -c "image $1: pulling for uid" "$BED_DIR/awfd.log" || :
}

bed_background_tells() {
	grep -q "$1" "$BED_BACKGROUND/err"
}

@test "a user has one pull at a time, and another user need not wait for it" {
	local slow=$REGISTRY_SLOW/team/large:1 tool=$REGISTRY/team/tool:1 log=$BED_DIR/awfd.log
	bed_background -u alice -- awfctl predownload --image "$slow"
	wait_for layer_is_coming
	bed_background -u alice -- awfctl predownload --image "$tool"
	wait_for bed_background_tells "bringing image $tool"
	! has_image "$tool"
	# It is bob's turn at once; that alice waits for the same is to her advantage.
	run -0 as bob awfctl predownload --image "$REGISTRY_SLOW/team/tool:1"
	! has_image "$tool"
	has_image "$REGISTRY_SLOW/team/tool:1"
	wait "$BED_BACKGROUND_PID"
	has_image "$tool"
	has_image "$slow"
}

@test "an image that is larger, or slower, than the operator permits is given up" {
	local before
	bed_configure_awfd <<<$'[Images]\nPullSizeMax=5M\n[Policy]\nImages=*\nPull=*'
	before=$(traces_of_engine)
	run -0 predownload --image "$REGISTRY_SLOW/team/tool:1"
	remove_images "$REGISTRY_SLOW/team/tool:1"
	fails --image "$REGISTRY_SLOW/team/large:1" -- 'more than 5M would have to be downloaded' '[Images] PullSizeMax='
	wait_for nothing_came
	bed_configure_awfd <<<$'[Images]\nPullSeconds=2\n[Policy]\nImages=*\nPull=*'
	fails --image "$REGISTRY_SLOW/team/large:1" -- 'is not complete after 2 s' '[Images] PullSeconds='
	wait_for nothing_came
}

# Runs it with a terminal as standard error, and its output apart.
in_terminal() {
	as alice python3 -c '
import fcntl, os, pty, struct, subprocess, sys, termios
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
job = subprocess.Popen(sys.argv[2:], stderr=theirs, env=dict(os.environ, TERM=sys.argv[1]))
os.close(theirs)
while True:
    try: data = os.read(ours, 65536)
    except OSError: break
    if not data: break
    os.write(2, data)
sys.exit(job.wait())' "$@"
}

@test "on a terminal each layer has a bar, which is gone in the end; elsewhere there are lines" {
	local image=$REGISTRY_SLOW/team/large:1 escape=$'\e['
	in_terminal xterm awfctl predownload --json --image "$image" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	jq -e '.[0].origin == "pulled"' "$BATS_TEST_TMPDIR/out"
	grep -qE '^  [0-9a-f]{12}  Downloading +\[=*> *\] +[0-9.]+/4\.[0-9] MB' "$BATS_TEST_TMPDIR/err"
	[[ $(tail -c 8 "$BATS_TEST_TMPDIR/err") == *"${escape}J" ]]
	remove_images "$image"
	for how in 'in_terminal dumb awfctl' 'as alice awfctl'; do
		run -0 --separate-stderr $how predownload --json --image "$REGISTRY/team/large:1"
		jq -e '.[0].origin == "pulled"' <<<"$output"
		[[ $stderr == *': Pull complete'* && $stderr != *"$escape"* ]]
		remove_images "$REGISTRY/team/large:1"
	done
	run -0 --separate-stderr predownload --log-level warning --json --image "$REGISTRY/team/large:1"
	[ -z "$stderr" ]
}

# save FILE IMAGE...: as `docker save` does, root's alone.
save() {
	bed_exec -u root -- docker save -o "$1" "${@:2}"
}

load_as() {
	as "$1" awfctl predownload --json --from "$2"
}

@test "root gives the engine the images of an archive; users, whose names would be everybody's, do not" {
	local file=/srv/archives/images.tar name=$REGISTRY/team/saved:1
	bed_exec -u root -- docker tag awf/root-static:latest "$name"
	save "$file" "$name"
	bed_exec -u root -- chmod 644 "$file"
	remove_images "$name"
	run -125 --separate-stderr load_as alice "$file"
	[[ $stderr == *'permission denied: LoadImages is for root only'* ]] || { echo "$stderr"; false; }
	! has_image "$name"
	run -0 --separate-stderr load_as root "$file"
	jq -e --arg name "$name" '.[0] | .reference == $name and .origin == "loaded"' <<<"$output"
	run -0 as alice awfctl run --agent-image "$name" -- witness exit 0
}

@test "an archive that could be changed, or is none, is not loaded" {
	local file=/srv/archives/images.tar name=$REGISTRY/team/saved:1
	bed_exec -u root -- docker tag awf/root-static:latest "$name"
	save "$file" "$name"
	remove_images "$name"
	for change in 'chmod 620' 'chmod 602' 'chown alice'; do
		bed_exec -u root -- cp "$file" /srv/archives/changed.tar
		bed_exec -u root -- $change /srv/archives/changed.tar
		run -2 --separate-stderr load_as root /srv/archives/changed.tar
		[[ $stderr == *"--from '/srv/archives/changed.tar': others than root could change the file"* ]] || { echo "$stderr"; false; }
	done
	bed_exec -u root -- sh -c 'gzip -c /srv/archives/images.tar >/srv/archives/packed.tar; head -c 1000 /srv/archives/images.tar >/srv/archives/cut.tar
		cp /srv/awf/build/images/root-static.tar /srv/archives/root.tar; mkfifo /srv/archives/fifo'
	for row in 'packed.tar:or a compressed one' 'cut.tar:breaks off' 'root.tar:it is no archive of images' 'fifo:not a regular file' \
		'none.tar:No such file'; do
		run -2 --separate-stderr load_as root "/srv/archives/${row%%:*}"
		[[ $stderr == *"--from '/srv/archives/${row%%:*}': "*"${row#*:}"* ]] || { echo "$row: $stderr"; false; }
	done
	[ -z "$(pulled_images)" ]
	run -0 --separate-stderr load_as root "$file"
}

@test "an archive that has one of awfd's own images is not loaded, not even in part" {
	local name=$REGISTRY/team/saved:1 before
	before=$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/squid:latest)
	# What calls itself squid is something else.
	registry_root "docker tag awf/root-static:latest $name; docker tag awf/squid:latest kept:1
		docker tag awf/root-static:latest awf/squid:latest; docker save -o /srv/archives/images.tar $name awf/squid:latest
		docker tag kept:1 awf/squid:latest; docker rmi kept:1 $name" >/dev/null
	run -2 --separate-stderr load_as root /srv/archives/images.tar
	[[ $stderr == *"it has image 'awf/squid:latest', and names that begin with awf/ are those of awfd's own images"* ]] || { echo "$stderr"; false; }
	[ "$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/squid:latest)" = "$before" ]
	[ -z "$(pulled_images)" ]
	# The engine would have taken it.
	registry_root "docker load -q -i /srv/archives/images.tar" >/dev/null
	[ "$(bed_exec -u root -- docker image inspect -f '{{.Id}}' awf/squid:latest)" != "$before" ]
	bed_exec -u root -- docker tag "$before" awf/squid:latest
}
