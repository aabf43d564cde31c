// SPDX-License-Identifier: MIT
/*
 * svsm-handoff: a runtime that used Alternate Injection ends it, as firmware
 * does before it starts a kernel that has never heard of it: all that its APIC
 * holds goes to the host's, and from there on interrupts come the normal way.
 * state= empty irr isr nmi level tpr all; and states that stay.
 */
#include "guest/micro/edu.h"
#include "guest/micro/micro.h"

#define LOW	0x41
#define HIGH	0x61
#define LEVEL	0x52

static volatile u32 order[16], taken;
static volatile u32 levels;

static u64 configure(u32 what)
{
	return svsm_apic(SVSM_APIC_CONFIGURE, what, 0);
}

/* By the way that is right at the moment. */
static void note(struct regs *regs)
{
	if (taken < ARRAY_SIZE(order))
		order[taken] = regs->vector;
	taken++;
	if (regs->vector != VECTOR_NMI)
		apic_eoi();
}

static void expect(const u8 *vectors, u32 count)
{
	check(taken == count);
	for (u32 i = 0; i < count; i++)
		check(order[i] == vectors[i]);
	taken = 0;
}

static void self(u8 vector)
{
	svsm_apic_write(APIC_SELF_IPI, vector);
}

static bool host_bit(u32 offset, u8 vector)
{
	return ghcb_rdmsr(X2APIC_MSR(offset + 0x10 * (vector / 32))) &
	       BIT(vector % 32);
}

static u64 query(void)
{
	struct svsm_regs r = {
		.rcx = (u64)SVSM_PROTOCOL_APIC << 32 | SVSM_APIC_VERSION,
	};

	check(!svsm_call(SVSM_PROTOCOL_CORE, SVSM_CORE_QUERY_PROTOCOL, &r));
	return r.rcx;
}

/* The protocol is gone, for good, and the processor says so, too. */
static void leave(void)
{
	check(!configure(SVSM_APIC_DEREGISTER));
	this_cpu()->alternate = false;
	check(!alternate_active());
	check(configure(SVSM_APIC_REGISTER) == SVSM_ERR_UNSUPPORTED_PROTOCOL);
	check(svsm_apic(SVSM_APIC_READ_REGISTER, X2APIC_MSR(APIC_ID), 0) ==
	      SVSM_ERR_UNSUPPORTED_PROTOCOL);
	check(!query());
	check(!svsm_area(0)->no_eoi_required);
}

/* Everything works the normal way. */
static void normal(void)
{
	irq_on();
	taken = 0;
	apic_write(APIC_SELF_IPI, LOW);
	while (!taken)
		relax();
	expect((const u8[]){ LOW }, 1);
	check(!host_bit(APIC_ISR, LOW));
	apic_write(APIC_TPR, 0x30);
	check(read_cr8() == 3);
	write_cr8(0);
}

/* ---- states ------------------------------------------------------------- */

static void state_empty(void)
{
	leave();
	for (u32 v = 0; v < 256; v += 32) {
		check(!ghcb_rdmsr(X2APIC_MSR(APIC_IRR + v / 2)));
		check(!ghcb_rdmsr(X2APIC_MSR(APIC_ISR + v / 2)));
	}
}

static void state_irr(void)
{
	irq_off();
	self(31);
	self(32);
	self(255);
	leave();
	check(host_bit(APIC_IRR, 31));
	check(host_bit(APIC_IRR, 32));
	check(host_bit(APIC_IRR, 255));
	irq_on();
	expect((const u8[]){ 255, 32, 31 }, 3);
}

/* In the middle of two handlers; the rest of them runs the normal way. */
static void inner(struct regs *regs)
{
	(void)regs;
	self(LOW + 1);
	leave();
	check(host_bit(APIC_ISR, LOW));
	check(host_bit(APIC_ISR, HIGH));
	check(host_bit(APIC_IRR, LOW + 1));
	check(ghcb_rdmsr(X2APIC_MSR(APIC_PPR)) == (HIGH & 0xf0));
	apic_eoi();
	check(!host_bit(APIC_ISR, HIGH));
	check(host_bit(APIC_ISR, LOW));
}

static void outer(struct regs *regs)
{
	(void)regs;
	self(HIGH);
	irq_on();
	irq_off();
	check(!taken);
	apic_eoi();
}

static void state_isr(void)
{
	set_handler(LOW, outer);
	set_handler(HIGH, inner);
	irq_on();
	self(LOW);
	set_handler(LOW, note);
	set_handler(HIGH, note);
	expect((const u8[]){ LOW + 1 }, 1);
	check(!ghcb_rdmsr(X2APIC_MSR(APIC_PPR)));
}

