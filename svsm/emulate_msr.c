// SPDX-License-Identifier: MIT
/*
 * RDMSR and WRMSR of an unaware guest. The APIC is core/'s; of the rest only
 * what is named here exists, so that a guest's _safe accessors see #GP.
 */
#include "svsm/paravisor.h"

#define MSR_TSC			0x10
#define MSR_KVM_PV_EOI		0x4b564d04
#define PV_EOI_ENABLE		BIT_ULL(0)
#define PV_EOI_RESERVED		BIT_ULL(1)

/* Read as 0, writes are ignored: what kernels touch without asking CPUID. */
static const struct {
	u32 first, last;
} ignored[] = {
	{ 0x00000017, 0x00000017 },	/* PLATFORM_ID */
	{ 0x0000002a, 0x0000002a },	/* EBL_CR_POWERON */
	{ 0x0000008b, 0x0000008b },	/* PATCH_LEVEL */
	{ 0x000000fe, 0x000000fe },	/* MTRR capabilities: none */
	{ 0x00000179, 0x0000017b },	/* machine check: no bank */
	{ 0x000001d9, 0x000001d9 },	/* DEBUGCTL */
	{ 0x00000200, 0x0000020f },	/* MTRR, variable */
	{ 0x00000250, 0x00000250 },	/* MTRR, fixed */
	{ 0x00000258, 0x00000259 },
	{ 0x00000268, 0x0000026f },
	{ 0x00000277, 0x00000277 },	/* PAT, where it is not native */
	{ 0x000002ff, 0x000002ff },	/* MTRR default type: disabled */
	{ 0xc0010000, 0xc0010007 },	/* performance counters */
	{ 0xc0010010, 0xc0010010 },	/* SYSCFG */
	{ 0xc0010015, 0xc0010015 },	/* HWCR */
	{ 0xc001001b, 0xc001001b },	/* CLK_CTL */
	{ 0xc001001f, 0xc0010020 },	/* NB_CFG, PATCH_LOADER */
	{ 0xc0010055, 0xc0010055 },	/* INT_PENDING */
	{ 0xc0010058, 0xc0010058 },	/* MMIO_CONF_BASE: none */
	{ 0xc0010112, 0xc0010114 },	/* TSEG, VM_CR */
	{ 0xc0010200, 0xc001020b },	/* performance counters */
	{ 0xc0011020, 0xc0011020 },	/* LS_CFG */
	{ 0xc0011022, 0xc0011022 },	/* DC_CFG */
	{ 0xc0011028, 0xc001102a },	/* FP_CFG, DE_CFG, BU_CFG2 */
};

static bool is_ignored(u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		if (msr >= ignored[i].first && msr <= ignored[i].last)
			return true;
	return false;
}

static bool is_x2apic(u32 msr)
{
	return msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST;
}

static bool read_msr(struct paravisor_vcpu *v, u32 msr, u64 *value)
{
	struct apic_time now = v->guest->ops->now(v->cpu);

	*value = 0;
	if (is_x2apic(msr))
		return apic_read(&v->apic, APIC_VIEW_X2APIC,
				 X2APIC_OFFSET(msr), now, value) == APIC_OK;
	switch (msr) {
	case MSR_APIC_BASE:
		*value = apic_read_base(&v->apic);
		return true;
	case MSR_TSC_DEADLINE:
		return apic_read_deadline(&v->apic, now, value) == APIC_OK;
	case MSR_TSC:
		*value = now.tsc;
		return true;
	case MSR_KVM_PV_EOI:
		*value = v->eoi_msr;
		return true;
	}
	return is_ignored(msr);
}

/*
 * Where the guest wants its lazy EOI. The old byte is 0 by now: settled. The
 * new one belongs to the guest: clear, or what it holds would be an EOI kept
 * back that nobody granted.
 */
static bool write_pv_eoi(struct paravisor_vcpu *v, u64 value)
{
	u8 *byte = NULL;

	if (value & PV_EOI_RESERVED)
		return false;
	if (value & PV_EOI_ENABLE) {
		byte = v->guest->ops->byte(v->cpu, value & ~PV_EOI_ENABLE);
		if (!byte)
			return false;
		__atomic_store_n(byte, 0, __ATOMIC_SEQ_CST);
	}
	v->eoi = byte;
	v->eoi_msr = value;
	return true;
}

static bool write_msr(struct paravisor_vcpu *v, u32 msr, u64 value)
{
	struct apic_time now = v->guest->ops->now(v->cpu);
	struct apic_effects fx = { 0 };
	enum apic_result result = APIC_OK;

	if (is_x2apic(msr))
		result = apic_write(&v->apic, APIC_VIEW_X2APIC,
				    X2APIC_OFFSET(msr), value, now, &fx);
	else if (msr == MSR_APIC_BASE)
		result = apic_write_base(&v->apic, value, &fx);
	else if (msr == MSR_TSC_DEADLINE)
		result = apic_write_deadline(&v->apic, value, now, &fx);
	else if (msr == MSR_KVM_PV_EOI)
		return write_pv_eoi(v, value);
	else
		return is_ignored(msr);
	paravisor_effects(v, &fx);
	return result == APIC_OK;
}

const char *emulate_msr(struct paravisor_vcpu *v)
{
	struct vmsa *vmsa = v->vmsa;
	u64 value = (u32)vmsa->rax | vmsa->rdx << 32;

	if (vmsa->exit_info1 & 1) {
		if (!write_msr(v, vmsa->rcx, value))
			return emulate_gp(v);
		return emulate_skip(v);
	}
	if (!read_msr(v, vmsa->rcx, &value))
		return emulate_gp(v);
	vmsa->rax = (u32)value;
	vmsa->rdx = value >> 32;
	return emulate_skip(v);
}
