#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh MIN FILE.c...: lines and branches of each file, and of core/, as
# the *.gcda under build/cov/obj say. Fails if less than MIN % of the branches
# of core/ were taken.
min=$1
shift
for file; do
	gcov -b -n -o "build/cov/obj/${file%.c}.o" "$file"
done 2>/dev/null | awk -v min="$min" '
/^File / {
	file = $2
	gsub(/\047/, "", file)
	mine = file ~ /^(core|svsm)\/.*\.c$/
}
mine && /^Lines executed/ {
	split($0, f, /[:% ]+/)
	lines[file] = f[3]
	if (file ~ /^svsm/)
		next
	l += f[3] * f[5] / 100
	ln += f[5]
}
mine && /^Taken at least once/ {
	split($0, f, /[:% ]+/)
	printf "%-24s lines %6.2f %%  branches %6.2f %% of %d\n", file,
	       lines[file], f[5], f[7]
	if (file ~ /^svsm/)
		next
	b += f[5] * f[7] / 100
	bn += f[7]
}
END {
	if (!bn)
		exit 1
	printf "%-24s lines %6.2f %%  branches %6.2f %% of %d\n", "core/",
	       100 * l / ln, 100 * b / bn, bn
	exit 100 * b / bn < min
}'
