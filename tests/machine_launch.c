// SPDX-License-Identifier: MIT
/*
 * The launch: which pages the firmware takes, what they hold then, and what
 * no longer works once it is finished. Firmware ABI 56860, section 8.17.
 */
#include <string.h>

#include "machine/internal.h"
#include "tests/lib/rows.h"
#include "tests/lib/scripted.h"

#define AT	PRIVATE_AT
#define SLOT	0xffffff000ull
#define READY	(RMP_ASSIGNED | RMP_VALIDATED |				\
		 (u64)VMPL_PERM_ALL << RMP_PERM_SHIFT(0))

static u8 data[PAGE_SIZE];

static const struct row {
	const char *name;
	u64 gpa;
	enum launch_type type;
	bool no_data;
	enum hv_rmp result;
	u64 entry;
} rows[] = {
	{ "launch: NORMAL", AT, LAUNCH_NORMAL, false, HV_RMP_OK, READY },
	{ "launch: NORMAL without data: zero", AT, LAUNCH_NORMAL, true,
	  HV_RMP_OK, READY },
	{ "launch: UNMEASURED", AT, LAUNCH_UNMEASURED, false, HV_RMP_OK,
	  READY },
	{ "launch: ZERO", AT, LAUNCH_ZERO, true, HV_RMP_OK, READY },
	{ "launch: VMSA", AT, LAUNCH_VMSA, false, HV_RMP_OK,
	  READY | RMP_VMSA },
	{ "launch: VMSA outside of RAM", SLOT, LAUNCH_VMSA, false, HV_RMP_OK,
	  READY | RMP_VMSA },
	{ "launch: SECRETS", AT, LAUNCH_SECRETS, true, HV_RMP_OK, READY },
	{ "launch: CPUID", AT, LAUNCH_CPUID, false, HV_RMP_OK, READY },
	{ "launch: high RAM", HIGH, LAUNCH_NORMAL, false, HV_RMP_OK, READY },
	{ "launch: VMSA without data", AT, LAUNCH_VMSA, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "launch: CPUID without data", AT, LAUNCH_CPUID, true,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "launch: misaligned", AT + 8, LAUNCH_NORMAL, false,
	  HV_RMP_FAIL_INPUT, 0 },
	{ "launch: NORMAL outside of RAM", SLOT, LAUNCH_NORMAL, false,
	  HV_RMP_FAIL_INPUT, 0 },
};

static void run(void **state)
{
	const struct row *r = *state;
	struct machine_config c = script_config();
	struct script s;
	bool present;
	u8 *page;

	memset(data, 0, sizeof(data));
	if (r->type != LAUNCH_CPUID)
		memset(data, 0x5a, sizeof(data));
	script_new(&s, &c);
	page = script_ram(&s, r->gpa & PAGE_MASK);
	if (page)
		memset(page, 0xee, PAGE_SIZE);
	assert_int_equal(hv_launch_page(s.m, r->gpa, r->type, r->no_data ?
					NULL : data), r->result);
	assert_int_equal(rmp_lookup(s.m, r->gpa, &present), r->entry);
	if (r->result != HV_RMP_OK) {
		script_free(&s);
		return;
	}
	/* Twice is once too often; afterwards is too late. */
	assert_int_not_equal(hv_launch_page(s.m, r->gpa, r->type, r->no_data ?
					    NULL : data), HV_RMP_OK);
	if (page && r->type == LAUNCH_SECRETS)
		assert_int_equal(page[0], 3);
	else if (page)
		for (unsigned int i = 0; i < PAGE_SIZE; i++)
			assert_int_equal(page[i], r->no_data ? 0 : data[i]);
	if (page)
		assert_int_equal(s.changed, r->gpa);
	hv_launch_finish(s.m);
	assert_int_equal(hv_launch_page(s.m, AT + PAGE_SIZE, LAUNCH_NORMAL,
					data), HV_RMP_FAIL_INPUT);
	script_free(&s);
}

