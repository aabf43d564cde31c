// SPDX-License-Identifier: MIT
/*
 * The core protocol against a fake of the few things it does to memory:
 * progress and result codes, rights, what must not be touched.
 */
#include "tests/svsm_rig.h"

static u64 pvalidate_list(u64 gpa, u16 next, u16 count, const u64 *entries)
{
	struct svsm_pvalidate header = { .entries = count, .next = next };
	u64 rcx = gpa;

	rig_write(gpa, &header, sizeof(header));
	for (u16 i = 0; i < count; i++)
		rig_write(gpa + 8 + 8 * i, &entries[i], 8);
	return rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0);
}

static u16 progress(u64 gpa)
{
	struct svsm_pvalidate header;

	rig_read(gpa, &header, sizeof(header));
	return header.next;
}

#define ENTRY(gpa, flags)	((gpa) | (flags))
#define VALIDATE		SVSM_PVALIDATE_VALIDATE

/* ---- CORE_PVALIDATE ------------------------------------------------------ */

static void rescinds_and_validates(void **state)
{
	u64 off[] = { ENTRY(0x5000, 0), ENTRY(0x6000, 0) };
	u64 on[] = { ENTRY(0x5000, VALIDATE), ENTRY(0x6000, VALIDATE) };

	(void)state;
	rig_fill(0x5000, 0xaa);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, off), 0);
	assert_int_equal(progress(RIG_LIST), 2);
	assert_false(rig_page(0x5000)->validated);
	assert_int_equal(rig_page(0x5000)->rights, 0);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, on), 0);
	assert_true(rig_page(0x6000)->validated);
	assert_int_equal(rig_page(0x5000)->rights, RIG_RIGHTS_ALL);
	assert_true(rig_is_zero(0x5000));
}

static void starts_where_it_is_told(void **state)
{
	u64 entries[] = { 3, ENTRY(0x5000, 0) };

	(void)state;
	assert_int_equal(pvalidate_list(RIG_LIST, 1, 2, entries), 0);
	assert_int_equal(progress(RIG_LIST), 2);
}

static void unchanged_is_an_error_unless_ignored(void **state)
{
	u64 plain[] = { ENTRY(0x5000, 0), ENTRY(0x6000, VALIDATE) };
	u64 ignored = ENTRY(0x6000, VALIDATE | SVSM_PVALIDATE_IGNORE_CF);

	(void)state;
	rig_fill(0x6000, 0xaa);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, plain),
			 SVSM_ERR_RMP_UNCHANGED);
	assert_int_equal(progress(RIG_LIST), 1);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 1, &ignored), 0);
	/* It was the guest's all the time, and so is what is in it. */
	assert_false(rig_is_zero(0x6000));
}

static void unchanged_when_rescinded_twice(void **state)
{
	u64 twice[] = { ENTRY(0x5000, 0), ENTRY(0x5000, 0) };
	u64 ignored = ENTRY(0x5000, SVSM_PVALIDATE_IGNORE_CF);

	(void)state;
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, twice),
			 SVSM_ERR_RMP_UNCHANGED);
	assert_int_equal(progress(RIG_LIST), 1);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 1, &ignored), 0);
}

static void sizes(void **state)
{
	u64 large = ENTRY(RIG_LARGE, VALIDATE | SVSM_PVALIDATE_2M);
	u64 small = ENTRY(RIG_LARGE + PAGE_2M, SVSM_PVALIDATE_2M);

	(void)state;
	rig_large(RIG_LARGE, true);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 1, &large),
			 SVSM_ERR_RMP_UNCHANGED);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 1, &small),
			 SVSM_ERR_RMP(RMP_FAIL_SIZEMISMATCH));
	large = ENTRY(RIG_LARGE, SVSM_PVALIDATE_2M);
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 1, &large), 0);
	assert_false(rig_page(RIG_LARGE + PAGE_SIZE)->validated);
}

static void much_work_is_left_incomplete(void **state)
{
	u64 entries[400];
	u64 result;

	(void)state;
	for (int i = 0; i < 400; i++)
		entries[i] = ENTRY(0x100000 + i * PAGE_SIZE, 0);
	result = pvalidate_list(RIG_LIST, 0, 400, entries);
	assert_int_equal(result, SVSM_ERR_INCOMPLETE);
	assert_true(progress(RIG_LIST) > 0 && progress(RIG_LIST) < 400);
	result = pvalidate_list(RIG_LIST, progress(RIG_LIST), 400, entries);
	assert_int_equal(result, 0);
	assert_int_equal(progress(RIG_LIST), 400);
}

static void bad_entries(void **state)
{
	const struct { u64 entry, result; } rows[] = {
		{ ENTRY(0x5000, 2), SVSM_ERR_INVALID_PARAMETER },
		{ ENTRY(0x5000, 3), SVSM_ERR_INVALID_PARAMETER },
		{ ENTRY(0x5000, 0x10), SVSM_ERR_INVALID_FORMAT },
		{ ENTRY(0x5000, 0x800), SVSM_ERR_INVALID_FORMAT },
		{ ENTRY(0x5000, 1), SVSM_ERR_INVALID_PARAMETER },
		{ ENTRY(RIG_MONITOR, 0), SVSM_ERR_INVALID_ADDRESS },
		{ ENTRY(RIG_END, 0), SVSM_ERR_INVALID_ADDRESS },
		{ ENTRY(0xa0000, 0), SVSM_ERR_INVALID_ADDRESS },
		{ ENTRY(0, 1), SVSM_ERR_INVALID_ADDRESS },
		{ ENTRY(PAGE_MASK, 0), SVSM_ERR_INVALID_ADDRESS },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 list[] = { ENTRY(0x7000 + i * PAGE_SIZE, 0),
			       rows[i].entry };

		assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, list),
				 rows[i].result);
		assert_int_equal(progress(RIG_LIST), 1);
	}
	assert_true(rig_monitor_untouched());
}

