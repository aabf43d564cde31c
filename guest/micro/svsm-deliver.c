// SPDX-License-Identifier: MIT
/*
 * svsm-deliver: what the monitor presents, and when: priorities, TPR, nesting,
 * the filter, EOI by register and by byte, NMI, HLT. What the guest sends
 * itself needs no permission; what comes from the host does, and a #HV IPI
 * that the guest asks the host for comes from the host.
 */
#include "guest/micro/edu.h"
#include "guest/micro/micro.h"

#define LOW	0x41
#define SAME	0x47		/* LOW's class */
#define HIGH	0x61
#define LEVEL	0x52

#define ORDER	16

static volatile u32 order[ORDER], taken;
static volatile u32 nmis, levels;
static volatile bool renew, explicit_eoi;

static void note(struct regs *regs)
{
	if (taken < ORDER)
		order[taken] = regs->vector;
	taken++;
	this_cpu()->intr[regs->vector]++;
}

static void on_vector(struct regs *regs)
{
	note(regs);
	if (explicit_eoi)
		svsm_apic_write(APIC_EOI, 0);
	else
		apic_eoi();
}

/* Lets in what is above its own class. */
static void on_low(struct regs *regs)
{
	note(regs);
	check(svsm_apic_read(APIC_ISR + 0x20) == BIT(LOW % 32));
	check(svsm_apic_read(APIC_PPR) == (LOW & 0xf0));
	svsm_apic_write(APIC_SELF_IPI, SAME);
	svsm_apic_write(APIC_SELF_IPI, HIGH);
	irq_on();
	check(order[taken - 1] == HIGH);
	check(svsm_apic_read(APIC_IRR + 0x20) == BIT(SAME % 32));
	irq_off();
	note(regs);
	apic_eoi();
}

static void on_high(struct regs *regs)
{
	note(regs);
	check(svsm_apic_read(APIC_PPR) == (HIGH & 0xf0));
	check(svsm_apic_read(APIC_ISR + 0x20) == BIT(LOW % 32));
	check(svsm_apic_read(APIC_ISR + 0x30) == BIT(HIGH % 32));
	apic_eoi();
}

static void on_level(struct regs *regs)
{
	levels++;
	check(svsm_apic_read(APIC_TMR + 0x20) == BIT(LEVEL % 32));
	this_cpu()->intr[regs->vector]++;
	edu_ack();
	/* By the byte, of which the host learns later, or by a call. */
	if (levels % 2)
		apic_eoi();
	else
		svsm_apic_write(APIC_EOI, 0);
}

static void on_nmi(struct regs *regs)
{
	u32 before = nmis++;

	note(regs);
	if (!renew)
		return;
	/* A second one waits for this one's IRET. */
	renew = false;
	svsm_apic_write(APIC_ICR, (u64)APIC_DEST_SELF <<
			APIC_ICR_SHORTHAND_SHIFT |
			APIC_NMI << APIC_ICR_MODE_SHIFT);
	check(nmis == before + 1);
}

static void expect(const u8 *vectors, u32 count)
{
	check(taken == count);
	for (u32 i = 0; i < count; i++)
		check(order[i] == vectors[i]);
	taken = 0;
}

static void none(void)
{
	check(!taken);
	for (u32 i = 0; i < 8; i++)
		check(!svsm_apic_read(APIC_IRR + 0x10 * i));
}

static void self(u8 vector)
{
	svsm_apic_write(APIC_SELF_IPI, vector);
}

static void self_nmi(void)
{
	svsm_apic_write(APIC_ICR, (u64)APIC_DEST_SELF <<
			APIC_ICR_SHORTHAND_SHIFT |
			APIC_NMI << APIC_ICR_MODE_SHIFT);
}

static void from_host(u32 low)
{
	check(!ghcb_call(GHCB_HV_IPI, (u64)this_cpu()->apic_id <<
			 APIC_ICR_DEST_SHIFT | low, 0, NULL));
}

static void handlers(void (*low)(struct regs *regs),
		     void (*high)(struct regs *regs))
{
	set_handler(LOW, low);
	set_handler(HIGH, high);
	set_handler(SAME, on_vector);
}

/* ---- when --------------------------------------------------------------- */

/* Queued, seen in IRR, and taken at STI without an exit. */
static void interrupt_flag(void)
{
	irq_off();
	self(LOW);
	check(!taken);
	check(svsm_apic_read(APIC_IRR + 0x20) == BIT(LOW % 32));
	irq_on();
	expect((const u8[]){ LOW }, 1);
	check(!svsm_apic_read(APIC_IRR + 0x20));
}

static void task_priority(void)
{
	svsm_apic_write(APIC_TPR, LOW & 0xf0);
	self(LOW);
	check(!taken);
	check(svsm_apic_read(APIC_PPR) == (LOW & 0xf0));
	self(HIGH);
	expect((const u8[]){ HIGH }, 1);
	/* what TPR held back comes as CR8 falls: no exit */
	write_cr8((LOW >> 4) - 1);
	expect((const u8[]){ LOW }, 1);
	write_cr8(0);
	check(!svsm_apic_read(APIC_TPR));
}

static void highest_first(void)
{
	irq_off();
	self(LOW);
	self(SAME);
	self(HIGH);
	irq_on();
	expect((const u8[]){ HIGH, SAME, LOW }, 3);
}

static void nesting(void)
{
	handlers(on_low, on_high);
	self(LOW);
	expect((const u8[]){ LOW, HIGH, LOW, SAME }, 4);
	check(!svsm_apic_read(APIC_PPR));
	handlers(on_vector, on_vector);
}

