/* SPDX-License-Identifier: MIT */
/*
 * CPUID of a guest that does not know it is one of SEV's: the launch's CPUID
 * page, which firmware has checked (56860 section 7.1), with what depends on
 * the vCPU and without what only its monitor shall use.
 */
#ifndef CORE_CPUID_H
#define CORE_CPUID_H

#include "arch/snp.h"

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

struct cpuid_vcpu {
	u32 apic_id;
	u32 cpus;		/* of the guest ... */
	u32 max_id;		/* ... and their highest APIC ID */
	u64 cr4;
	u64 xcr0, xss;
	bool apic;		/* APIC_BASE.EN */
	bool x2apic;
	bool deadline;		/* TSC-deadline timer */
};

/* KVM's interface, as far as the monitor has it. */
#define CPUID_KVM_SIGNATURE	0x40000000
#define CPUID_KVM_FEATURES	0x40000001
#define KVM_FEATURE_NO_IO_DELAY	BIT(1)
#define KVM_FEATURE_PV_EOI	BIT(6)

/* Leaves that are not in the page are 0, as on AMD's processors. */
struct cpuid_regs cpuid_answer(const struct snp_cpuid_page *page,
			       const struct cpuid_vcpu *vcpu, u32 leaf,
			       u32 subleaf);

#endif
