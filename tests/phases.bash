# Shared by the demo and the test run: phases that say what they do and how long it took, and root.

# Runs the calling script again through sudo unless it is root.
become_root() {
	((EUID == 0)) && return
	command -v sudo >/dev/null || {
		echo "$0: needs root, and there is no sudo: run it as root" >&2
		exit 1
	}
	exec sudo --preserve-env=AWF_VERBOSE,CI -- "$(readlink -f "$0")" "$@"
}

# phase TEXT COMMAND...: runs the command with its output in a log, shown only when it fails (or all of
# it with AWF_VERBOSE=1).
phase() {
	local text=$1 log started=${EPOCHREALTIME/[.,]/} status=0
	shift
	log=$(mktemp)
	printf '%-58s' "$text"
	if [[ -n ${AWF_VERBOSE:-} ]]; then
		echo
		"$@" || status=$?
	else
		"$@" >"$log" 2>&1 </dev/null || status=$?
	fi
	if ((status)); then
		echo ' FAILED'
		tail -n 60 "$log" >&2
		echo "$text: exit code $status: $*" >&2
	else
		awk -v us="$((${EPOCHREALTIME/[.,]/} - started))" 'BEGIN { printf " %7.1f s\n", us / 1e6 }'
	fi
	rm -f "$log"
	return "$status"
}
