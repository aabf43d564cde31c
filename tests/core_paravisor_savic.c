// SPDX-License-Identifier: MIT
/*
 * The paravisor with Secure AVIC: when the page is used, what is emulated,
 * level-triggered interrupts. Rows of docs/conformance.md in brackets.
 */
#include "tests/core_paravisor_savic.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
