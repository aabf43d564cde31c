// SPDX-License-Identifier: MIT
/* Local APIC: vectors, priorities, nesting, filter, accounting. */
#include "tests/core_apic.h"

static struct apic a;
static struct apic_counters count;

static int setup(void **state)
{
	(void)state;
	start(&a, X2, &count);
	return 0;
}

/* TPR, in-service vector (0: none) -> PPR; APM 16.6.4. */
static void ppr_formula(void **state)
{
	static const struct { u8 tpr, isr, ppr; } rows[] = {
		{ 0x00, 0x00, 0x00 }, { 0x35, 0x00, 0x35 },
		{ 0x35, 0x20, 0x35 },	/* lower class in service */
		{ 0x35, 0x31, 0x35 },	/* same class: TPR, with its nibble */
		{ 0x35, 0x3f, 0x35 },
		{ 0x35, 0x47, 0x40 },	/* higher class: nibble is 0 */
		{ 0x0f, 0x10, 0x10 }, { 0xff, 0xfe, 0xff }, { 0x0f, 0, 0x0f },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		if (rows[i].isr) {
			apic_post(&a, rows[i].isr, false);
			assert_int_equal(apic_ack(&a), rows[i].isr);
		}
		wr(&a, APIC_TPR, rows[i].tpr);
		assert_int_equal(rd(&a, APIC_PPR), rows[i].ppr);
		assert_int_equal(rd(&a, APIC_TPR), rows[i].tpr);
		assert_sound(&a);
	}
}

/* SDM "Arbitration Priority Register". */
static void apr_formula(void **state)
{
	static const struct { u8 tpr, irr, isr, apr; } rows[] = {
		{ 0x00, 0x00, 0x00, 0x00 }, { 0x35, 0x00, 0x00, 0x35 },
		{ 0x35, 0x31, 0x00, 0x35 }, { 0x35, 0x41, 0x00, 0x40 },
		{ 0x35, 0x00, 0x31, 0x30 }, { 0x35, 0x00, 0x71, 0x30 },
		{ 0x35, 0x91, 0x71, 0x90 }, { 0x75, 0x11, 0x31, 0x75 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		if (rows[i].isr)
			apic_post(&a, rows[i].isr, false);
		if (rows[i].isr)
			apic_ack(&a);
		if (rows[i].irr)
			apic_post(&a, rows[i].irr, false);
		wr(&a, APIC_TPR, rows[i].tpr);
		assert_int_equal(apic_apr(&a), rows[i].apr);
	}
}

/* Every vector against every TPR: deliverable iff its class is higher. */
static void tpr_matrix(void **state)
{
	int v, tpr;

	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++) {
		setup(state);
		apic_post(&a, v, false);
		for (tpr = 0; tpr < 256; tpr++) {
			wr(&a, APIC_TPR, tpr);
			assert_int_equal(apic_pending(&a),
					 v >> 4 > tpr >> 4 ? v : -1);
			assert_int_equal(apic_candidate(&a), v);
		}
	}
}

/* Every pair: what is in service holds back its own class and below. */
static void nesting_matrix(void **state)
{
	int v, w;

	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++) {
		for (w = APIC_FIRST_VECTOR; w < APIC_VECTORS; w++) {
			setup(state);
			apic_post(&a, v, false);
			apic_ack(&a);
			apic_post(&a, w, false);
			assert_int_equal(apic_pending(&a),
					 w >> 4 > v >> 4 ? w : -1);
			assert_int_equal(apic_candidate(&a),
					 w >> 4 > v >> 4 ? w : -1);
			assert_int_equal(apic_take(&a, w), w >> 4 > v >> 4);
		}
	}
}

/* Fifteen classes nest fifteen deep, and unwind in order. */
static void deepest_nesting(void **state)
{
	u8 level;
	int class;

	(void)state;
	for (class = 1; class < 16; class++) {
		apic_post(&a, class << 4 | 7, false);
		assert_int_equal(apic_ack(&a), class << 4 | 7);
		assert_sound(&a);
	}
	assert_int_equal(apic_in_service(&a), 0xf7);
	for (class = 15; class > 0; class--) {
		assert_int_equal(apic_in_service(&a), class << 4 | 7);
		assert_false(apic_eoi(&a, &level));
	}
	assert_int_equal(apic_in_service(&a), APIC_NO_VECTOR);
}

