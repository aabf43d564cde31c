// SPDX-License-Identifier: MIT
/*
 * hv-stack: #HV finds no stack. It is benign (56421 section 5.5), so the fault
 * in its delivery is just that: together with a contributory one it would be a
 * double fault. The event is still in the doorbell page.
 *
 * To be run with --icount: the timer must come while the stack is away.
 */
#include "guest/micro/micro.h"

#define TIMER		0x43
#define VECTOR_SS	12
#define NOWHERE		(1ull << 60)	/* not canonical: contributory */

static u64 gdt[6];
static u32 tss[26];
static u8 fault_stack[4096] __attribute__((aligned(16)));
static volatile u32 faults;

static void on_fault(struct regs *regs)
{
	check(regs->rsp == NOWHERE);
	faults++;
}

/* Both that it can be get a stack of their own: IST 1. */
static void load_tss(void)
{
	u64 base = (u64)tss, stack = (u64)fault_stack + sizeof(fault_stack);
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) desc;

	tss[9] = stack;
	tss[10] = stack >> 32;
	asm volatile("sgdt %0" : "=m"(desc));
	for (unsigned int i = 0; i < 4; i++)
		gdt[i] = ((u64 *)desc.base)[i];
	gdt[4] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[5] = base >> 32;
	desc.base = (u64)gdt;
	desc.limit = sizeof(gdt) - 1;
	asm volatile("lgdt %0; ltr %1" : : "m"(desc), "r"((u16)0x20));
	asm volatile("sidt %0" : "=m"(desc));
	((u64 *)desc.base)[2 * VECTOR_SS] |= 1ull << 32;
	((u64 *)desc.base)[2 * VECTOR_GP] |= 1ull << 32;
}

void micro_main(void)
{
	if (!restricted_active())
		panic("needs --injection restricted", NULL);
	apic_enable();
	load_tss();
	set_handler(VECTOR_SS, on_fault);
	set_handler(VECTOR_GP, on_fault);
	irq_off();
	check(!ghcb_call(GHCB_HV_TIMER, HV_TIMER_ONE_SHOT <<
			 HV_TIMER_MODE_SHIFT | TIMER, 20000, NULL));
	asm volatile("movq %%rsp, %%rbx; movq %1, %%rsp;"
		     "1: cmpl $0, %0; je 1b; movq %%rbx, %%rsp"
		     : : "m"(faults), "r"(NOWHERE) : "rbx", "memory");
	check(faults == 1);
	check(!this_cpu()->intr[TIMER]);
	doorbell_look();
	check(this_cpu()->intr[TIMER] == 1);
}
