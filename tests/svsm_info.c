// SPDX-License-Identifier: MIT
/* The information page: what igvm/ writes is taken, all else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "svsm/info.h"

static struct monitor_info good(void)
{
	struct monitor_info in = {
		.magic = MONITOR_MAGIC,
		.version = MONITOR_VERSION,
		.guest_vmpl = 2,
		.base = 0x800000,
		.size = PAGE_2M,
		.c_bit = 51,
		.cpus = 2,
		.tables = 0x820000,
		.cpuid = 0x810000,
		.secrets = 0x811000,
		.guest_vmsa = 0x812000,
		.cpu_area = 0x830000,
		.guest_cpuid = 0x41000,
		.guest_secrets = 0x40000,
		.guest_ca = 0x4d000,
		.guest_ranges = 2,
		.unvalidated_ranges = 1,
		.guest = { { 0, 0xa0000 }, { 0x100000, 0x800000 } },
		.unvalidated = { { 0x40000, 0x50000 } },
		.apic_id = { 0, 5 },
	};

	return in;
}

static void takes_a_good_one(void **state)
{
	struct monitor_info in = good();

	(void)state;
	assert_null(info_bad(&in));
	in.guest_cpuid = in.guest_secrets = in.guest_ca = 0;
	assert_null(info_bad(&in));
}

#define AT(field)	offsetof(struct monitor_info, field), \
			sizeof(((struct monitor_info *)0)->field)

static void refuses_each_wrong_field(void **state)
{
	static const struct {
		size_t at, bytes;
		u64 value;
		const char *why;
	} rows[] = {
		{ AT(magic), 1, "magic" },
		{ AT(version), 2, "version" },
		{ AT(guest_vmpl), 0, "VMPL" },
		{ AT(guest_vmpl), 4, "VMPL" },
		{ AT(c_bit), 12, "C-bit" },
		{ AT(c_bit), 52, "C-bit" },
		{ AT(cpus), 0, "number of CPUs" },
		{ AT(cpus), MONITOR_CPUS_MAX + 1, "number of CPUs" },
		{ AT(apic_id[1]), 0, "twice" },
		{ AT(base), 0x801000, "its own range" },
		{ AT(base), 0, "its own range" },
		{ AT(base), 0xffe00000, "a page outside" },
		{ AT(base), 0x100000000, "its own range" },
		{ AT(size), 0, "its own range" },
		{ AT(size), 0x1000, "its own range" },
		{ AT(size), ~0ull & ~(PAGE_2M - 1), "its own range" },
		{ AT(tables), 0x7ff000, "a page outside" },
		{ AT(tables), 0x820001, "a page outside" },
		{ AT(cpuid), 0xa00000, "a page outside" },
		{ AT(secrets), 0x1000, "a page outside" },
		{ AT(guest_vmsa), 0x1000, "a page outside" },
		{ AT(cpu_area), 0x831000, "its CPUs" },
		{ AT(cpu_area), 0x9f0000, "its CPUs" },
		{ AT(guest_cpuid), 0x41001, "guest's pages" },
		{ AT(guest_secrets), 0x800000, "guest's pages" },
		{ AT(guest_ca), 0xa0000, "guest's pages" },
		{ AT(guest_ranges), 0, "guest's memory" },
		{ AT(guest_ranges), MONITOR_RANGES_MAX + 1, "guest's memory" },
		{ AT(unvalidated_ranges), MONITOR_RANGES_MAX + 1,
		  "guest's memory" },
		{ AT(guest[1].start), 0x90000, "guest's memory" },
		{ AT(guest[1].start), 0x100001, "guest's memory" },
		{ AT(guest[1].end), 0x100000, "guest's memory" },
		{ AT(guest[1].end), 0x801000, "within its own" },
		{ AT(guest[1].end), MONITOR_GPA_END + PAGE_SIZE,
		  "guest's memory" },
		{ AT(unvalidated[0].end), 0xb0000, "not the guest's" },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct monitor_info in = good();
		const char *why;

		memcpy((u8 *)&in + rows[i].at, &rows[i].value, rows[i].bytes);
		why = info_bad(&in);
		assert_non_null(why);
		if (!strstr(why, rows[i].why))
			fail_msg("row %u: %s", i, why);
	}
}

static void whose_memory(void **state)
{
	struct monitor_info in = good();

	(void)state;
	assert_true(info_is_guest(&in, 0, PAGE_SIZE));
	assert_true(info_is_guest(&in, 0x7ff000, PAGE_SIZE));
	assert_false(info_is_guest(&in, 0x800000, PAGE_SIZE));
	assert_false(info_is_guest(&in, 0x9f000, PAGE_2M));
	assert_false(info_is_guest(&in, 0xa0000, 1));
	assert_false(info_is_guest(&in, ~0ull - 7, 8));
	assert_false(info_is_guest(&in, ~0ull, 8));
}

static void which_cpu(void **state)
{
	struct monitor_info in = good();
	u32 index;

	(void)state;
	assert_true(info_cpu_of(&in, 5, &index));
	assert_int_equal(index, 1);
	assert_false(info_cpu_of(&in, 1, &index));
	/* Entries behind the last one count for nothing. */
	in.cpus = 1;
	assert_false(info_cpu_of(&in, 5, &index));
}

static void cpuid_page(void **state)
{
	struct monitor_info in = good();
	struct snp_cpuid_page page = { .count = 2 };

	(void)state;
	assert_non_null(strstr(info_cpuid_bad(&in, &page), "8000001f"));
	page.row[1].eax_in = CPUID_SEV_LEAF;
	page.row[1].ebx = 51 | 1 << 6;
	assert_null(info_cpuid_bad(&in, &page));
	page.row[1].ebx = 47;
	assert_non_null(strstr(info_cpuid_bad(&in, &page), "C-bit"));
	page.count = SNP_CPUID_ROWS + 1;
	assert_non_null(strstr(info_cpuid_bad(&in, &page), "too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_good_one),
		cmocka_unit_test(refuses_each_wrong_field),
		cmocka_unit_test(whose_memory),
		cmocka_unit_test(which_cpu),
		cmocka_unit_test(cpuid_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
