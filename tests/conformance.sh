#!/bin/sh
# SPDX-License-Identifier: MIT
#
# conformance.sh NAMES [FILE]: do the tests that docs/conformance.md names
# exist? NAMES is what tests/native.sh wrote. Each row counts; the last line is
# "N passed, N failed".
set -u
names=$1
doc=${2:-docs/conformance.md}
all=$(mktemp) || exit 1
trap 'rm -f "$all"' EXIT
[ -s "$names" ] || { echo "no $names: make test-native"; exit 1; }

{
	cat "$names"
	sh tests/system.sh list | sed 's/^/system: /'
	for f in fuzz/*.c; do
		f=${f##*/}
		echo "fuzz: ${f%.c}"
	done
} >"$all"

# The rows of each list ("## ...") count up from 1 without a gap.
awk -F'|' '
function exists(wanted, prefix, n) {
	prefix = wanted ~ /\*$/
	sub(/\*$/, "", wanted)
	if (wanted !~ /: /) {
		wanted = wanted ": "
		prefix = 1
	}
	for (n in name)
		if (n == wanted || (prefix && index(n, wanted) == 1))
			return 1
	return 0
}
function fail(why) {
	print $2 ":" why
	bad = 1
}
FILENAME == ARGV[1] { name[$0] = 1; next }
/^## / { due = 1 }
/^\| [0-9]/ {
	bad = 0
	if ($2 + 0 != due)
		fail(" row " due " is missing")
	due = $2 + 1
	text = $0
	sub(/^\|[^|]*\|[^|]*\|/, "", text)
	if (text !~ /`/ && text !~ /not tested: ./)
		fail(" neither a test nor a reason")
	sub(/not tested: .*/, "", text)
	while (match(text, /`[^`]*`/)) {
		wanted = substr(text, RSTART + 1, RLENGTH - 2)
		text = substr(text, RSTART + RLENGTH)
		if (!exists(wanted))
			fail(" no test \"" wanted "\"")
	}
	rows++
	failed += bad
}
END {
	print rows - failed " passed, " failed + 0 " failed"
	exit rows == 0 || failed > 0
}' "$all" "$doc"