/* The host may hide features of the SEV leaf, not invent them. */
static const struct cpuid_row {
	const char *name;
	u32 count, leaf, eax, ebx;
	u64 silicon;
	enum hv_rmp result;
} cpuid[] = {
	{ "CPUID page: true", 1, CPUID_SEV_LEAF, 0, SNP_C_BIT, FEATURES_ALL,
	  HV_RMP_OK },
	{ "CPUID page: wrong C-bit", 1, CPUID_SEV_LEAF, 0, 47, FEATURES_ALL,
	  HV_RMP_FAIL_INPUT },
	{ "CPUID page: Secure AVIC that is there", 1, CPUID_SEV_LEAF,
	  CPUID_SEV_EAX_SECURE_AVIC, SNP_C_BIT, FEATURES_ALL, HV_RMP_OK },
	{ "CPUID page: Secure AVIC that is not", 1, CPUID_SEV_LEAF,
	  CPUID_SEV_EAX_SECURE_AVIC, SNP_C_BIT, SEV_FEATURE_SNP,
	  HV_RMP_FAIL_INPUT },
	{ "CPUID page: other leaves are the host's", 1, 0x80000008, 0, 0,
	  FEATURES_ALL, HV_RMP_OK },
	{ "CPUID page: 64 rows", 64, 0, 0, 0, FEATURES_ALL, HV_RMP_OK },
	{ "CPUID page: 65 rows", 65, 0, 0, 0, FEATURES_ALL,
	  HV_RMP_FAIL_INPUT },
};

static void run_cpuid(void **state)
{
	const struct cpuid_row *r = *state;
	struct machine_config c = script_config();
	struct snp_cpuid_page *page = (void *)data;
	struct script s;

	memset(data, 0, sizeof(data));
	page->count = r->count;
	page->row[0].eax_in = r->leaf;
	page->row[0].eax = r->eax;
	page->row[0].ebx = r->ebx;
	c.features = r->silicon;
	script_new(&s, &c);
	assert_int_equal(hv_launch_page(s.m, AT, LAUNCH_CPUID, data),
			 r->result);
	assert_int_equal(hv_is_private(s.m, AT), r->result == HV_RMP_OK);
	script_free(&s);
}

/* Keys of a guest: one a VMPL, the same for the same seed only. */
static void secrets(void **state)
{
	struct machine_config c = script_config();
	struct snp_secrets seen[3];
	struct script s;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		c.seed = 1 + i / 2;
		script_new(&s, &c);
		hv_launch_page(s.m, AT, LAUNCH_SECRETS, NULL);
		memcpy(&seen[i], script_ram(&s, AT), PAGE_SIZE);
		script_free(&s);
	}
	assert_memory_equal(&seen[0], &seen[1], PAGE_SIZE);
	assert_memory_not_equal(&seen[0], &seen[2], PAGE_SIZE);
	for (unsigned int a = 0; a < SNP_VMPLS; a++)
		for (unsigned int b = 0; b < a; b++)
			assert_memory_not_equal(seen[0].vmpck[a],
						seen[0].vmpck[b], 32);
}

/* One slot a vCPU and VMPL, not more; each address once. */
static void slots(void **state)
{
	struct machine_config c = script_config();
	unsigned int room = c.vcpus * SNP_VMPLS;
	struct script s;

	(void)state;
	script_new(&s, &c);
	for (unsigned int i = 0; i < room; i++) {
		assert_int_equal(hv_launch_page(s.m, SLOT - i * PAGE_SIZE,
						LAUNCH_VMSA, data),
				 HV_RMP_OK);
		assert_int_equal(hv_launch_page(s.m, SLOT, LAUNCH_VMSA, data),
				 HV_RMP_FAIL_INPUT);
	}
	assert_int_equal(hv_launch_page(s.m, SLOT - room * PAGE_SIZE,
					LAUNCH_VMSA, data),
			 HV_RMP_FAIL_INPUT);
	script_free(&s);
}

/* A launch page inside of a 2 MiB entry splits it. */
static void inside_2m(void **state)
{
	struct machine_config c = script_config();
	struct script s;

	(void)state;
	script_new(&s, &c);
	hv_rmpupdate(s.m, LARGE_AT, true, true);
	assert_int_equal(hv_launch_page(s.m, LARGE_AT + PAGE_SIZE,
					LAUNCH_NORMAL, data), HV_RMP_OK);
	assert_false(hv_rmp_is_2m(s.m, LARGE_AT));
	assert_int_equal(rmp_load(s.m, rmp_index(s.m, LARGE_AT + PAGE_SIZE)),
			 READY);
	assert_int_equal(rmp_load(s.m, rmp_index(s.m, LARGE_AT)),
			 READY & ~RMP_VALIDATED);
	script_free(&s);
}

int main(void)
{
	ROWS(rows, run);
	ROWS(cpuid, run_cpuid);
	ROW("secrets page: keys", secrets);
	ROW("VMSAs outside of RAM", slots);
	ROW("launch inside of a 2M entry", inside_2m);
	return rows_run("machine: launch");
}
