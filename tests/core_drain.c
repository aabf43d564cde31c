// SPDX-License-Identifier: MIT
/*
 * The extended descriptor and the filter: conformance rows 47 to
 * 60, and the handoff, row 99.
 */
#include "tests/core_present.h"

static struct rig r;

static int setup(void **state)
{
	(void)state;
	rig_start(&r);
	return 0;
}

static void assert_empty(void)
{
	static const struct doorbell_ext none;

	assert_memory_equal(rig_ext(&r), &none, sizeof(none));
	assert_int_equal(r.page.per_vmpl_events, 0);
}

static void post_word(unsigned int v)
{
	rig_ext(&r)->irr[v / 32 - 1] = BIT(v % 32);
	rig_status(&r, DOORBELL_EXT_MULTIPLE);
}

static void row47_edge(void **state)
{
	(void)state;
	rig_status(&r, 0x41);
	assert_int_equal(apic_pending(&r.apic), 0x41);
	assert_false(apic_is_level(&r.apic, 0x41));
	assert_empty();
	setup(state);
	apic_allow(&r.apic, 0x41, false);
	rig_status(&r, 0x41);
	post_word(0x41);
	assert_int_equal(apic_pending(&r.apic), APIC_NO_VECTOR);
	assert_int_equal(r.count.vector[0x41].posted, 2);
	assert_int_equal(r.count.vector[0x41].refused, 2);
	assert_empty();
}

static void row48_exceptions(void **state)
{
	unsigned int v, i;

	(void)state;
	/* Even if the allowed set were corrupt. */
	for (i = 0; i < 2; i++) {
		for (v = 0; v < 31; v++) {
			rig_status(&r, v);
			rig_status(&r, v | DOORBELL_EXT_LEVEL);
			rig_status(&r, v | DOORBELL_EXT_MULTIPLE);
			assert_empty();
		}
		assert_int_equal(r.apic.irr[0], 0);
		r.apic.allowed[0] = ~0u;
	}
	assert_int_equal(r.count.vector[14].refused, 6);
	assert_int_equal(r.count.vector[0].posted, 0);
}

static void row49_vector_31(void **state)
{
	(void)state;
	rig_status(&r, 31);
	assert_int_equal(apic_ack(&r.apic), 31);
	wr(&r.apic, APIC_EOI, 0);
	rig_status(&r, DOORBELL_EXT_VECTOR_31 | DOORBELL_EXT_MULTIPLE);
	assert_int_equal(apic_ack(&r.apic), 31);
	wr(&r.apic, APIC_EOI, 0);
	apic_allow(&r.apic, 31, false);
	rig_status(&r, DOORBELL_EXT_VECTOR_31 | DOORBELL_EXT_MULTIPLE);
	rig_status(&r, 31);
	assert_int_equal(apic_pending(&r.apic), APIC_NO_VECTOR);
	assert_empty();
}

static void row50_all_at_once(void **state)
{
	int v, class;
	unsigned int i;

	(void)state;
	for (i = 0; i < 7; i++)
		rig_ext(&r)->irr[i] = ~0u;
	rig_status(&r, DOORBELL_EXT_MULTIPLE);
	assert_empty();
	for (i = 1; i < 8; i++)
		assert_int_equal(r.apic.irr[i], ~0u);
	assert_int_equal(r.apic.irr[0], 0);
	/* Highest first, one of a class at a time. */
	for (v = 255; v >= 32; v--) {
		assert_int_equal(run(&r), v);
		r.vmsa.rflags |= RFLAGS_IF;
		assert_int_equal(run(&r), 0);
		wr(&r.apic, APIC_EOI, 0);
	}
	for (class = 2; class < 16; class++)
		apic_post(&r.apic, class * 16, false);
	assert_int_equal(apic_candidate(&r.apic), 0xf0);
}

