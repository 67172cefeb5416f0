# Helpers of tests that type on a terminal and look at it: tmux on the bed's host.
# shellcheck shell=bash

TERMINAL_SOCKET=/tmp/awf-terminal
TERMINAL_COLUMNS=80

# terminal TMUX-COMMAND...
terminal() {
	as "${TERMINAL_USER:-alice}" env -u TMUX LC_ALL=C.UTF-8 tmux -S "$TERMINAL_SOCKET" -f /dev/null "$@"
}

# terminal_open COLUMNS [COMMAND...]: one with a shell, or a command, of TERMINAL_USER's.
terminal_open() {
	local shell=
	TERMINAL_COLUMNS=$1
	(($# > 1)) || { shell=yes; set -- "$1" bash --norc --noprofile; }
	terminal new-session -d -x "$TERMINAL_COLUMNS" -y 24 -- \
		env PS1='ready$ ' HISTFILE= PATH="/srv/awf/build/bin:$PATH" "${@:2}" 3>&-
	terminal set -g status off \; set -g remain-on-exit on
	terminal resize-window -x "$TERMINAL_COLUMNS" -y 24
	# What is typed before its prompt the terminal shows, too.
	[[ -z $shell ]] || terminal_shows '^ready\$'
}

# To be called at the end of each test, also of those that opened none.
terminal_close() {
	terminal kill-server 2>/dev/null || :
	wait_for no_terminal
}

# Its server would answer a new one while it ends.
no_terminal() {
	! bed_exec -u root -- pgrep -x 'tmux: server'
}

# What is typed, as it is, and then Enter.
terminal_line() {
	terminal send-keys -l -- "$1"
	terminal send-keys Enter
}

terminal_type() {
	terminal send-keys -l -- "$1"
}

# terminal_key KEY...: as tmux calls them: C-c, Tab.
terminal_key() {
	terminal send-keys -- "$@"
}

# All that is on the screen, and above it; colours are escape sequences with -e.
terminal_screen() {
	terminal capture-pane -p -S - "$@"
}

terminal_has() {
	terminal_screen | grep -qE -- "$1" || { terminal_screen; return 1; }
}

# Waits until a line of the screen matches.
terminal_shows() {
	wait_for terminal_has "$1"
}

# Nothing of it is on the screen: looked at once, after something that is later on it was shown.
terminal_lacks() {
	! terminal_screen | grep -E -- "$1"
}
