#!/usr/bin/env bats
# Image host: the host's own programs, what they need, and the caller's workspace; and nothing else of it.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154 # for other shells; set by run and for the helpers

load bed

readonly DIFC=(--difc-proxy-host localhost:18443 --difc-proxy-ca-cert "$BED_DIFC_CA")

setup_file() {
	bed up
}

setup() {
	as alice sh -c 'rm -rf ~/work && mkdir -p ~/work/deep/down && echo hers >~/work/file'
}

teardown() {
	usr_is_the_machines
	bed_clean_up_test
}

# in_host [OPTION...] -- COMMAND...: as alice, in her project.
in_host() {
	as alice sh -c 'cd ~/work && exec awfctl run --agent-image host "$@"' sh "$@"
}

# --- the host's programs --------------------------------------------------------------------------

@test "a C program is built with the host's compiler, in the workspace, at its own path" {
	as alice sh -c 'printf "%s\n" "#include <stdio.h>" "int main(void) { return puts(\"built\") < 0; }" >~/work/a.c'
	run -0 --separate-stderr in_host -- 'gcc -o a a.c && ./a && pwd && id -u && cat file'
	[ "$output" = $'built\n/home/alice/work\n'"$(as alice id -u)"$'\nhers' ]
	[ -z "$stderr" ]
	[ "$(as alice /home/alice/work/a)" = built ]
	[ "$(as alice stat -c %U /home/alice/work/a)" = alice ]
	assert_clean
}

@test "Node, Python, Java and git of the host work as they are" {
	run -0 --separate-stderr in_host -- '
		node -e "console.log(require(\"fs\").readFileSync(\"file\", \"utf8\").trim(), 6 * 7)"
		python3 -c "import json, ssl, ctypes.util, pwd, os; print(json.dumps(6 * 7), pwd.getpwuid(os.getuid()).pw_name, bool(ctypes.util.find_library(\"c\")))"
		java -version 2>&1 | grep -ci "openjdk version"
		git init -q . && git -c user.name=a -c user.email=a@b.c commit -qm first --allow-empty && git log --format=%s'
	[ "$output" = $'hers 42\n42 alice True\n1\nfirst' ]
	[ -z "$stderr" ]
}

@test "git clones what is granted, and trusts the host's certificates" {
	run -0 in_host --allow-domains git.example -- \
		'git clone -q https://git.example/hello.git clone && cat clone/README'
	[[ $output == *'hello from git'* ]]
	as alice test -e /home/alice/work/clone/README
	run ! in_host -- 'git clone -q https://git.example/hello.git other'
}