/* NMIs are masked while the call is made: it comes by the host's hand. */
static void on_nmi(struct regs *regs)
{
	static bool left;

	note(regs);
	if (left)
		return;
	left = true;
	svsm_apic_write(APIC_ICR, (u64)APIC_DEST_SELF <<
			APIC_ICR_SHORTHAND_SHIFT |
			APIC_NMI << APIC_ICR_MODE_SHIFT);
	leave();
}

static void state_nmi(void)
{
	set_handler(VECTOR_NMI, on_nmi);
	svsm_apic_write(APIC_ICR, (u64)APIC_DEST_SELF <<
			APIC_ICR_SHORTHAND_SHIFT |
			APIC_NMI << APIC_ICR_MODE_SHIFT);
	while (taken < 2)
		relax();
	expect((const u8[]){ VECTOR_NMI, VECTOR_NMI }, 2);
}

static void on_level(struct regs *regs)
{
	(void)regs;
	if (!levels++)
		leave();
	edu_ack();
	apic_eoi();
	check(!host_bit(APIC_ISR, LEVEL));
}

/* In service, and its line waits for an EOI that the host must see. */
static void state_level(void)
{
	if (!edu_init())
		panic("state=level needs -device edu,addr=4", NULL);
	set_handler(LEVEL, on_level);
	vector_allow(LEVEL, true);
	ioapic_route(EDU_PIN, LEVEL, true, this_cpu()->apic_id);
	irq_on();
	for (u32 i = 1; i <= 10; i++) {
		edu_raise();
		while (levels < i)
			relax();
	}
	check(levels == 10);
	ioapic_mask(EDU_PIN);
}

static void state_tpr(void)
{
	irq_on();
	write_cr8(LOW >> 4);
	self(LOW);
	leave();
	check(read_cr8() == LOW >> 4);
	check(ghcb_rdmsr(X2APIC_MSR(APIC_TPR)) == (LOW & 0xf0));
	check(host_bit(APIC_IRR, LOW));
	check(!taken);
	write_cr8(0);
	while (!taken)
		relax();
	expect((const u8[]){ LOW }, 1);
}

/* ---- those that stay ---------------------------------------------------- */

/* Two users: when the first is done the second still has it. */
static void state_locked(void)
{
	check(!configure(SVSM_APIC_REGISTER));
	check(!configure(SVSM_APIC_DEREGISTER));
	check(alternate_active());
	check(query() != 0);
	irq_on();
	self(LOW);
	expect((const u8[]){ LOW }, 1);
	leave();
}

/* Another CPU goes on until it asks. */
static volatile bool asked;

static void ask_work(void)
{
	this_cpu()->intr[LOW] = 0;
	self(LOW);
	check(query() != 0);
	check(!configure(SVSM_APIC_QUERY));
	this_cpu()->alternate = false;
	check(!alternate_active());
	check(!query());
	asked = true;
}

static void state_others(void)
{
	if (cpu_count() < 2)
		panic("state=others needs two CPUs", NULL);
	cpu_start(1);
	leave();
	cpu_run(1, ask_work);
	cpu_wait(1);
	check(asked);
	taken = 0;
	/* one that comes up now has never had it */
	if (cpu_count() > 2) {
		cpu_start(2);
		check(!micro_cpus[2].alternate);
	}
	irq_on();
	for (unsigned int i = 1; i < cpu_count() && i < 3; i++) {
		taken = 0;
		apic_write(APIC_ICR, (u64)micro_cpus[i].apic_id <<
			   APIC_ICR_DEST_SHIFT | HIGH);
		while (!taken)
			relax();
	}
	taken = 0;
}

static const struct {
	const char *name;
	void (*fn)(void);
} states[] = {
	{ "empty", state_empty }, { "irr", state_irr }, { "isr", state_isr },
	{ "nmi", state_nmi }, { "level", state_level }, { "tpr", state_tpr },
	{ "locked", state_locked }, { "others", state_others },
};

void micro_main(void)
{
	irq_off();
	if (!alternate_active())
		panic("needs --guest svsm --injection alternate", NULL);
	apic_enable();
	for (unsigned int v = 31; v < 256; v++)
		set_handler(v, note);
	for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
		if (!option_is("state", states[i].name))
			continue;
		states[i].fn();
		normal();
		return;
	}
	panic("no such state", NULL);
}
