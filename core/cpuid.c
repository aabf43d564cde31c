// SPDX-License-Identifier: MIT
/*
 * CPUID for an unaware guest (APM vol. 3, appendix E).
 */
#include "core/cpuid.h"

#define LEAF_XSAVE	0xd

#define ECX1_MONITOR	BIT(3)
#define ECX1_X2APIC	BIT(21)
#define ECX1_DEADLINE	BIT(24)
#define ECX1_OSXSAVE	BIT(27)
#define ECX1_HYPERVISOR	BIT(31)
#define EDX1_APIC	BIT(9)
#define EDX1_HTT	BIT(28)
#define ECX7_OSPKE	BIT(4)
#define CR4_OSXSAVE	BIT_ULL(18)
#define CR4_PKE		BIT_ULL(22)
#define ECX81_SVM	BIT(2)
#define XSAVE_LEGACY	576u	/* x87, SSE and the header */

static bool has_subleaves(u32 leaf)
{
	switch (leaf) {
	case 4: case 7: case 0xb: case LEAF_XSAVE: case 0xf: case 0x10:
	case 0x8000001d:
		return true;
	default:
		return false;
	}
}

/* Rows of leaf D that differ in XCR0 only differ in what is computed. */
static const struct snp_cpuid_row *find(const struct snp_cpuid_page *page,
					u32 leaf, u32 subleaf)
{
	const struct snp_cpuid_row *row;
	u32 i;

	for (i = 0; i < page->count && i < SNP_CPUID_ROWS; i++) {
		row = &page->row[i];
		if (row->eax_in == leaf &&
		    (!has_subleaves(leaf) || row->ecx_in == subleaf))
			return row;
	}
	return NULL;
}

static void set(u32 *reg, u32 bits, bool on)
{
	*reg = on ? *reg | bits : *reg & ~bits;
}

/* Standard format: the end of the last component; compacted: their sum. */
static u32 xsave_size(const struct snp_cpuid_page *page, u64 features,
		      bool compacted)
{
	const struct snp_cpuid_row *row;
	u32 size = XSAVE_LEGACY, end;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		row = features >> i & 1 ? find(page, LEAF_XSAVE, i) : NULL;
		if (!row)
			continue;
		if (compacted && row->ecx & BIT(1))
			size = (size + 63) & ~63u;
		end = compacted ? size + row->eax : row->ebx + row->eax;
		size = end > size ? end : size;
	}
	return size;
}

static void answer_xsave(const struct snp_cpuid_page *page,
			 const struct cpuid_vcpu *vcpu, u32 subleaf,
			 struct cpuid_regs *regs)
{
	if (subleaf == 0)
		regs->ebx = xsave_size(page, vcpu->xcr0, false);
	else if (subleaf == 1)
		regs->ebx = xsave_size(page, vcpu->xcr0 | vcpu->xss, true);
}

static void answer_features(const struct cpuid_vcpu *vcpu,
			    struct cpuid_regs *regs)
{
	u32 cpus = vcpu->cpus > 255 ? 255 : vcpu->cpus;

	regs->ebx = (regs->ebx & 0xffff) | cpus << 16 | vcpu->apic_id << 24;
	set(&regs->ecx, ECX1_MONITOR, false);
	set(&regs->ecx, ECX1_X2APIC, vcpu->x2apic);
	set(&regs->ecx, ECX1_DEADLINE, vcpu->deadline);
	set(&regs->ecx, ECX1_OSXSAVE, vcpu->cr4 & CR4_OSXSAVE);
	set(&regs->ecx, ECX1_HYPERVISOR, true);
	set(&regs->edx, EDX1_APIC, vcpu->apic);
	set(&regs->edx, EDX1_HTT, vcpu->cpus > 1);
}

/* One package of single-threaded cores. */
static void answer_topology(const struct cpuid_vcpu *vcpu, u32 subleaf,
			    struct cpuid_regs *regs)
{
	u32 shift = 0;

	while (1ull << shift < vcpu->cpus || 1ull << shift <= vcpu->max_id)
		shift++;
	*regs = (struct cpuid_regs){ .ecx = subleaf & 0xff,
				     .edx = vcpu->apic_id };
	if (subleaf == 0) {
		regs->ebx = 1;
		regs->ecx |= 1 << 8;
	} else if (subleaf == 1) {
		regs->eax = shift;
		regs->ebx = vcpu->cpus;
		regs->ecx |= 2 << 8;
	}
}

static void answer_kvm(u32 leaf, struct cpuid_regs *regs)
{
	*regs = (struct cpuid_regs){ 0 };
	if (leaf == CPUID_KVM_FEATURES)
		regs->eax = KVM_FEATURE_NO_IO_DELAY | KVM_FEATURE_PV_EOI;
	else if (leaf == CPUID_KVM_SIGNATURE)
		*regs = (struct cpuid_regs){	/* KVMKVMKVM */
			CPUID_KVM_FEATURES, 0x4b4d564b, 0x564b4d56, 0x4d,
		};
}

struct cpuid_regs cpuid_answer(const struct snp_cpuid_page *page,
			       const struct cpuid_vcpu *vcpu, u32 leaf,
			       u32 subleaf)
{
	const struct snp_cpuid_row *row = find(page, leaf, subleaf);
	struct cpuid_regs regs = { 0 };

	if (row)
		regs = (struct cpuid_regs){ row->eax, row->ebx, row->ecx,
					    row->edx };
	switch (leaf) {
	case 1:
		answer_features(vcpu, &regs);
		break;
	case 7:
		if (subleaf == 0)
			set(&regs.ecx, ECX7_OSPKE, vcpu->cr4 & CR4_PKE);
		break;
	case 0xb:
		answer_topology(vcpu, subleaf, &regs);
		break;
	case LEAF_XSAVE:
		if (row)
			answer_xsave(page, vcpu, subleaf, &regs);
		break;
	case 0x40000000 ... 0x400000ff:
		answer_kvm(leaf, &regs);
		break;
	case 0x80000001:
		set(&regs.ecx, ECX81_SVM, false);
		set(&regs.edx, EDX1_APIC, vcpu->apic);
		break;
	case 0x8000001e:
		regs = (struct cpuid_regs){ vcpu->apic_id,
					    vcpu->apic_id & 0xff, 0, 0 };
		break;
	case 0x8000000a:		/* SVM */
	case CPUID_SEV_LEAF:
		return (struct cpuid_regs){ 0 };
	}
	return regs;
}
