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
 *	event=		edge, level, nmi, mc, two (edges of two classes), ipi
 *			(CPU 0, woken at that instant, sends it CPU 1)
 *	cpu=1		CPU 1 goes through it; so it does for IPIs
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
#define WAKE		0x71	/* the sender's */
#define PIN		9
/* The shortest window is three instructions: no distance is left out there. */
#define DISTANCE_STEP	3
/* So many instants in a row in sleep: that was the end of the stretch. */
#define SLEPT		20
#define INSTANTS_MAX	100000

enum event { EDGE, LEVEL, NMI, MC, TWO, IPI };

static enum event event;
static bool ring, spin;
static u32 distances;
static struct micro_cpu *cpu_swept;

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
	else if (event == IPI)
		arm(SWEEP_SENDER, instant, WAKE);
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

/* By CPU 0; a monitor lets in what the I/O APIC is told to send. */
static void routes(void)
{
	u32 id = micro_cpus[0].apic_id;

	ioapic_route(PIN + 1, HIGHER, false, id);
	ioapic_route(PIN + 2, WAKE, false, id);
	ioapic_route(PIN, VECTOR, event == LEVEL, cpu_swept->apic_id);
}

/* On each CPU that gets some. */
static void allow(void)
{
	vector_allow(VECTOR, true);
	vector_allow(HIGHER, true);
	vector_allow(WAKE, true);
	if (event == LEVEL && this_cpu()->savic)
		page_set_bit(this_cpu(), APIC_TMR, VECTOR, true);
}

/* ---- CPU 0, if it sends --------------------------------------------------- */

static volatile bool done;

static void send(struct micro_cpu *to, u8 vector)
{
	if (this_cpu()->savic)
		page_set_bit(to, APIC_IRR, vector, true);
	apic_write(APIC_ICR, (u64)to->apic_id << APIC_ICR_DEST_SHIFT | vector);
}

static void on_wake(struct regs *regs)
{
	if (!done)
		send(&micro_cpus[1], VECTOR);
	intr_default(regs);
}

static void sender(void)
{
	while (!done) {
		irq_off();
		if (!done)
			irq_on_halt();
	}
	irq_on();
}

/* ---- the CPU that is swept ------------------------------------------------ */

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
	static const char *const names[] = {
		[EDGE] = "edge", [LEVEL] = "level", [NMI] = "nmi",
		[MC] = "mc", [TWO] = "two", [IPI] = "ipi",
	};
	u64 cpu;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (option_is("event", names[i]))
			event = i;
	ring = option("ring", 0);
	distances = option("distances", 24);
	cpu = option("cpu", event == IPI);
	if (!distances || cpu > 1 || cpu >= cpu_count())
		panic("distances=, cpu=, or too few CPUs", NULL);
	cpu_swept = &micro_cpus[cpu];
	if (event == LEVEL)
		set_handler(VECTOR, on_level);
	set_handler(WAKE, on_wake);
}

static void swept(void)
{
	u32 count = option("count", 0), passes = option("passes", 1);
	u32 pass = 0;

	ghcb_out(SWEEP_PORT + SWEEP_CPU, 4, this_cpu()->index);
	allow();
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
	done = true;
}

/* It tells the other one that it is done, as that may be asleep. */
static void swept_elsewhere(void)
{
	swept();
	send(&micro_cpus[0], WAKE);
}

void micro_main(void)
{
	irq_off();
	apic_enable();
	options();
	if (cpu_swept == &micro_cpus[0]) {
		routes();
		swept();
		return;
	}
	allow();
	irq_on();
	cpu_start(1);
	routes();
	cpu_run(1, swept_elsewhere);
	sender();
}
