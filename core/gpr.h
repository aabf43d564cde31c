/* SPDX-License-Identifier: MIT */
/*
 * General registers of a VMSA by their number in instructions, and stepping
 * over an instruction (APM 15.35.5; vol. 1, 3.1.2 for what writes extend).
 */
#ifndef CORE_GPR_H
#define CORE_GPR_H

#include "arch/svm.h"
#include "arch/vmsa.h"

#define GPR_RAX		0
#define GPR_RCX		1
#define GPR_RSI		6
#define GPR_RDI		7

#define RFLAGS_DF	BIT_ULL(10)

static inline u64 *vmsa_gpr(struct vmsa *vmsa, unsigned int n)
{
	switch (n & 15) {
	case 0: return &vmsa->rax;
	case 1: return &vmsa->rcx;
	case 2: return &vmsa->rdx;
	case 3: return &vmsa->rbx;
	case 4: return &vmsa->rsp;
	case 5: return &vmsa->rbp;
	case 6: return &vmsa->rsi;
	case 7: return &vmsa->rdi;
	default: return &vmsa->r8_15[(n & 15) - 8];
	}
}

/* The low bytes; size is 1, 2, 4 or 8. */
static inline u64 low_bytes(u64 value, unsigned int size)
{
	return size >= 8 ? value : value & ((1ull << size * 8) - 1);
}

/* A register written at that size: 4 bytes clear the rest, fewer keep it. */
static inline u64 merge_bytes(u64 old, u64 value, unsigned int size)
{
	if (size >= 4)
		return low_bytes(value, size);
	return (old & ~low_bytes(~0ull, size)) | low_bytes(value, size);
}

/* Address size that the code segment gives: 2, 4 or 8 bytes. */
static inline unsigned int vmsa_mode(const struct vmsa *vmsa)
{
	const u16 seg_long = BIT(9), seg_big = BIT(10);

	if (vmsa->efer & EFER_LMA && vmsa->cs.attrib & seg_long)
		return 8;
	return vmsa->cs.attrib & seg_big ? 4 : 2;
}

/* An instruction of that many bytes is done: INT_SHADOW covered only it. */
static inline void vmsa_step(struct vmsa *vmsa, unsigned int length)
{
	u64 rip = vmsa->rip + length;

	vmsa->rip = vmsa_mode(vmsa) == 8 ? rip : (u32)rip;
	vmsa->vintr_ctrl &= ~VINTR_SHADOW;
}

/*
 * The instruction that caused the exit is done. Where hardware gives no NRIP
 * the exit says what it was: RDMSR or WRMSR, two bytes (docs/ghcb.md).
 * False: neither is known, and the guest cannot go on.
 */
static inline bool vmsa_skip(struct vmsa *vmsa)
{
	if (vmsa->exit_code == EXIT_AVIC_NOACCEL) {
		vmsa_step(vmsa, 2);
		return true;
	}
	if (!vmsa->nrip)
		return false;
	vmsa->rip = vmsa->nrip;
	vmsa->vintr_ctrl &= ~VINTR_SHADOW;
	return true;
}

#endif
