# Completion of awfctl(1) for bash: awfctl itself knows what can follow.

_awfctl() {
	local word words=() lines=() IFS=$'\n'
	# "--option=value" comes as three words.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		[[ $word == = ]] || words+=("$word")
	done
	word=${COMP_WORDS[COMP_CWORD]}
	if [[ $word == = ]]; then
		word=
		words+=('')
	fi
	mapfile -t lines < <(awfctl __complete -- "${words[@]}" 2>/dev/null)
	compopt -o filenames 2>/dev/null
	case ${lines[0]-} in
	:files) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	:directories) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	:commands) mapfile -t COMPREPLY < <(compgen -A command -- "$word") ;;
	*)
		compopt +o filenames 2>/dev/null
		COMPREPLY=("${lines[@]%%$'\t'*}")
		;;
	esac
}

complete -F _awfctl awfctl
