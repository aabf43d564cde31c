// SPDX-License-Identifier: MIT
/* Local APIC timer: modes, divisors, TMCCT, TSC deadline. */
#include "tests/core_apic.h"

#define ONESHOT		0x40
#define PERIODIC	(0x40 | APIC_LVT_TIMER_PERIODIC)
#define DEADLINE	(0x40 | APIC_LVT_TIMER_DEADLINE)

static struct apic a;
static struct apic_effects fx;

static int setup(void **state)
{
	(void)state;
	start(&a, X2, NULL);
	wr(&a, APIC_TDCR, 0xb);		/* divide by 1 */
	return 0;
}

/* TDCR, divisor: APM 16.4.1. Bus and count such that nothing rounds. */
static void divisors(void **state)
{
	static const struct { u32 tdcr, by; } rows[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		wr(&a, APIC_TDCR, rows[i].tdcr);
		wr(&a, APIC_LVT_TIMER, ONESHOT);
		assert_true(wr_at(&a, APIC_TMICT, 1000, 50).timer);
		assert_int_equal(apic_timer_deadline(&a),
				 50 + 1000 * rows[i].by);
		assert_int_equal(rd_at(&a, APIC_TMCCT, 50), 1000);
		assert_int_equal(rd_at(&a, APIC_TMCCT, 50 + 10 * rows[i].by),
				 990);
	}
}

static void oneshot(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_TIMER, ONESHOT);
	wr_at(&a, APIC_TMICT, 100, 1000);
	assert_false(apic_timer_expire(&a, at(1099)));
	assert_int_equal(rd_at(&a, APIC_TMCCT, 1099), 1);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 1100), 0);
	assert_true(apic_timer_expire(&a, at(1100)));
	assert_int_equal(apic_ack(&a), 0x40);
	assert_false(apic_timer_expire(&a, at(5000)));
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_int_equal(rd_at(&a, APIC_TMICT, 5000), 100);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 5000), 0);
}

static void periodic(void **state)
{
	u64 i;

	(void)state;
	wr(&a, APIC_LVT_TIMER, PERIODIC);
	wr(&a, APIC_TMICT, 100);
	for (i = 1; i < 10; i++) {
		assert_int_equal(apic_timer_deadline(&a), i * 100);
		assert_int_equal(rd_at(&a, APIC_TMCCT, i * 100 - 30), 30);
		/* A late caller reads the next period already. */
		assert_int_equal(rd_at(&a, APIC_TMCCT, i * 100 + 30), 70);
		assert_true(apic_timer_expire(&a, at(i * 100 + 30)));
		assert_int_equal(apic_ack(&a), 0x40);
		wr(&a, APIC_EOI, 0);
	}
	/* Missed periods are one interrupt, and the phase is kept. */
	assert_true(apic_timer_expire(&a, at(5550)));
	assert_int_equal(apic_timer_deadline(&a), 5600);
	assert_true(apic_timer_expire(&a, at(5600)));
	assert_int_equal(apic_timer_deadline(&a), 5700);
	wr_at(&a, APIC_TMICT, 0, 5650);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 5660), 0);
}

/* Masked: counts, arms nothing, posts nothing, owes nothing afterwards. */
static void masked(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_TIMER, PERIODIC | APIC_LVT_MASKED);
	wr(&a, APIC_TMICT, 100);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 250), 50);
	assert_true(wr_at(&a, APIC_LVT_TIMER, PERIODIC, 250).timer);
	assert_int_equal(apic_pending(&a), APIC_NO_VECTOR);
	assert_int_equal(apic_timer_deadline(&a), 300);
	/* What was due before the mask is delivered, though noticed late. */
	wr_at(&a, APIC_LVT_TIMER, PERIODIC | APIC_LVT_MASKED, 310);
	assert_int_equal(apic_pending(&a), 0x40);
	/* The same through software disable. */
	apic_ack(&a);
	wr(&a, APIC_EOI, 0);
	wr_at(&a, APIC_LVT_TIMER, PERIODIC, 320);
	wr_at(&a, APIC_SVR, 0xff, 450);
	assert_int_equal(apic_pending(&a), 0x40);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
}

