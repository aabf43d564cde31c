// SPDX-License-Identifier: MIT
/*
 * The paravisor with Secure AVIC, natively: when the page is used, what is
 * emulated, who is told of an IPI, and who sleeps. The test plays silicon on
 * the pages; rows of docs/conformance.md in brackets.
 */
#include "tests/core_paravisor.h"

#define IOAPIC		0xfec00000ull
#define TRAP(offset)	(AVIC_NOACCEL_WRITE | (offset))

static u32 pages[WORLD_CPUS][PAGE_SIZE / 4];
static struct world_cpu *const bsp = &w.cpu[0], *const ap = &w.cpu[1];

static u32 *word(const struct world_cpu *c, u32 base, u8 v)
{
	return &pages[c->index][(base + 0x10 * (v / 32)) / 4];
}

static bool there(const struct world_cpu *c, u32 base, u8 v)
{
	return *word(c, base, v) >> v % 32 & 1;
}

static void put(const struct world_cpu *c, u32 base, u8 v)
{
	*word(c, base, v) |= BIT(v % 32);
}

static u32 reg(const struct world_cpu *c, u32 offset)
{
	return pages[c->index][offset / 4];
}

static void turn(struct world_cpu *c)
{
	assert_null(paravisor_turn(&c->v));
}

/* An exit that has to do with the APIC: the vectors leave the page. */
static void visit(struct world_cpu *c)
{
	world_rdmsr(c, MSR_APIC_BASE);
}

static void wrmsr(struct world_cpu *c, u32 offset, u64 value)
{
	world_wrmsr(c, X2APIC_MSR(offset), value);
	assert_false(c->vmsa.event_inj & EVENT_V);
}

/* Silicon's exits: BUSY is set, NRIP is not there. */
static void avic_exit(struct world_cpu *c, u64 code, u64 info1, u64 info2)
{
	c->vmsa.exit_code = code;
	c->vmsa.exit_info1 = info1;
	c->vmsa.exit_info2 = info2;
	c->vmsa.nrip = 0;
	c->vmsa.vintr_ctrl |= VINTR_BUSY;
	turn(c);
	assert_false(c->vmsa.vintr_ctrl & VINTR_BUSY);
}

/* A write that traps: page written, RIP behind it. */
static void trap(struct world_cpu *c, u32 offset, u64 value)
{
	pages[c->index][offset / 4] = value;
	c->vmsa.rcx = X2APIC_MSR(offset);
	c->vmsa.rax = (u32)value;
	c->vmsa.rdx = value >> 32;
	c->vmsa.rip += 2;
	avic_exit(c, EXIT_AVIC_NOACCEL, TRAP(offset), 0);
}

static void ipi(struct world_cpu *c, u64 icr)
{
	pages[c->index][APIC_ICR / 4] = icr;
	pages[c->index][APIC_ICR2 / 4] = icr >> 32;
	c->vmsa.rcx = X2APIC_MSR(APIC_ICR);
	c->vmsa.rax = (u32)icr;
	c->vmsa.rdx = icr >> 32;
	c->vmsa.rip += 2;
	avic_exit(c, EXIT_AVIC_INCOMPLETE_IPI, icr, 5ull << 32);
}

static u64 to(u32 id, u64 icr)
{
	return (u64)id << 32 | icr;
}

/* The guest accepts the vector. */
static void accept(struct world_cpu *c, u8 v)
{
	assert_true(there(c, APIC_IRR, v));
	*word(c, APIC_IRR, v) &= ~BIT(v % 32);
	put(c, APIC_ISR, v);
}

static void enable(struct world_cpu *c)
{
	world_wrmsr(c, MSR_APIC_BASE, apic_read_base(&c->v.apic) |
		    APIC_BASE_ENABLE | APIC_BASE_EXTD);
	wrmsr(c, APIC_SVR, 0x1ff);
}

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	world_start(true);
	memset(pages, 0, sizeof(pages));
	for (i = 0; i < WORLD_CPUS; i++) {
		backing_init(&w.cpu[i].v.backing, pages[i]);
		w.cpu[i].v.savic_gpa = 0x7000000 + i * PAGE_SIZE;
	}
	enable(bsp);
	bsp->runs = 0;
	bsp->vmsa.rip = 0x1000;
	return 0;
}

static bool is_on(const struct world_cpu *c)
{
	return c->vmsa.savic_control == (c->v.savic_gpa | SAVIC_CONTROL_EN);
}

