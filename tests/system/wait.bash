# How tests wait.
# shellcheck shell=bash

# How long any wait may take; a machine under load is no reason to fail.
WAIT_SECONDS=${WAIT_SECONDS:-60}

# Waits until a command succeeds; shows its last output when it doesn't. Who has waited for long is not
# in a hurry, and others need the processors.
wait_for() {
	local deadline=$((${EPOCHREALTIME/[.,]/} + WAIT_SECONDS * 1000000)) output ms=40 pause
	until output=$("$@" 2>&1); do
		if ((${EPOCHREALTIME/[.,]/} > deadline)); then
			printf 'waited %s s in vain for: %s\n%s\n' "$WAIT_SECONDS" "$*" "$output" >&2
			return 1
		fi
		printf -v pause '0.%03d' "$ms"
		sleep "$pause"
		ms=$((ms < 250 ? ms * 5 / 4 : ms))
	done
}
