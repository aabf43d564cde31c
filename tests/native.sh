#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs each native test program and adds up what cmocka counted. The output
# of a program is shown only if it failed. Last line: N passed, N failed.
# Beside the programs, the file "names" has a line "PROGRAM: TEST" for each.
passed=0
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT INT TERM
names=${1%/*}/names
: >"$names"

for program; do
	if "$program" >"$out" 2>&1; then
		status=ok
	else
		status=FAILED
		cat "$out"
	fi
	sed -n "s/^\[ RUN      \] /${program##*/}: /p" "$out" >>"$names"
	p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$out" |
	    awk '{ n += $1 } END { print n + 0 }')
	f=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$out" |
	    awk '{ n += $1 } END { print n + 0 }')
	# A program that died before its summary is one failure.
	[ "$status" = ok ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p))
	failed=$((failed + f))
	printf '%-40s %s (%s passed)\n' "${program##*/}" "$status" "$p"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
