// SPDX-License-Identifier: MIT
/*
 * Presentation into a VMSA: conformance rows 76 to 90, and the
 * table of section 6.11.
 */
#include "tests/core_present.h"

static struct rig r;

static int setup(void **state)
{
	(void)state;
	rig_start(&r);
	return 0;
}

/* As the monitor does: what the guest took first, then what is new. */
static void post(u8 v)
{
	settle(&r);
	apic_post(&r.apic, v, false);
}

static struct apic_effects eoi(void)
{
	settle(&r);
	return wr(&r.apic, APIC_EOI, 0);
}

static void row76_if(void **state)
{
	(void)state;
	r.vmsa.rflags = 0;
	post(0x41);
	assert_int_equal(run(&r), 0);
	assert_true(r.vmsa.vintr_ctrl & VINTR_V_IRQ);
	assert_false(r.vmsa.event_inj & EVENT_V);
	/* sti, the shadow, and then: no exit on the way. */
	r.vmsa.rflags = RFLAGS_IF;
	r.vmsa.vintr_ctrl |= VINTR_SHADOW;
	assert_int_equal(silicon(&r.vmsa), 0);
	r.vmsa.vintr_ctrl &= ~VINTR_SHADOW;
	assert_int_equal(silicon(&r.vmsa), 0x41);
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
}

static void row77_tpr(void **state)
{
	(void)state;
	wr(&r.apic, APIC_TPR, 0x30);
	post(0x35);
	assert_int_equal(run(&r), 0);
	assert_int_equal(r.vmsa.vintr_ctrl & VINTR_TPR, 3);
	settle(&r);
	wr(&r.apic, APIC_TPR, 0x20);
	assert_int_equal(run(&r), 0x35);
	/* CR8 falls while it is queued: taken with no exit. */
	eoi();
	r.vmsa.rflags = RFLAGS_IF;
	wr(&r.apic, APIC_TPR, 0x3c);
	post(0x35);
	assert_int_equal(run(&r), 0);
	r.vmsa.vintr_ctrl = (r.vmsa.vintr_ctrl & ~VINTR_TPR) | 2;
	assert_int_equal(silicon(&r.vmsa), 0x35);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_TPR), 0x20);
	assert_int_equal(rd(&r.apic, APIC_PPR), 0x30);
}

/* TPR[3:0] is not in V_TPR; it lives as long as its class does. */
static void tpr_low_bits(void **state)
{
	(void)state;
	wr(&r.apic, APIC_TPR, 0x3c);
	enter(&r);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_TPR), 0x3c);
	/* A write survives a second settling with no run in between. */
	wr(&r.apic, APIC_TPR, 0x55);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_TPR), 0x55);
}

static void row78_same_class(void **state)
{
	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	r.vmsa.rflags = RFLAGS_IF;
	post(0x4f);
	assert_int_equal(run(&r), 0);
	assert_false(r.vmsa.vintr_ctrl & VINTR_V_IRQ);
	eoi();
	assert_int_equal(run(&r), 0x4f);
}

static void row79_preempt(void **state)
{
	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	r.vmsa.rflags = RFLAGS_IF;
	post(0x52);
	assert_int_equal(run(&r), 0x52);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_ISR + 0x20),
			 BIT(0x41 - 0x40) | BIT(0x52 - 0x40));
	assert_int_equal(rd(&r.apic, APIC_PPR), 0x50);
	eoi();
	assert_int_equal(rd(&r.apic, APIC_PPR), 0x40);
}

static void row80_higher_arrives(void **state)
{
	(void)state;
	r.vmsa.rflags = 0;
	post(0x41);
	assert_int_equal(run(&r), 0);
	post(0x61);
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(run(&r), 0x61);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_IRR + 0x20), BIT(0x41 - 0x40));
	eoi();
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(run(&r), 0x41);
}

static void row81_irr_while_queued(void **state)
{
	(void)state;
	r.vmsa.rflags = 0;
	post(0x41);
	enter(&r);
	settle(&r);
	assert_int_equal(rd(&r.apic, APIC_IRR + 0x20), BIT(1));
	assert_int_equal(rd(&r.apic, APIC_ISR + 0x20), 0);
	assert_false(r.vmsa.vintr_ctrl & VINTR_V_IRQ);
}

