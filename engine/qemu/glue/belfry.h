/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hooks that the patched files of QEMU call. Those that take a CPU are
 * called for one with env->snp only, on its own thread; the others decide
 * for themselves whether there is a Belfry machine.
 *
 * @ra is GETPC() of a helper, or 0 outside of generated code. "Leaves" says
 * that the function does not return: it raises an exception or goes back to
 * the CPU loop with new state.
 */
#ifndef TARGET_I386_BELFRY_H
#define TARGET_I386_BELFRY_H

#include "cpu.h"

struct X86MachineState;

/* The C-bit of page table entries and of CR3. */
static inline uint64_t belfry_c_mask(CPUX86State *env)
{
	return env->snp ? 1ull << 51 : 0;
}

/* ---- board (start.c, irq.c) ---------------------------------------------- */

/* The board is ready for its firmware: true if it needs none. */
bool belfry_boot(struct X86MachineState *board);
/* These say whether the interrupt was taken. */
bool belfry_set_gsi(int gsi, int level);
bool belfry_msi(uint64_t address, uint32_t data);
void belfry_nmi(CPUState *cs);

/* ---- memory (mmu.c) ------------------------------------------------------ */

/*
 * The page tables lead from @addr to @gpa with rights *prot: take away what
 * the RMP does not give. Returns false for a probe that fails; leaves if an
 * access fails.
 */
bool belfry_fill(CPUX86State *env, vaddr addr, MMUAccessType type, int mmu_idx,
		 bool probe, hwaddr gpa, bool c_bit, int *prot, uintptr_t ra);

/* The walk for @addr may not read, or write, the table entry at @gpa. */
G_NORETURN void belfry_walk_fault(CPUX86State *env, vaddr addr, hwaddr gpa,
				  bool write, uintptr_t ra);

/* A debugger's walk: no check, no side effect; -1 if not mapped. */
hwaddr belfry_debug_walk(CPUState *cs, vaddr addr);

/* Defined by the patch in excp_helper.c. Leaves with #PF if not mapped. */
hwaddr belfry_walk(CPUX86State *env, vaddr addr, bool *c_bit, int *page_size,
		   uintptr_t ra);

/* ---- instructions (insn.c, msr.c) ---------------------------------------- */

/* EIP and the flags are up to date; leaves if intercepted. */
void belfry_intercept(CPUX86State *env, uint32_t code, uintptr_t ra);
void belfry_ioio(CPUX86State *env, uint32_t port, uint32_t info, uint32_t len,
		 uintptr_t ra);
/* Where QEMU would exit to a nested hypervisor: triple fault, bad CR. */
G_NORETURN void belfry_vmexit(CPUX86State *env, uint64_t code, uintptr_t ra);
/* EIP is behind HLT. */
G_NORETURN void belfry_hlt(CPUX86State *env);

/* False: not the machine's; the MSR is QEMU's. */
bool belfry_rdmsr(CPUX86State *env, uintptr_t ra);
bool belfry_wrmsr(CPUX86State *env, uintptr_t ra);
uint64_t belfry_read_cr8(CPUX86State *env, uintptr_t ra);
void belfry_write_cr8(CPUX86State *env, uint64_t value, uintptr_t ra);

/* ---- events (event.c) ---------------------------------------------------- */

int belfry_pending(CPUState *cs, int request);
bool belfry_exec_interrupt(CPUState *cs, int request);
void belfry_delivering(CPUX86State *env, int vector, int is_int,
		       int error_code, int is_hw, int real_mode);
void belfry_delivered(CPUX86State *env);

#endif
