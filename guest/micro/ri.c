// SPDX-License-Identifier: MIT
/*
 * ri: Restricted Injection at VMPL 0 with no monitor: the doorbell page and
 * #HV (56421 section 5.5).
 */
#include "guest/micro/edu.h"
#include "guest/micro/micro.h"

#define LOW	0x41
#define HIGH	0x61
#define OTHER	0x62
#define TIMER	0x43
#define IPI	0x44

static volatile u32 order[8], taken;

static void in_order(struct regs *regs)
{
	if (taken < 8)
		order[taken] = regs->vector;
	taken++;
	intr_default(regs);
}

static u32 hv_ipi(u32 apic_id, u32 low)
{
	return ghcb_call(GHCB_HV_IPI, (u64)apic_id << APIC_ICR_DEST_SHIFT | low,
			 0, NULL);
}

static void to_self(u8 vector)
{
	check(!hv_ipi(this_cpu()->apic_id, vector));
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

/* ---- registration -------------------------------------------------------- */

static u64 query(void)
{
	u64 gpa = 0;

	check(!ghcb_call(GHCB_DOORBELL, DOORBELL_QUERY, 0, &gpa));
	return gpa;
}

static void refused(u64 op, u64 gpa)
{
	u64 error = 0;

	check(ghcb_call(GHCB_DOORBELL, op, gpa, &error) ==
	      GHCB_RESULT_MALFORMED);
	check(error == GHCB_ERR_INVALID_INPUT);
	check(query() == ~0ull);
	doorbell_set();
}

static void registration(void)
{
	u64 gpa = (u64)this_cpu()->doorbell - SHARED_BASE, back = 0;

	check(query() == gpa);
	check(!ghcb_call(GHCB_DOORBELL, DOORBELL_GET_PREFERRED, 0, &back));
	check(back == ~0ull);
	refused(DOORBELL_SET, gpa + 8);
	refused(DOORBELL_SET, (u64)&taken & PAGE_MASK);		/* private */
	refused(DOORBELL_SET, 0xfee00000);
	refused(4, gpa);
	check(!ghcb_call(GHCB_DOORBELL, DOORBELL_CLEAR, 0, NULL));
	check(query() == ~0ull);
	doorbell_set();
	check(query() == gpa);
}

/* ---- the page ------------------------------------------------------------ */

static void set_order(void)
{
	taken = 0;
	set_handler(LOW, in_order);
	set_handler(HIGH, in_order);
}

/* One #HV for two; the higher one overwrites and goes first. */
static void overwrite(void)
{
	struct micro_cpu *cpu = this_cpu();
	u32 before = cpu->hv.count;

	set_order();
	irq_off();
	to_self(LOW);
	check(cpu->doorbell->vector == LOW);
	to_self(HIGH);
	check(cpu->doorbell->vector == HIGH);
	check(cpu->hv.count == before + 1);
	check(cpu->doorbell->flags & DOORBELL_FLAG_NO_FURTHER_SIGNAL);
	irq_on();
	ghcb_in(0x61, 1);
	check(taken == 2);
	check(order[0] == HIGH && order[1] == LOW);
	check(cpu->hv.put_off);
}

/* What TPR holds back stays in byte 0, and no new #HV comes for it. */
static void held_back(void)
{
	struct micro_cpu *cpu = this_cpu();
	u32 before;

	set_order();
	cpu->hv.tpr = 0x40;
	to_self(LOW);
	check(taken == 0);
	check(cpu->doorbell->vector == LOW);
	before = cpu->hv.count;
	ghcb_in(0x61, 1);
	check(cpu->hv.count == before);
	cpu->hv.tpr = 0;
	doorbell_look();
	check(taken == 1);
	check(cpu->hv.count == before);
}

/* An EOI that need not be sent, and one that must: LOW waits behind it. */
static void elided(void)
{
	struct micro_cpu *cpu = this_cpu();

	set_order();
	irq_off();
	to_self(LOW);
	check(cpu->doorbell->no_eoi_required == 1);
	to_self(HIGH);
	check(cpu->doorbell->no_eoi_required == 0);
	irq_on();
	check(taken == 2);
	check(cpu->doorbell->no_eoi_required == 0);
	/* nothing is left in service: the same class comes at once */
	to_self(LOW);
	check(taken == 3);
}

static void nest(struct regs *regs)
{
	to_self(HIGH);		/* #HV inside the #HV handler */
	in_order(regs);
}

static void nested(void)
{
	struct micro_cpu *cpu = this_cpu();
	u32 before = cpu->hv.put_off;

	set_order();
	set_handler(LOW, nest);
	to_self(LOW);
	check(taken == 2);
	check(order[0] == LOW && order[1] == HIGH);
	check(cpu->hv.put_off > before);
}

static void nmis(void)
{
	struct micro_cpu *cpu = this_cpu();

	check(!hv_ipi(cpu->apic_id, APIC_NMI << 8));
	check(cpu->hv.nmi == 1);
	irq_off();
	check(!hv_ipi(cpu->apic_id, APIC_NMI << 8));
	check(!hv_ipi(cpu->apic_id, APIC_NMI << 8));
	irq_on();
	check(cpu->hv.nmi == 2);
}

/* The page taken away: events wait, and nobody dies. */
static void page_gone(void)
{
	struct micro_cpu *cpu = this_cpu();
	struct doorbell *page = cpu->doorbell;
	u64 gpa = (u64)page - SHARED_BASE;

	set_order();
	cpu->doorbell = NULL;
	page_state(gpa, PSC_OP_PRIVATE);
	to_self(LOW);
	to_self(HIGH);
	check(!ghcb_call(GHCB_DOORBELL, DOORBELL_CLEAR, 0, NULL));
	page_state(gpa, PSC_OP_SHARED);
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
		((volatile u64 *)page)[i] = 0;
	check(taken == 0);
	doorbell_set();
	irq_opened();
	ghcb_in(0x61, 1);
	check(taken == 2);
}

/* ---- sources ------------------------------------------------------------- */

static volatile u32 levels;

static void on_level(struct regs *regs)
{
	levels++;
	edu_ack();
	intr_default(regs);
}

static void device(u32 count)
{
	u32 before = this_cpu()->intr[OTHER];

	if (!edu_init()) {
		print("belfry: no edu device, its interrupts not tried\n");
		return;
	}
	ioapic_route(EDU_PIN, OTHER, false, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		edu_edge();
		wait_for(OTHER, before + i);
	}
	check(this_cpu()->intr[OTHER] == before + count);
	set_handler(OTHER, on_level);
	ioapic_route(EDU_PIN, OTHER, true, this_cpu()->apic_id);
	for (u32 i = 1; i <= count; i++) {
		edu_raise();
		wait_for(OTHER, before + count + i);
	}
	check(levels == count);
	ioapic_mask(EDU_PIN);
}

static u32 timer_call(u64 mode, u64 vector, u64 count)
{
	return ghcb_call(GHCB_HV_TIMER, mode << HV_TIMER_MODE_SHIFT | vector,
			 count, NULL);
}

static void timer(u32 count)
{
	struct micro_cpu *cpu = this_cpu();
	u32 seen;

	check(timer_call(HV_TIMER_ONE_SHOT, 30, 1000) ==
	      GHCB_RESULT_MALFORMED);
	for (u32 i = 1; i <= count; i++) {
		check(!timer_call(HV_TIMER_ONE_SHOT, TIMER, 20000));
		wait_for(TIMER, i);
	}
	check(!timer_call(HV_TIMER_DEADLINE, TIMER, rdtsc() + 50000));
	wait_for(TIMER, count + 1);
	check(!timer_call(HV_TIMER_PERIODIC, TIMER, 200000));
	wait_for(TIMER, count + 6);
	check(!timer_call(HV_TIMER_STOP, 0, 0));
	seen = cpu->intr[TIMER];
	wait_ticks(2000);
	check(cpu->intr[TIMER] == seen);
}

/* ---- IPIs ---------------------------------------------------------------- */

static volatile u32 rounds;

/* Sleeps until told, and answers: a lost wake-up stops both for ever. */
static void answer(void)
{
	for (u32 i = 1; i <= rounds; i++) {
		wait_for(IPI, i);
		if (hv_ipi(micro_cpus[0].apic_id, IPI))
			panic("HV IPI refused", NULL);
	}
}

static void ping_pong(u32 count)
{
	struct micro_cpu *cpu = this_cpu();
	u32 base = cpu->intr[IPI];

	if (cpu_count() < 2)
		return;
	cpu_start(1);
	rounds = count;
	cpu_run(1, answer);
	for (u32 i = 1; i <= count; i++) {
		check(!hv_ipi(micro_cpus[1].apic_id, IPI));
		wait_for(IPI, base + i);
	}
	cpu_wait(1);
	check(cpu->intr[IPI] == base + count);
	check(micro_cpus[1].intr[IPI] == count);
}

void micro_main(void)
{
	u32 count = option("count", 50);

	irq_off();
	if (!restricted_active())
		panic("needs --injection restricted", NULL);
	apic_enable();
	irq_on();
	registration();
	overwrite();
	held_back();
	elided();
	nested();
	nmis();
	page_gone();
	device(count);
	timer(count);
	ping_pong(10 * count);
	check(!this_cpu()->hv.spurious);
	print("belfry: %u #HV, %u put off, %u before HLT\n",
	      (u64)this_cpu()->hv.count, (u64)this_cpu()->hv.put_off,
	      (u64)this_cpu()->hv.windows);
}
