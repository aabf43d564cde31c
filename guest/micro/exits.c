// SPDX-License-Identifier: MIT
/*
 * exits: does one thing "count" times, so that the reports of two runs that
 * differ only in "count" give the exits of one event. event= edge level
 * timer ipi broadcast self tpr eoi halt vmgexit none.
 */
#include "guest/micro/edu.h"
#include "guest/micro/pit.h"

#define VECTOR	0x41

static u32 taken(void)
{
	return this_cpu()->intr[VECTOR];
}

/* The device interrupts of these two come while the CPU runs. */
static void spin_until(u32 count)
{
	while (taken() < count)
		relax();
}

static void on_level(struct regs *regs)
{
	this_cpu()->intr[regs->vector]++;
	edu_ack();
	apic_eoi();
}

static void one_edge(u32 i)
{
	pit_fire();
	spin_until(i + 1);
}

static void one_level(u32 i)
{
	edu_raise();
	spin_until(i + 1);
}

static void one_timer(u32 i)
{
	apic_write(APIC_TMICT, 2000);
	spin_until(i + 1);
}

static void send(u64 icr)
{
	apic_write(APIC_ICR, icr);
}

static void one_ipi(u32 i)
{
	struct micro_cpu *cpu = &micro_cpus[1];

	if (this_cpu()->savic)
		page_set_bit(cpu, APIC_IRR, VECTOR, true);
	send((u64)cpu->apic_id << APIC_ICR_DEST_SHIFT | VECTOR);
	while (cpu->intr[VECTOR] < i + 1)
		relax();
}

static void one_broadcast(u32 i)
{
	if (this_cpu()->savic)
		for (unsigned int n = 1; n < cpu_count(); n++)
			page_set_bit(&micro_cpus[n], APIC_IRR, VECTOR, true);
	send((u64)APIC_DEST_OTHERS << APIC_ICR_SHORTHAND_SHIFT | VECTOR);
	for (unsigned int n = 1; n < cpu_count(); n++)
		while (micro_cpus[n].intr[VECTOR] < i + 1)
			relax();
}

static void one_self(u32 i)
{
	apic_write(APIC_SELF_IPI, VECTOR);
	spin_until(i + 1);
}

static void one_tpr(u32 i)
{
	apic_write(APIC_TPR, (i & 7) << 4);
}

/* TPR through CR8, for which no mode exits. */
static void one_cr8(u32 i)
{
	write_cr8(i & 7);
}

/* An EOI with nothing in service costs what any other does. */
static void one_eoi(u32 i)
{
	(void)i;
	apic_write(APIC_EOI, 0);
}

/* HLT, woken by the timer. */
static void one_halt(u32 i)
{
	irq_off();
	apic_write(APIC_TMICT, 20000);
	while (taken() < i + 1) {
		irq_on_halt();
		irq_off();
	}
	irq_on();
}

static void one_vmgexit(u32 i)
{
	(void)i;
	ghcb_in(0x61, 1);
}

static void one_none(u32 i)
{
	(void)i;
	wait_ticks(10);
}

static const struct {
	const char *name;
	void (*fn)(u32 i);
} events[] = {
	{ "edge", one_edge }, { "level", one_level }, { "timer", one_timer },
	{ "ipi", one_ipi }, { "broadcast", one_broadcast },
	{ "self", one_self }, { "tpr", one_tpr }, { "cr8", one_cr8 },
	{ "eoi", one_eoi }, { "halt", one_halt },
	{ "vmgexit", one_vmgexit }, { "none", one_none },
};

static void prepare(void)
{
	vector_allow(VECTOR, true);
	if (option_is("event", "edge"))
		ioapic_route(PIT_PIN, VECTOR, false, this_cpu()->apic_id);
	if (option_is("event", "level")) {
		if (!edu_init())
			panic("event=level needs -device edu,addr=4", NULL);
		set_handler(VECTOR, on_level);
		if (this_cpu()->savic)
			page_set_bit(this_cpu(), APIC_TMR, VECTOR, true);
		ioapic_route(EDU_PIN, VECTOR, true, this_cpu()->apic_id);
	}
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, VECTOR);
}

void micro_main(void)
{
	u32 count = option("count", 1000);

	irq_off();
	apic_enable();
	prepare();
	irq_on();
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_start(i);
	for (unsigned int e = 0; e < ARRAY_SIZE(events); e++) {
		if (!option_is("event", events[e].name))
			continue;
		for (u32 i = 0; i < count; i++)
			events[e].fn(i);
		print("belfry: event %s count %u\n", events[e].name,
		      (u64)count);
		return;
	}
	panic("no such event", NULL);
}
