#!/usr/bin/env bats
# README, man pages, --help, the interface and the default configuration say the same thing.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	bin=build/bin
}

# Long options that a help text or a man page names, one a line.
options_of_help() {
	"$bin/awfctl" "$@" --help | grep -oE '^ +(-[a-zA-Z], )? *--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
}

# options_of_page FILE...
options_of_page() {
	grep -ohE '\\?-\\?-[a-z][a-z-]+|Fl -[a-z][a-z-]+' "$@" | sed 's/\\//g; s/^Fl -/--/' | grep -vx -- --option | sort -u
}

commands_of_help() {
	"$bin/awfctl" --help | sed -n '/^Commands:/,/^$/p' | awk 'NR > 1 && NF { print $1 }' | sort -u
}

@test "every option of every command's --help is in awfctl(1), and the other way round" {
	local command help
	help=$(options_of_help; for command in $(commands_of_help); do options_of_help "$command"; done)
	help=$(sort -u <<<"$help")
	comm -23 <(echo "$help") <(options_of_page man/awfctl.1) | grep . && { echo 'in --help, not in the man page'; false; }
	man=$(options_of_page man/awfctl.1 man/awf-migration.7)
	# What the man pages name beside them is refused with the reason.
	for option in $(comm -13 <(echo "$help") <(echo "$man")); do
		echo "$option is in the man page only"
		run -2 --separate-stderr "$bin/awfctl" run "$option" x -- true
		[[ $stderr == *"$option is not here: "* ]]
	done
}

