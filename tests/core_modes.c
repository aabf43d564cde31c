// SPDX-License-Identifier: MIT
/* Local APIC: configuration, APIC_BASE transitions, reset. */
#include "tests/core_apic.h"

#define BASE	APIC_DEFAULT_BASE
#define EN	APIC_BASE_ENABLE
#define EXTD	APIC_BASE_EXTD

static struct apic a;

static void bring(enum apic_view view)
{
	struct apic_effects fx;

	start(&a, view == X2 ? X2 : X1, NULL);
	if (view == APIC_VIEW_NONE)
		assert_int_equal(apic_write_base(&a, BASE, &fx), APIC_OK);
	assert_int_equal(apic_mode_of(&a), view);
}

/* APM 16.9; SDM figure "Local x2APIC State Transitions". */
static void transitions(void **state)
{
	static const struct {
		enum apic_view from;
		u64 base;
		enum apic_result result;
	} rows[] = {
		{ APIC_VIEW_NONE, 0, APIC_OK },
		{ APIC_VIEW_NONE, EN, APIC_OK },
		{ APIC_VIEW_NONE, EXTD, APIC_BAD_TRANSITION },
		{ APIC_VIEW_NONE, EN | EXTD, APIC_BAD_TRANSITION },
		{ X1, 0, APIC_OK },
		{ X1, EN, APIC_OK },
		{ X1, EXTD, APIC_BAD_TRANSITION },
		{ X1, EN | EXTD, APIC_OK },
		{ X2, 0, APIC_OK },
		{ X2, EN, APIC_BAD_TRANSITION },
		{ X2, EXTD, APIC_BAD_TRANSITION },
		{ X2, EN | EXTD, APIC_OK },
	};
	struct apic_effects fx;
	unsigned int i;
	u64 before;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bring(rows[i].from);
		before = apic_read_base(&a);
		assert_int_equal(apic_write_base(&a, BASE | rows[i].base, &fx),
				 rows[i].result);
		assert_int_equal(fx.irq, rows[i].result == APIC_OK);
		assert_int_equal(fx.timer, rows[i].result == APIC_OK);
		/* BSP cannot be written away. */
		assert_int_equal(apic_read_base(&a),
				 rows[i].result == APIC_OK ?
				 (BASE | rows[i].base | APIC_BASE_BSP) :
				 before);
		assert_sound(&a);
	}
}

static void base_reserved_bits(void **state)
{
	struct apic_effects fx;
	enum apic_result want;
	unsigned int bit;
	u64 value;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bring(X1);
		value = (BASE | EN | APIC_BASE_BSP) ^ BIT_ULL(bit);
		want = APIC_RESERVED;
		if (bit == 8 || bit == 10 || bit == 11)
			want = APIC_OK;
		else if (APIC_BASE_ADDR & BIT_ULL(bit))
			want = APIC_BAD_ADDRESS;
		assert_int_equal(apic_write_base(&a, value, &fx), want);
	}
}

static void x2apic_hidden(void **state)
{
	struct apic_config config = plain_config;
	struct apic_effects fx;

	(void)state;
	config.has_x2apic = false;
	assert_true(apic_init(&a, &config, NULL));
	assert_int_equal(apic_write_base(&a, BASE | EN | EXTD, &fx),
			 APIC_RESERVED);
	assert_int_equal(apic_mode_of(&a), X1);
}

static void contradictory_configs(void **state)
{
	struct apic_config config;

	(void)state;
	config = plain_config, config.bus_khz = 0;
	assert_false(apic_init(&a, &config, NULL));
	config = plain_config, config.bus_khz = 10000001;
	assert_false(apic_init(&a, &config, NULL));
	config.bus_khz = 10000000;
	assert_true(apic_init(&a, &config, NULL));
	config = plain_config, config.id = 255;
	assert_false(apic_init(&a, &config, NULL));
	config.start_x2apic = true;
	assert_true(apic_init(&a, &config, NULL));
	config.id = APIC_BROADCAST;
	assert_false(apic_init(&a, &config, NULL));
	config.id = 1, config.has_x2apic = false;
	assert_false(apic_init(&a, &config, NULL));
}

/* Register, value after reset in xAPIC and in x2APIC mode. */
static const struct { u32 offset; u64 x1, x2; } reset_values[] = {
	{ APIC_ID, 5u << 24, 5 }, { APIC_VERSION, 0x50014, 0x50014 },
	{ APIC_TPR, 0, 0 }, { APIC_PPR, 0, 0 },
	{ APIC_LDR, 0, 1 << 5 }, { APIC_SVR, 0xff, 0xff },
	{ APIC_ESR, 0, 0 }, { APIC_ICR, 0, 0 },
	{ APIC_LVT_TIMER, 0x10000, 0x10000 },
	{ APIC_LVT_THERMAL, 0x10000, 0x10000 },
	{ APIC_LVT_PERF, 0x10000, 0x10000 },
	{ APIC_LVT_LINT0, 0x10000, 0x10000 },
	{ APIC_LVT_LINT1, 0x10000, 0x10000 },
	{ APIC_LVT_ERROR, 0x10000, 0x10000 },
	{ APIC_TMICT, 0, 0 }, { APIC_TMCCT, 0, 0 }, { APIC_TDCR, 0, 0 },
};