/* Starts the others, INIT and SIPI through 401h [68, 69]. */
static void start_others(void)
{
	unsigned int i;

	ipi(bsp, 0xc4500);
	ipi(bsp, 0xc4608);
	for (i = 1; i < WORLD_CPUS; i++) {
		turn(&w.cpu[i]);
		assert_int_equal(w.cpu[i].runs, 1);
		assert_int_equal(w.cpu[i].vmsa.cs.base, 0x8000);
		assert_false(is_on(&w.cpu[i]));
		enable(&w.cpu[i]);
		assert_true(is_on(&w.cpu[i]));
		w.cpu[i].v.where = PARAVISOR_INSIDE;
		w.cpu[i].vmsa.rflags = RFLAGS_IF;
	}
	bsp->kicks = bsp->rings = 0;
}

/* ---- when ---------------------------------------------------------------- */

/* [65] On late, off early, and nothing is lost on either way. */
static void on_and_off(void **state)
{
	(void)state;
	assert_true(is_on(bsp));
	assert_true(bsp->registered);
	assert_string_equal(bsp->note, "Secure AVIC");
	put(bsp, APIC_IRR, 0x41);
	put(bsp, APIC_ISR, 0x31);
	/* APIC disabled by software: it keeps what it has. */
	trap(bsp, APIC_SVR, 0xff);
	assert_false(bsp->registered);
	assert_int_equal(bsp->vmsa.savic_control, 0);
	assert_int_equal(bsp->v.apic.isr[1], BIT(17));
	assert_true(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
	assert_int_equal(*word(bsp, APIC_IRR, 0x41), 0);
	wrmsr(bsp, APIC_SVR, 0x1ff);
	assert_true(is_on(bsp));
	assert_false(bsp->vmsa.vintr_ctrl & VINTR_V_IRQ);
	assert_true(there(bsp, APIC_IRR, 0x41));
	assert_true(there(bsp, APIC_ISR, 0x31));
	assert_int_equal(bsp->registrations, 3);
	/* APIC_BASE: x2APIC to none; it has been reset. */
	world_wrmsr(bsp, MSR_APIC_BASE, APIC_DEFAULT_BASE);
	assert_false(bsp->registered);
	assert_int_equal(*word(bsp, APIC_ISR, 0x31), 0);
	/* [xAPIC] never on there. */
	world_wrmsr(bsp, MSR_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_ENABLE);
	apic_write(&bsp->v.apic, APIC_VIEW_XAPIC, APIC_SVR, 0x1ff, at(0),
		   &(struct apic_effects){ 0 });
	bsp->note = NULL;
	turn(bsp);
	assert_false(bsp->registered);
	assert_int_equal(bsp->vmsa.savic_control, 0);
	assert_string_equal(bsp->note, "an xAPIC, no Secure AVIC: "
			    "Alternate Injection");
	bsp->note = NULL;
	turn(bsp);
	assert_null(bsp->note);
}

static void refused(void **state)
{
	(void)state;
	trap(bsp, APIC_SVR, 0xff);
	w.host_refuses = true;
	wrmsr(bsp, APIC_SVR, 0x1ff);
	assert_int_equal(bsp->vmsa.savic_control, 0);
	assert_string_equal(bsp->note, "the host refuses Secure AVIC: "
			    "Alternate Injection");
	bsp->note = NULL;
	turn(bsp);
	assert_null(bsp->note);
}

/* INIT takes the page away, whatever is in it [69]. */
static void init(void **state)
{
	(void)state;
	start_others();
	put(ap, APIC_IRR, 0x41);
	put(ap, APIC_ISR, 0x51);
	ipi(bsp, to(2, 0x4500));
	turn(ap);
	assert_false(ap->registered);
	assert_int_equal(*word(ap, APIC_IRR, 0x41), 0);
	assert_int_equal(*word(ap, APIC_ISR, 0x51), 0);
	assert_int_equal(ap->v.apic.run, APIC_WAIT_SIPI);
	/* Interrupts while it waits are not for later. */
	ipi(bsp, to(2, 0x61));
	turn(ap);
	ipi(bsp, to(2, 0x4609));
	ipi(bsp, to(2, 0x460a));
	turn(ap);
	assert_int_equal(ap->vmsa.cs.base, 0x9000);
	enable(ap);
	assert_true(is_on(ap));
	assert_int_equal(*word(ap, APIC_IRR, 0x61), 0);
}

/* The guest reaches SECURE_AVIC_CONTROL and can only hurt itself. */
static void control(void **state)
{
	(void)state;
	bsp->vmsa.savic_control = 0x5000 | SAVIC_CONTROL_EN |
				  SAVIC_CONTROL_ALLOWED_NMI;
	turn(bsp);
	assert_true(is_on(bsp));
	bsp->vmsa.savic_control = 0;
	turn(bsp);
	assert_true(is_on(bsp));
	bsp->v.apic.allow_nmi = true;
	turn(bsp);
	assert_int_equal(bsp->vmsa.savic_control, bsp->v.savic_gpa | 3);
}

/* ---- registers ----------------------------------------------------------- */

static void traps(void **state)
{
	(void)state;
	trap(bsp, APIC_LVT_LINT0, 0x11700);
	assert_int_equal(bsp->v.apic.lvt[APIC_LVT_IDX_LINT0], 0x10700);
	assert_int_equal(reg(bsp, APIC_LVT_LINT0), 0x10700);
	/* [67] RIP was there already. */
	assert_int_equal(bsp->vmsa.rip, 0x1002);
	bsp->v.apic.errors = 0x40;
	trap(bsp, APIC_ESR, 0);
	assert_int_equal(reg(bsp, APIC_ESR), 0x40);
	trap(bsp, APIC_TDCR, 0xb);
	trap(bsp, APIC_LVT_TIMER, 0xec);
	w.now = 100;
	trap(bsp, APIC_TMICT, 1000);
	assert_int_equal(bsp->deadline, 1100);
	assert_int_equal(reg(bsp, APIC_TMICT), 1000);
	assert_int_equal(bsp->vmsa.rip, 0x100a);
	/* [66] TMCCT: a fault, and RIP two on without NRIP. */
	w.now = 400;
	bsp->vmsa.rcx = 0x839;
	bsp->vmsa.rdx = ~0ull;
	avic_exit(bsp, EXIT_AVIC_NOACCEL, APIC_TMCCT, 0);
	assert_int_equal(bsp->vmsa.rax, 700);
	assert_int_equal(bsp->vmsa.rdx, 0);
	assert_int_equal(bsp->vmsa.rip, 0x100c);
	/* A timer tick of the monitor's own. */
	w.now = 1100;
	turn(bsp);
	assert_true(there(bsp, APIC_IRR, 0xec));
	/* The timer's vector is not the host's to send. */
	assert_false(there(bsp, SAVIC_ALLOWED_IRR, 0xec));
}

/* The host may post the tick, by choice: only its vector, only when armed. */
static void host_ticks(void **state)
{
	(void)state;
	w.guest.host_ticks = true;
	paravisor_allow(&bsp->v, 0x41);
	w.now = 100;
	trap(bsp, APIC_TDCR, 0xb);
	trap(bsp, APIC_LVT_TIMER, 0xec);
	assert_false(there(bsp, SAVIC_ALLOWED_IRR, 0xec));
	trap(bsp, APIC_TMICT, 1000);
	assert_int_equal(bsp->tick, 1100);
	assert_int_equal(bsp->tick_vector, 0xec);
	assert_int_equal(bsp->deadline, APIC_NEVER);
	assert_true(there(bsp, SAVIC_ALLOWED_IRR, 0xec));
	/* over: the host's to post, once, and no call to forget it */
	w.now = 1100;
	turn(bsp);
	assert_false(there(bsp, APIC_IRR, 0xec));
	assert_false(bsp->v.apic.timer_running);
	assert_int_equal(bsp->ticks, 1);
	/* armed anew; another vector: the old one is not the host's any more */
	trap(bsp, APIC_TMICT, 1000);
	trap(bsp, APIC_LVT_TIMER, 0xed);
	assert_int_equal(bsp->tick, 2100);
	assert_int_equal(bsp->tick_vector, 0xed);
	assert_false(there(bsp, SAVIC_ALLOWED_IRR, 0xec));
	assert_true(there(bsp, SAVIC_ALLOWED_IRR, 0xed));
	assert_false(bsp->v.apic.allowed[7] & BIT(12));
	/* a device has that vector as well */
	trap(bsp, APIC_LVT_TIMER, 0x41);
	trap(bsp, APIC_LVT_TIMER, 0xed);
	assert_true(there(bsp, SAVIC_ALLOWED_IRR, 0x41));
	/* masked: forgotten */
	trap(bsp, APIC_LVT_TIMER, 0x100ed);
	assert_int_equal(bsp->tick, APIC_NEVER);
	/* periodic: the monitor's own */
	trap(bsp, APIC_TMICT, 0);
	trap(bsp, APIC_LVT_TIMER, 0x200ed);
	trap(bsp, APIC_TMICT, 1000);
	assert_int_equal(bsp->deadline, 2100);
	assert_int_equal(bsp->tick, APIC_NEVER);
	assert_false(there(bsp, SAVIC_ALLOWED_IRR, 0xed));
	w.now = 2150;
	turn(bsp);
	assert_true(there(bsp, APIC_IRR, 0xed));
	*word(bsp, APIC_IRR, 0xed) = 0;
	assert_int_equal(bsp->deadline, 3100);
	/* and back while it runs: no timer is left behind */
	trap(bsp, APIC_LVT_TIMER, 0xed);
	assert_int_equal(bsp->deadline, APIC_NEVER);
	assert_int_equal(bsp->tick, 3100);
	/* TSC deadline */
	trap(bsp, APIC_LVT_TIMER, 0x400ed);
	assert_int_equal(bsp->tick, APIC_NEVER);
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 8000);
	assert_int_equal(bsp->tick, 4000);
	/* past already: nobody else has heard of it */
	w.now = 4000;
	turn(bsp);
	assert_false(there(bsp, APIC_IRR, 0xed));
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 9000);
	assert_int_equal(bsp->tick, 4500);
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 7000);
	assert_int_equal(bsp->tick, APIC_NEVER);
	assert_true(there(bsp, APIC_IRR, 0xed));
	world_wrmsr(bsp, MSR_TSC_DEADLINE, 9000);
	/* a vector that nobody may post stays with the monitor */
	trap(bsp, APIC_LVT_TIMER, 0x4001e);
	w.now = 5000;
	turn(bsp);
	assert_true(there(bsp, APIC_IRR, 0x1e));
}

