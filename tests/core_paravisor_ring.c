// SPDX-License-Identifier: MIT
/*
 * The paravisor with Secure AVIC: who is told of an IPI, who sleeps, what the
 * host may post. Rows of docs/conformance.md in brackets.
 */
#include "tests/core_paravisor_savic.h"

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

	return cmocka_run_group_tests(tests, NULL, NULL);
}
