// SPDX-License-Identifier: MIT
/*
 * MSRs of an SNP guest: the few that SNP itself defines, those that KVM lets
 * through, and #VC for all others. APM vol. 2 (24593) sections 15.34.10,
 * 15.36.16 to 15.36.21.
 */
#include "machine/internal.h"

/*
 * MSRs that run natively. It is KVM's list for an SNP guest, without those
 * that this processor lacks.
 */
static bool passes_through(u32 msr)
{
	switch (msr) {
	case 0x00000048:		/* SPEC_CTRL */
	case 0x00000049:		/* PRED_CMD */
	case 0x00000174 ... 0x00000176:	/* SYSENTER */
	case 0x00000277:		/* PAT */
	case 0x00000da0:		/* XSS */
	case 0xc0000080 ... 0xc0000084:	/* EFER, STAR, LSTAR, CSTAR, SFMASK */
	case 0xc0000100 ... 0xc0000103:	/* FS, GS, KERNEL_GS, TSC_AUX */
		return true;
	default:
		return false;
	}
}

/* MSRs with a meaning in no MSR permission map: SNP's own. */
static bool is_x2apic(u32 msr)
{
	return msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST;
}

enum mach_next machine_rdmsr(struct machine *m, unsigned int vcpu, u32 msr,
			     u64 nrip, u64 *value)
{
	struct vcpu *v = &m->vcpu[vcpu];

	switch (msr) {
	case MSR_GHCB:
		*value = v->vmcb->ghcb_gpa;
		return MACH_DONE;
	case MSR_SEV_STATUS:
		*value = v->features << SEV_STATUS_FEATURE_SHIFT |
			 SEV_STATUS_SEV | SEV_STATUS_ES;
		return MACH_DONE;
	case MSR_SAVIC_CONTROL:
		if (!(v->features & SEV_FEATURE_SECURE_AVIC))
			return MACH_GP;
		*value = v->savic;
		return MACH_DONE;
	}
	if (is_x2apic(msr) && savic_on(v))
		return savic_rdmsr(m, vcpu, msr, nrip, value);
	if (passes_through(msr))
		return MACH_NATIVE;
	return vcpu_vc(m, vcpu, EXIT_MSR, 0, 0, nrip, false);
}

enum mach_next machine_wrmsr(struct machine *m, unsigned int vcpu, u32 msr,
			     u64 nrip, u64 value)
{
	struct vcpu *v = &m->vcpu[vcpu];

	switch (msr) {
	case MSR_GHCB:
		v->vmcb->ghcb_gpa = value;
		return MACH_DONE;
	case MSR_SEV_STATUS:
		return MACH_GP;
	case MSR_SAVIC_CONTROL:
		return savic_write_control(m, vcpu, value);
	}
	if (is_x2apic(msr) && savic_on(v))
		return savic_wrmsr(m, vcpu, msr, nrip, value);
	if (passes_through(msr))
		return MACH_NATIVE;
	return vcpu_vc(m, vcpu, EXIT_MSR, 1, 0, nrip, false);
}