static void bad_headers(void **state)
{
	const struct { u64 gpa; u16 next, entries; u32 reserved; u64 result; }
	rows[] = {
		{ RIG_LIST, 0, 0, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST, 1, 1, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST, 0, 512, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST + 4080, 0, 2, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST + 4088, 0, 1, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST + 4, 0, 1, 0, SVSM_ERR_INVALID_PARAMETER },
		{ RIG_LIST, 0, 1, 1, SVSM_ERR_INVALID_FORMAT },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct svsm_pvalidate header = {
			rows[i].entries, rows[i].next, rows[i].reserved
		};
		u64 rcx = rows[i].gpa;

		rig_write(rcx, &header, sizeof(header));
		assert_int_equal(rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0),
				 rows[i].result);
	}
}

static void list_outside(void **state)
{
	const u64 gpas[] = { RIG_MONITOR, RIG_END, ~7ull, 0xa0000 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(gpas); i++) {
		u64 rcx = gpas[i];

		assert_int_equal(rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0),
				 SVSM_ERR_INVALID_PARAMETER);
	}
}

/* The page with the list is itself in the list. */
static void list_that_goes_away(void **state)
{
	u64 entries[] = { ENTRY(RIG_LIST, 0), ENTRY(0x5000, 0) };

	(void)state;
	assert_int_equal(pvalidate_list(RIG_LIST, 0, 2, entries),
			 SVSM_ERR_INVALID_ADDRESS);
	assert_true(rig_page(0x5000)->validated);
}

static void list_not_validated(void **state)
{
	u64 rcx = RIG_LIST;

	(void)state;
	rig_page(RIG_LIST)->validated = false;
	assert_int_equal(rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0),
			 SVSM_ERR_INVALID_ADDRESS);
}

/* ---- the others ---------------------------------------------------------- */

static void remap_ca(void **state)
{
	u64 bad[] = { 0x5004, RIG_MONITOR, RIG_END };
	u64 rcx = 0x5008;

	(void)state;
	rig_fill(0x5000, 0xff);
	assert_int_equal(rig_call(0, SVSM_CORE_REMAP_CA, &rcx, 0, 0), 0);
	assert_int_equal(vcpu_of(0)->ca, 0x5008);
	rig_read(0x5008, &rcx, 8);
	assert_int_equal(rcx, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		rcx = bad[i];
		assert_int_equal(rig_call(0, SVSM_CORE_REMAP_CA, &rcx, 0, 0),
				 SVSM_ERR_INVALID_ADDRESS);
	}
	rcx = 0x6000;
	rig_page(0x6000)->validated = false;
	assert_int_equal(rig_call(0, SVSM_CORE_REMAP_CA, &rcx, 0, 0),
			 SVSM_ERR_INVALID_ADDRESS);
	assert_int_equal(vcpu_of(0)->ca, 0x5008);
}

static void queries(void **state)
{
	const struct { u64 in, out; } rows[] = {
		{ 0x0000000000000001, 0x0000000100000001 },
		{ 0x0000000000000000, 0 },
		{ 0x0000000000000002, 0 },
		{ 0x0000000100000001, 0 },	/* attestation */
		{ 0x0000000200000001, 0 },	/* vTPM */
		{ 0xffffffff00000001, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 rcx = rows[i].in;

		assert_int_equal(rig_call(0, SVSM_CORE_QUERY_PROTOCOL, &rcx,
					  0, 0), 0);
		assert_int_equal(rcx, rows[i].out);
	}
}

static void unsupported(void **state)
{
	const struct { u64 rax, result; } rows[] = {
		{ SVSM_CORE_DEPOSIT_MEM, SVSM_ERR_UNSUPPORTED_CALL },
		{ SVSM_CORE_WITHDRAW_MEM, SVSM_ERR_UNSUPPORTED_CALL },
		{ 8, SVSM_ERR_UNSUPPORTED_CALL },
		{ 0xffffffff, SVSM_ERR_UNSUPPORTED_CALL },
		{ 1ull << 32, SVSM_ERR_UNSUPPORTED_PROTOCOL },
		{ 2ull << 32 | 1, SVSM_ERR_UNSUPPORTED_PROTOCOL },
		{ ~0ull, SVSM_ERR_UNSUPPORTED_PROTOCOL },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 rcx = 0x5000;

		assert_int_equal(rig_call(0, rows[i].rax, &rcx, 0, 0),
				 rows[i].result);
		assert_int_equal(rcx, 0x5000);
	}
}

static void configure_vtom(void **state)
{
	u64 rcx = SVSM_VTOM_QUERY | 0x1000;

	(void)state;
	assert_int_equal(rig_call(0, SVSM_CORE_CONFIGURE_VTOM, &rcx, 0, 0), 0);
	assert_int_equal(rcx, 0);
	assert_int_equal(rig_call(0, SVSM_CORE_CONFIGURE_VTOM, &rcx, 0, 0),
			 SVSM_ERR_INVALID_REQUEST);
}

#define T(f)	cmocka_unit_test_setup(f, rig_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rescinds_and_validates),
		T(starts_where_it_is_told),
		T(unchanged_is_an_error_unless_ignored),
		T(unchanged_when_rescinded_twice),
		T(sizes),
		T(much_work_is_left_incomplete),
		T(bad_entries),
		T(bad_headers),
		T(list_outside),
		T(list_that_goes_away),
		T(list_not_validated),
		T(remap_ca),
		T(queries),
		T(unsupported),
		T(configure_vtom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
