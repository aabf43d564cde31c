// SPDX-License-Identifier: MIT
/*
 * quirks: what kernels with a Secure AVIC driver of their own get wrong, seen
 * from a guest whose APIC is the monitor's: IPIs to itself through ICR, APIC
 * IDs that are no CPU numbers, and level-triggered interrupts without
 * software that sets TMR. docs/secure-avic.md.
 */
#include "guest/micro/edu.h"
#include "guest/micro/pit.h"

#define IPI	0x61
#define SHARED	0x42		/* a level vector, then an edge one */

static volatile u32 levels, edges;

static bool in_tmr(u8 vector)
{
	return apic_read(APIC_TMR + 0x10 * (vector / 32)) >> vector % 32 & 1;
}

static u32 all(u8 vector)
{
	u32 sum = 0;

	for (unsigned int i = 0; i < cpu_count(); i++)
		sum += micro_cpus[i].intr[vector];
	return sum;
}

/* ---- to itself ----------------------------------------------------------- */

static void once(u32 msr, u64 value)
{
	u32 before = this_cpu()->intr[IPI];

	irq_off();
	check(try_wrmsr(msr, value));
	check(this_cpu()->intr[IPI] == before);
	irq_on();
	check(this_cpu()->intr[IPI] == before + 1);
	check(!in_tmr(IPI));
}

/*
 * Linux makes the self-IPI in ICR of a register's offset instead of a
 * shorthand: a reserved delivery mode, and nobody's vector.
 */
static void self(void)
{
	u64 own = (u64)this_cpu()->apic_id << APIC_ICR_DEST_SHIFT;
	u32 before = all(IPI) + all(IPI | 0xf0);

	once(X2APIC_MSR(APIC_SELF_IPI), IPI);
	once(X2APIC_MSR(APIC_ICR), 1ull << APIC_ICR_SHORTHAND_SHIFT | IPI);
	once(X2APIC_MSR(APIC_ICR), own | IPI);
	before = all(IPI) + all(IPI | 0xf0);
	check(!try_wrmsr(X2APIC_MSR(APIC_ICR), APIC_SELF_IPI | IPI) &&
	      this_cpu()->gp);
	check(all(IPI) + all(IPI | 0xf0) == before);
}

/* ---- by APIC ID ---------------------------------------------------------- */

static bool is_id(u32 id)
{
	for (unsigned int i = 0; i < cpu_count(); i++)
		if (micro_cpus[i].apic_id == id)
			return true;
	return false;
}

static void send(u32 id)
{
	apic_write(APIC_ICR, (u64)id << APIC_ICR_DEST_SHIFT | IPI);
}

/* Each gets its own; a number that is nobody's ID reaches nobody. */
static void ids(void)
{
	u32 before;

	for (unsigned int i = 1; i < cpu_count(); i++) {
		before = micro_cpus[i].intr[IPI];
		send(micro_cpus[i].apic_id);
		while (micro_cpus[i].intr[IPI] == before)
			relax();
		check(micro_cpus[i].intr[IPI] == before + 1);
	}
	before = all(IPI);
	for (u32 id = 0; id < MICRO_CPUS; id++)
		if (!is_id(id))
			send(id);
	pit_settle();
	check(all(IPI) == before);
}

/* ---- level --------------------------------------------------------------- */

static void on_shared(struct regs *regs)
{
	(void)regs;
	if (edu_status()) {
		check(in_tmr(SHARED));
		levels++;
		edu_ack();
	} else {
		check(!in_tmr(SHARED));
		edges++;
	}
	apic_eoi();
}

/* Exactly one each; and the same vector as an edge, whose EOI tells nobody. */
static void level(u32 count)
{
	if (!edu_init()) {
		print("belfry: no edu device, level lines not tried\n");
		return;
	}
	set_handler(SHARED, on_shared);
	ioapic_route(EDU_PIN, SHARED, true, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		edu_raise();
		while (levels < i)
			relax();
	}
	ioapic_mask(EDU_PIN);
	ioapic_route(EDU_PIN, 0, false, this_cpu()->apic_id);
	ioapic_mask(EDU_PIN);
	ioapic_route(PIT_PIN, SHARED, false, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		pit_fire();
		while (edges < i)
			relax();
	}
	pit_settle();
	ioapic_mask(PIT_PIN);
	check(levels == count && edges == count);
}

void micro_main(void)
{
	check(!micro_aware());
	irq_off();
	apic_enable();
	irq_on();
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_start(i);
	self();
	ids();
	level(option("count", 50));
}