static void row82_nmi_and_irq(void **state)
{
	(void)state;
	post(0x41);
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	assert_int_equal(run(&r), 0x200 | VECTOR_NMI);
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(silicon(&r.vmsa), 0x41);
	settle(&r);
	assert_false(r.apic.nmi_pending);
	/* The next one waits for IRET, a third one for the second. */
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	enter(&r);
	assert_int_equal(silicon(&r.vmsa), 0);
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	enter(&r);
	assert_true(r.apic.nmi_pending);
	assert_true(r.vmsa.vintr_ctrl & VINTR_V_NMI);
	r.vmsa.vintr_ctrl &= ~VINTR_NMI_MASK;
	assert_int_equal(silicon(&r.vmsa), 0x200 | VECTOR_NMI);
	r.vmsa.vintr_ctrl &= ~VINTR_NMI_MASK;
	assert_int_equal(run(&r), 0x200 | VECTOR_NMI);
	assert_int_equal(r.count.nmi_taken, 3);
}

/* Without V_NMI: EVENTINJ, if it is free; an exception there stays. */
static void row83_nmi_and_exception(void **state)
{
	u64 pf = event_make(EVENT_EXCEPTION, VECTOR_PF) | EVENT_EV |
		 6ull << EVENT_ERROR_SHIFT;

	(void)state;
	r.vmsa.vintr_ctrl = 0;
	r.vmsa.exit_int_info = pf;
	post(0x41);
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	enter(&r);
	assert_int_equal(r.vmsa.event_inj, pf);
	assert_true(r.apic.nmi_pending);
	assert_int_equal(silicon(&r.vmsa), 0x100 | VECTOR_PF);
	r.vmsa.rflags = 0;
	assert_int_equal(run(&r), 0x100 | VECTOR_NMI);
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(silicon(&r.vmsa), 0x41);
	/* With V_NMI both go at once. */
	setup(state);
	r.vmsa.exit_int_info = pf;
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	enter(&r);
	assert_int_equal(silicon(&r.vmsa), 0x100 | VECTOR_PF);
	assert_int_equal(silicon(&r.vmsa), 0x200 | VECTOR_NMI);
}

static void row85_interrupted_events(void **state)
{
	static const struct {
		u64 event;
		bool again;
		enum present_result result;
	} *e, events[] = {
		{ 0x80000041, true, PRESENT_OK },
		{ 0x80000202, true, PRESENT_OK },
		{ 0x80000306, true, PRESENT_OK },
		{ 0x700000b0e | EVENT_V, true, PRESENT_OK },
		{ 0x80000303, false, PRESENT_OK },
		{ 0x80000304, false, PRESENT_OK },
		{ 0x80000480, false, PRESENT_OK },
		{ 0x80000403, false, PRESENT_OK },
		{ 0x00000041, false, PRESENT_OK },
		{ 0x8000031c, false, PRESENT_BAD_EVENT },
		{ 0x80000302, false, PRESENT_BAD_EVENT },
		{ 0x80000320, false, PRESENT_BAD_EVENT },
		{ 0x80000141, false, PRESENT_BAD_EVENT },
		{ 0x80000541, false, PRESENT_BAD_EVENT },
		{ 0x80000641, false, PRESENT_BAD_EVENT },
		{ 0x80000741, false, PRESENT_BAD_EVENT },
	};

	for (e = events; e < events + ARRAY_SIZE(events); e++) {
		setup(state);
		r.vmsa.exit_int_info = e->event;
		assert_int_equal(present_settle(&r.present, &r.apic, &r.vmsa,
						&r.eoi), e->result);
		assert_int_equal(r.vmsa.exit_int_info, 0);
		assert_int_equal(r.vmsa.event_inj, e->again ? e->event : 0);
		if (!e->again)
			continue;
		/* Bounced: the guest did not run, nothing changes. */
		enter(&r);
		enter(&r);
		assert_int_equal(r.vmsa.event_inj, e->event);
		assert_true(silicon(&r.vmsa) & 0x100);
		enter(&r);
		assert_int_equal(silicon(&r.vmsa), 0);
	}
}

/* A vector whose delivery is cut short: in service once, delivered once. */
static void delivery_cut_short(void **state)
{
	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	r.vmsa.rflags = RFLAGS_IF;
	r.vmsa.exit_int_info = event_make(EVENT_INTR, 0x41);
	enter(&r);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
	assert_int_equal(r.eoi, 1);
	assert_int_equal(silicon(&r.vmsa), 0x141);
	assert_int_equal(silicon(&r.vmsa), 0);
	r.eoi = 0;
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), APIC_NO_VECTOR);
	assert_int_equal(r.count.vector[0x41].presented, 1);
	assert_int_equal(r.count.vector[0x41].eoi, 1);
}

