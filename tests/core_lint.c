// SPDX-License-Identifier: MIT
/* Local APIC: the LINT pins. */
#include "tests/core_apic.h"

static struct apic a;

static int setup(void **state)
{
	(void)state;
	start(&a, X1, NULL);
	return 0;
}

static void edge(void **state)
{
	unsigned int pin;

	for (pin = 0; pin < 2; pin++) {
		setup(state);
		wr(&a, APIC_LVT_LINT0 + pin * 0x10, 0x60);
		assert_true(apic_set_lint(&a, pin, true));
		assert_int_equal(apic_ack(&a), 0x60);
		assert_false(apic_is_level(&a, 0x60));
		/* Still high: no new edge, no EOI effect. */
		assert_false(apic_set_lint(&a, pin, true));
		assert_false(wr(&a, APIC_EOI, 0).eoi);
		assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
		assert_false(apic_set_lint(&a, pin, false));
		assert_true(apic_set_lint(&a, pin, true));
	}
}

static void masked_edge_is_lost(void **state)
{
	(void)state;
	assert_false(apic_set_lint(&a, 0, true));
	wr(&a, APIC_LVT_LINT0, 0x60);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
}

/* One delivery per EOI for as long as the line is high. */
static void level(void **state)
{
	unsigned int pin, i;
	u32 reg;

	for (pin = 0; pin < 2; pin++) {
		setup(state);
		reg = APIC_LVT_LINT0 + pin * 0x10;
		wr(&a, reg, 0x8060);
		assert_true(apic_set_lint(&a, pin, true));
		assert_false(apic_set_lint(&a, pin, true));
		for (i = 0; i < 3; i++) {
			assert_int_equal(rd(&a, reg), 0xc060);
			assert_int_equal(apic_ack(&a), 0x60);
			assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
			wr(&a, APIC_EOI, 0);
			assert_int_equal(apic_pending(&a), 0x60);
			assert_sound(&a);
		}
		apic_ack(&a);
		apic_set_lint(&a, pin, false);
		wr(&a, APIC_EOI, 0);
		assert_int_equal(rd(&a, reg), 0x8060);
		assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	}
}

static void level_unmasked_while_high(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_LINT0, 0x18060);
	assert_false(apic_set_lint(&a, 0, true));
	wr(&a, APIC_LVT_LINT0, 0x8060);
	assert_int_equal(apic_pending(&a), 0x60);
	/* Remote IRR survives a rewrite as level, not as edge. */
	wr(&a, APIC_LVT_LINT0, 0x18060);
	assert_int_equal(rd(&a, APIC_LVT_LINT0), 0x1c060);
	wr(&a, APIC_LVT_LINT0, 0x10060);
	assert_int_equal(rd(&a, APIC_LVT_LINT0), 0x10060);
	assert_sound(&a);
}

/* EOI of another vector leaves remote IRR alone. */
static void level_other_eoi(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_LINT1, 0x8060);
	apic_set_lint(&a, 1, true);
	apic_post(&a, 0x70, false);
	assert_int_equal(apic_ack(&a), 0x70);
	wr(&a, APIC_EOI, 0);
	assert_int_equal(rd(&a, APIC_LVT_LINT1), 0xc060);
}

/*
 * An edge of the same vector came meanwhile and cleared TMR: this EOI is an
 * edge's, though the pin raises the vector as level right after it.
 */
static void level_shared_with_edge(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_LINT0, 0x8060);
	apic_set_lint(&a, 0, true);
	apic_ack(&a);
	apic_post(&a, 0x60, false);
	assert_false(wr(&a, APIC_EOI, 0).eoi);
	assert_true(apic_is_level(&a, 0x60));
	apic_ack(&a);
	assert_true(wr(&a, APIC_EOI, 0).eoi);
}

/* An illegal vector: refused, told to ESR, the pin not stuck. */
static void level_illegal_vector(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_LINT0, 0x8003);
	assert_false(apic_set_lint(&a, 0, true));
	assert_int_equal(rd(&a, APIC_LVT_LINT0), 0x8003);
	wr(&a, APIC_ESR, 0);
	assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR);
}

static void nmi_and_extint(void **state)
{
	struct apic_effects fx;

	(void)state;
	assert_false(apic_accepts_pic(&a));
	wr(&a, APIC_LVT_LINT1, 0x8400);		/* level is not NMI's */
	assert_true(apic_set_lint(&a, 1, true));
	assert_true(apic_take_nmi(&a));
	assert_false(apic_set_lint(&a, 1, true));
	wr(&a, APIC_LVT_LINT0, 0x700);
	assert_true(apic_accepts_pic(&a));
	assert_false(apic_set_lint(&a, 0, true));
	wr(&a, APIC_LVT_LINT0, 0x10700);
	assert_false(apic_accepts_pic(&a));
	wr(&a, APIC_LVT_LINT0, 0x400);
	assert_false(apic_accepts_pic(&a));
	apic_write_base(&a, APIC_DEFAULT_BASE, &fx);
	assert_true(apic_accepts_pic(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(edge, setup),
		cmocka_unit_test_setup(masked_edge_is_lost, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(level_unmasked_while_high, setup),
		cmocka_unit_test_setup(level_other_eoi, setup),
		cmocka_unit_test_setup(level_shared_with_edge, setup),
		cmocka_unit_test_setup(level_illegal_vector, setup),
		cmocka_unit_test_setup(nmi_and_extint, setup),
	};

	return cmocka_run_group_tests_name("core_lint", tests, NULL, NULL);
}
