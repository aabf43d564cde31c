#!/bin/sh
# SPDX-License-Identifier: MIT
#
# All tests, after set-up: `all.sh quick` or `all.sh full`. The last line adds
# up what the parts counted: N passed, N failed.
set -u
make=${MAKE:-make}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# part NAME COMMAND...: a part that does not count its tests has failed.
part() {
	echo "== $1"
	shift
	"$@" 2>&1 | tee "$out"
	count=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' \
		"$out" | tail -n 1)
	set -- ${count:-0 1}
	passed=$((passed + $1))
	failed=$((failed + $2))
}

jobs=$(nproc)
part native "$make" --no-print-directory -s -j"$jobs" test-native
part conformance sh tests/conformance.sh build/tests/names
part trusted "$make" --no-print-directory -s test-trusted
part defects "$make" --no-print-directory -s test-defects
part command "$make" --no-print-directory -s test-cli
part systems sh tests/system.sh "${1:-quick}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