static bool gp_at(struct world_cpu *c, u64 rip)
{
	bool gp = c->vmsa.event_inj == (EVENT_V | EVENT_EV | 0x30d);

	c->vmsa.event_inj = 0;
	return gp && c->vmsa.rip == rip;
}

/* What the trusted APIC refuses is #GP at the instruction. */
static void illegal(void **state)
{
	(void)state;
	trap(bsp, APIC_LVT_TIMER, 0x600ec);	/* reserved mode */
	assert_true(gp_at(bsp, 0x1000));
	assert_int_equal(reg(bsp, APIC_LVT_TIMER), 0x10000);
	/* read-only, no register: faults, by read and write */
	avic_exit(bsp, EXIT_AVIC_NOACCEL, TRAP(APIC_VERSION), 0);
	assert_true(gp_at(bsp, 0x1000));
	avic_exit(bsp, EXIT_AVIC_NOACCEL, TRAP(APIC_EFEAT), 0);
	assert_true(gp_at(bsp, 0x1000));
	avic_exit(bsp, EXIT_AVIC_NOACCEL, APIC_EFEAT, 0);
	assert_true(gp_at(bsp, 0x1000));
	/* remote read, SMI to all: an ICR that sends nothing */
	ipi(bsp, to(2, 0x300));
	assert_true(gp_at(bsp, 0x1000));
	ipi(bsp, 0x80200);
	assert_true(gp_at(bsp, 0x1000));
	assert_int_equal(reg(bsp, APIC_ICR), 0);
}

