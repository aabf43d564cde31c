// SPDX-License-Identifier: MIT
/* apic_check() finds what it says it finds: state corrupted on purpose. */
#include "tests/core_apic.h"

static struct apic a;

static int setup(void **state)
{
	(void)state;
	start(&a, X2, NULL);
	return 0;
}

static void vectors(void **state)
{
	setup(state);
	a.irr[0] = 1;
	assert_string_equal(apic_check(&a), "vector-below-16");
	setup(state);
	a.isr[0] = BIT(15);
	assert_string_equal(apic_check(&a), "vector-below-16");
	setup(state);
	a.tmr[0] = BIT(8);
	assert_string_equal(apic_check(&a), "vector-below-16");
	setup(state);
	a.allowed[0] = BIT(30);
	assert_string_equal(apic_check(&a), "exception-vector-allowed");
	setup(state);
	a.isr[2] = BIT(3) | BIT(9);
	assert_string_equal(apic_check(&a), "class-in-service-twice");
	a.isr[2] = BIT(3) | BIT(19);
	assert_null(apic_check(&a));
}

static void priority(void **state)
{
	setup(state);
	a.tpr = 0x100;
	assert_string_equal(apic_check(&a), "tpr-range");
}

static void lvt(void **state)
{
	setup(state);
	a.svr = 0xff;
	a.lvt[APIC_LVT_IDX_PERF] = 0x40;
	assert_string_equal(apic_check(&a), "lvt-unmasked-while-disabled");
	setup(state);
	a.lvt[APIC_LVT_IDX_LINT1] = 0x40 | APIC_LVT_REMOTE_IRR;
	assert_string_equal(apic_check(&a), "remote-irr-on-edge");
	a.lvt[APIC_LVT_IDX_LINT1] |= APIC_LVT_LEVEL;
	assert_null(apic_check(&a));
	a.lvt[APIC_LVT_IDX_LINT1] |= 0x400;
	assert_string_equal(apic_check(&a), "remote-irr-on-edge");
}

static void timer(void **state)
{
	setup(state);
	a.lvt[APIC_LVT_IDX_TIMER] |= 3u << 17;
	assert_string_equal(apic_check(&a), "timer-mode-reserved");
	setup(state);
	a.tsc_deadline = 5;
	assert_string_equal(apic_check(&a), "tsc-deadline-not-running");
	a.timer_running = true;
	assert_string_equal(apic_check(&a), "tsc-deadline-not-running");
	a.lvt[APIC_LVT_IDX_TIMER] |= APIC_LVT_TIMER_DEADLINE;
	a.timer_running = false;
	assert_string_equal(apic_check(&a), "tsc-deadline-not-running");
	a.timer_running = true;
	assert_null(apic_check(&a));
	a.tsc_deadline = 0;
	assert_string_equal(apic_check(&a), "timer-runs-on-nothing");
	setup(state);
	a.timer_running = true;
	assert_string_equal(apic_check(&a), "timer-runs-on-nothing");
}

static void mode(void **state)
{
	setup(state);
	a.base &= ~APIC_BASE_ENABLE;
	assert_string_equal(apic_check(&a), "apic-base-illegal");
	a.base &= ~APIC_BASE_EXTD;
	assert_null(apic_check(&a));
	a.timer_running = true;
	a.tmict = 1;
	assert_string_equal(apic_check(&a), "timer-in-disabled-apic");
	a.isr[3] = 1;
	assert_string_equal(apic_check(&a), "vector-in-disabled-apic");
	setup(state);
	a.config.has_x2apic = false;
	assert_string_equal(apic_check(&a), "apic-base-illegal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(priority),
		cmocka_unit_test(lvt),
		cmocka_unit_test(timer),
		cmocka_unit_test(mode),
	};

	return cmocka_run_group_tests_name("core_check", tests, NULL, NULL);
}
