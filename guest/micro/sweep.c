// SPDX-License-Identifier: MIT
/*
 * sweep: an event at each instruction of a stretch of code, one after the
 * other, and after each: it came, once. The stretch goes from a port write
 * through an enable, an exit, a register write and a HLT into sleep, or a
 * loop that exits no more. Below a monitor it is also the monitor's way in
 * and out, and its idling. What makes the events is `belfry run --sweep`
 * (engine/sweep.h), which counts instructions with --icount.
 *
 *	count=		instants: so many instructions after the write, and
 *			less; by itself until the CPU has fallen asleep
 *	event=		edge, level, nmi, mc, two (edges of two classes)
 *	spin=1		once more, waiting without an exit: what the monitor
 *			forgets never comes
 *	ring=1		and a #HV for nothing some instructions later
 *	distances=	how far behind the event the other one comes: less
 *			than that, each in turn
 *	passes=		how often all of it, each with other distances
 */
#include "engine/sweep.h"
#include "guest/micro/micro.h"

#define VECTOR		0x41
#define HIGHER		0x61
#define PIN		9
/* The shortest window is three instructions: no distance is left out there. */
#define DISTANCE_STEP	3
/* So many instants in a row in sleep: that was the end of the stretch. */
#define SLEPT		20
#define INSTANTS_MAX	100000

enum event { EDGE, LEVEL, NMI, MC, TWO };

static enum event event;
static bool ring, spin;
static u32 distances;

static void arm(unsigned int reg, u32 instant, u32 what)
{
	ghcb_out(SWEEP_PORT + reg, 4, what << SWEEP_WHAT_SHIFT | instant);
}

static void on_level(struct regs *regs)
{
	this_cpu()->intr[regs->vector]++;
	ghcb_out(SWEEP_PORT + SWEEP_LOWER, 4, PIN);
	apic_eoi();
}

static u32 taken(void)
{
	if (event == NMI)
		return this_cpu()->hv.nmi;
	if (event == MC)
		return this_cpu()->hv.mc;
	return this_cpu()->intr[VECTOR];
}

static bool arrived(u32 count)
{
	return taken() >= count &&
	       (event != TWO || this_cpu()->intr[HIGHER] >= count);
}

static void arm_all(u32 instant, u32 pass)
{
	u32 distance = (instant + pass * DISTANCE_STEP) % distances;

	if (ring)
		arm(SWEEP_RING, distance ? instant + distance : 0, 0);
	if (event == TWO)
		arm(SWEEP_SECOND, instant + distance, HIGHER);
	if (event == LEVEL)
		arm(SWEEP_LINE, instant, PIN);
	else if (event == NMI)
		arm(SWEEP_FLAG, instant, SWEEP_FLAG_NMI);
	else if (event == MC)
		arm(SWEEP_FLAG, instant, SWEEP_FLAG_MC);
	else
		arm(SWEEP_EDGE, instant, VECTOR);
}

static void stretch(u32 count)
{
	irq_off();
	apic_write(APIC_TPR, 0x10);
	irq_on();
	ghcb_in(0x61, 1);
	irq_off();
	write_cr8(0);
	irq_on();
	while (spin && !arrived(count))
		relax();
	while (!arrived(count)) {
		irq_off();
		if (!arrived(count))
			irq_on_halt();
	}
	irq_on();
}

/* Long enough for one that came twice to show. */
static void settle(void)
{
	for (unsigned int i = 0; i < 3; i++)
		ghcb_in(0x61, 1);
}

static void prepare(void)
{
	apic_enable();
	vector_allow(VECTOR, true);
	vector_allow(HIGHER, true);
	/* A monitor lets in what the I/O APIC is told to send. */
	ioapic_route(PIN + 1, HIGHER, false, this_cpu()->apic_id);
	ioapic_route(PIN, VECTOR, option_is("event", "level"),
		     this_cpu()->apic_id);
	if (!option_is("event", "level"))
		return;
	event = LEVEL;
	set_handler(VECTOR, on_level);
	if (this_cpu()->savic)
		page_set_bit(this_cpu(), APIC_TMR, VECTOR, true);
}

static void one(u32 instant, u32 pass)
{
	static u32 count;

	count++;
	arm_all(instant, pass);
	stretch(count);
	settle();
	if (taken() != count)
		print("belfry: instant %u: %u events instead of %u\n",
		      (u64)instant, (u64)taken(), (u64)count);
	check(taken() == count);
	check(event != TWO || this_cpu()->intr[HIGHER] == count);
}

/* Returns how many instants there are before sleep. */
static u32 until_asleep(void)
{
	u32 before, slept = 0, instant;

	for (instant = 0; slept < SLEPT; instant++) {
		if (instant == INSTANTS_MAX)
			panic("the CPU does not fall asleep", NULL);
		before = ghcb_in(SWEEP_PORT + SWEEP_ASLEEP, 4);
		one(instant, 0);
		if (ghcb_in(SWEEP_PORT + SWEEP_ASLEEP, 4) != before)
			slept++;
		else
			slept = 0;
	}
	return instant;
}

static void options(void)
{
	if (option_is("event", "nmi"))
		event = NMI;
	if (option_is("event", "mc"))
		event = MC;
	if (option_is("event", "two"))
		event = TWO;
	ring = option("ring", 0);
	distances = option("distances", 24);
	if (!distances)
		panic("distances=0", NULL);
}

void micro_main(void)
{
	u32 count = option("count", 0), passes = option("passes", 1);
	u32 pass = 0;

	irq_off();
	prepare();
	options();
	irq_on();
	if (!count) {
		count = until_asleep();
		pass++;
	}
	for (; pass < passes; pass++)
		for (u32 i = 0; i < count; i++)
			one(i, pass);
	spin = option("spin", 0);
	for (u32 i = 0; spin && i < count; i++)
		one(i, pass);
	print("belfry: %u instants, %u #HV of which %u put off, %u in the "
	      "window\n", (u64)count, (u64)this_cpu()->hv.count,
	      (u64)this_cpu()->hv.put_off, (u64)this_cpu()->hv.windows);
}