/* [23] Vectors below 16. */
static void send_error(void **state)
{
	(void)state;
	bsp->vmsa.rcx = 0x83f;
	bsp->vmsa.rax = 15;
	bsp->vmsa.rdx = 0;
	avic_exit(bsp, EXIT_AVIC_INCOMPLETE_IPI, 0x4000f, 4ull << 32);
	assert_int_equal(bsp->v.apic.errors, APIC_ESR_SEND_VECTOR);
	assert_int_equal(reg(bsp, APIC_ICR), 0);
	ipi(bsp, to(2, 0xf));
	assert_int_equal(reg(bsp, APIC_ICR), 0xf);
	assert_int_equal(bsp->kicks + bsp->rings, 0);
}

/* [72, 76] TPR by register and CR8, and PPR, at each boundary. */
static void priorities(void **state)
{
	(void)state;
	/* silicon: WRMSR TPR */
	pages[0][APIC_TPR / 4] = 0x25;
	bsp->vmsa.vintr_ctrl |= 2;
	visit(bsp);
	assert_int_equal(bsp->v.apic.tpr, 0x25);
	assert_int_equal(reg(bsp, APIC_TPR), 0x25);
	assert_int_equal(reg(bsp, APIC_PPR), 0x25);
	assert_int_equal(bsp->vmsa.vintr_ctrl & VINTR_TPR, 2);
	/* CR8 */
	pages[0][APIC_TPR / 4] = 0x30;
	bsp->vmsa.vintr_ctrl = (bsp->vmsa.vintr_ctrl & ~VINTR_TPR) | 3;
	put(bsp, APIC_ISR, 0x41);
	visit(bsp);
	assert_int_equal(bsp->v.apic.tpr, 0x30);
	assert_int_equal(reg(bsp, APIC_PPR), 0x40);
	/* The guest wrote its page: V_TPR masks, so V_TPR it is. */
	pages[0][APIC_TPR / 4] = 0xffffff71;
	visit(bsp);
	assert_int_equal(reg(bsp, APIC_TPR), 0x30);
	/* Halted without having run since: nothing changes. */
	bsp->vmsa.rflags = 0;
	assert_null(world_exit(bsp, EXIT_IDLE_HLT, 0, 0));
	turn(bsp);
	assert_int_equal(reg(bsp, APIC_TPR), 0x30);
	assert_int_equal(bsp->vmsa.vintr_ctrl & VINTR_TPR, 3);
}

