// SPDX-License-Identifier: MIT
/*
 * Exceptions. The monitor has none of its own that it could go on after: but
 * for accesses with a fixup every one stops it by name. #VC too: it executes
 * no instruction that is intercepted, so whatever comes is not an honest
 * host's (docs/monitor.md).
 */
#include "svsm/insn.h"
#include "svsm/svsm.h"

#define VECTORS		32
#define GATE		0x8e00ull	/* present, DPL 0, interrupt gate */
#define IST_DF		1

static struct { u64 low, high; } idt[VECTORS] __attribute__((aligned(16)));
u8 idt_pointer[10];

struct fixup {
	u64 at;
	u64 to;
};

extern const struct fixup fixups_start[], fixups_end[];
extern u8 svsm_stubs[], svsm_hv_entry[];
void svsm_trap(struct regs *regs);

static void set_gate(unsigned int vector, u64 at, unsigned int ist)
{
	idt[vector].low = (at & 0xffff) | SELECTOR_CODE << 16 |
			  (u64)ist << 32 | GATE << 32 |
			  (at >> 16 & 0xffff) << 48;
	idt[vector].high = at >> 32;
}

/* Vectors from 32 on have no gate: #GP, which stops. */
void trap_init(void)
{
	u16 limit = sizeof(idt) - 1;
	u64 base = (u64)idt;

	for (unsigned int i = 0; i < VECTORS; i++)
		set_gate(i, (u64)svsm_stubs + VECTOR_STUB_SIZE * i,
			 i == VECTOR_DF ? IST_DF : 0);
	set_gate(VECTOR_HV, (u64)svsm_hv_entry, 0);
	__builtin_memcpy(idt_pointer, &limit, sizeof(limit));
	__builtin_memcpy(idt_pointer + 2, &base, sizeof(base));
}

void trap_load(void)
{
	asm volatile("lidt %0" : : "m"(idt_pointer));
}

static bool fixed(struct regs *regs)
{
	for (const struct fixup *f = fixups_start; f < fixups_end; f++)
		if (f->at == regs->rip) {
			regs->rip = f->to;
			return true;
		}
	return false;
}

static const char * const names[VECTORS] = {
	"divide error", "debug exception", "NMI", "breakpoint", "overflow",
	"bound range", "invalid opcode", "no FPU", "double fault",
	[10] = "invalid TSS", "no segment", "stack fault",
	"general protection", "page fault",
	[16] = "x87 error", "alignment check", "machine check", "SIMD error",
	[21] = "control protection", [28] = "#HV", "#VC", "#SX",
};

void svsm_trap(struct regs *regs)
{
	const char *name = names[regs->vector] ? names[regs->vector] :
			   "reserved exception";
	bool not_validated = regs->vector == VECTOR_VC &&
			     regs->error == EXIT_PAGE_NOT_VALIDATED;

	if ((not_validated || regs->vector == VECTOR_PF) && fixed(regs))
		return;
	if (regs->vector == VECTOR_DF)
		stop(MONITOR_STOP_DOUBLE_FAULT, name, regs->rip);
	if (regs->vector == VECTOR_VC)
		stop(MONITOR_STOP_VC, name, regs->error);
	stop(MONITOR_STOP_EXCEPTION, name, regs->rip);
}
