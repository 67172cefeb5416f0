#compdef awfctl
# Completion of awfctl(1) for zsh: awfctl itself knows what can follow.

_awfctl() {
	local -a lines candidates
	local line
	lines=("${(@f)$(awfctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	case $lines[1] in
	:files) _files; return ;;
	:directories) _files -/; return ;;
	:commands) _command_names -e; return ;;
	'') return 1 ;;
	esac
	for line in "${lines[@]}"; do
		candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	_describe awfctl candidates
}

if [[ $funcstack[1] == _awfctl ]]; then
	_awfctl "$@"
else
	compdef _awfctl awfctl
fi