/* ---- level --------------------------------------------------------------- */

static void route(struct world_cpu *c, unsigned int pin, u64 entry)
{
	paravisor_learn_mmio(&c->v, IOAPIC, 0x11 + 2 * pin);
	paravisor_learn_mmio(&c->v, IOAPIC + 0x10, entry >> 32);
	paravisor_learn_mmio(&c->v, IOAPIC, 0x10 + 2 * pin);
	paravisor_learn_mmio(&c->v, IOAPIC + 0x10, (u32)entry);
}

static void eoi_trap(struct world_cpu *c, u8 v)
{
	c->vmsa.rcx = 0x80b;
	c->vmsa.rax = c->vmsa.rdx = 0;
	c->vmsa.rip += 2;
	avic_exit(c, EXIT_AVIC_NOACCEL, TRAP(APIC_EOI), v);
}

/* [47, 49] In the page of the CPU that gets it, before it is programmed. */
static void level(void **state)
{
	(void)state;
	start_others();
	route(bsp, 9, 0x200000000000000 | 0x8000 | 0x41);	/* to ap */
	assert_true(there(ap, APIC_TMR, 0x41));
	assert_false(there(bsp, APIC_TMR, 0x41));
	assert_true(there(bsp, SAVIC_ALLOWED_IRR, 0x41));
	put(ap, APIC_IRR, 0x41);
	accept(ap, 0x41);
	turn(ap);
	assert_int_equal(ap->eois, 0);
	eoi_trap(ap, 0x41);
	assert_int_equal(ap->eois, 1);
	assert_int_equal(ap->eoi[0], 0x41);
	assert_false(there(ap, APIC_ISR, 0x41));
	/* moved to the BSP; masked entries count */
	route(bsp, 9, 0x8000 | 0x10000 | 0x41);
	assert_false(there(ap, APIC_TMR, 0x41));
	assert_true(there(bsp, APIC_TMR, 0x41));
	/* a second pin shares the vector: edge then level of the first */
	route(bsp, 10, 0x8000 | 0x41);
	route(bsp, 9, 0x41);
	assert_true(there(bsp, APIC_TMR, 0x41));
	route(bsp, 10, 0x10000);
	assert_false(there(bsp, APIC_TMR, 0x41));
	/* NMI through a pin has no vector */
	route(bsp, 9, 0x8400 | 0x51);
	assert_false(there(bsp, APIC_TMR, 0x51));
	/* logical destinations: flat, one byte */
	bsp->v.apic.base &= ~APIC_BASE_EXTD;
	bsp->v.apic.ldr = 0x80000000;
	route(bsp, 9, 0x8000000000000000 | 0x8800 | 0x61);
	assert_true(there(bsp, APIC_TMR, 0x61));
	assert_false(there(ap, APIC_TMR, 0x61));
}

/* A storm on a line: as many EOIs to the host as interrupts taken. */
static void level_storm(void **state)
{
	unsigned int i;

	(void)state;
	route(bsp, 9, 0x8000 | 0x41);
	for (i = 0; i < 1000; i++) {
		put(bsp, APIC_IRR, 0x41);
		accept(bsp, 0x41);
		put(bsp, APIC_IRR, 0x41);	/* the line is high still */
		eoi_trap(bsp, 0x41);
		assert_int_equal(bsp->eois, i + 1);
		assert_true(there(bsp, APIC_IRR, 0x41));
	}
}

/* EOI forms: silicon that has ended it already, nothing in service. */
static void level_eoi(void **state)
{
	(void)state;
	route(bsp, 9, 0x8000 | 0x41);
	eoi_trap(bsp, 0x41);
	assert_int_equal(bsp->eois, 1);
	eoi_trap(bsp, 0x51);		/* not a level vector */
	eoi_trap(bsp, 0);
	assert_int_equal(bsp->eois, 1);
	/* 62h nests 41h: INFO2 says 62h */
	route(bsp, 8, 0x8000 | 0x62);
	put(bsp, APIC_ISR, 0x41);
	put(bsp, APIC_ISR, 0x62);
	eoi_trap(bsp, 0x62);
	assert_int_equal(bsp->eoi[1], 0x62);
	assert_true(there(bsp, APIC_ISR, 0x41));
	/* the guest set TMR by itself: no host EOI is invented */
	eoi_trap(bsp, 0x41);
	assert_int_equal(bsp->eois, 3);
	route(bsp, 9, 0x41);
	put(bsp, APIC_ISR, 0x41);
	put(bsp, APIC_TMR, 0x41);
	eoi_trap(bsp, 0x41);
	assert_int_equal(bsp->eois, 3);
	assert_false(there(bsp, APIC_ISR, 0x41));
}

