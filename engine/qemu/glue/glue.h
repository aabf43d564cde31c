/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the glue share: QEMU's side and ours, in one namespace.
 */
#ifndef BELFRY_GLUE_H
#define BELFRY_GLUE_H

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "cpu.h"
#include "exec/address-spaces.h"
#include "exec/cpu_ldst.h"
#include "exec/cputlb.h"
#include "exec/exec-all.h"
#include "hw/i386/x86.h"
#include "tcg/helper-tcg.h"

#include "belfry.h"

/*
 * Names that both sides use: ours win below this line, and struct vmcb, which
 * nothing of the glue touches, gets out of the way of QEMU's.
 */
#undef BIT
#undef BIT_ULL
#undef ARRAY_SIZE
#undef PAGE_SIZE
#undef PAGE_MASK
#define vmcb belfry_vmcb
#include "engine/api.h"
#undef vmcb

/* What decides whether a bank of TLBs may be used again as it is. */
struct tlb_key {
	u64 cr0, cr3, cr4, efer;
	u64 features, vtom;
	u32 pkru;
	u8 vmpl;
	bool valid;
};

/* Beside each CPU; its own thread's. */
typedef struct BelfryVcpu {
	unsigned int id;
	struct tlb_key bank[2];
	/* An event of the machine, until its delivery has begun. */
	u64 event;
	/* Deliveries begun since the last one that was completed. */
	unsigned int undelivered;
	/* Instructions, and the counter when its turn began: count.c. */
	u64 executed, turn;
	bool in_turn;
} BelfryVcpu;

struct glue {
	const struct belfry_api *api;	/* NULL: not attached */
	const char *config;
	const char *library;
	void *ram;
	u64 ram_below_4g, ram_above_4g;
	unsigned int vcpus;
	u32 *apic_id;
	CPUState **cpu;			/* by vCPU number */
	bool started;
	bool stopped;
};

extern struct glue belfry;

/* SNP, as opposed to a native run or none of ours. */
static inline bool belfry_snp(void)
{
	return belfry.api && !belfry.api->native;
}

static inline struct machine *vcpu_machine(void)
{
	return belfry.api->machine;
}

/* ---- leaving an instruction (insn.c) ------------------------------------- */

/*
 * Before a call of the machine that may look at the clock or a device: takes
 * the machine lock. With instruction counting the instruction must be the
 * last of its block: if it is not, it is executed again that way.
 */
void vcpu_enter(CPUX86State *env, uintptr_t ra);

/*
 * Do what the machine said. EIP is at the instruction, @nrip behind it.
 * Returns for NATIVE and DONE only, without the lock.
 */
void vcpu_follow(CPUX86State *env, enum mach_next next, u64 nrip,
		 uintptr_t ra);
/* The same where there is nothing to return to. */
G_NORETURN void vcpu_leave(CPUX86State *env, enum mach_next next);

#endif
