// SPDX-License-Identifier: MIT
/* CREATE_VCPU and DELETE_VCPU: every check, and what a refusal leaves. */
#include "tests/svsm_rig.h"

#define VMSA	0x9000ull
#define CA	0xb000ull

static void put_vmsa(u64 gpa)
{
	struct vmsa v = {
		.vmpl = RIG_VMPL,
		.efer = EFER_SVME,
		.sev_features = RIG_FEATURES,
	};

	rig_write(gpa, &v, sizeof(v));
}

static u64 create(u64 vmsa, u64 ca, u64 apic_id)
{
	u64 rcx = vmsa;

	return rig_call(0, SVSM_CORE_CREATE_VCPU, &rcx, ca, apic_id);
}

static u64 delete(u32 cpu, u64 vmsa)
{
	u64 rcx = vmsa;

	return rig_call(cpu, SVSM_CORE_DELETE_VCPU, &rcx, 0, 0);
}

static void creates(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	assert_true(rig_page(VMSA)->vmsa);
	assert_int_equal(rig_page(VMSA)->rights, VMPL_PERM_R);
	assert_int_equal(vcpu_of(1)->vmsa, VMSA);
	assert_int_equal(vcpu_of(1)->ca, CA);
	assert_int_equal(vcpu_of(1)->lock, 0);
}

/* A refused one is the guest's to write again. */
static void refuse(u64 vmsa, u64 ca, u64 apic_id, u64 result)
{
	assert_int_equal(create(vmsa, ca, apic_id), result);
	assert_false(rig_page(VMSA)->vmsa);
	assert_int_equal(rig_page(VMSA)->rights, RIG_RIGHTS_ALL);
	assert_int_equal(vcpu_of(1)->vmsa, 0);
	assert_int_equal(vcpu_of(1)->lock, 0);
	assert_true(rig_monitor_untouched());
}