/* ---- IPIs ---------------------------------------------------------------- */

/* [40, 44, 68] The bit first, in the right page; then who is told. */
static void unicast(void **state)
{
	(void)state;
	start_others();
	/* INSIDE: it looks anyway */
	ipi(bsp, to(2, 0x61));
	assert_true(there(ap, APIC_IRR, 0x61));
	assert_int_equal(bsp->kicks + bsp->rings, 0);
	/* hardware works on its page: ring, once for one bit */
	ap->v.where = PARAVISOR_PAGE;
	ipi(bsp, to(2, 0x62));
	ipi(bsp, to(2, 0x62));
	assert_int_equal(bsp->rings, 1);
	assert_int_equal(bsp->ring.dest, 2);
	assert_int_equal(bsp->ring.mode, APIC_FIXED);
	assert_int_equal(bsp->ring.shorthand, APIC_DEST_NONE);
	assert_false(there(&w.cpu[2], APIC_IRR, 0x62));
	/* the page is not in use: through VMPL 0 */
	ap->v.where = PARAVISOR_LOCAL;
	ipi(bsp, to(2, 0x63));
	assert_int_equal(bsp->kicks, 1);
	/* to oneself: nobody is told */
	ipi(bsp, to(0, 0x64));
	assert_true(there(bsp, APIC_IRR, 0x64));
	assert_int_equal(bsp->kicks + bsp->rings, 2);
	/* the ICR reads back */
	assert_int_equal(reg(bsp, APIC_ICR), 0x64);
	/* no such CPU */
	ipi(bsp, to(1, 0x65));
	assert_int_equal(bsp->kicks + bsp->rings, 2);
}

/* [41] Shorthands and logical destinations: one exit for all. */
static void multicast(void **state)
{
	unsigned int i;

	(void)state;
	start_others();
	for (i = 1; i < WORLD_CPUS; i++)
		w.cpu[i].v.where = PARAVISOR_PAGE;
	ipi(bsp, 0xc0061);			/* all but self */
	assert_false(there(bsp, APIC_IRR, 0x61));
	ipi(bsp, 0x80062);			/* all */
	assert_true(there(bsp, APIC_IRR, 0x62));
	for (i = 1; i < WORLD_CPUS; i++) {
		assert_true(there(&w.cpu[i], APIC_IRR, 0x61));
		assert_true(there(&w.cpu[i], APIC_IRR, 0x62));
	}
	assert_int_equal(bsp->rings, 2);
	assert_int_equal(bsp->ring.shorthand, APIC_DEST_OTHERS);
	/* logical, cluster 0: IDs 2 and 4 */
	ipi(bsp, to(BIT(2) | BIT(4), 0x863));
	assert_true(there(&w.cpu[1], APIC_IRR, 0x63));
	assert_true(there(&w.cpu[2], APIC_IRR, 0x63));
	assert_false(there(&w.cpu[3], APIC_IRR, 0x63));
	assert_int_equal(bsp->rings, 3);
	assert_true(bsp->ring.logical);
	/* lowest priority: one of them */
	ipi(bsp, to(BIT(2) | BIT(4), 0x964));
	assert_int_equal(there(&w.cpu[1], APIC_IRR, 0x64) +
			 there(&w.cpu[2], APIC_IRR, 0x64), 1);
	/* one runs, one does not use its page, one is inside */
	w.cpu[2].v.where = PARAVISOR_LOCAL;
	w.cpu[3].v.where = PARAVISOR_INSIDE;
	bsp->rings = bsp->kicks = 0;
	ipi(bsp, 0xc0065);
	assert_int_equal(bsp->rings, 1);
	assert_int_equal(bsp->ring.dest, 2);
	assert_int_equal(bsp->kicks, 1);
	assert_int_equal(bsp->kick.dest, 4);
	assert_true(there(&w.cpu[3], APIC_IRR, 0x65));
}