static void row51_level(void **state)
{
	struct apic_effects fx;

	(void)state;
	rig_status(&r, 0x41 | DOORBELL_EXT_LEVEL);
	assert_int_equal(run(&r), 0x41);
	settle(&r);
	assert_int_equal(r.told, 0);
	fx = wr(&r.apic, APIC_EOI, 0);
	assert_true(fx.eoi);
	assert_int_equal(fx.eoi_vector, 0x41);
	assert_false(wr(&r.apic, APIC_EOI, 0).eoi);
	/* Ended by the byte: once, too. */
	r.vmsa.rflags |= RFLAGS_IF;
	rig_status(&r, 0x41 | DOORBELL_EXT_LEVEL);
	assert_int_equal(run(&r), 0x41);
	assert_int_equal(r.eoi, 1);
	r.eoi = 0;
	settle(&r);
	settle(&r);
	assert_int_equal(r.told, 1);
	/* With others beside it: the byte is the level one. */
	rig_ext(&r)->irr[0] = BIT(0x33 - 32);
	rig_status(&r, 0x41 | DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE);
	assert_true(apic_is_level(&r.apic, 0x41));
	assert_false(apic_is_level(&r.apic, 0x33));
	/* And if it is the same vector, it needs its EOI. */
	rig_ext(&r)->irr[1] = BIT(0x45 - 64);
	rig_status(&r, 0x45 | DOORBELL_EXT_LEVEL | DOORBELL_EXT_MULTIPLE);
	assert_true(apic_is_level(&r.apic, 0x45));
}

static void row52_edge_after_level(void **state)
{
	(void)state;
	rig_status(&r, 0x41 | DOORBELL_EXT_LEVEL);
	assert_int_equal(apic_ack(&r.apic), 0x41);
	assert_true(wr(&r.apic, APIC_EOI, 0).eoi);
	rig_status(&r, 0x41);
	assert_int_equal(apic_ack(&r.apic), 0x41);
	assert_false(wr(&r.apic, APIC_EOI, 0).eoi);
}

static void row54_level_zero(void **state)
{
	(void)state;
	rig_status(&r, DOORBELL_EXT_LEVEL);
	assert_int_equal(apic_pending(&r.apic), APIC_NO_VECTOR);
	assert_int_equal(r.apic.tmr[0], 0);
	assert_empty();
}

static void row55_other_vmpls(void **state)
{
	struct doorbell_drain d;

	(void)state;
	r.page.ext[0].status = 0x41;
	r.page.ext[2].status = 0x42;
	r.page.per_vmpl_events = 0xff & ~DOORBELL_EVENTS_VMPL(GUEST_VMPL);
	assert_false(doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d));
	assert_int_equal(r.page.per_vmpl_events, 0);
	assert_int_equal(d.level, APIC_NO_VECTOR);
	r.page.per_vmpl_events = 0xff;
	assert_true(doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d));
	assert_int_equal(r.page.ext[0].status, 0x41);
	assert_int_equal(r.page.ext[2].status, 0x42);
	/* Each VMPL finds its own. */
	r.page.per_vmpl_events = 0xff;
	assert_true(doorbell_drain(&r.page, 3, &r.apic, &d));
	assert_int_equal(d.edge[2], BIT(2));
	r.page.per_vmpl_events = DOORBELL_EVENTS_VMPL(1);
	assert_true(doorbell_drain(&r.page, 1, &r.apic, &d));
	assert_int_equal(d.edge[2], BIT(1));
}

static void row56_not_announced(void **state)
{
	struct doorbell_drain d;

	(void)state;
	rig_ext(&r)->status = 0x41;
	assert_false(doorbell_drain(&r.page, GUEST_VMPL, &r.apic, &d));
	assert_int_equal(rig_ext(&r)->status, 0x41);
	assert_true(rig_drain(&r, &d));
	assert_int_equal(apic_pending(&r.apic), 0x41);
}

/* Words without MULTIPLE wait; a byte beside MULTIPLE does not. */
static void multiple_and_byte(void **state)
{
	(void)state;
	rig_ext(&r)->irr[0] = BIT(1);
	rig_status(&r, 0x41);
	assert_int_equal(r.apic.irr[1], 0);
	assert_int_equal(rig_ext(&r)->irr[0], BIT(1));
	rig_status(&r, 0x51 | DOORBELL_EXT_MULTIPLE);
	assert_int_equal(r.apic.irr[1], BIT(1));
	assert_int_equal(r.apic.irr[2], BIT(1) | BIT(0x51 - 64));
	assert_empty();
}

static void row58_nmi_and_mc(void **state)
{
	struct doorbell_drain d;

	(void)state;
	rig_status(&r, DOORBELL_EXT_NMI);
	assert_false(apic_take_nmi(&r.apic));
	assert_int_equal(r.count.nmi_refused, 1);
	r.apic.allow_nmi = true;
	rig_status(&r, DOORBELL_EXT_NMI);
	assert_true(apic_take_nmi(&r.apic));
	rig_ext(&r)->status = DOORBELL_EXT_MC;
	assert_true(rig_drain(&r, &d));
	assert_true(d.mc);
	assert_false(r.apic.nmi_pending);
	assert_empty();
}

