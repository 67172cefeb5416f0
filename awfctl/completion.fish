# Completion of awfctl(1) for fish: awfctl itself knows what can follow.

function __awfctl_complete
	set -l words (commandline -opc)
	set -l word (commandline -ct)
	set -l lines (awfctl __complete -- $words[2..-1] "$word" 2>/dev/null)
	switch "$lines[1]"
		case :files
			__fish_complete_path "$word"
		case :directories
			__fish_complete_directories "$word"
		case :commands
			__fish_complete_command
		case '*'
			printf '%s\n' $lines
	end
end

complete -c awfctl -f -a '(__awfctl_complete)'