/* [24, 26, 28] NMI: requested through the page, masked, nested, halted. */
static void nmi(void **state)
{
	(void)state;
	start_others();
	ap->v.where = PARAVISOR_PAGE;
	ipi(bsp, to(2, 0x400));
	assert_int_equal(reg(ap, SAVIC_NMI_REQ), 1);
	assert_int_equal(bsp->rings, 1);
	assert_int_equal(bsp->ring.mode, APIC_NMI);
	ipi(bsp, to(2, 0x400));
	assert_int_equal(bsp->rings, 1);
	/* an exit that is no reason to look: VMRUN takes it */
	turn(ap);
	assert_int_equal(reg(ap, SAVIC_NMI_REQ), 1);
	/* its monitor comes first: V_NMI */
	visit(ap);
	assert_int_equal(reg(ap, SAVIC_NMI_REQ), 0);
	assert_true(ap->vmsa.vintr_ctrl & VINTR_V_NMI);
	/* in its handler: one more is latched, behind V_NMI */
	ap->vmsa.vintr_ctrl |= VINTR_NMI_MASK;
	ipi(bsp, to(2, 0x400));
	visit(ap);
	assert_true(ap->v.apic.nmi_pending);
	ap->vmsa.vintr_ctrl &= ~(VINTR_V_NMI | VINTR_NMI_MASK);
	turn(ap);
	assert_true(ap->vmsa.vintr_ctrl & VINTR_V_NMI);
	assert_false(ap->v.apic.nmi_pending);
	/* halted with IF clear: an NMI wakes, an interrupt does not */
	ap->vmsa.vintr_ctrl &= ~VINTR_V_NMI;
	ap->vmsa.rflags = 0;
	ap->runs = 0;
	assert_null(world_exit(ap, EXIT_HLT, 0, 0));
	ipi(bsp, to(2, 0x61));
	turn(ap);
	assert_int_equal(ap->runs, 0);
	ipi(bsp, to(2, 0x400));
	turn(ap);
	assert_int_equal(ap->runs, 1);
	assert_true(ap->vmsa.vintr_ctrl & VINTR_V_NMI);
	/* to oneself by ICR: 401h with ID 0 */
	ipi(bsp, 0x40400);
	assert_true(bsp->vmsa.vintr_ctrl & VINTR_V_NMI);
}

/* ---- sleep --------------------------------------------------------------- */

static void post_61(struct world_cpu *c)
{
	c->hook = NULL;
	c->late = NULL;
	ipi(bsp, to(2, 0x61));
}

/*
 * [41] An IPI at any moment of the target's way to sleep: behind the poll,
 * behind its last pull (the clock is asked then), or asleep.
 */
static void no_lost_wakeup(void **state)
{
	unsigned int when;

	for (when = 0; when < 3; when++) {
		setup(state);
		start_others();
		wrmsr(ap, APIC_SVR, 0x1ff);
		trap(ap, APIC_TDCR, 0xb);
		trap(ap, APIC_LVT_TIMER, 0xec);
		trap(ap, APIC_TMICT, 0x10000000);
		ap->runs = bsp->rings = 0;
		if (when == 0)
			ap->hook = post_61;
		else if (when == 1)
			ap->late = post_61;
		else
			ap->sleep = post_61;
		assert_null(world_exit(ap, EXIT_IDLE_HLT, 0, 0));
		turn(ap);
		assert_int_equal(ap->idles, when == 2);
		assert_int_equal(bsp->rings, when == 2);
		assert_true(ap->runs >= 1);
		assert_true(there(ap, APIC_IRR, 0x61));
	}
}

/* The same on the way into the guest with the page not in use. */
static void no_lost_entry(void **state)
{
	setup(state);
	start_others();
	trap(ap, APIC_TDCR, 0xb);
	trap(ap, APIC_LVT_TIMER, 0xec);
	trap(ap, APIC_TMICT, 0x10000000);
	ap->v.savic_refused = true;
	turn(ap);
	assert_false(ap->registered);
	ap->runs = 0;
	ap->late = post_61;
	turn(ap);
	assert_int_equal(ap->runs, 0);
	turn(ap);
	assert_int_equal(ap->runs, 1);
	assert_int_equal((ap->vmsa.vintr_ctrl & VINTR_VECTOR) >>
			 VINTR_VECTOR_SHIFT, 0x61);
}

