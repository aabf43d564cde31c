// SPDX-License-Identifier: MIT
/*
 * savic-filter: the host presents only what ALLOWED_IRR permits. A refused
 * vector is gone for good, also when it is allowed later; one's own vectors
 * need no permission (AMD64 APM vol. 2, 15.36.21.2).
 */
#include "guest/micro/edu.h"

#define DENIED	0x71
#define ALLOWED	0x72

/* One interrupt of the device with @vector; how many arrived? */
static u32 fire(u8 vector)
{
	u32 before = this_cpu()->intr[vector];

	ioapic_route(EDU_PIN, vector, false, this_cpu()->apic_id);
	edu_edge();
	irq_on();
	ghcb_in(0x61, 1);	/* VMRUN merges requests */
	irq_off();
	return this_cpu()->intr[vector] - before;
}

void micro_main(void)
{
	irq_off();
	apic_enable();
	if (!edu_init())
		panic("needs -device edu,addr=4", NULL);
	vector_allow(ALLOWED, true);
	for (unsigned int i = 0; i < 5; i++) {
		check(fire(ALLOWED) == 1);
		check(fire(DENIED) == 0);
	}
	check(!page_bit(APIC_IRR, DENIED));

	/* No memory of what was refused. */
	vector_allow(DENIED, true);
	irq_on();
	ghcb_in(0x61, 1);
	check(this_cpu()->intr[DENIED] == 0);
	irq_off();
	check(fire(DENIED) == 1);
	vector_allow(DENIED, false);
	check(fire(DENIED) == 0);

	/* Interrupts off: it waits in the page, with no help of the host. */
	ioapic_route(EDU_PIN, ALLOWED, false, this_cpu()->apic_id);
	edu_edge();
	ghcb_in(0x61, 1);
	check(page_bit(APIC_IRR, ALLOWED));
	irq_on();
	irq_off();
	check(!page_bit(APIC_IRR, ALLOWED));
}
