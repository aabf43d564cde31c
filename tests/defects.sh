#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each tests/defects/NAME.patch plants one defect; the test that its first
# line names must then fail. `defects.sh [NAME ...]`; in the tree's root, with
# the native tests built. Last line: N passed, M failed.
#
# All happens in a copy of the tree, whose objects are those of this one, so
# that only what a patch touches is compiled.
set -u
make=${MAKE:-make}
tree=build/defects
passed=0
failed=0
[ $# -gt 0 ] || set -- $(ls tests/defects/*.patch)

copy() {
	rm -rf $tree
	mkdir -p $tree/build || return 1
	for entry in *; do
		[ "$entry" = build ] || cp -a "$entry" $tree/ || return 1
	done
	cp -a build/san $tree/build/
}

# What the patch changed is as before, and nothing is left to compile.
restore() {
	for file in $(sed -n 's/^+++ b\///p' "$1"); do
		object=build/san/${file%.*}.o
		cp -p "$file" "$tree/$file"
		cp -p "$object" "$tree/$object" 2>/dev/null
	done
}

# The test is green without the defect, and red with it: it ran, and cmocka
# counted failures, or it died.
caught() {
	test=$(sed -n '1s/^Caught by: //p' "$1")
	if ! build/tests/"$test" >"$out.red" 2>&1; then
		echo "$test fails without it"
		return 1
	fi
	patch -s -p1 -d $tree --no-backup-if-mismatch <"$1" || return 1
	"$make" -s -C $tree "build/tests/$test" || return 1
	if $tree/build/tests/"$test" >"$out.red" 2>&1; then
		echo "$test passes all the same"
		return 1
	fi
	by=$(sed -n 's/^\[  FAILED  \] \([^0-9].*\|[0-9]*:.*\)/\1/p' "$out.red" |
		head -n 1)
	by="$test: ${by:-died}"
}

copy || exit 1
out=$(mktemp) || exit 1
trap 'rm -rf "$out" "$out.red" $tree' EXIT
trap 'exit 130' INT TERM
for defect; do
	case $defect in *.patch) ;; *) defect=tests/defects/$defect.patch ;; esac
	name=${defect##*/}
	if caught "$defect" >"$out" 2>&1; then
		verdict="caught by $by"
		passed=$((passed + 1))
	else
		verdict="FAILED ($test)"
		failed=$((failed + 1))
		tail -n 20 "$out"
	fi
	printf '%-24s %s\n' "${name%.patch}" "$verdict"
	restore "$defect"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