# What says of a page that it is not there is about this machine, which has others installed.
@test "mandoc finds nothing to mend in the man pages" {
	local page
	mandoc -T lint README.md 2>/dev/null | grep -q WARNING # it does find what there is
	for page in man/*.[1-9]; do
		mandoc -T lint "$page" 2>/dev/null | grep -v 'referenced manual not found' &&
			{ echo "$page"; false; }
	done
	true
}

@test "every man page is installed, in the README, and no page refers to one of ours that is not there" {
	local page name
	make -pn | sed -n 's/^INSTALLED := //p' >"$BATS_TEST_TMPDIR/installed"
	for page in man/*.[1-9]; do
		name=${page##*/}
		grep -qE " 644:$page:/usr/share/man/man${name##*.}/$name( |$)" "$BATS_TEST_TMPDIR/installed" || { echo "$name"; false; }
		grep -qF "\`$page\`" README.md || { echo "$name is not in the README"; false; }
	done
	for name in $(grep -ohE '^\.Xr (io\.)?awf[^ ]* [1-8]' man/*.[1-9] | cut -d' ' -f2,3 | tr ' ' . | sort -u); do
		[ -e "man/$name" ] || { echo "$name does not exist"; false; }
	done
}

# A varlink file as lines: "Start in command []string", "Start out id ?string", "Step in name string".
fields_of_interface() {
	sed 's/#.*//' proto/io.awf.Sandbox.varlink | tr -d '\n' | sed -E 's/(type|method|error) +([A-Z])/\n\2/g' | awk -F'->' '
		NR > 1 {
			name = $1; sub(/ *\(.*/, "", name)
			for (i = 1; i <= NF; i++) {
				sub(/^[^(]*\(/, "", $i); sub(/\).*/, "", $i)
				n = split($i, fields, ",")
				for (j = 1; j <= n; j++) {
					gsub(/[ \t]/, "", fields[j]); sub(/:/, " ", fields[j])
					print name, (i == 1 ? "in" : "out"), fields[j]
				}
			}
			print name
		}'
}

# The page's, in the same form.
fields_of_page() {
	awk '/^\.Sh/ { on = /METHODS|TYPES|ERROR REPLIES/ } !on { next }
		/^\.Ss/ { name = $2; side = "in"; print name }
		/^Answers:/ { side = "out" }
		/^\.It Va/ { print name, side, $3, $6 }' man/io.awf.Sandbox.7
}

@test "io.awf.Sandbox(7) has every method, type, error and field of the interface, and no other" {
	start=$(fields_of_interface | grep '^Start in ' | cut -d' ' -f3-)
	[ "$(wc -l <<<"$start")" -gt 20 ]
	# The page says that these are the same.
	[ "$start" = "$(fields_of_interface | grep '^Check in ' | cut -d' ' -f3-)" ]
	diff <(fields_of_interface | grep -v '^Check in ' | sort) <(fields_of_page | sort)
}

# Without an item of the page a message is missed, and without a message an item is.
@test "every message says what to do, or is in awf-troubleshooting(7)" {
	local page=$BATS_TEST_TMPDIR/page
	[ "$(tests/system/messages.py list | wc -l)" -gt 400 ]
	sed '/^\.It "awfd is stopping"/d; s/^\.It "Too many open files"/.It "nobody says this"/' man/awf-troubleshooting.7 >"$page"
	run -1 tests/system/messages.py missing "$page"
	[ "$output" = $'awfd/method-sandbox.c: awfd is stopping\nawfd/predownload.c: awfd is stopping\nwhat the system says: Too many open files' ]
	run -1 tests/system/messages.py stale "$page"
	[ "$output" = 'in the page: nobody says this' ]
	run -0 tests/system/messages.py missing
	run -0 tests/system/messages.py stale
}

# The items of awf-security(7)'s promises, each in a line.
promises() {
	sed -n '/^\.Sh PROMISES/,/^\.Sh WHAT/p' man/awf-security.7 | awk '/^\.It/ { if (n++) print ""; next } n { printf "%s ", $0 }'
}

@test "each promise of awf-security(7) names tests that attack it, and every file of attacks is named" {
	local promise file named
	[ "$(promises | grep -c .)" -gt 12 ]
	while IFS= read -r promise; do
		named=$(grep -oE 'tests/[a-z/-]+\.(bats|c)' <<<"$promise") || { echo "no test: $promise"; false; }
		for file in $named; do
			# A test that something is refused, or ends.
			grep -qE 'run (!|-[1-9])|refus|assert_clean|assert_false|proven|attack|< 0' "$file" || { echo "$file"; false; }
		done
	done < <(promises | grep .)
	for file in tests/system/*attacks.bats tests/system/flood.bats tests/system/tampering.bats tests/system/crash-matrix.bats; do
		promises | grep -qF "$file" || { echo "$file is not named"; false; }
	done
}

@test "what CONTRIBUTING names exists" {
	local path
	for path in $(grep -oE '`(awfd|awfctl|proto|common|containers|systemd|packaging|man|tests)/[A-Za-z0-9./-]*`' CONTRIBUTING.md | tr -d '`' | sort -u); do
		[ -e "$path" ] || { echo "$path"; false; }
	done
	[ "$(grep -c . <<<"$(grep -oE '`[a-z]+/[A-Za-z0-9./-]+`' CONTRIBUTING.md)")" -gt 30 ]
	for target in $(grep -oE 'make (-s )?[a-z-]+' CONTRIBUTING.md | sed 's/.* //' | sort -u); do
		grep -q "^$target:" Makefile || [[ $target =~ ^(a|them)$ ]] || { echo "make $target"; false; }
	done
}

@test "every command of awfctl --help is in awfctl(1)" {
	local command
	for command in $(commands_of_help); do
		grep -qE "^\.(It|Ss) (Cm|Nm|Ic)? ?(awfctl )?$command( |$)|^\.(Cm|Ic) $command( |$)|Cm $command( |$)" man/awfctl.1 ||
			{ echo "$command is not in the man page"; false; }
	done
}

# `repo clone` is awf-gh's own.
@test "the commands of gh in awf-gh(1) are those of the table" {
	page=$(awk '/^\.Ss Commands/ { on = 1 } /^\.El/ && on { exit }
		on && /^\.It Ic/ { command = $3 } on && /^[a-z]/ { gsub(/,/, ""); for (i = 1; i <= NF; i++) print command, $i }' \
		man/awf-gh.1 | sed '/^These/d' | grep -v ' These\|^ ' | sort)
	table=$({ "$bin/tests/gh-table" | grep -v -e ' --' -e ' denied$' | grep ' '; echo repo clone; } | sort)
	[ -n "$table" ]
	diff <(echo "$table") <(echo "$page")
	for command in api status; do
		grep -qx ".It Ic $command" man/awf-gh.1
	done
}

@test "every key of awfd.conf is in the default file and in awfd.conf(5), and the other way round" {
	code=$(grep -ohE '(KEY|FIXED|LIST)\("[A-Za-z]+", "[A-Za-z0-9]+"' awfd/config.c awfd/policy.c | sed -E 's/.*, "(.*)"/\1/' | sort)
	file=$(grep -oE '^#[A-Za-z0-9]+=' systemd/awfd.conf | tr -d '#=' | sort)
	page=$(grep -oE '^\.It Sy .*' man/awfd.conf.5 | grep -oE '[A-Za-z0-9]+=' | tr -d '=' | sort)
	[ "$code" = "$file" ]
	[ "$code" = "$page" ]
}

@test "the keys that count only after a restart are those that awfd.conf(5) names" {
	code=$(grep -oE 'FIXED\("[A-Za-z]+", "[A-Za-z0-9]+"' awfd/config.c | sed -E 's/.*, "(.*)"/\1/' | sort -u)
	page=$(sed -n '/^Sockets, directories/,/^\.Ss \[Daemon\]/p' man/awfd.conf.5 | grep -oE '[A-Za-z0-9]+=' | tr -d '=' | sort)
	[ "$(wc -l <<<"$code")" -gt 10 ]
	diff <(echo "$code") <(echo "$page")
}

@test "the credentials in awfctl(1) are those of the table, and the homes' own are marked" {
	table=$(grep -oP '^\t\{ "\K[^"]+", (true|false)(?= \},)' awfd/mount-credentials.c | sed 's/", true//; s/", false/ (homes)/' | sort)
	page=$(sed -n '/^\.Ss Credentials/,/^\.Ss Options/p' man/awfctl.1 | sed -n '/^\.Bl/,/^\.El/p' |
		sed -n 's/^\.Pa //p' | sed -E 's/^\\&//; s/ ,$//; s/ No \(homes\)/ (homes)/' | sort)
	[ "$(wc -l <<<"$table")" -gt 80 ]
	diff <(echo "$table") <(echo "$page")
}

@test "the defaults in the default file are the program's" {
	# A file that sets every key to what it says is the default changes nothing.
	sed 's/^#//' systemd/awfd.conf | sed '1d' >"$BATS_TEST_TMPDIR/awfd.conf"
	run -0 "$bin/awfd" --check-config --config "$BATS_TEST_TMPDIR/awfd.conf"
}

@test "the options of awfd, awf-namespaces and awf-relay are in their man pages" {
	local program option
	for program in awfd awf-namespaces awf-relay; do
		for option in $("$bin/$program" --help 2>&1 | grep -oE -- '--[a-z-]+' | sort -u); do
			grep -qE -- "Fl (.* )?-${option#--}( |$)" "man/$program.8" || { echo "$program $option"; false; }
		done
	done
}

@test "what the README tells to type exists" {
	local target
	for target in $(grep -oE 'make [a-z-]+' README.md | cut -d' ' -f2 | sort -u); do
		make -n "$target" >/dev/null || [[ $target =~ ^(and|measures)$ ]]
	done
	for file in $(grep -oE '`(man|proto|tests)/[A-Za-z0-9./-]*`' README.md | tr -d '`'); do
		[ -e "$file" ] || { echo "$file"; false; }
	done
}
