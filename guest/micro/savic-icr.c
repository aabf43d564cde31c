// SPDX-License-Identifier: MIT
/*
 * savic-icr: which writes of ICR and SELF_IPI hardware completes, and what
 * the others leave behind (AMD64 APM vol. 2, 15.29.10 and 15.36.21.5).
 */
#include "guest/micro/micro.h"

#define VECTOR	0x61

static u64 icr(u8 vector, unsigned int mode, unsigned int shorthand, u32 dest)
{
	return vector | (u64)mode << APIC_ICR_MODE_SHIFT |
	       (u64)shorthand << APIC_ICR_SHORTHAND_SHIFT |
	       (u64)dest << APIC_ICR_DEST_SHIFT;
}

static u64 page_icr(void)
{
	const u32 *page = this_cpu()->page;

	return page[APIC_ICR / 4] | (u64)page[APIC_ICR2 / 4] << 32;
}

/* Must trap: page written, RIP behind WRMSR, nothing delivered. */
static void must_trap(u64 value)
{
	const u8 *insn;

	check(!try_wrmsr(0x830, value));
	check(this_cpu()->vc.count == 1);
	check(this_cpu()->vc.code == EXIT_AVIC_INCOMPLETE_IPI);
	insn = (const u8 *)this_cpu()->vc.rip;
	check(!(insn[0] == 0x0f && insn[1] == 0x30));
	check(page_icr() == value);
}

static void accelerated(u32 msr, u64 value, u8 vector)
{
	u32 before = this_cpu()->intr[vector];

	irq_on();
	check(try_wrmsr(msr, value));
	check(this_cpu()->intr[vector] == before + 1);
	check(!page_bit(APIC_IRR, vector) && !page_bit(APIC_ISR, vector));
	irq_off();
}

/* The lowest legal vector, which the runtime takes for an exception. */
static void on_lowest(struct regs *regs)
{
	this_cpu()->intr[regs->vector]++;
	apic_eoi();
}

void micro_main(void)
{
	static const u8 shorthands[] = {
		APIC_DEST_NONE, APIC_DEST_ALL, APIC_DEST_OTHERS,
	};
	u64 value;

	irq_off();
	apic_enable();
	accelerated(0x83f, VECTOR, VECTOR);
	accelerated(0x830, icr(VECTOR, APIC_FIXED, APIC_DEST_SELF, 0), VECTOR);
	/* A guest's own interrupts need no permission. */
	check(!page_bit(SAVIC_ALLOWED_IRR, VECTOR));

	for (unsigned int i = 0; i < ARRAY_SIZE(shorthands); i++) {
		must_trap(icr(VECTOR, APIC_FIXED, shorthands[i], 0));
		must_trap(icr(VECTOR, APIC_NMI, shorthands[i], 7));
		must_trap(icr(0, APIC_INIT, shorthands[i], 1));
		must_trap(icr(8, APIC_SIPI, shorthands[i], 1));
		must_trap(icr(VECTOR, APIC_FIXED, shorthands[i], 0) |
			  APIC_ICR_LOGICAL);
	}
	must_trap(icr(VECTOR, APIC_NMI, APIC_DEST_SELF, 0));
	must_trap(icr(VECTOR, APIC_FIXED, APIC_DEST_SELF, 0) | APIC_ICR_LEVEL);
	check(!page_bit(APIC_IRR, VECTOR));

	/* Vectors below 16 are not interrupts. */
	must_trap(icr(15, APIC_FIXED, APIC_DEST_SELF, 0));
	check(!try_wrmsr(0x83f, 15));
	check(this_cpu()->vc.code == EXIT_AVIC_INCOMPLETE_IPI);
	set_handler(16, on_lowest);
	accelerated(0x83f, 16, 16);

	/* Reserved bits, and what the page remembers. */
	value = page_icr();
	check(!try_wrmsr(0x830, 1u << 20) && this_cpu()->gp);
	check(!try_wrmsr(0x83f, 0x100) && this_cpu()->gp);
	check(page_icr() == value);
	check(try_rdmsr(0x830, &value) && value == page_icr());
}
