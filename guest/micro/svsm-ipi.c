// SPDX-License-Identifier: MIT
/*
 * svsm-ipi: interrupts between vCPUs by the monitor: every way to address
 * them, running, halted and missing targets, storms from all to all; and what
 * a host that sends to anybody does not reach. At least two CPUs.
 */
#include "guest/micro/micro.h"

#define IPI	0xfb
#define STORM	0x91		/* + sender: class 9 */
#define DEVICE	0x62

static volatile u32 nmis[MICRO_CPUS];
static volatile u32 storm_count;
static u32 expected[MICRO_CPUS];

static void on_nmi(struct regs *regs)
{
	(void)regs;
	nmis[this_cpu()->index]++;
}

static u32 got(unsigned int cpu)
{
	return micro_cpus[cpu].intr[IPI];
}

/* All have it, and none has one too many. */
static void settle(void)
{
	for (unsigned int i = 0; i < cpu_count(); i++)
		while (got(i) < expected[i])
			relax();
	wait_ticks(20);
	for (unsigned int i = 0; i < cpu_count(); i++)
		check(got(i) == expected[i]);
}

static void send(u32 dest, u32 low)
{
	svsm_apic_write(APIC_ICR, (u64)dest << APIC_ICR_DEST_SHIFT | low);
}

static void physical(void)
{
	for (unsigned int i = 0; i < cpu_count(); i++) {
		send(micro_cpus[i].apic_id, IPI);
		expected[i]++;
		settle();
	}
	/* nobody's, and a broadcast */
	send(0x7777, IPI);
	settle();
	send(APIC_BROADCAST, IPI);
	for (unsigned int i = 0; i < cpu_count(); i++)
		expected[i]++;
	settle();
}

static void logical(void)
{
	u32 all = 0, ldr;

	for (unsigned int i = 0; i < cpu_count(); i++) {
		ldr = x2apic_ldr(micro_cpus[i].apic_id);
		all |= ldr;
		send(ldr, APIC_ICR_LOGICAL | IPI);
		expected[i]++;
		settle();
	}
	send(all, APIC_ICR_LOGICAL | IPI);
	for (unsigned int i = 0; i < cpu_count(); i++)
		expected[i]++;
	settle();
	/* the same members of another cluster */
	send(all + (1 << 16), APIC_ICR_LOGICAL | IPI);
	settle();
}

static void shorthands(void)
{
	unsigned int self = this_cpu()->index;

	send(0, APIC_DEST_SELF << APIC_ICR_SHORTHAND_SHIFT | IPI);
	expected[self]++;
	settle();
	send(0, APIC_DEST_ALL << APIC_ICR_SHORTHAND_SHIFT | IPI);
	for (unsigned int i = 0; i < cpu_count(); i++)
		expected[i]++;
	settle();
	send(0, APIC_DEST_OTHERS << APIC_ICR_SHORTHAND_SHIFT | IPI);
	for (unsigned int i = 0; i < cpu_count(); i++)
		expected[i] += i != self;
	settle();
}

static void remote_nmi(void)
{
	for (unsigned int i = 1; i < cpu_count(); i++) {
		send(micro_cpus[i].apic_id,
		     APIC_NMI << APIC_ICR_MODE_SHIFT | IPI);
		while (!nmis[i])
			relax();
		check(nmis[i] == 1);
	}
	check(!nmis[0]);
	settle();
}

/* ---- a target that sleeps ----------------------------------------------- */

static volatile u32 sleep_until;

static void sleep_work(void)
{
	irq_off();
	while (got(this_cpu()->index) < sleep_until) {
		irq_on_halt();
		irq_off();
	}
	irq_on();
}

static void sleepers(u32 count)
{
	for (unsigned int i = 1; i < cpu_count(); i++)
		for (u32 n = 0; n < count; n++) {
			sleep_until = ++expected[i];
			cpu_run(i, sleep_work);
			if (n & 1)
				wait_ticks(100);
			send(micro_cpus[i].apic_id, IPI);
			cpu_wait(i);
		}
	settle();
}

/* ---- all to all --------------------------------------------------------- */

/* Each has to answer before the next: none may be lost. */
static void storm_work(void)
{
	struct micro_cpu *me = this_cpu();

	for (u32 n = 1; n <= storm_count; n++)
		for (unsigned int i = 0; i < cpu_count(); i++) {
			if (i == me->index)
				continue;
			send(micro_cpus[i].apic_id, STORM + me->index);
			while (micro_cpus[i].intr[STORM + me->index] < n)
				relax();
		}
}

static void storm(u32 count)
{
	storm_count = count;
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_run(i, storm_work);
	storm_work();
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_wait(i);
	for (unsigned int i = 0; i < cpu_count(); i++)
		for (unsigned int n = 0; n < cpu_count(); n++)
			check(micro_cpus[i].intr[STORM + n] ==
			      (i == n ? 0 : count));
}

/* ---- the host ----------------------------------------------------------- */

static void allow_work(void)
{
	vector_allow(DEVICE, true);
}

/* One CPU has allowed it: wherever else the host sends it, it is dropped. */
static void filter(void)
{
	cpu_run(1, allow_work);
	cpu_wait(1);
	for (unsigned int i = 0; i < cpu_count(); i++)
		check(!ghcb_call(GHCB_HV_IPI, (u64)micro_cpus[i].apic_id <<
				 APIC_ICR_DEST_SHIFT | DEVICE, 0, NULL));
	while (!micro_cpus[1].intr[DEVICE])
		relax();
	/* what was dropped has been dropped by the time of the next IPI */
	physical();
	for (unsigned int i = 0; i < cpu_count(); i++)
		check(micro_cpus[i].intr[DEVICE] == (i == 1));
}

/* Another CPU cannot have this CPU's area for its registers, or its own. */
static void creation(void)
{
	static u8 spare[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	const u64 vmsa = (u64)spare[0];
	struct svsm_regs r = { .rcx = vmsa, .rdx = (u64)spare[1], };

	check(svsm_core(SVSM_CORE_CREATE_VCPU, (u64)svsm_area(1), vmsa,
			micro_cpus[1].apic_id) == SVSM_ERR_INVALID_ADDRESS);
	/* a page of zeroes: not this VMPL's, SVME is clear */
	r.r8 = micro_cpus[1].apic_id;
	check(svsm_call(SVSM_PROTOCOL_CORE, SVSM_CORE_CREATE_VCPU, &r) ==
	      SVSM_ERR_INVALID_PARAMETER);
	check(svsm_core(SVSM_CORE_DELETE_VCPU, vmsa, 0, 0) ==
	      SVSM_ERR_INVALID_PARAMETER);
}

void micro_main(void)
{
	irq_off();
	if (!alternate_active() || cpu_count() < 2)
		panic("needs --guest svsm --injection alternate, 2 CPUs", NULL);
	apic_enable();
	set_handler(VECTOR_NMI, on_nmi);
	irq_on();
	/* nobody there yet: dropped, and not kept for later */
	send(((u32 *)micro_info->apic_ids)[1], IPI);
	for (unsigned int i = 1; i < cpu_count(); i++)
		cpu_start(i);
	settle();
	physical();
	logical();
	shorthands();
	remote_nmi();
	sleepers(option("count", 50));
	storm(option("count", 50));
	filter();
	creation();
}
