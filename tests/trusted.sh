#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What can be said of the trusted code without running it: how much it is, what
# it includes, what it calls, and that it knows of no emulator. Last line:
# N passed, M failed.
set -u
cc=${CC:-gcc}
passed=0
failed=0

verdict() {
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		printf '%-24s ok%s\n' "$2" "${3:+ ($3)}"
	else
		failed=$((failed + 1))
		printf '%-24s FAILED%s\n' "$2" "${3:+ ($3)}"
	fi
}

# Lines with code: no comments, no empty ones.
lines() {
	for file; do
		"$cc" -fpreprocessed -dD -E -P "$file" 2>/dev/null
	done | grep -c '[^[:space:]]'
}

# budget NAME MAX FILE...
budget() {
	name=$1
	max=$2
	shift 2
	n=$(lines "$@")
	[ "$n" -gt 0 ] && [ "$n" -le "$max" ]
	verdict $? "size of $name" "$n lines of at most $max"
}

# includes NAME PATTERN FILE...: nothing but what matches, from its first ".
includes() {
	name=$1
	pattern=$2
	shift 2
	! grep -n '^[[:space:]]*#[[:space:]]*include' "$@" |
		grep -v -E "include[[:space:]]*($pattern)"
	verdict $? "includes of $name"
}

# docs/monitor.md has these numbers and says what is in them.
budget core/apic 1100 $(ls core/apic*.c | grep -v apic_check)
budget 'core/ interrupts' 1700 $(ls core/apic*.c | grep -v apic_check) \
	core/doorbell.c core/mailbox.c core/present.c core/svsm_apic.c
budget core/ 2400 $(ls core/*.c | grep -v apic_check)
budget svsm/ 3300 svsm/*.c svsm/*.S

includes arch/ '"(arch/)?(types|vmsa)\.h"|<std' arch/*.h
includes core/ '"(arch|core)/' core/*.[ch]
includes svsm/ '"(arch|core|svsm)/' svsm/*.[chS]
includes machine/ '"(arch|machine)/|<(stdlib|string)\.h>' machine/*.[ch]
includes host/ '"(arch|core|host)/|"machine/hv\.h"|<std|<string\.h>' host/*.[ch]

# It is linked without a library; what is called is its own.
[ -z "$(nm -u build/svsm.elf)" ]
verdict $? 'no symbol from outside'
! nm build/svsm.elf | grep -w -E 'malloc|calloc|free|realloc|sbrk'
verdict $? 'no allocator'
! nm build/svsm.elf | grep -w apic_check
verdict $? 'checker stays outside'

! grep -n -i -w -E 'qemu|tcg|kvm_hypercall|fw_cfg' svsm/*.[chS] core/*.[ch] \
	arch/snp.h arch/svm.h arch/vmsa.h arch/ghcb.h arch/doorbell.h
verdict $? 'no word of an emulator'
! strings -a build/svsm.elf | grep -i -E 'qemu|tcg'
verdict $? 'nor in the image'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
