// SPDX-License-Identifier: MIT
/*
 * irq: what every way of injection must do alike: edge and level device
 * interrupts, each exactly once; IPIs between CPUs, wake-up from HLT, the
 * timer. Runs under normal injection and under Secure AVIC.
 */
#include "guest/micro/edu.h"
#include "guest/micro/pit.h"

#define EDGE	0x41
#define LEVEL	0x42
#define TIMER	0x43
#define IPI	0x44

static volatile u32 levels;

static void on_level(struct regs *regs)
{
	levels++;
	this_cpu()->intr[regs->vector]++;
	edu_ack();
	apic_eoi();
}

static void wait_for(u8 vector, u32 count)
{
	while (this_cpu()->intr[vector] < count) {
		irq_off();
		if (this_cpu()->intr[vector] < count)
			irq_on_halt();
	}
	irq_on();
}

static void edges(u32 count)
{
	ioapic_route(PIT_PIN, EDGE, false, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		pit_fire();
		wait_for(EDGE, i);
	}
	pit_settle();
	check(this_cpu()->intr[EDGE] == count);
	ioapic_mask(PIT_PIN);
}

static void level_lines(u32 count)
{
	if (!edu_init()) {
		print("belfry: no edu device, level lines not tried\n");
		return;
	}
	set_handler(LEVEL, on_level);
	if (this_cpu()->savic)
		page_set_bit(this_cpu(), APIC_TMR, LEVEL, true);
	ioapic_route(EDU_PIN, LEVEL, true, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		edu_raise();
		wait_for(LEVEL, i);
	}
	for (unsigned int i = 0; i < 10; i++)
		ghcb_in(0x61, 1);
	check(levels == count);
	ioapic_mask(EDU_PIN);
}

static void timer(u32 count)
{
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	for (u32 i = 1; i <= count; i++) {
		apic_write(APIC_TMICT, 10000);
		wait_for(TIMER, i);
	}
	check(this_cpu()->intr[TIMER] == count);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

static void send_ipi(struct micro_cpu *cpu, u8 vector)
{
	if (this_cpu()->savic)
		page_set_bit(cpu, APIC_IRR, vector, true);
	apic_write(APIC_ICR, (u64)cpu->apic_id << APIC_ICR_DEST_SHIFT | vector);
}

/* One after the other: each must arrive before the next is sent. */
static void ipis(u32 count)
{
	struct micro_cpu *cpu;

	for (unsigned int n = 1; n < cpu_count(); n++) {
		cpu = &micro_cpus[n];
		for (u32 i = 1; i <= count; i++) {
			send_ipi(cpu, IPI);
			while (cpu->intr[IPI] < i)
				relax();
		}
		check(cpu->intr[IPI] == count);
	}
}

void micro_main(void)
{
	u32 count = option("count", 50);

	irq_off();
	apic_enable();
	vector_allow(EDGE, true);
	vector_allow(LEVEL, true);
	vector_allow(TIMER, true);
	irq_on();
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_start(i);
	edges(count);
	level_lines(count);
	timer(count);
	ipis(count);
}