static void row86_lazy(void **state)
{
	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	assert_int_equal(r.eoi, 1);
	r.eoi = 0;				/* the guest's EOI */
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), APIC_NO_VECTOR);
	/* Not cleared, but written: one EOI, and the byte is gone. */
	r.vmsa.rflags = RFLAGS_IF;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	eoi();
	assert_int_equal(r.eoi, 0);
	assert_int_equal(r.count.vector[0x41].eoi, 2);
	/* Level: the host is told once, by whichever of the two. */
	r.vmsa.rflags = RFLAGS_IF;
	apic_post(&r.apic, 0x51, true);
	assert_int_equal(run(&r), 0x51);
	assert_int_equal(r.eoi, 1);
	assert_int_equal(r.told, 0);
	r.eoi = 0;
	settle(&r);
	assert_int_equal(r.told, 1);
	settle(&r);
	assert_int_equal(r.told, 1);
	r.vmsa.rflags = RFLAGS_IF;
	apic_post(&r.apic, 0x51, true);
	assert_int_equal(run(&r), 0x51);
	assert_true(eoi().eoi);
	assert_int_equal(r.told, 1);
	/* Something else pending: no. */
	r.vmsa.rflags = RFLAGS_IF;
	post(0x41);
	post(0x31);
	assert_int_equal(run(&r), 0x41);
	assert_int_equal(r.eoi, 0);
	eoi();
	enter(&r);
	assert_int_equal(r.eoi, 1);
}

/* The byte is withdrawn when a second vector comes while the first runs. */
static void lazy_withdrawn(void **state)
{
	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	assert_int_equal(r.eoi, 1);
	post(0x31);
	enter(&r);
	assert_int_equal(r.eoi, 0);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
	/* Two of one class: one pends. */
	setup(state);
	post(0x41);
	post(0x42);
	enter(&r);
	assert_int_equal(r.eoi, 0);
	/* The same vector, in service and pending again. */
	setup(state);
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	post(0x41);
	enter(&r);
	assert_int_equal(r.eoi, 0);
}

/* Not taken: a byte that the guest clears before ends nothing. */
static void row87_byte_cleared_for_nothing(void **state)
{
	(void)state;
	r.eoi = 0;
	settle(&r);
	r.vmsa.rflags = 0;
	post(0x41);
	assert_int_equal(run(&r), 0);
	assert_int_equal(r.eoi, 1);
	r.eoi = 0;
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), APIC_NO_VECTOR);
	assert_int_equal(r.count.vector[0x41].eoi, 0);
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(run(&r), 0x41);
	r.eoi = 0x80;				/* any value but 0 is "set" */
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
	assert_int_equal(r.eoi, 0);
	r.eoi = 0x55;
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
}

/* Another calling area: the old byte is settled first, the new one is ours. */
static void row88_new_area(void **state)
{
	u8 other = 7;

	(void)state;
	post(0x41);
	assert_int_equal(run(&r), 0x41);
	r.eoi = 0;
	settle(&r);
	assert_int_equal(apic_in_service(&r.apic), APIC_NO_VECTOR);
	assert_int_equal(r.eoi, 0);
	other = 0;
	present_enter(&r.present, &r.apic, &r.vmsa, &other);
	assert_int_equal(other, 0);
	/* No area at all: registers only. */
	present_settle(&r.present, &r.apic, &r.vmsa, &other);
	post(0x41);
	present_enter(&r.present, &r.apic, &r.vmsa, NULL);
	assert_int_equal(silicon(&r.vmsa) ? 1 : 0, 0);
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(silicon(&r.vmsa), 0x41);
	assert_int_equal(present_settle(&r.present, &r.apic, &r.vmsa, NULL),
			 PRESENT_OK);
	assert_int_equal(apic_in_service(&r.apic), 0x41);
}

