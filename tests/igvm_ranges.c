// SPDX-License-Identifier: MIT
/* Range sets against a bitmap, with every mistake a fixed seed finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "igvm/ranges.h"

#define PAGES			256

static bool map[PAGES];

static u32 next(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Rising, apart, not empty, and the same pages as the bitmap. */
static void assert_same(const struct boot_ranges *set)
{
	bool seen[PAGES] = { false };

	for (u32 i = 0; i < set->count; i++) {
		const struct boot_range *r = &set->range[i];

		assert_true(r->start < r->end);
		assert_true(!i || r->start > set->range[i - 1].end);
		for (u64 p = r->start / PAGE_SIZE; p < r->end / PAGE_SIZE; p++)
			seen[p] = true;
	}
	assert_memory_equal(seen, map, sizeof(map));
}

static bool all_free(u64 from, u64 pages)
{
	for (u64 p = from; p < from + pages; p++)
		if (p >= PAGES || !map[p])
			return false;
	return true;
}

/* What lowest and highest must find, by trying every place. */
static void assert_finds(const struct boot_ranges *set, u64 pages, u64 align,
			 u64 from, u64 to)
{
	u64 low = 0, high = 0;

	for (u64 p = from; p + pages <= to; p++) {
		if (p % align || !all_free(p, pages))
			continue;
		if (!low)
			low = p;
		high = p;
	}
	assert_int_equal(boot_ranges_lowest(set, pages * PAGE_SIZE,
					    align * PAGE_SIZE,
					    from * PAGE_SIZE, to * PAGE_SIZE),
			 low * PAGE_SIZE);
	assert_int_equal(boot_ranges_highest(set, pages * PAGE_SIZE,
					     align * PAGE_SIZE,
					     from * PAGE_SIZE, to * PAGE_SIZE),
			 high * PAGE_SIZE);
}

static void against_a_bitmap(void **state)
{
	u32 seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct boot_ranges set = {
			.count = 1, .range = { { 0, PAGES * PAGE_SIZE } },
		};

		memset(map, true, sizeof(map));
		for (int i = 0; i < 20; i++) {
			u32 start = next(&seed) % PAGES;
			u32 end = start + next(&seed) % 24;

			if (end > PAGES)
				end = PAGES;
			assert_true(boot_ranges_subtract(&set,
							 start * PAGE_SIZE,
							 end * PAGE_SIZE));
			memset(map + start, false, end - start);
			assert_same(&set);
			assert_int_equal(boot_ranges_contain(&set,
						start * PAGE_SIZE,
						(start + 3) * PAGE_SIZE),
					 all_free(start, 3));
			assert_finds(&set, 1 + next(&seed) % 9,
				     1 << next(&seed) % 4, 1 + start % 64,
				     PAGES - end % 32);
		}
	}
}

static void too_many_pieces(void **state)
{
	struct boot_ranges set = {
		.count = 1, .range = { { 0, PAGES * PAGE_SIZE } },
	};

	(void)state;
	for (u64 i = 1; i < BOOT_RANGES_MAX; i++)
		assert_true(boot_ranges_subtract(&set, (2 * i - 1) * PAGE_SIZE,
						 2 * i * PAGE_SIZE));
	assert_int_equal(set.count, BOOT_RANGES_MAX);
	assert_false(boot_ranges_subtract(&set, 200 * PAGE_SIZE,
					  201 * PAGE_SIZE));
}

static void ram_of_the_machine(void **state)
{
	struct boot_ranges ram;

	(void)state;
	boot_ram(3ull << 30, &ram);
	assert_int_equal(ram.count, 2);
	assert_int_equal(ram.range[0].end, 0xa0000);
	assert_int_equal(ram.range[1].start, 0x100000);
	assert_int_equal(ram.range[1].end, 0xc0000000);
	boot_ram((3ull << 30) + PAGE_SIZE, &ram);
	assert_int_equal(ram.count, 3);
	assert_int_equal(ram.range[1].end, 0xc0000000);
	assert_int_equal(ram.range[2].start, 0x100000000);
	assert_int_equal(ram.range[2].end, 0x100001000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_bitmap),
		cmocka_unit_test(too_many_pieces),
		cmocka_unit_test(ram_of_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
