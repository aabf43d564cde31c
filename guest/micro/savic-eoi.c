// SPDX-License-Identifier: MIT
/*
 * savic-eoi: priorities, nesting and EOI in hardware, for edge and level
 * (AMD64 APM vol. 2, 15.29.9.2, 16.6).
 */
#include "guest/micro/micro.h"

static u8 order[16];
static volatile unsigned int taken;

static void note(struct regs *regs)
{
	order[taken++ & 15] = regs->vector;
	check(page_bit(APIC_ISR, regs->vector));
	check((this_cpu()->page[APIC_PPR / 4] & 0xf0) ==
	      (regs->vector & 0xf0));
	apic_eoi();
	check(!page_bit(APIC_ISR, regs->vector));
}

/* Lets in a higher class before its own EOI, but not its own class. */
static void nest(struct regs *regs)
{
	order[taken++ & 15] = regs->vector;
	if (regs->vector == 0x51) {
		wrmsr(0x83f, 0x55);	/* same class: waits */
		wrmsr(0x83f, 0x81);	/* higher: nests */
		irq_on();
		irq_off();
		check(taken == 2 && order[1] == 0x81);
		check(page_bit(APIC_IRR, 0x55));
	}
	apic_eoi();
}

static void level_eoi(void)
{
	page_set_bit(this_cpu(), APIC_TMR, 0x66, true);
	page_set_bit(this_cpu(), APIC_ISR, 0x66, true);
	check(!try_wrmsr(0x80b, 0));
	check(this_cpu()->vc.code == EXIT_AVIC_NOACCEL);
	check(page_bit(APIC_ISR, 0x66));	/* software's to clear */
	page_set_bit(this_cpu(), APIC_ISR, 0x66, false);
	page_set_bit(this_cpu(), APIC_TMR, 0x66, false);
}

void micro_main(void)
{
	static const u8 vectors[] = { 0x31, 0xf0, 0x52, 0x51, 0xa0 };
	static const u8 sorted[] = { 0xf0, 0xa0, 0x52, 0x51, 0x31 };

	irq_off();
	apic_enable();
	for (unsigned int i = 0; i < ARRAY_SIZE(vectors); i++) {
		set_handler(vectors[i], note);
		wrmsr(0x83f, vectors[i]);
	}
	irq_on();
	irq_off();
	check(taken == ARRAY_SIZE(vectors));
	for (unsigned int i = 0; i < ARRAY_SIZE(sorted); i++)
		check(order[i] == sorted[i]);

	taken = 0;
	set_handler(0x51, nest);
	set_handler(0x55, nest);
	set_handler(0x81, nest);
	wrmsr(0x83f, 0x51);
	irq_on();
	irq_off();
	check(taken == 3 && order[2] == 0x55);

	/* Nothing in service: no effect, no exit. A value: #GP. */
	check(try_wrmsr(0x80b, 0));
	check(!try_wrmsr(0x80b, 1) && this_cpu()->gp);
	level_eoi();
}