static void row90_wakes(void **state)
{
	(void)state;
	assert_false(present_wakes(&r.apic, &r.vmsa));
	post(0x41);
	assert_true(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.rflags = 0;
	assert_false(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.rflags = RFLAGS_IF;
	wr(&r.apic, APIC_TPR, 0x40);
	assert_false(present_wakes(&r.apic, &r.vmsa));
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	assert_true(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.vintr_ctrl |= VINTR_NMI_MASK;
	assert_false(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.vintr_ctrl = VINTR_NMI_MASK;	/* no V_NMI: means nothing */
	assert_true(present_wakes(&r.apic, &r.vmsa));
	apic_take_nmi(&r.apic);
	assert_false(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.vintr_ctrl = VINTR_NMI_ENABLE | VINTR_V_NMI;
	assert_true(present_wakes(&r.apic, &r.vmsa));
	r.vmsa.vintr_ctrl = 0;
	r.vmsa.event_inj = event_make(EVENT_EXCEPTION, VECTOR_GP);
	assert_true(present_wakes(&r.apic, &r.vmsa));
}

static void busy(void **state)
{
	(void)state;
	assert_false(present_park(&r.vmsa));
	assert_true(present_park(&r.vmsa));
	post(0x41);
	enter(&r);
	assert_true(r.vmsa.vintr_ctrl & VINTR_BUSY);
	present_unpark(&r.vmsa);
	assert_false(r.vmsa.vintr_ctrl & VINTR_BUSY);
	assert_true(r.vmsa.vintr_ctrl & VINTR_V_IRQ);
	assert_false(present_park(&r.vmsa));
}

static void exceptions(void **state)
{
	(void)state;
	assert_true(present_exception(&r.vmsa, VECTOR_UD));
	assert_int_equal(r.vmsa.event_inj, 0x80000306);
	assert_false(present_exception_code(&r.vmsa, VECTOR_GP, 0));
	assert_int_equal(r.vmsa.event_inj, 0x80000306);
	r.vmsa.event_inj = 0;
	assert_true(present_exception_code(&r.vmsa, VECTOR_GP, 5));
	assert_int_equal(r.vmsa.event_inj, 0x580000b0d);
}

static void withdraw(void **state)
{
	(void)state;
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	enter(&r);
	settle(&r);
	assert_false(r.apic.nmi_pending);
	present_withdraw(&r.apic, &r.vmsa);
	assert_true(r.apic.nmi_pending);
	assert_false(r.vmsa.vintr_ctrl & VINTR_V_NMI);
	r.vmsa.vintr_ctrl = 0;
	enter(&r);
	settle(&r);
	assert_false(r.apic.nmi_pending);
	present_withdraw(&r.apic, &r.vmsa);
	assert_true(r.apic.nmi_pending);
	assert_int_equal(r.vmsa.event_inj, 0);
	r.apic.nmi_pending = false;
	r.vmsa.event_inj = event_make(EVENT_EXCEPTION, VECTOR_GP);
	present_withdraw(&r.apic, &r.vmsa);
	assert_false(r.apic.nmi_pending);
	assert_true(r.vmsa.event_inj & EVENT_V);
}

/* What a VMSA of the guest's own making may hold at first. */
static void foreign_vmsa(void **state)
{
	(void)state;
	r.vmsa.vintr_ctrl |= VINTR_V_IRQ | VINTR_IGN_TPR | 0x55ull << 32;
	assert_int_equal(run(&r), 0);
	assert_int_equal(r.vmsa.vintr_ctrl, VINTR_NMI_ENABLE | VINTR_VGIF);
	/* Our own mistake has a name. */
	post(0x41);
	enter(&r);
	assert_int_equal(silicon(&r.vmsa), 0x41);
	apic_ack(&r.apic);
	assert_int_equal(present_settle(&r.present, &r.apic, &r.vmsa, &r.eoi),
			 PRESENT_UNTAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(row76_if, setup),
		cmocka_unit_test_setup(row77_tpr, setup),
		cmocka_unit_test_setup(tpr_low_bits, setup),
		cmocka_unit_test_setup(row78_same_class, setup),
		cmocka_unit_test_setup(row79_preempt, setup),
		cmocka_unit_test_setup(row80_higher_arrives, setup),
		cmocka_unit_test_setup(row81_irr_while_queued, setup),
		cmocka_unit_test_setup(row82_nmi_and_irq, setup),
		cmocka_unit_test_setup(row83_nmi_and_exception, setup),
		cmocka_unit_test_setup(row85_interrupted_events, setup),
		cmocka_unit_test_setup(delivery_cut_short, setup),
		cmocka_unit_test_setup(row86_lazy, setup),
		cmocka_unit_test_setup(lazy_withdrawn, setup),
		cmocka_unit_test_setup(row87_byte_cleared_for_nothing, setup),
		cmocka_unit_test_setup(row88_new_area, setup),
		cmocka_unit_test_setup(row90_wakes, setup),
		cmocka_unit_test_setup(busy, setup),
		cmocka_unit_test_setup(exceptions, setup),
		cmocka_unit_test_setup(withdraw, setup),
		cmocka_unit_test_setup(foreign_vmsa, setup),
	};

	return cmocka_run_group_tests_name("core_vmsa", tests, NULL, NULL);
}