static void all_pending_come_in_order(void **state)
{
	u8 level;
	int v;

	(void)state;
	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++)
		assert_int_equal(apic_post(&a, v, false), APIC_POST_ACCEPTED);
	for (v = APIC_VECTORS - 1; v >= APIC_FIRST_VECTOR; v--) {
		assert_int_equal(apic_ack(&a), v);
		apic_eoi(&a, &level);
	}
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
}

static void coalesce_and_repeat(void **state)
{
	u8 level;

	(void)state;
	assert_int_equal(apic_post(&a, 0x40, false), APIC_POST_ACCEPTED);
	assert_int_equal(apic_post(&a, 0x40, false), APIC_POST_COALESCED);
	apic_ack(&a);
	/* In service is not pending: the next one is a new one. */
	assert_int_equal(apic_post(&a, 0x40, false), APIC_POST_ACCEPTED);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	apic_eoi(&a, &level);
	assert_int_equal(apic_ack(&a), 0x40);
	assert_int_equal(count.vector[0x40].posted, 3);
	assert_int_equal(count.vector[0x40].coalesced, 1);
	assert_int_equal(count.vector[0x40].presented, 2);
	assert_int_equal(count.vector[0x40].eoi, 1);
}

static void unack_puts_back(void **state)
{
	(void)state;
	apic_post(&a, 0x40, true);
	apic_ack(&a);
	assert_false(apic_unack(&a, 0x41));
	assert_true(apic_unack(&a, 0x40));
	assert_int_equal(rd(&a, APIC_IRR + 0x20), 1);
	assert_int_equal(rd(&a, APIC_ISR + 0x20), 0);
	assert_true(apic_is_level(&a, 0x40));
	assert_int_equal(apic_ack(&a), 0x40);
	/* Came again while on its way: one, and counted as such. */
	apic_post(&a, 0x40, true);
	assert_true(apic_unack(&a, 0x40));
	assert_int_equal(count.vector[0x40].presented, 0);
	assert_int_equal(count.vector[0x40].coalesced, 1);
	assert_false(apic_unack(&a, 0x40));
}

/* 6.4: a higher one arrives while a lower one is queued. */
static void higher_overtakes_queued(void **state)
{
	(void)state;
	apic_post(&a, 0x40, false);
	assert_true(apic_take(&a, 0x40));
	apic_post(&a, 0x91, false);
	assert_true(apic_unack(&a, 0x40));
	assert_int_equal(apic_ack(&a), 0x91);
	assert_false(apic_take(&a, 0x40));
	assert_int_equal(rd(&a, APIC_IRR + 0x20), 1);
}

static void spurious(void **state)
{
	u8 level;

	(void)state;
	wr(&a, APIC_SVR, APIC_SVR_ENABLE | 0xef);
	apic_post(&a, 0x40, false);
	wr(&a, APIC_TPR, 0x40);
	assert_int_equal(apic_ack(&a), 0xef);
	assert_int_equal(apic_in_service(&a), APIC_NO_VECTOR);
	assert_false(apic_eoi(&a, &level));
	assert_int_equal(count.spurious, 1);
	wr(&a, APIC_TPR, 0);
	assert_int_equal(apic_ack(&a), 0x40);
}

static void eoi_level_and_storm(void **state)
{
	struct apic_effects fx;
	unsigned int i;

	(void)state;
	apic_post(&a, 0x51, true);
	apic_ack(&a);
	apic_post(&a, 0x62, false);
	apic_ack(&a);
	assert_int_equal(apic_in_service(&a), 0x62);
	fx = wr(&a, APIC_EOI, 0);
	assert_false(fx.eoi);
	apic_post(&a, 0x51, true);
	assert_int_equal(apic_in_service(&a), 0x51);
	fx = wr(&a, APIC_EOI, 0);
	assert_true(fx.eoi);
	assert_int_equal(fx.eoi_vector, 0x51);
	apic_ack(&a);
	wr(&a, APIC_EOI, 0);
	for (i = 0; i < 1000; i++)
		assert_false(wr(&a, APIC_EOI, 0).eoi);
	assert_int_equal(count.vector[0x51].eoi, 2);
	assert_sound(&a);
}

/* Edge after level clears TMR; coalescing into a level does not. */
static void tmr_follows_acceptance(void **state)
{
	u8 level = 0;

	(void)state;
	apic_post(&a, 0x51, true);
	apic_post(&a, 0x51, false);
	assert_int_equal(rd(&a, APIC_TMR + 0x20), BIT(0x11));
	apic_ack(&a);
	assert_true(apic_eoi(&a, &level));
	assert_int_equal(level, 0x51);
	apic_post(&a, 0x51, false);
	assert_int_equal(rd(&a, APIC_TMR + 0x20), 0);
	apic_post(&a, 0x51, true);
	assert_true(apic_is_level(&a, 0x51));
}