/* [70] HLT: who wakes, and who need not. */
static void halt(void **state)
{
	(void)state;
	/* deliverable in the page: no sleep */
	put(bsp, APIC_IRR, 0x41);
	assert_null(world_exit(bsp, EXIT_HLT, 0, 0));
	assert_int_equal(bsp->idles, 0);
	/* held back by TPR: sleep; woken for what only VMRUN can merge */
	*word(bsp, APIC_IRR, 0x41) = 0;
	put(bsp, APIC_IRR, 0x21);
	pages[0][APIC_TPR / 4] = 0x30;
	bsp->vmsa.vintr_ctrl |= 3;
	bsp->runs = 0;
	assert_null(world_exit(bsp, EXIT_IDLE_HLT, 0, 0));
	assert_int_equal(bsp->idles, 1);
	assert_int_equal(bsp->runs, 0);
	turn(bsp);
	assert_int_equal(bsp->runs, 1);
	/* IF clear: interrupts cannot wake it, so it is not run for them */
	bsp->vmsa.rflags = 0;
	bsp->runs = 0;
	assert_null(world_exit(bsp, EXIT_HLT, 0, 0));
	turn(bsp);
	turn(bsp);
	assert_int_equal(bsp->runs, 0);
	assert_int_equal(bsp->idles, 4);
}

/* ---- allowed, events ----------------------------------------------------- */

/* [13, 14, 73] Denied unless learned; in all pages at once. */
static void filter(void **state)
{
	unsigned int i, v;

	(void)state;
	start_others();
	paravisor_allow(&bsp->v, 0x41);
	paravisor_allow(&bsp->v, 0x80);
	paravisor_allow(&bsp->v, 14);
	for (i = 0; i < WORLD_CPUS; i++) {
		turn(&w.cpu[i]);
		for (v = 0; v < 256; v++)
			assert_int_equal(there(&w.cpu[i], SAVIC_ALLOWED_IRR,
					       v), v == 0x41);
	}
}

/* [63, 64] Interrupted delivery: hardware has put it back already. */
static void interrupted(void **state)
{
	const u64 event = event_make(EVENT_INTR, 0x41);

	(void)state;
	put(bsp, APIC_ISR, 0x41);
	bsp->vmsa.exit_int_info = bsp->vmsa.event_inj = event;
	turn(bsp);
	assert_int_equal(bsp->vmsa.event_inj, event);
	assert_int_equal(bsp->vmsa.exit_int_info, 0);
	assert_true(there(bsp, APIC_ISR, 0x41));
	assert_false(there(bsp, APIC_IRR, 0x41));
	/* silicon that has not: the same, once */
	bsp->vmsa.event_inj = 0;
	bsp->vmsa.exit_int_info = event;
	turn(bsp);
	assert_int_equal(bsp->vmsa.event_inj, event);
	bsp->vmsa.event_inj = 0;
	turn(bsp);
	assert_int_equal(bsp->vmsa.event_inj, 0);
}

/* [71, 72] Run by nobody else meanwhile; served once. */
static void once(void **state)
{
	unsigned int i;

	(void)state;
	start_others();
	ap->v.where = PARAVISOR_PAGE;
	ipi(bsp, to(2, 0x61));
	assert_int_equal(bsp->rings, 1);
	*word(ap, APIC_IRR, 0x61) = 0;
	for (i = 0; i < 100; i++)
		turn(bsp);
	assert_int_equal(bsp->rings, 1);
	assert_false(there(ap, APIC_IRR, 0x61));
}

/* Silicon could not reach the page: named, and the end. */
static void unreachable(void **state)
{
	(void)state;
	assert_string_equal(world_exit(bsp, EXIT_NPF, NPF_NOT_RESTARTABLE,
				       bsp->v.savic_gpa),
			    "guest-not-restartable");
	assert_string_equal(world_exit(bsp, EXIT_NOT_RESTARTABLE, 0, 0),
			    "guest-not-restartable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(on_and_off, setup),
		cmocka_unit_test_setup(refused, setup),
		cmocka_unit_test_setup(init, setup),
		cmocka_unit_test_setup(control, setup),
		cmocka_unit_test_setup(traps, setup),
		cmocka_unit_test_setup(host_ticks, setup),
		cmocka_unit_test_setup(illegal, setup),
		cmocka_unit_test_setup(send_error, setup),
		cmocka_unit_test_setup(priorities, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(level_storm, setup),
		cmocka_unit_test_setup(level_eoi, setup),
		cmocka_unit_test_setup(unicast, setup),
		cmocka_unit_test_setup(multicast, setup),
		cmocka_unit_test_setup(nmi, setup),
		cmocka_unit_test_setup(no_lost_wakeup, setup),
		cmocka_unit_test_setup(no_lost_entry, setup),
		cmocka_unit_test_setup(halt, setup),
		cmocka_unit_test_setup(filter, setup),
		cmocka_unit_test_setup(interrupted, setup),
		cmocka_unit_test_setup(once, setup),
		cmocka_unit_test_setup(unreachable, setup),
	};

	return cmocka_run_group_tests_name("core_paravisor_savic", tests, NULL,
					   NULL);
}
