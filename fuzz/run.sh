#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh SECONDS NAME...: each build/fuzz/NAME for SECONDS, one after the
# other. The output of one is shown if it found something. Last line:
# N passed, N failed.
seconds=$1
shift
passed=0
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

for name; do
	corpus=build/fuzz/corpus/$name
	mkdir -p "$corpus"
	[ "$name" != igvm_read ] || build/fuzz/igvm_seeds "$corpus" || exit 1
	# Unlike the default, a slow machine is no finding.
	if "build/fuzz/$name" -max_total_time="$seconds" -timeout=60 \
	    -print_final_stats=1 -artifact_prefix="build/fuzz/$name." \
	    "$corpus" >"$out" 2>&1; then
		passed=$((passed + 1))
		verdict=ok
	else
		failed=$((failed + 1))
		verdict=FAILED
		tail -n 60 "$out"
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out")
	printf '%-24s %s (%s inputs)\n' "$name" "$verdict" "${runs:-0}"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