static void illegal_vectors(void **state)
{
	int v;

	for (v = 0; v < APIC_FIRST_VECTOR; v++) {
		setup(state);
		assert_int_equal(apic_post(&a, v, v & 1), APIC_POST_ILLEGAL);
		assert_int_equal(count.vector[v].refused, 1);
		wr(&a, APIC_ESR, 0);
		assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR);
		assert_sound(&a);
	}
}

static void filter_start(bool on)
{
	struct apic_config config = plain_config;

	config.filter = on;
	memset(&count, 0, sizeof(count));
	assert_true(apic_init(&a, &config, &count));
	wr(&a, APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

static void filter_default_deny(void **state)
{
	int v;

	(void)state;
	filter_start(true);
	for (v = 0; v < APIC_VECTORS; v++) {
		assert_int_equal(apic_post(&a, v, false), APIC_POST_FILTERED);
		assert_int_equal(count.vector[v].posted, 1);
		assert_int_equal(count.vector[v].refused, 1);
	}
	/* The host must not reach ESR through vectors that are refused. */
	wr(&a, APIC_ESR, 0);
	assert_int_equal(rd(&a, APIC_ESR), 0);
	assert_int_equal(apic_candidate(&a), APIC_NO_VECTOR);
	for (v = APIC_FIRST_VECTOR; v < APIC_VECTORS; v++)
		assert_int_equal(apic_post_ipi(&a, v), APIC_POST_ACCEPTED);
	/* Twice refused: 0-30 stay out even if the map were wrong. */
	a.allowed[0] = 0xffffffff;
	for (v = 0; v < 31; v++)
		assert_int_equal(apic_post(&a, v, false), APIC_POST_FILTERED);
	assert_string_equal(apic_check(&a), "exception-vector-allowed");
}

static void filter_one_vector(void **state)
{
	int v, w;

	(void)state;
	for (v = 0; v < APIC_VECTORS; v++) {
		filter_start(true);
		assert_int_equal(apic_allow(&a, v, true), v >= 31);
		for (w = 0; w < APIC_VECTORS; w++)
			assert_int_equal(apic_post(&a, w, false),
					 w == v && v >= 31 ? APIC_POST_ACCEPTED
					 : APIC_POST_FILTERED);
		assert_sound(&a);
		/* What was accepted stays; the next is refused. */
		apic_allow(&a, v, false);
		assert_int_equal(apic_candidate(&a), v >= 31 ? v : -1);
		assert_int_equal(apic_post(&a, v, false), APIC_POST_FILTERED);
	}
}

static void filter_all_vectors(void **state)
{
	int v;

	(void)state;
	filter_start(true);
	apic_allow_all(&a, true);
	for (v = 0; v < APIC_VECTORS; v++)
		assert_int_equal(apic_post(&a, v, false), v >= 31 ?
				 APIC_POST_ACCEPTED : APIC_POST_FILTERED);
	assert_sound(&a);
	/* INIT is no way round the owner's policy, power-up starts afresh. */
	apic_reset(&a, APIC_RESET_INIT);
	wr(&a, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	assert_int_equal(apic_post(&a, 31, false), APIC_POST_ACCEPTED);
	apic_allow_all(&a, false);
	assert_int_equal(apic_post(&a, 255, false), APIC_POST_FILTERED);
	apic_allow_all(&a, true);
	apic_reset(&a, APIC_RESET_POWER_UP);
	wr(&a, APIC_SVR, APIC_SVR_ENABLE | 0xff);
	assert_int_equal(apic_post(&a, 31, false), APIC_POST_FILTERED);
}

static void nmi(void **state)
{
	(void)state;
	filter_start(true);
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_HOST),
			 APIC_POST_FILTERED);
	assert_false(apic_take_nmi(&a));
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_GUEST),
			 APIC_POST_ACCEPTED);
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_GUEST),
			 APIC_POST_COALESCED);
	assert_true(apic_take_nmi(&a));
	assert_false(apic_take_nmi(&a));
	a.allow_nmi = true;
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_HOST),
			 APIC_POST_ACCEPTED);
	filter_start(false);
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_HOST),
			 APIC_POST_ACCEPTED);
	assert_int_equal(count.nmi_posted, 1);
	apic_reset(&a, APIC_RESET_INIT);
	assert_false(apic_take_nmi(&a));
}