static void divide_while_running(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_TIMER, PERIODIC);
	wr(&a, APIC_TMICT, 100);
	wr_at(&a, APIC_TDCR, 0, 60);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 60), 40);
	assert_int_equal(apic_timer_deadline(&a), 140);
	apic_timer_expire(&a, at(140));
	assert_int_equal(apic_timer_deadline(&a), 340);
	/* Stopped: nothing starts. */
	wr_at(&a, APIC_TMICT, 0, 150);
	wr_at(&a, APIC_TDCR, 0xb, 150);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
}

static void mode_changes(void **state)
{
	(void)state;
	wr(&a, APIC_LVT_TIMER, ONESHOT);
	wr(&a, APIC_TMICT, 100);
	wr_at(&a, APIC_LVT_TIMER, PERIODIC, 50);
	assert_int_equal(apic_timer_deadline(&a), 100);
	apic_timer_expire(&a, at(100));
	assert_int_equal(apic_timer_deadline(&a), 200);
	/* To and from deadline mode disarms. */
	wr_at(&a, APIC_LVT_TIMER, DEADLINE, 150);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_int_equal(rd(&a, APIC_TMICT), 0);
	wr_at(&a, APIC_TMICT, 100, 150);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 150), 0);
	apic_write_deadline(&a, 1000, at(150), &fx);
	assert_int_equal(apic_timer_deadline(&a), 500);
	wr_at(&a, APIC_LVT_TIMER, ONESHOT, 160);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_sound(&a);
}

static void deadline(void **state)
{
	u64 value;

	(void)state;
	/* Outside its mode the MSR ignores writes and reads 0. */
	assert_int_equal(apic_write_deadline(&a, 1000, at(0), &fx), APIC_OK);
	assert_int_equal(apic_read_deadline(&a, at(0), &value), APIC_OK);
	assert_int_equal(value, 0);
	wr(&a, APIC_LVT_TIMER, DEADLINE);
	assert_int_equal(apic_write_deadline(&a, 1001, at(100), &fx), APIC_OK);
	assert_true(fx.timer && fx.irq);
	/* 801 ticks of 0.5 ns: rounded up, never early. */
	assert_int_equal(apic_timer_deadline(&a), 501);
	apic_read_deadline(&a, at(500), &value);
	assert_int_equal(value, 1001);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 200), 0);
	/* Passed: reads 0 though expire() has not run. */
	apic_read_deadline(&a, at(501), &value);
	assert_int_equal(value, 0);
	assert_true(apic_timer_expire(&a, at(501)));
	apic_read_deadline(&a, at(501), &value);
	assert_int_equal(value, 0);
	assert_int_equal(apic_ack(&a), 0x40);
	wr(&a, APIC_EOI, 0);
	assert_false(apic_timer_expire(&a, at(9999)));
	/* In the past: at once. */
	apic_write_deadline(&a, 5, at(1000), &fx);
	assert_int_equal(apic_pending(&a), 0x40);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	/* 0 disarms. */
	apic_write_deadline(&a, 9000, at(1000), &fx);
	assert_int_not_equal(apic_timer_deadline(&a), APIC_NEVER);
	apic_write_deadline(&a, 0, at(1000), &fx);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	/* Linux parks the timer at ~0: far away, not wrapped. */
	apic_write_deadline(&a, ~0ull, at(1000), &fx);
	assert_true(apic_timer_deadline(&a) > 1ull << 62);
	a.config.tsc_khz = 1;
	apic_write_deadline(&a, ~0ull, at(1000), &fx);
	assert_int_equal(apic_timer_deadline(&a), APIC_NEVER);
	assert_sound(&a);
}