/* ---- EOI ---------------------------------------------------------------- */

/* The byte is set for an edge that is alone, and is gone once it is used. */
static void lazy(void)
{
	u8 *byte = &svsm_area(0)->no_eoi_required;

	irq_off();
	self(LOW);
	check(*byte == 1);
	self(HIGH);
	check(!*byte);
	irq_on();
	expect((const u8[]){ HIGH, LOW }, 2);
	/* told by register although it need not be: one EOI, not two */
	explicit_eoi = true;
	self(LOW);
	explicit_eoi = false;
	expect((const u8[]){ LOW }, 1);
	check(!svsm_apic_read(APIC_ISR + 0x20));
	check(!*byte);
	/* nothing in service, and the guest plays with its byte */
	*byte = 1;
	self(LOW);
	*byte = 0;
	check(!svsm_apic_read(APIC_ISR + 0x20));
	expect((const u8[]){ LOW }, 1);
}

/* The area changes while an EOI may be elided. */
static void on_remap(struct regs *regs)
{
	note(regs);
	check(svsm_remap());
	check(svsm_apic_read(APIC_ISR + 0x20) == BIT(LOW % 32));
	apic_eoi();
}

static void remapped(void)
{
	set_handler(LOW, on_remap);
	self(LOW);
	expect((const u8[]){ LOW }, 1);
	check(!svsm_apic_read(APIC_ISR + 0x20));
	set_handler(LOW, on_vector);
}

static void level_lines(u32 count)
{
	if (!edu_init()) {
		print("belfry: no edu device, level lines not tried\n");
		return;
	}
	set_handler(LEVEL, on_level);
	vector_allow(LEVEL, true);
	ioapic_route(EDU_PIN, LEVEL, true, this_cpu()->apic_id);
	for (u32 i = 0; i < count; i++) {
		edu_raise();
		while (levels < i + 1)
			relax();
	}
	wait_ticks(2000);
	check(levels == count);
	/* the same vector as an edge: TMR follows */
	ioapic_mask(EDU_PIN);
	irq_off();
	self(LEVEL);
	check(!svsm_apic_read(APIC_TMR + 0x20));
	set_handler(LEVEL, on_vector);
	irq_on();
	expect((const u8[]){ LEVEL }, 1);
	vector_allow(LEVEL, false);
}

/* ---- the filter --------------------------------------------------------- */

static void filter(void)
{
	irq_off();
	for (u32 v = 16; v < 256; v++)
		from_host(v);
	from_host(APIC_NMI << APIC_ICR_MODE_SHIFT);
	irq_on();
	none();
	check(!nmis);
	vector_allow(LOW, true);
	from_host(LOW);
	expect((const u8[]){ LOW }, 1);
	/* pending when it is forbidden: it was allowed when it came */
	irq_off();
	from_host(LOW);
	vector_allow(LOW, false);
	from_host(LOW);
	irq_on();
	expect((const u8[]){ LOW }, 1);
	from_host(LOW);
	none();
}

/* All at once, through words and byte: each once, the highest first. */
static void everything(void)
{
	const u32 call = SVSM_APIC_CONFIGURE_VECTOR;
	bool bad = false;

	irq_off();
	check(!svsm_apic(call, SVSM_APIC_VECTOR_ALL | SVSM_APIC_VECTOR_ENABLE,
			 0));
	for (u32 v = 0; v < 256; v++)
		this_cpu()->intr[v] = 0;
	for (u32 v = 16; v < 256; v++)
		from_host(v);
	irq_on();
	while (svsm_apic_read(APIC_PPR) ||
	       !this_cpu()->intr[32] || !this_cpu()->intr[31])
		relax();
	for (u32 v = 0; v < 256; v++)
		bad |= this_cpu()->intr[v] != (v >= 31);
	check(!bad);
	check(!svsm_apic(call, SVSM_APIC_VECTOR_ALL, 0));
	taken = 0;
}

/* ---- NMI, HLT ----------------------------------------------------------- */

static void nmi(void)
{
	irq_off();
	self_nmi();
	check(nmis == 1);
	irq_on();
	renew = true;
	self_nmi();
	check(nmis == 3);
	taken = 0;
	/* with an interrupt: the NMI first, and neither is lost */
	irq_off();
	self(LOW);
	self_nmi();
	irq_on();
	expect((const u8[]){ VECTOR_NMI, LOW }, 2);
}

/* What cannot be taken does not end a HLT; what can, does. */
static void halt(void)
{
	vector_allow(HIGH, true);
	irq_off();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, HIGH);
	write_cr8(LOW >> 4);
	self(LOW);
	taken = 0;
	apic_write(APIC_TMICT, 20000);
	irq_on_halt();
	expect((const u8[]){ HIGH }, 1);
	write_cr8(0);
	expect((const u8[]){ LOW }, 1);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	vector_allow(HIGH, false);
}

void micro_main(void)
{
	irq_off();
	if (!alternate_active())
		panic("needs --guest svsm --injection alternate", NULL);
	apic_enable();
	handlers(on_vector, on_vector);
	set_handler(VECTOR_NMI, on_nmi);
	set_handler(31, on_vector);
	irq_on();
	filter();
	interrupt_flag();
	task_priority();
	highest_first();
	nesting();
	lazy();
	remapped();
	level_lines(option("count", 20));
	everything();
	nmis = 0;
	nmi();
	halt();
}
