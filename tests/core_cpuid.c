// SPDX-License-Identifier: MIT
/* CPUID of a guest that does not know of SEV. */
#include "core/cpuid.h"
#include "tests/core_apic.h"

static struct snp_cpuid_page page;
static struct cpuid_vcpu vcpu;

static void row(u32 leaf, u32 sub, u32 a, u32 b, u32 c, u32 d)
{
	page.row[page.count++] = (struct snp_cpuid_row){
		.eax_in = leaf, .ecx_in = sub,
		.eax = a, .ebx = b, .ecx = c, .edx = d,
	};
}

static int setup(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	vcpu = (struct cpuid_vcpu){ .apic_id = 5, .cpus = 6, .xcr0 = 1,
				    .apic = true, .x2apic = true };
	row(0, 0, 0xd, 1, 2, 3);
	row(1, 0, 0x800f12, 0xaabbccdd, BIT(3) | BIT(24) | BIT(27), 0);
	row(4, 1, 0x41, 0, 0, 0);
	row(7, 0, 0, 0, BIT(4), 0);
	row(7, 1, 0, 0, BIT(4), 0);
	row(0xd, 0, 7, 1000, 0x340, 0);
	row(0xd, 1, 0xf, 1000, 0, 0);
	row(0xd, 2, 256, 576, 0, 0);
	row(0xd, 9, 8, 2688, 0, 0);
	row(0xd, 11, 16, 0, BIT(0) | BIT(1), 0);
	row(0x40000000, 0, 9, 9, 9, 9);
	row(0x80000001, 0, 0, 0, BIT(2) | BIT(5), BIT(9));
	row(0x8000000a, 0, 1, 2, 3, 4);
	row(0x8000001e, 0, 77, 77, 77, 77);
	row(0x8000001f, 0, 2, 51, 509, 0);
	return 0;
}

static struct cpuid_regs ask(u32 leaf, u32 sub)
{
	return cpuid_answer(&page, &vcpu, leaf, sub);
}

static void rows(void **state)
{
	(void)state;
	assert_int_equal(ask(0, 99).eax, 0xd);		/* ECX means nothing */
	assert_int_equal(ask(4, 1).eax, 0x41);
	assert_int_equal(ask(4, 0).eax, 0);
	assert_int_equal(ask(3, 0).eax, 0);
	/* A count that is a lie of the page's is not followed. */
	page.count = ~0u;
	assert_int_equal(ask(3, 0).eax, 0);
}

static void features(void **state)
{
	struct cpuid_regs r = ask(1, 0);

	(void)state;
	assert_int_equal(r.eax, 0x800f12);
	assert_int_equal(r.ebx, 0x0506ccdd);
	assert_int_equal(r.ecx, BIT(31) | BIT(21));
	assert_int_equal(r.edx, BIT(28) | BIT(9));
	vcpu.x2apic = vcpu.apic = false;
	vcpu.deadline = true;
	vcpu.cpus = 1;
	vcpu.cr4 = 1 << 18;
	r = ask(1, 0);
	assert_int_equal(r.ecx, BIT(31) | BIT(27) | BIT(24));
	assert_int_equal(r.edx, 0);
	vcpu.cpus = 1000;
	assert_int_equal(ask(1, 0).ebx >> 16 & 0xff, 255);
	assert_int_equal(ask(7, 0).ecx, 0);
	assert_int_equal(ask(7, 1).ecx, BIT(4));
	vcpu.cr4 = 1 << 22;
	assert_int_equal(ask(7, 0).ecx, BIT(4));
}

static void topology(void **state)
{
	struct cpuid_regs r = ask(0xb, 0);

	(void)state;
	assert_int_equal(r.eax, 0);
	assert_int_equal(r.ebx, 1);
	assert_int_equal(r.ecx, 0x100);
	assert_int_equal(r.edx, 5);
	r = ask(0xb, 1);
	assert_int_equal(r.eax, 3);
	assert_int_equal(r.ebx, 6);
	assert_int_equal(r.ecx, 0x201);
	r = ask(0xb, 2);
	assert_int_equal(r.ebx, 0);
	assert_int_equal(r.ecx, 2);
	assert_int_equal(r.edx, 5);
	vcpu.cpus = 1;
	assert_int_equal(ask(0xb, 1).eax, 0);
	/* IDs with gaps: they are all of one package. */
	vcpu.max_id = 64;
	assert_int_equal(ask(0xb, 1).eax, 7);
	vcpu.max_id = 0;
	assert_int_equal(ask(0x8000001e, 0).eax, 5);
	assert_int_equal(ask(0x8000001e, 0).ebx, 5);
}

static void xsave(void **state)
{
	(void)state;
	assert_int_equal(ask(0xd, 0).ebx, 576);
	assert_int_equal(ask(0xd, 0).eax, 7);
	vcpu.xcr0 = 7;
	assert_int_equal(ask(0xd, 0).ebx, 832);
	assert_int_equal(ask(0xd, 1).ebx, 832);
	vcpu.xcr0 = 0x207;
	assert_int_equal(ask(0xd, 0).ebx, 2696);
	assert_int_equal(ask(0xd, 1).ebx, 840);
	/* A compacted component that is aligned; one that is not there. */
	vcpu.xss = 1 << 11 | 1 << 12;
	assert_int_equal(ask(0xd, 1).ebx, 912);
	assert_int_equal(ask(0xd, 0).ebx, 2696);
	assert_int_equal(ask(0xd, 2).ebx, 576);
	assert_int_equal(ask(0xd, 5).eax, 0);
}

static void hidden(void **state)
{
	struct cpuid_regs r;

	(void)state;
	r = ask(0x8000001f, 0);
	assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	r = ask(0x8000000a, 0);
	assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	assert_int_equal(ask(0x80000001, 0).ecx, BIT(5));
	assert_int_equal(ask(0x80000001, 0).edx, BIT(9));
	vcpu.apic = false;
	assert_int_equal(ask(0x80000001, 0).edx, 0);
	r = ask(0x40000000, 0);
	assert_int_equal(r.eax, 0x40000001);
	assert_memory_equal(&r.ebx, "KVMKVMKVM\0\0", 12);
	r = ask(0x40000001, 0);
	assert_int_equal(r.eax, KVM_FEATURE_NO_IO_DELAY | KVM_FEATURE_PV_EOI);
	assert_int_equal(ask(0x40000010, 0).eax, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rows, setup),
		cmocka_unit_test_setup(features, setup),
		cmocka_unit_test_setup(topology, setup),
		cmocka_unit_test_setup(xsave, setup),
		cmocka_unit_test_setup(hidden, setup),
	};

	return cmocka_run_group_tests_name("core_cpuid", tests, NULL, NULL);
}