@test "the names, the time and the users are those of the host, and of the user alone" {
	run -0 in_host -- 'id -un; id -gn; id -G; cat /etc/passwd; getent passwd bob || echo no bob; date +%Z; echo $HOME; ls -A ~; stat -c %a ~'
	[ "$output" = "alice
alice
$(as alice id -g)
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/usr/bin/false
alice:x:60701:60701::/home/alice:/bin/sh
no bob
$(as alice date +%Z)
/home/alice
work
700" ]
	as alice getent passwd bob
}

@test "exit codes, signals, orphans and a terminal are as with an image" {
	run -7 in_host -- 'exit 7'
	run -127 --separate-stderr in_host -- no-such-program x
	[[ $stderr == *'cannot run no-such-program: No such file or directory'* ]]
	run -126 in_host -- /etc/passwd x
	run -139 in_host -- 'kill -SEGV $$'
	# Nobody but the first process waits for this one.
	run -0 in_host -- '(sh -c "exit 3" & ) ; while pgrep -x sh -r Z >/dev/null; do :; done; cat /proc/1/comm'
	[ "$output" = init ]
	run -0 in_host --tty -- 'test -t 0 && test -t 1 && ps -o pgid=,tpgid= -p $$'
	# shellcheck disable=SC2086 # two numbers
	set -- ${output//$'\r'/}
	[ "$1" = "$2" ]
	bed_background sh -c 'cd ~/work && exec awfctl run --agent-image host -- "trap \"echo got it; exit 9\" TERM; echo ready; while :; do read -r line; done"'
	wait_for bed_background_said ready
	bed_kill TERM awfctl
	wait_for bed_background_said 'got it'
	assert_clean
}

# --- gh -------------------------------------------------------------------------------------------

# The bed's own /usr, with more in it for the rest of the test.
usr_is_ours() {
	bed_exec -u root -- sh -c 'mkdir -p /srv/usr && mount -t tmpfs none /srv/usr && mkdir /srv/usr/upper /srv/usr/work &&
		mount -t overlay -o lowerdir=/usr,upperdir=/srv/usr/upper,workdir=/srv/usr/work usr /usr'
	BED_USR=yes
}

usr_is_the_machines() {
	[[ -n ${BED_USR:-} ]] || return 0
	bed_exec -u root -- sh -c 'umount -l /usr; umount -l /srv/usr; rmdir /srv/usr'
}

@test "gh is the sandbox's, whatever the host has, and whatever PATH says" {
	usr_is_ours
	bed_exec -u root -- sh -c '
		for gh in /usr/bin/gh /usr/local/bin/gh; do
			rm -f "$gh"; printf "#!/bin/sh\necho the gh of this host\n" >"$gh"; chmod 755 "$gh"; done'
	[ "$(as alice gh)" = 'the gh of this host' ]
	run -0 in_host "${DIFC[@]}" -- 'command -v gh; for gh in gh /usr/bin/gh /usr/local/bin/gh /bin/gh; do
		"$gh" api rate_limit | jq -r .resources.core.limit; done'
	[ "$output" = $'/run/awf/bin/gh\n5000\n5000\n5000\n5000' ]
	run -0 in_host "${DIFC[@]}" -e PATH=/usr/local/bin:/usr/bin -- 'echo $PATH; command -v gh'
	[ "$output" = $'/run/awf/bin:/usr/local/bin:/usr/bin\n/run/awf/bin/gh' ]
	# Without a DIFC proxy it is the host's, which has no token and no way out.
	run -0 in_host -- gh x
	[ "$output" = 'the gh of this host' ]
}

# --- the workspace --------------------------------------------------------------------------------

@test "the workspace is what is named, else the runner's, else the current directory" {
	run -0 --separate-stderr in_host -- pwd -P
	[ "$output" = /home/alice/work ]
	run -0 --separate-stderr as alice sh -c 'cd ~/work/deep && awfctl run --agent-image host --workspace /home/alice/work -- "pwd; ls"'
	[ "$output" = $'/home/alice/work/deep\ndown' ]
	run -0 --separate-stderr as alice sh -c 'cd ~/work/deep && GITHUB_WORKSPACE=/home/alice/work awfctl run --agent-image host -- pwd -P'
	[ "$output" = /home/alice/work/deep ]
	run -0 --separate-stderr as alice sh -c 'cd / && GITHUB_WORKSPACE=/home/alice/work awfctl run --agent-image host -- pwd -P'
	[ "$output" = /home/alice/work ]
	run -0 --separate-stderr as alice sh -c 'cd ~/work && awfctl run --agent-image host --workspace deep -- "pwd; ls .."'
	[ "$output" = $'/home/alice/work/deep\ndeep' ]
	run -126 --separate-stderr in_host --container-workdir /none -- pwd
	[[ $stderr == *'cannot begin in /none: No such file or directory'* ]]
	run -0 --separate-stderr as alice sh -c 'cd ~/work && awfctl run --agent-image host --container-workdir /tmp -- pwd -P'
	[ "$output" = /tmp ]
	[ -z "$stderr" ]
}

# not_here DIRECTORY REASON: what cannot be a workspace is told and left out, or refused when it is named.
not_here() {
	bed_exec -u "${3:-alice}" -- test -d "$1"
	run -0 --separate-stderr as alice env HOME=/ sh -c 'cd "$1" && awfctl run --agent-image host -- "pwd; ls -A"' sh "$1"
	[ "$output" = /home/alice ]
	[[ $stderr == "awfctl: warning: the command has no workspace: $1 "*"$2"*'; go to a project'* ]] || { echo "$stderr"; false; }
	run -2 --separate-stderr as alice awfctl run --agent-image host --workspace "$1" -- true
	[[ $stderr == *"--workspace '$1': "*"$2"* ]] || { echo "$stderr"; false; }
}

@test "what is no workspace is left out with a warning, or refused when it is named" {
	not_here /home/alice 'is your home directory'
	not_here /home 'has your home directory in it'
	not_here /tmp 'nothing is mounted at /tmp'
	not_here /usr/share 'is in /usr'
	not_here /opt 'is in /opt'
	not_here /srv 'you may not write it'
	not_here /dev/shm 'nothing is mounted at /dev'
	run -2 --separate-stderr as alice awfctl run --agent-image host --workspace /home/alice/none -- true
	[[ $stderr == *"--workspace '/home/alice/none': is not there on this host"* ]]
	run -2 --separate-stderr as alice sh -c 'awfctl run --agent-image host --workspace none -- true'
	[[ $stderr == *"--workspace 'none': No such file or directory"* ]]
	run -0 --separate-stderr as alice awfctl run --agent-image host -- 'pwd; touch x'
	[ "$output" = /home/alice ]
	[[ $stderr == *'the command has no workspace: no directory was named'* ]]
	as alice test ! -e /home/alice/x
	assert_clean
}

@test "the operator's policy bounds the workspace, links included" {
	bed_exec -u root -- install -d -o alice /srv/hers /var/tmp/hers
	as alice ln -sfn /var/tmp/hers /srv/hers/link
	bed_exec -u root -- sh -c 'mkdir -p /etc/awfd/awfd.conf.d && printf "[Policy]\nMountRoots=/home:ro /srv:rw\n" >/etc/awfd/awfd.conf.d/test.conf'
	BED_CONFIGURED=yes
	run -0 as root awfctl reload
	run -0 --separate-stderr as alice sh -c 'cd /srv/hers && awfctl check --agent-image host && awfctl run --agent-image host -- pwd -P'
	[[ $output == *'--workspace'*'/srv/hers:rw'*allowed* ]]
	[ "${lines[-1]}" = /srv/hers ]
	run -0 --separate-stderr in_host -- pwd
	[ "$output" = /home/alice ]
	[[ $stderr == *"no workspace: /home/alice/work is not permitted by [Policy] MountRoots= (/etc/awfd/awfd.conf.d/test.conf:2)"* ]]
	run -125 --separate-stderr in_host --workspace /home/alice/work -- true
	[[ $stderr == *"permission denied: --workspace '/home/alice/work': "*'MountRoots='* ]]
	run -125 --separate-stderr in_host --workspace /srv/hers/link -- true
	[[ $stderr == *"permission denied: --workspace '/srv/hers/link': "*'MountRoots='* ]]
	bed_exec -u root -- rm -r /srv/hers /var/tmp/hers
	assert_clean
}

@test "with an image nothing is done about a workspace" {
	run -0 --separate-stderr as alice sh -c 'cd ~/work && awfctl run --agent-image awf/agent --workspace /home/alice/work -- "pwd; ls -A /home/alice"'
	[ "$output" = / ]
	[ -z "$stderr" ]
}

# --- mounts and the operator's directories --------------------------------------------------------

@test "the operator's directories and the user's mounts are there, in /opt too" {
	bed_exec -u root -- sh -c '
		mkdir -p /srv/tools/inner /mnt/cache && echo tool >/srv/tools/tool && echo hidden >/srv/tools/inner/file
		mount -t tmpfs none /opt && mkdir -p /opt/cache /opt/data && ln -s /srv /opt/link && echo opt >/opt/file
		install -d -m 700 /srv/closed && echo closed >/srv/closed/file
		mount -t tmpfs none /srv/tools/inner && echo mounted >/srv/tools/inner/file && echo cached >/mnt/cache/file'
	bed_configure_awfd <<<$'[HostView]\nPaths=/srv/tools /srv/closed /opt/link /run/docker.sock /srv/none'
	run -0 --separate-stderr in_host -v /mnt/cache:/opt/cache:ro -v /home/alice/work:/opt/data -- '
		cat /srv/tools/tool /opt/file /opt/cache/file; echo new >/opt/data/new
		for path in /srv/tools/x /opt/x /opt/cache/x /usr/x /etc/x; do touch "$path" 2>/dev/null && echo "$path is writable"; done
		ls -A /srv /srv/tools/inner; ls -A /run; ls /opt/link/'
	[ "$output" = $'tool\nopt\ncached\n/srv:\ntools\n\n/srv/tools/inner:\nawf\ntools' ] || { echo "$output"; false; }
	[ "$(as alice cat /home/alice/work/new)" = new ]
	for target in /opt/none /opt/link/x /usr/none; do
		run -2 --separate-stderr in_host -v "/home/alice/work:$target" -- true
		[[ $stderr == *"--mount '/home/alice/work:$target': has no place to be mounted at in the host's /"* ]]
	done
	run -2 --separate-stderr in_host -v /home/alice/work:/opt -- true
	[[ $stderr == *"--mount '/home/alice/work:/opt': nothing is mounted at /opt with image host"* ]]
	bed_exec -u root -- sh -c 'umount /srv/tools/inner; umount -l /opt; rm -r /srv/tools /srv/closed /mnt/cache'
	assert_clean
}

# --- attacks --------------------------------------------------------------------------------------

# Everything that the job can read or list, but what is below the host's programs, is one of these.
readonly ALLOWED='^/(|\.dockerenv|dev(/.*)?|etc|home|home/alice(/work(/.*)?)?|media|mnt|opt|root|run|run/awf|run/awf/init|srv|sys|proc|tmp|var|var/(tmp|run))$'
readonly ALLOWED_ETC='^/etc/(ImageMagick-.*|OpenCL|alternatives|crypto-policies|debian_version|default|default/locale|dotnet|fonts|ghostscript|group|hostname|hosts|java|java-.*|ld.so.cache|ld.so.conf|ld.so.conf.d|locale.alias|locale.conf|localtime|lsb-release|maven|maven/(logging|m2.conf)|mime.types|mono|mtab|nsswitch.conf|os-release|passwd|perl(/(Net|XML).*)?|pki(/.*)?|protocols|python[23].*|resolv.conf|services|sgml|ssl|ssl/(certs|openssl.cnf|cert.pem)|texmf|timezone|xml)(/.*)?$'

@test "all that a job can read is on a list, and no socket, device or file of another user's is" {
	run -0 --separate-stderr in_host -- '
		find / \( -path /proc -o -path /sys -o -path /usr -o -path /bin -o -path /sbin -o -path "/lib*" -o -path /opt \) -prune -o -readable -print'
	[ "${#lines[@]}" -gt 100 ]
	run ! grep -vE -e "$ALLOWED" -e "$ALLOWED_ETC" <<<"$output"
	run -0 in_host -- 'find / \( -path /proc -o -path /sys -o -path /dev \) -prune -o \( -type s -o -type p -o -type b -o -type c \) -print 2>/dev/null; echo end'
	[ "$output" = end ]
	# What the host has beside it, the same search finds.
	as alice find /run /etc -maxdepth 1 -readable | grep -qvE -e "$ALLOWED" -e "$ALLOWED_ETC"
}

# Path and how it is made; each holds a secret.
readonly CANARIES=(
	/home/other/canary /root/canary /tmp/canary /dev/shm/canary /srv/canary /mnt/canary /run/canary /var/lib/canary
	/home/alice/.ssh/id_ed25519 /home/alice/.aws/credentials /home/alice/.config/gh/hosts.yml /home/alice/.netrc
	/etc/ssh/ssh_host_canary_key /etc/gitconfig /etc/npmrc /etc/pip.conf /etc/environment /etc/profile.d/canary.sh
	/etc/maven/settings.xml /etc/ssl/private/canary /etc/ssl/canary /etc/awfd/awfd.conf.d/canary /etc/default/canary
	/var/lib/awfd/canary /var/log/awfd/canary /run/awfd/canary /usr/local/etc/npmrc /usr/etc/gitconfig
)

@test "secrets of this host, its users and services are not there" {
	local path listed
	usr_is_ours
	bed_exec -u root -- sh -c 'for path; do mkdir -p "${path%/*}" && echo canary-secret >"$path" && chmod 644 "$path"; done
		chmod 755 /home/other; chown -R alice /home/alice' sh "${CANARIES[@]}"
	for path in "${CANARIES[@]}"; do
		bed_exec -u root -- grep -q canary-secret "$path"
	done
	# Most of them alice may read.
	run -0 as alice sh -c 'cat "$@" 2>/dev/null | grep -c canary-secret' sh "${CANARIES[@]}"
	[ "$output" -ge 20 ]
	for path in /etc/shadow /run/docker.sock /run/awfd/awfd.sock /var/lib/docker /home/bob; do
		bed_exec -u root -- test -e "$path"
	done
	run -0 --separate-stderr in_host -- sh -c '
		for path; do test -e "$path" && echo "$path is there"; done
		grep -rlF canary-secret /etc /home /root /tmp /dev/shm /run /srv /mnt /var /usr/etc /usr/local/etc 2>/dev/null; echo end' \
		sh "${CANARIES[@]}" /etc/shadow /run/docker.sock /run/awfd /var/lib/docker /home/bob
	listed=$output
	bed_exec -u root -- rm -rf "${CANARIES[@]}" /home/other /home/alice/.ssh /home/alice/.aws /home/alice/.config
	[ "$listed" = end ] || { echo "$listed"; false; }
}

@test "what an agent attacks the kernel with fails here, too" {
	local escape=/srv/awf/build/bin/tests/escape attack attacks
	attacks=$(bed_exec -u root -- "$escape" --list | tr '\n' ' ')
	for attack in $attacks; do
		run -0 bed_exec -u root -- "$escape" "$attack"
		[ "$output" = "$attack reached" ]
	done
	bed_exec -u root -- install -m 755 "$escape" /home/alice/work/escape
	run -0 --separate-stderr in_host -- "for attack in $attacks; do ./escape \$attack; done; true"
	[ "${#lines[@]}" = "$(wc -w <<<"$attacks")" ]
	run ! grep -vE '^[a-z0-9_-]+ (EPERM|EACCES|EROFS|ENOSYS)$' <<<"$output"
}

# As root the job is none that the host knows: what only root may read is not there, nor to be changed.
@test "a job of root's has no more of the host" {
	bed_exec -u root -- sh -c 'mkdir -p /srv/roots && echo secret >/root/secret && chmod 600 /root/secret'
	run -0 as root sh -c 'cd /srv/roots && awfctl run --agent-image host -- "exec 2>&1; id -u; pwd; ls -A /root; cat /etc/shadow; touch /etc/passwd /usr/x /etc/x /run/x; true"'
	[[ $output == $'0\n/srv/roots\n'* ]]
	[ "$(grep -c 'Read-only file system' <<<"$output")" = 4 ] || { echo "$output"; false; }
	[[ $output != *secret* ]]
	bed_exec -u root -- rm -r /srv/roots /root/secret
}

# A client of a socket of the host.
readonly CONNECT='import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print("connected")'

@test "a service's socket among the host's programs is not there, nor is what a link of the user's leads to" {
	bed_exec -u root -- sh -c 'mount -t tmpfs none /opt && chmod 755 /opt && mkdir /opt/service &&
		echo tool >/opt/service/tool && install -d -o alice /srv/hers && mkdir -p /srv/outside && echo outside >/srv/outside/file'
	bed_background -u root -- python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX); s.bind("/opt/service/in it.sock")
os.chmod("/opt/service/in it.sock", 0o777); s.listen(); print("listening", flush=True); input()'
	wait_for bed_background_said listening
	[ "$(as alice python3 -c "$CONNECT" '/opt/service/in it.sock')" = connected ]
	as alice ln -sfn /srv/outside /srv/hers/tools
	[ "$(as alice cat /srv/hers/tools/file)" = outside ]
	bed_configure_awfd <<<$'[HostView]\nPaths=/srv/hers/tools'
	run -0 in_host -- "cat /opt/service/tool; ls -A /srv; python3 -c '$CONNECT' '/opt/service/in it.sock' 2>&1 | tail -n 1; stat -c %F '/opt/service/in it.sock'"
	[ "$output" = $'tool\nPermissionError: [Errno 13] Permission denied\nregular empty file' ] || { echo "$output"; false; }
	grep -q 'leaves out /srv/hers/tools: it has a link on its way' "$BED_DIR/awfd.log"
	as alice sh -c 'rm /srv/hers/tools && mkdir /srv/hers/tools && echo hers >/srv/hers/tools/file'
	run -0 in_host -- 'cat /srv/hers/tools/file'
	[ "$output" = hers ]
	bed_background_say enough
	bed_exec -u root -- sh -c 'umount -l /opt; rm -r /srv/hers /srv/outside'
	assert_clean
}

# A runner that was installed in /opt: its keys, and what lies in its workspace, by the path of either.
@test "credentials among the host's programs are masked, and in a workspace that lies there" {
	bed_exec -u root -- sh -c 'mount -t tmpfs none /opt && chmod 755 /opt && cd /opt && install -d -o alice runner/_work/repo home/ci/.ssh &&
		for file in runner/.credentials runner/_work/repo/.netrc runner/_work/repo/kept home/ci/.ssh/id_rsa; do
			echo secret >$file && chown alice $file
		done'
	[ "$(as alice sh -c 'cd /opt && cat runner/.credentials runner/_work/repo/.netrc home/ci/.ssh/id_rsa')" = $'secret\nsecret\nsecret' ]
	run -0 in_host --workspace /opt/runner/_work/repo -- 'grep -rl secret /opt; wc -c </opt/runner/.credentials; wc -c <.netrc; ls -A /opt/home/ci/.ssh'
	[ "$output" = $'/opt/runner/_work/repo/kept\n0\n0' ] || { echo "$output"; false; }
	bed_exec -u root -- umount -l /opt
	assert_clean
}

@test "what is mounted in the host's directories is not shown, nor what it hides" {
	usr_is_ours
	bed_exec -u root -- sh -c '
		mkdir -p /usr/local/share/disk && echo beneath >/usr/local/share/disk/file
		mount -t tmpfs none /usr/local/share/disk && echo mounted >/usr/local/share/disk/file
		echo plain >/usr/local/share/one && echo mounted >/srv/one && mount --bind /srv/one /usr/local/share/one'
	[ "$(as alice cat /usr/local/share/disk/file /usr/local/share/one)" = $'mounted\nmounted' ]
	run -0 --separate-stderr in_host -- 'ls -A /usr/local/share/disk; cat /usr/local/share/one; ls -d /usr/local/share/disk'
	[ "$output" = /usr/local/share/disk ]
}

# --- what stays -----------------------------------------------------------------------------------

stage_is_there() {
	bed_exec -u root -- grep -E ' /run/awfd/sandboxes/[a-z2-7]{10}/mounts/[0-9]+/' /proc/1/mountinfo
}

@test "SIGKILL of awfd between stage and start leaves nothing after its restart" {
	bed_fake_engine
	fake_engine hang 1 POST '/containers/.*-agent/start'
	bed_background sh -c 'cd ~/work && exec awfctl run --agent-image host -- true'
	wait_for stage_is_there
	bed awfd kill
	stage_is_there
	fake_engine clear
	bed awfd start
	assert_clean
	run ! stage_is_there
	[ "$(as alice cat /home/alice/work/file)" = hers ]
}

@test "awfd in a mount namespace of its own shows what the engine's host has" {
	bed_awfd_apart /home /opt /tmp
	run -0 --separate-stderr in_host "${DIFC[@]}" -- 'cat file; gh api rate_limit | jq .resources.core.limit; ls /opt | wc -l'
	[ "$output" = $'hers\n5000\n'"$(as alice ls /opt | wc -l)" ]
	[ -z "$stderr" ]
	assert_clean
	bed_awfd_back
}

@test "a job goes on in its view while awfd is killed and started again" {
	bed_background sh -c 'cd ~/work && exec awfctl run --agent-image host -- "echo ready; read -r line; gcc --version | head -n 1; cat file"'
	wait_for bed_background_said ready
	bed awfd kill
	bed awfd start
	bed_background_say go on
	wait_for bed_background_said hers
	bed_background_said gcc
	wait "$BED_BACKGROUND_PID"
}
