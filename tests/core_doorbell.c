// SPDX-License-Identifier: MIT
/*
 * Doorbell page, VMPL 0's own part: conformance rows 26 to 40
 * as far as they are the consumer's.
 */
#include "core/doorbell.h"
#include "tests/core_apic.h"

static struct doorbell page;

static int clean(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	return 0;
}

static void row26_two_at_once(void **state)
{
	(void)state;
	page.pending = DOORBELL_NO_FURTHER_SIGNAL | 0x60;
	assert_int_equal(doorbell_start(&page), 0);
	assert_int_equal(page.flags, 0);
	assert_int_equal(doorbell_take(&page, 0), 0x60);
	page.vector = 0x50;
	assert_int_equal(doorbell_take(&page, 0), 0x50);
	assert_int_equal(doorbell_take(&page, 0), 0);
	assert_false(doorbell_pending(&page, 0));
}

static void row28_tpr(void **state)
{
	(void)state;
	page.vector = 0x5f;
	assert_int_equal(doorbell_take(&page, 0x50), 0);
	assert_int_equal(doorbell_take(&page, 0xff), 0);
	assert_int_equal(page.vector, 0x5f);
	assert_false(doorbell_pending(&page, 0x50));
	assert_true(doorbell_pending(&page, 0x4f));
	assert_int_equal(doorbell_take(&page, 0x4f), 0x5f);
	assert_int_equal(page.vector, 0);
}

/* 1-15 are nobody's: never taken, and no reason to look again. */
static void row35_every_vector(void **state)
{
	unsigned int v, got;

	(void)state;
	for (v = 0; v < 256; v++) {
		page.vector = v;
		got = doorbell_take(&page, 0);
		assert_int_equal(got, v < 16 ? 0 : v);
		assert_int_equal(page.vector, v < 16 ? v : 0);
		assert_false(doorbell_pending(&page, 0));
	}
}

static void row37_flags(void **state)
{
	(void)state;
	page.flags = 0x7c;			/* reserved */
	assert_false(doorbell_pending(&page, 0));
	assert_int_equal(doorbell_start(&page), 0);
	page.flags = DOORBELL_FLAG_NO_FURTHER_SIGNAL;
	assert_true(doorbell_pending(&page, 0xff));
	assert_int_equal(doorbell_start(&page), 0);
	assert_false(doorbell_pending(&page, 0));
	/* Cleared by the host while pending: the vector is still found. */
	page.vector = 0x40;
	assert_true(doorbell_pending(&page, 0));
}

static void row38_39_mc_and_nmi(void **state)
{
	(void)state;
	page.flags = DOORBELL_FLAG_MC;
	assert_int_equal(doorbell_start(&page), DOORBELL_FLAG_MC);
	assert_int_equal(doorbell_start(&page), 0);
	page.flags = 0xff;
	assert_int_equal(doorbell_start(&page),
			 DOORBELL_FLAG_MC | DOORBELL_FLAG_NMI);
	assert_int_equal(doorbell_start(&page), 0);
}

static void row40_no_eoi_required(void **state)
{
	unsigned int v;

	(void)state;
	assert_true(doorbell_eoi(&page));
	for (v = 1; v < 256; v++) {
		page.no_eoi_required = v;
		assert_false(doorbell_eoi(&page));
		assert_int_equal(page.no_eoi_required, 0);
		assert_true(doorbell_eoi(&page));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(row26_two_at_once, clean),
		cmocka_unit_test_setup(row28_tpr, clean),
		cmocka_unit_test_setup(row35_every_vector, clean),
		cmocka_unit_test_setup(row37_flags, clean),
		cmocka_unit_test_setup(row38_39_mc_and_nmi, clean),
		cmocka_unit_test_setup(row40_no_eoi_required, clean),
	};

	return cmocka_run_group_tests_name("core_doorbell", tests, NULL, NULL);
}