static void deadline_absent(void **state)
{
	u64 value;

	(void)state;
	a.config.tsc_khz = 0;
	assert_int_equal(apic_read_deadline(&a, t0, &value),
			 APIC_NO_REGISTER);
	assert_int_equal(apic_write_deadline(&a, 1, t0, &fx),
			 APIC_NO_REGISTER);
	assert_false(fx.timer || fx.irq);
}

/* Every bus speed and the largest count: no overflow, count is monotonic. */
static void extremes(void **state)
{
	static const u32 khz[] = { 1, 999, 25000, 1000000, 3333333, 10000000 };
	struct apic_config config = plain_config;
	unsigned int i, step;
	u64 due, now, last, value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		config.bus_khz = khz[i];
		assert_true(apic_init(&a, &config, NULL));
		wr(&a, APIC_SVR, 0x1ff);
		wr(&a, APIC_LVT_TIMER, ONESHOT);
		wr(&a, APIC_TDCR, 0xa);
		wr(&a, APIC_TMICT, 0xffffffff);
		due = apic_timer_deadline(&a);
		assert_int_equal(due / 128, 0xffffffffull * 1000000 / khz[i]);
		last = 0xffffffff;
		for (step = 0; step <= 1000; step++) {
			now = due / 1000 * step;
			value = rd_at(&a, APIC_TMCCT, now);
			assert_true(value <= last);
			last = value;
		}
		assert_int_equal(rd_at(&a, APIC_TMCCT, due), 0);
		assert_true(rd_at(&a, APIC_TMCCT, due - 1) != 0);
	}
}

/* A count of one on a bus faster than the clock: still a whole period. */
static void faster_than_clock(void **state)
{
	struct apic_config config = plain_config;

	(void)state;
	config.bus_khz = 3000000;
	assert_true(apic_init(&a, &config, NULL));
	wr(&a, APIC_SVR, 0x1ff);
	wr(&a, APIC_LVT_TIMER, PERIODIC);
	wr(&a, APIC_TDCR, 0xb);
	wr(&a, APIC_TMICT, 4);
	assert_int_equal(apic_timer_deadline(&a), 2);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 0), 4);
	assert_int_equal(rd_at(&a, APIC_TMCCT, 1), 3);
	wr(&a, APIC_TMICT, 5);
	wr_at(&a, APIC_TMICT, 7, 10);
	/* A clock that runs backwards reads no more than the whole. */
	assert_int_equal(rd_at(&a, APIC_TMCCT, 5), 7);
	assert_true(apic_timer_expire(&a, at(1ull << 40)));
	assert_true(apic_timer_deadline(&a) > 1ull << 40);
}

static void nmi_is_no_timer_mode(void **state)
{
	(void)state;
	assert_int_equal(apic_write(&a, X2, APIC_LVT_TIMER, 0x400, t0, &fx),
			 APIC_RESERVED);
	/* An illegal vector is told to ESR when the timer fires. */
	wr(&a, APIC_LVT_TIMER, 0x0f);
	wr(&a, APIC_TMICT, 1);
	assert_true(apic_timer_expire(&a, at(1)));
	wr(&a, APIC_ESR, 0);
	assert_int_equal(rd(&a, APIC_ESR), APIC_ESR_RECV_VECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(divisors, setup),
		cmocka_unit_test_setup(oneshot, setup),
		cmocka_unit_test_setup(periodic, setup),
		cmocka_unit_test_setup(masked, setup),
		cmocka_unit_test_setup(divide_while_running, setup),
		cmocka_unit_test_setup(mode_changes, setup),
		cmocka_unit_test_setup(deadline, setup),
		cmocka_unit_test_setup(deadline_absent, setup),
		cmocka_unit_test_setup(extremes, setup),
		cmocka_unit_test_setup(faster_than_clock, setup),
		cmocka_unit_test_setup(nmi_is_no_timer_mode, setup),
	};

	return cmocka_run_group_tests_name("core_timer", tests, NULL, NULL);
}