static void refuses_addresses(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	refuse(VMSA + 8, CA, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(RIG_MONITOR, CA, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(RIG_END, CA, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(VMSA, RIG_MONITOR, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(VMSA, CA + 4, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(VMSA, VMSA, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
	refuse(VMSA, VMSA + 64, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
}

static void refuses_cpus(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	refuse(VMSA, CA, 0x1234, SVSM_ERR_INVALID_PARAMETER);
	refuse(VMSA, CA, rig_apic_id(0), SVSM_ERR_INVALID_PARAMETER);
}

static void refuses_contents(void **state)
{
	const struct { u16 at; u8 bytes; u64 value; } rows[] = {
		{ offsetof(struct vmsa, vmpl), 1, 0 },
		{ offsetof(struct vmsa, vmpl), 1, 1 },
		{ offsetof(struct vmsa, vmpl), 1, 3 },
		{ offsetof(struct vmsa, efer), 8, 0 },
		{ offsetof(struct vmsa, sev_features), 8, 0 },
		{ offsetof(struct vmsa, sev_features), 8,
		  RIG_FEATURES | SEV_FEATURE_RESTRICTED },
		{ offsetof(struct vmsa, sev_features), 8,
		  RIG_FEATURES | SEV_FEATURE_ALTERNATE },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		put_vmsa(VMSA);
		rig_write(VMSA + rows[i].at, &rows[i].value, rows[i].bytes);
		refuse(VMSA, CA, rig_apic_id(1), SVSM_ERR_INVALID_PARAMETER);
	}
}

static void refuses_what_is_not_validated(void **state)
{
	(void)state;
	rig_page(VMSA)->validated = false;
	refuse(VMSA, CA, rig_apic_id(1), SVSM_ERR_INVALID_ADDRESS);
}

static void busy_while_the_cpu_is_at_it(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	vcpu_of(1)->lock = 1;
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), SVSM_ERR_BUSY);
	vcpu_of(1)->lock = 0;
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	vcpu_of(1)->lock = 1;
	assert_int_equal(delete(0, VMSA), SVSM_ERR_BUSY);
}

/* Once it is a VMSA no other call may have it. */
static void a_vmsa_is_nothing_else(void **state)
{
	u64 entry = VMSA, rcx;
	struct svsm_pvalidate header = { .entries = 1 };

	(void)state;
	put_vmsa(VMSA);
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	assert_int_equal(create(VMSA, CA, rig_apic_id(2)),
			 SVSM_ERR_INVALID_ADDRESS);
	put_vmsa(0xc000);
	assert_int_equal(create(0xc000, VMSA, rig_apic_id(2)),
			 SVSM_ERR_INVALID_ADDRESS);
	rcx = VMSA;
	assert_int_equal(rig_call(0, SVSM_CORE_REMAP_CA, &rcx, 0, 0),
			 SVSM_ERR_INVALID_ADDRESS);
	rig_write(RIG_LIST, &header, sizeof(header));
	rig_write(RIG_LIST + 8, &entry, sizeof(entry));
	rcx = RIG_LIST;
	assert_int_equal(rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0),
			 SVSM_ERR_INVALID_ADDRESS);
	assert_true(rig_page(VMSA)->vmsa);
}

/* Progress of a list that lies in a VMSA may not be written there. */
static void a_list_in_a_vmsa(void **state)
{
	struct svsm_pvalidate header = { .entries = 1 };
	u64 rcx = VMSA + 0x800, entry = 0x5000;

	(void)state;
	put_vmsa(VMSA);
	rig_write(rcx, &header, sizeof(header));
	rig_write(rcx + 8, &entry, sizeof(entry));
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	assert_int_equal(rig_call(0, SVSM_CORE_PVALIDATE, &rcx, 0, 0),
			 SVSM_ERR_INVALID_ADDRESS);
	rig_read(VMSA + 0x800, &header, sizeof(header));
	assert_int_equal(header.next, 0);
}

static void deletes(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	assert_int_equal(delete(0, VMSA), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	rig_page(VMSA)->in_use = true;
	assert_int_equal(delete(0, VMSA), SVSM_ERR_RMP(RMP_FAIL_INUSE));
	assert_int_equal(vcpu_of(1)->vmsa, VMSA);
	rig_page(VMSA)->in_use = false;
	assert_int_equal(delete(1, VMSA), SVSM_ERR_RMP(RMP_FAIL_INUSE));
	assert_int_equal(delete(0, VMSA), 0);
	assert_int_equal(vcpu_of(1)->vmsa, 0);
	assert_false(rig_page(VMSA)->vmsa);
	assert_int_equal(rig_page(VMSA)->rights, RIG_RIGHTS_ALL);
	assert_int_equal(delete(0, VMSA), SVSM_ERR_INVALID_PARAMETER);
	assert_int_equal(delete(0, VMSA + 1), SVSM_ERR_INVALID_ADDRESS);
	assert_int_equal(delete(0, RIG_MONITOR), SVSM_ERR_INVALID_ADDRESS);
}

/* As Linux does it: the next one first, the last one afterwards. */
static void replaces(void **state)
{
	(void)state;
	put_vmsa(VMSA);
	put_vmsa(0xd000);
	assert_int_equal(create(VMSA, CA, rig_apic_id(1)), 0);
	assert_int_equal(create(0xd000, CA + 64, rig_apic_id(1)), 0);
	assert_int_equal(vcpu_of(1)->vmsa, 0xd000);
	assert_int_equal(delete(0, VMSA), 0);
	assert_int_equal(vcpu_of(1)->vmsa, 0xd000);
	assert_true(rig_page(0xd000)->vmsa);
}

static void never_deleting_comes_to_an_end(void **state)
{
	u64 result = 0;
	u32 made;

	(void)state;
	for (made = 0; !result && made < 1000; made++) {
		put_vmsa(0x100000 + made * PAGE_SIZE);
		result = create(0x100000 + made * PAGE_SIZE, CA,
				rig_apic_id(1));
	}
	assert_int_equal(result, SVSM_ERR_INVALID_REQUEST);
	assert_int_equal(made, 2 * MONITOR_CPUS_MAX + 1);
	while (--made)
		assert_int_equal(delete(0, 0x100000 +
					(made - 1) * PAGE_SIZE), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(creates),
		T(refuses_addresses),
		T(refuses_cpus),
		T(refuses_contents),
		T(refuses_what_is_not_validated),
		T(busy_while_the_cpu_is_at_it),
		T(a_vmsa_is_nothing_else),
		T(a_list_in_a_vmsa),
		T(deletes),
		T(replaces),
		T(never_deleting_comes_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
