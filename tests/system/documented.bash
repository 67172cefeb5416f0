# What the tests of documented commands share: documented.table, and what the bed has in the place of what
# documentation names. One that is being removed may be gone between its list and its stop.
# shellcheck shell=bash disable=SC2034,SC2154 # for the tests; set by bed.bash

# The bed's github.com has another repository, and its images come from no registry.
on_the_bed() {
	sed -E -e 's#https://github.com/git/git#https://github.com/o/r.git#g' \
		-e "s#/tmp/difc/ca\.crt|\bca\.crt\b#$BED_DIFC_CA#g" \
		-e 's#awf/agent\b#awf/agent-test#g' \
		-e 's#--agent-image gcc\b#--agent-image awf/agent-test -v /usr/bin/make:/usr/bin/make:ro#g' \
		-e 's#/usr/libexec/awfd/#/srv/awf/build/bin/#g' \
		-e 's#\bwait ID\b#wait "$id"#g' \
		-e 's#^awfctl list --quiet [|] xargs#while awfctl list --json | grep -q "\"destroying\""; do sleep 0.1; done; &#'
}

# documented HOW: the commands that are tried like this, into COMMANDS.
documented() {
	mapfile -t COMMANDS < <(awk -F'\t' -v how="$1" '$1 == how { print $2 }' "$BATS_TEST_DIRNAME/documented.table")
	[ "${#COMMANDS[@]}" -gt 0 ]
	for i in "${!COMMANDS[@]}"; do
		printf -v "COMMANDS[$i]" '%b' "${COMMANDS[i]}"
	done
}

# For one shell, in this order, so that what one sets the next one has. Ends at the first that fails.
# shellcheck disable=SC2016 # for that shell
readonly TYPE_ALL='
	for command; do
		printf "$ %s\n" "$command"
		eval "$command" </dev/null || { echo "exit code $?: $command"; exit 1; }
	done'
