/* SPDX-License-Identifier: MIT */
/*
 * Instructions. Those that touch memory which the guest or the host may take
 * away meanwhile have a fixup: a fault makes them return an error instead of
 * stopping the monitor.
 */
#ifndef SVSM_INSN_H
#define SVSM_INSN_H

#include "arch/snp.h"
#include "arch/types.h"
#include "svsm/rmp.h"

#define FIXUP(at, to)							\
	"\n.pushsection .fixups, \"a\"\n"				\
	".quad " at ", " to "\n"					\
	".popsection\n"

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value),
		     "d"((u32)(value >> 32)) : "memory");
}

static inline void vmgexit(void)
{
	asm volatile("rep; vmmcall" : : : "memory");
}

static inline void relax(void)
{
	asm volatile("pause" : : : "memory");
}

/* APM vol. 3: RAX is the address, ECX the size, EDX what to make of it. */
static inline u32 insn_pvalidate(const void *at, bool large, bool validate,
				 bool *unchanged)
{
	u32 fault, eax;
	u8 carry = 0;

	asm volatile("movl $1, %0\n"
		     "1: .byte 0xf2, 0x0f, 0x01, 0xff\n"
		     "setc %2\n"
		     "xorl %0, %0\n"
		     "2:" FIXUP("1b", "2b")
		     : "=&r"(fault), "=a"(eax), "+r"(carry)
		     : "a"(at), "c"((u32)large), "d"((u32)validate)
		     : "memory", "cc");
	*unchanged = carry;
	return fault ? RMP_FAULT : eax;
}

static inline u32 insn_rmpadjust(const void *at, bool large, u64 attributes)
{
	u64 size = large;
	u32 fault, eax;

	asm volatile("movl $1, %0\n"
		     "1: .byte 0xf3, 0x0f, 0x01, 0xfe\n"
		     "movl $0, %0\n"
		     "2:" FIXUP("1b", "2b")
		     : "=&r"(fault), "=a"(eax), "+c"(size)
		     : "a"(at), "d"(attributes)
		     : "memory", "cc");
	return fault ? RMP_FAULT : eax;
}

/* False: an address could not be reached; a part may have been copied. */
static inline bool insn_copy(void *to, const void *from, u64 bytes)
{
	u64 fault = 1;

	asm volatile("1: rep movsb\n"
		     "xorl %k0, %k0\n"
		     "2:" FIXUP("1b", "2b")
		     : "+r"(fault), "+D"(to), "+S"(from), "+c"(bytes)
		     : : "memory", "cc");
	return !fault;
}

static inline bool insn_zero(void *to, u64 bytes)
{
	u64 fault = 1, words = bytes / 8;

	asm volatile("1: rep stosq\n"
		     "xorl %k0, %k0\n"
		     "2:" FIXUP("1b", "2b")
		     : "+r"(fault), "+D"(to), "+c"(words)
		     : "a"(0ull) : "memory", "cc");
	return !fault;
}

/* Exchange one byte; false: it could not be reached. */
static inline bool insn_swap(u8 *at, u8 *value)
{
	u64 fault = 1;
	u8 byte = *value;

	asm volatile("1: xchgb %1, (%2)\n"
		     "xorl %k0, %k0\n"
		     "2:" FIXUP("1b", "2b")
		     : "+r"(fault), "+q"(byte)
		     : "r"(at) : "memory", "cc");
	*value = byte;
	return !fault;
}

#endif