static void row59_reserved(void **state)
{
	(void)state;
	rig_status(&r, 0x78003800 | DOORBELL_EXT_IPI_REQUESTED);
	rig_status(&r, 0x07ff8000);
	assert_int_equal(apic_pending(&r.apic), APIC_NO_VECTOR);
	assert_false(r.apic.nmi_pending);
	rig_status(&r, 0x7fffb800 | 0x41);
	assert_int_equal(apic_pending(&r.apic), 0x41);
	assert_false(apic_is_level(&r.apic, 0x41));
}

/* With IF clear the guest makes progress, whatever the host does. */
static void row60_spam(void **state)
{
	unsigned int i;

	(void)state;
	r.vmsa.rflags = 0;
	for (i = 0; i < 100000; i++) {
		rig_ext(&r)->irr[i % 7] = ~0u;
		rig_status(&r, DOORBELL_EXT_MULTIPLE | 0x41);
		assert_int_equal(run(&r), 0);
	}
	r.vmsa.rflags = RFLAGS_IF;
	assert_int_equal(run(&r), 255);
}

static void row99_handoff(void **state)
{
	struct doorbell_ext *ext = rig_ext(&r);

	(void)state;
	assert_true(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
	assert_int_equal(ext->status, DOORBELL_EXT_MULTIPLE);
	/* IRR 31, 32, 255; three in service; NMI; an edge not yet drained. */
	apic_post(&r.apic, 0x30, false);
	apic_ack(&r.apic);
	apic_post(&r.apic, 0x45, false);
	apic_ack(&r.apic);
	apic_post(&r.apic, 0xa0, false);
	apic_ack(&r.apic);
	apic_post(&r.apic, 31, false);
	apic_post(&r.apic, 32, false);
	apic_post(&r.apic, 255, false);
	apic_post_nmi(&r.apic, APIC_FROM_GUEST);
	ext->status = 0x66;
	assert_true(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
	assert_int_equal(ext->status, DOORBELL_EXT_MULTIPLE |
			 DOORBELL_EXT_VECTOR_31 | DOORBELL_EXT_NMI);
	assert_int_equal(ext->irr[0], BIT(0));
	assert_int_equal(ext->irr[2], BIT(0x66 - 0x60));
	assert_int_equal(ext->irr[6], BIT(31));
	assert_memory_equal(ext->isr, r.apic.isr, sizeof(ext->isr));
	assert_int_equal(ext->isr[1], BIT(0x10));
}

static void row99_handoff_corners(void **state)
{
	struct doorbell_ext *ext = rig_ext(&r);

	(void)state;
	/* A level vector that waits keeps the byte. */
	ext->status = 0x55 | DOORBELL_EXT_LEVEL;
	assert_true(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
	assert_int_equal(ext->status, 0x55 | DOORBELL_EXT_LEVEL |
			 DOORBELL_EXT_MULTIPLE);
	ext->status = 31;
	assert_true(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
	assert_int_equal(ext->status,
			 DOORBELL_EXT_MULTIPLE | DOORBELL_EXT_VECTOR_31);
	ext->status = 14;
	assert_true(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
	assert_int_equal(ext->status, DOORBELL_EXT_MULTIPLE);
	/* The guest sent itself what the descriptor cannot say. */
	apic_post_ipi(&r.apic, 20);
	assert_false(doorbell_handoff(&r.page, GUEST_VMPL, &r.apic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(row47_edge, setup),
		cmocka_unit_test_setup(row48_exceptions, setup),
		cmocka_unit_test_setup(row49_vector_31, setup),
		cmocka_unit_test_setup(row50_all_at_once, setup),
		cmocka_unit_test_setup(row51_level, setup),
		cmocka_unit_test_setup(row52_edge_after_level, setup),
		cmocka_unit_test_setup(row54_level_zero, setup),
		cmocka_unit_test_setup(row55_other_vmpls, setup),
		cmocka_unit_test_setup(row56_not_announced, setup),
		cmocka_unit_test_setup(multiple_and_byte, setup),
		cmocka_unit_test_setup(row58_nmi_and_mc, setup),
		cmocka_unit_test_setup(row59_reserved, setup),
		cmocka_unit_test_setup(row60_spam, setup),
		cmocka_unit_test_setup(row99_handoff, setup),
		cmocka_unit_test_setup(row99_handoff_corners, setup),
	};

	return cmocka_run_group_tests_name("core_drain", tests, NULL, NULL);
}
