#!/bin/sh
# SPDX-License-Identifier: MIT
#
# covered.sh LOG ELF [SYMBOL...]: what a sweep of #HV over ELF's code reached.
# LOG is what the engine writes with `-d int`, one line for each event that it
# delivers: v=1c is #HV, IP the instruction that it came before.
#
# With symbols: was there one at each of their instructions, up to the first
# return? Without: is each #HV at the very next instruction after the one
# before it, or behind a jump, so that none was left out?
log=$1
elf=$2
shift 2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
sed -n 's/^ *[0-9]*: v=1c .* IP=[0-9a-f]*:0*\([0-9a-f]*\) .*/\1/p' "$log" \
	>"$tmp/rips"
# ADDRESS INSTRUCTION, and <SYMBOL> lines between them.
objdump -d --no-show-raw-insn "$elf" |
	sed -n -e 's/^[0-9a-f]* <\(.*\)>:$/<\1>/p' \
		-e 's/^ *\([0-9a-f]*\):[[:space:]]*\(.*\)$/\1 \2/p' \
	>"$tmp/code"

symbols() {
	awk -v want="$*" '
	FNR == NR { hit[$1] = 1; next }
	FNR == 1 { n = split(want, names, " ") }
	/^</ {
		name = substr($1, 2, length($1) - 2)
		inside = 0
		for (i = 1; i <= n; i++)
			if (names[i] == name)
				inside = seen[name] = 1
		next
	}
	!inside { next }
	{
		total++
		if (!($1 in hit)) {
			missed++
			print "none before " name ": " $0
		}
	}
	$2 ~ /^(ret|iretq?)$/ { inside = 0 }
	END {
		for (i = 1; i <= n; i++)
			if (!(names[i] in seen)) {
				print "no symbol " names[i]
				failed = 1
			}
		print total - missed " of " total + 0 " instructions"
		exit failed || missed || !total
	}' "$tmp/rips" "$tmp/code"
}

# Sleep, and what one instruction does several times, stays where it is.
gaps() {
	awk '
	/^</ { next }
	FNR == NR { what[$1] = $2 $3; next_of[last] = $1; last = $1; next }
	!($1 in different) { different[$1] = 1; n++ }
	FNR > 1 && $1 != before && $1 != next_of[before] &&
	what[before] !~ /^(j|call|ret|iret|hlt|rep|vmmcall)/ {
		print "gap: " before " " what[before] ", then " $1
		gap++
	}
	{ before = $1 }
	END {
		print FNR " events at " n " instructions"
		exit gap || n < 100
	}' "$tmp/code" "$tmp/rips"
}

if [ $# -gt 0 ]; then
	symbols "$@"
else
	gaps
fi