static void check_reset_values(void)
{
	unsigned int i;
	u32 off;

	for (i = 0; i < ARRAY_SIZE(reset_values); i++)
		assert_int_equal(rd(&a, reset_values[i].offset),
				 apic_mode_of(&a) == X2 ? reset_values[i].x2 :
				 reset_values[i].x1);
	for (off = APIC_ISR; off < APIC_IRR + 0x80; off += 0x10)
		assert_int_equal(rd(&a, off), 0);
	assert_sound(&a);
}

static void dirty(void)
{
	u32 off;

	apic_post(&a, 0x40, true);
	apic_ack(&a);
	apic_post(&a, 0x41, true);
	apic_post(&a, 3, false);
	wr(&a, APIC_TPR, 0x33);
	wr(&a, APIC_ESR, 0);
	apic_post(&a, 3, false);
	for (off = APIC_LVT_TIMER; off <= APIC_LVT_ERROR; off += 0x10)
		wr(&a, off, 0x55);
	wr(&a, APIC_TDCR, 3);
	wr(&a, APIC_TMICT, 1000);
	wr(&a, APIC_ICR, 0x4043);
	if (apic_mode_of(&a) == X1) {
		wr(&a, APIC_LDR, 0xff000000);
		wr(&a, APIC_DFR, 0);
	}
	assert_sound(&a);
}

static void init_reset(void **state)
{
	static const enum apic_view views[] = { X1, X2 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		start(&a, views[i], NULL);
		dirty();
		apic_reset(&a, APIC_RESET_INIT);
		/* INIT keeps APIC_BASE and so the mode. */
		assert_int_equal(apic_mode_of(&a), views[i]);
		check_reset_values();
		wr(&a, APIC_ESR, 0);
		assert_int_equal(rd(&a, APIC_ESR), 0);
		if (views[i] == X1)
			assert_int_equal(rd(&a, APIC_DFR), 0xffffffff);
	}
}

static void power_up_reset(void **state)
{
	struct apic_effects fx;

	(void)state;
	start(&a, X1, NULL);
	apic_write_base(&a, BASE | EN | EXTD, &fx);
	dirty();
	apic_reset(&a, APIC_RESET_POWER_UP);
	assert_int_equal(apic_read_base(&a), BASE | EN | APIC_BASE_BSP);
	check_reset_values();
	start(&a, X2, NULL);
	apic_write_base(&a, BASE, &fx);
	apic_reset(&a, APIC_RESET_POWER_UP);
	assert_int_equal(apic_mode_of(&a), X2);
}

/* Going to x2APIC keeps state; going off loses it. */
static void mode_change_state(void **state)
{
	struct apic_effects fx;
	u64 value;

	(void)state;
	start(&a, X1, NULL);
	dirty();
	assert_int_equal(apic_write_base(&a, BASE | EN | EXTD, &fx), APIC_OK);
	assert_int_equal(rd(&a, APIC_ISR + 0x20), 1);
	assert_int_equal(rd(&a, APIC_TPR), 0x33);
	assert_int_equal(rd(&a, APIC_LDR), 1 << 5);
	assert_int_equal(apic_write_base(&a, BASE, &fx), APIC_OK);
	assert_int_equal(apic_post(&a, 0x40, false), APIC_POST_DISABLED);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_false(apic_enabled(&a));
	assert_true(apic_accepts_pic(&a));
	assert_int_equal(apic_read(&a, X1, APIC_TPR, t0, &value),
			 APIC_BAD_VIEW);
	assert_int_equal(apic_write_base(&a, BASE | EN, &fx), APIC_OK);
	check_reset_values();
}

static void ap_is_no_bsp(void **state)
{
	struct apic_config config = plain_config;
	struct apic_effects fx;

	(void)state;
	config.bsp = false;
	assert_true(apic_init(&a, &config, NULL));
	apic_write_base(&a, BASE | EN | APIC_BASE_BSP, &fx);
	assert_int_equal(apic_read_base(&a), BASE | EN);
	assert_int_equal(a.run, APIC_WAIT_SIPI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transitions),
		cmocka_unit_test(base_reserved_bits),
		cmocka_unit_test(x2apic_hidden),
		cmocka_unit_test(contradictory_configs),
		cmocka_unit_test(init_reset),
		cmocka_unit_test(power_up_reset),
		cmocka_unit_test(mode_change_state),
		cmocka_unit_test(ap_is_no_bsp),
	};

	return cmocka_run_group_tests_name("core_modes", tests, NULL, NULL);
}