/* Software-disabled: nothing new, but what is pending is still delivered. */
static void software_disabled(void **state)
{
	(void)state;
	apic_post(&a, 0x40, false);
	wr(&a, APIC_SVR, 0xff);
	assert_int_equal(apic_post(&a, 0x50, false), APIC_POST_DISABLED);
	assert_int_equal(apic_post_ipi(&a, 0x50), APIC_POST_DISABLED);
	assert_int_equal(apic_post_nmi(&a, APIC_FROM_HOST),
			 APIC_POST_ACCEPTED);
	assert_int_equal(apic_ack(&a), 0x40);
	assert_int_equal(count.vector[0x50].refused, 2);
}

static void reset_accounts(void **state)
{
	(void)state;
	apic_post(&a, 0x40, false);
	apic_ack(&a);
	apic_post(&a, 0x40, false);
	apic_reset(&a, APIC_RESET_INIT);
	assert_int_equal(count.vector[0x40].discarded, 1);
	assert_int_equal(count.vector[0x40].aborted, 1);
	assert_int_equal(apic_candidate(&a), APIC_NO_VECTOR);
}

static void cr8_has_no_low_nibble(void **state)
{
	(void)state;
	wr(&a, APIC_TPR, 0x57);
	assert_int_equal(apic_read_cr8(&a), 5);
	apic_write_cr8(&a, 0xa);
	assert_int_equal(rd(&a, APIC_TPR), 0xa0);
}

/* Counters are optional. */
static void works_uncounted(void **state)
{
	u8 level;

	(void)state;
	start(&a, X1, NULL);
	apic_post(&a, 0x40, false);
	apic_post(&a, 0x40, false);
	wr(&a, APIC_LVT_ERROR, 0x30);
	assert_int_equal(apic_post(&a, 3, false), APIC_POST_ILLEGAL);
	wr(&a, APIC_LVT_ERROR, 0x03);
	wr(&a, APIC_ESR, 0);
	assert_int_equal(apic_post(&a, 3, false), APIC_POST_ILLEGAL);
	assert_int_equal(apic_ack(&a), 0x40);
	assert_true(apic_unack(&a, 0x40));
	assert_int_equal(apic_ack(&a), 0x40);
	apic_post(&a, 0x40, false);
	assert_true(apic_unack(&a, 0x40));
	assert_int_equal(apic_ack(&a), 0x40);
	apic_post_ipi(&a, 0x40);
	assert_false(apic_take(&a, 0x40));
	apic_eoi(&a, &level);
	wr(&a, APIC_TPR, 0xff);
	assert_int_equal(apic_ack(&a), 0xff);
	apic_post_nmi(&a, APIC_FROM_HOST);
	apic_post_nmi(&a, APIC_FROM_HOST);
	assert_true(apic_take_nmi(&a));
	a.config.filter = true;
	apic_post(&a, 0x40, false);
	apic_post_nmi(&a, APIC_FROM_HOST);
	apic_reset(&a, APIC_RESET_INIT);
	assert_sound(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ppr_formula, setup),
		cmocka_unit_test_setup(apr_formula, setup),
		cmocka_unit_test_setup(tpr_matrix, setup),
		cmocka_unit_test_setup(nesting_matrix, setup),
		cmocka_unit_test_setup(deepest_nesting, setup),
		cmocka_unit_test_setup(all_pending_come_in_order, setup),
		cmocka_unit_test_setup(coalesce_and_repeat, setup),
		cmocka_unit_test_setup(unack_puts_back, setup),
		cmocka_unit_test_setup(higher_overtakes_queued, setup),
		cmocka_unit_test_setup(spurious, setup),
		cmocka_unit_test_setup(eoi_level_and_storm, setup),
		cmocka_unit_test_setup(tmr_follows_acceptance, setup),
		cmocka_unit_test_setup(illegal_vectors, setup),
		cmocka_unit_test_setup(filter_default_deny, setup),
		cmocka_unit_test_setup(filter_one_vector, setup),
		cmocka_unit_test_setup(filter_all_vectors, setup),
		cmocka_unit_test_setup(nmi, setup),
		cmocka_unit_test_setup(software_disabled, setup),
		cmocka_unit_test_setup(reset_accounts, setup),
		cmocka_unit_test_setup(cr8_has_no_low_nibble, setup),
		cmocka_unit_test_setup(works_uncounted, setup),
	};

	return cmocka_run_group_tests_name("core_priority", tests, NULL, NULL);
}
