// SPDX-License-Identifier: MIT
/*
 * savic-tpr: TPR by MSR and by CR8 are one register; what it holds back is
 * delivered when it falls, with no exit (AMD64 APM vol. 2, 15.29.4).
 */
#include "guest/micro/micro.h"

static u32 tpr(void)
{
	return this_cpu()->page[APIC_TPR / 4];
}

static u32 ppr(void)
{
	return this_cpu()->page[APIC_PPR / 4];
}

static void holds_back(void)
{
	u32 before = this_cpu()->intr[0x45];

	wrmsr(0x808, 0x4f);
	check(read_cr8() == 4);
	wrmsr(0x83f, 0x45);
	irq_on();
	check(this_cpu()->intr[0x45] == before);
	check(page_bit(APIC_IRR, 0x45));
	wrmsr(0x808, 0x3f);
	check(this_cpu()->intr[0x45] == before + 1);
	irq_off();
}

static void holds_back_cr8(void)
{
	u32 before = this_cpu()->intr[0x45];

	write_cr8(4);
	check(tpr() == 0x40 && ppr() == 0x40);
	wrmsr(0x83f, 0x45);
	irq_on();
	check(this_cpu()->intr[0x45] == before);
	write_cr8(3);
	check(this_cpu()->intr[0x45] == before + 1);
	irq_off();
	check(tpr() == 0x30);
}

void micro_main(void)
{
	irq_off();
	apic_enable();
	for (u32 value = 0; value < 0x100; value += 5) {
		wrmsr(0x808, value);
		check(tpr() == value && ppr() == value);
		check(read_cr8() == value >> 4);
	}
	for (u32 value = 0; value < 16; value++) {
		write_cr8(value);
		check(tpr() == value << 4);
		check(rdmsr(0x808) == value << 4);
	}
	check(!try_wrmsr(0x808, 0x100) && this_cpu()->gp);
	holds_back();
	holds_back_cr8();
	write_cr8(15);		/* masks everything but NMI */
	wrmsr(0x83f, 0xff);
	irq_on();
	check(!this_cpu()->intr[0xff]);
	write_cr8(14);
	check(this_cpu()->intr[0xff] == 1);
	irq_off();
	write_cr8(0);
}
