// SPDX-License-Identifier: MIT
/*
 * CPUID as this host shows it: the processor's own answers, minus what an SNP
 * guest can not have, plus what SNP, the topology and the hypervisor leaves
 * say. The same function fills the launch page and answers at run time.
 * 56860 section 7.1.
 */
#include <string.h>

#include "host/internal.h"

enum { EAX, EBX, ECX, EDX };

#define LEAF_EXT		0x80000000
#define LEAF_EXT_MAX		CPUID_SEV_LEAF

#define XSAVE_LEGACY		0x240	/* FXSAVE area and header */
#define XCR0_SHOWN		7ull	/* x87, SSE, AVX */
#define XSAVE_HAVE		7u	/* XSAVEOPT, XSAVEC, XGETBV1 */
#define XSAVEC			BIT(1)

/* Features that are not there, or that only an intercept would give. */
#define L1_ECX_OFF	(BIT(3) /* MONITOR */ | BIT(5) /* VMX */ |	\
			 BIT(24) /* TSC deadline */ | BIT(27) /* OSXSAVE */)
#define L1_ECX_XSAVE	(BIT(26) | BIT(28) /* AVX */ | BIT(29) | BIT(12))
#define L1_ECX_X2APIC	BIT(21)
#define L1_ECX_HV	BIT(31)
#define L1_EDX_HTT	BIT(28)
#define L7_EBX_OFF	(BIT(14) | BIT(16) | BIT(17) | BIT(21) | BIT(22) | \
			 BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31))
#define L7_EBX_AVX2	BIT(5)
#define L7_ECX_OFF	(BIT(1) | BIT(3) /* PKU */ | BIT(4) | BIT(6) |	\
			 BIT(7) /* SHSTK */ | BIT(11) | BIT(12) | BIT(14) | \
			 BIT(16) /* LA57 */)
#define L7_EDX_OFF	(BIT(2) | BIT(3) | BIT(8) | BIT(20) | 0x03c00000u | \
			 BIT(29))
#define E1_ECX_OFF	(BIT(2) /* SVM */ | BIT(9) /* OSVW */ |		\
			 BIT(10) /* IBS */ | BIT(12) | BIT(13) | BIT(15) | \
			 BIT(19) | BIT(23) | BIT(24) | BIT(27) | BIT(28) | \
			 BIT(29) /* MWAITX */)
#define E1_ECX_XOP	(BIT(11) | BIT(16))
#define E1_ECX_TOPOEXT	BIT(22)
#define E1_ECX_CMP	BIT(1)
#define E7_EDX_INVARIANT	BIT(8)

static void native(struct host *h, unsigned int cpu, u32 leaf, u32 subleaf,
		   u32 regs[4])
{
	h->ops->cpuid(h->platform, cpu, leaf, subleaf, regs);
}

/* ---- topology: one package, cores only ---------------------------------- */

static unsigned int core_bits(const struct host *h)
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < h->config.vcpus; i++)
		while (bits < 32 && h->vcpu[i].apic_id >> bits)
			bits++;
	return bits;
}

static void leaf_1(struct host *h, u32 id, u32 regs[4], bool xsave)
{
	unsigned int cpus = h->config.vcpus;

	regs[EBX] = (regs[EBX] & 0x0000ffff) | id << 24 |
		    (cpus > 255 ? 255 : cpus) << 16;
	regs[ECX] &= ~(L1_ECX_OFF | L1_ECX_X2APIC | (xsave ? 0 : L1_ECX_XSAVE));
	regs[ECX] |= L1_ECX_HV | (h->config.x2apic ? L1_ECX_X2APIC : 0);
	regs[EDX] = (regs[EDX] & ~L1_EDX_HTT) | (cpus > 1 ? L1_EDX_HTT : 0);
}

static void leaf_b(struct host *h, u32 id, u32 subleaf, u32 regs[4])
{
	memset(regs, 0, 4 * sizeof(regs[0]));
	regs[ECX] = subleaf & 0xff;
	regs[EDX] = id;
	if (subleaf == 0) {
		regs[EBX] = 1;
		regs[ECX] |= 1 << 8;		/* SMT */
	} else if (subleaf == 1) {
		regs[EAX] = core_bits(h);
		regs[EBX] = h->config.vcpus;
		regs[ECX] |= 2 << 8;		/* core */
	}
}

/* ---- XSAVE -------------------------------------------------------------- */

static u64 xcr0_supported(struct host *h, unsigned int cpu)
{
	u32 regs[4];

	native(h, cpu, CPUID_XSAVE_LEAF, 0, regs);
	return regs[EAX] & XCR0_SHOWN;
}

/*
 * Linux wants XSAVEC with XSAVE or dies (contract 1.1): without it the guest
 * sees neither.
 */
bool host_has_xsave(struct host *h, unsigned int cpu)
{
	u32 regs[4];

	native(h, cpu, 0, 0, regs);
	if (regs[EAX] < CPUID_XSAVE_LEAF)
		return false;
	native(h, cpu, CPUID_XSAVE_LEAF, 1, regs);
	return regs[EAX] & XSAVEC;
}

/* With these components the compacted layout is the standard one. */
static u32 xsave_size(struct host *h, unsigned int cpu, u64 xcr0)
{
	u32 size = XSAVE_LEGACY, regs[4];

	if (xcr0 & BIT_ULL(2)) {
		native(h, cpu, CPUID_XSAVE_LEAF, 2, regs);
		size = regs[EAX] + regs[EBX];
	}
	return size;
}

static void leaf_d(struct host *h, unsigned int cpu, u32 subleaf, u64 xcr0,
		   u32 regs[4])
{
	u64 supported = xcr0_supported(h, cpu);

	if (subleaf == 0) {
		regs[EAX] = supported;
		regs[EBX] = xsave_size(h, cpu, xcr0 & supported);
		regs[ECX] = xsave_size(h, cpu, supported);
		regs[EDX] = 0;
	} else if (subleaf == 1) {
		regs[EAX] &= XSAVE_HAVE;
		regs[EBX] = xsave_size(h, cpu, xcr0 & supported);
		regs[ECX] = 0;
		regs[EDX] = 0;
	} else if (subleaf >= 32 || !(supported >> subleaf & 1)) {
		memset(regs, 0, 4 * sizeof(regs[0]));
	}
}

/* ---- SNP ---------------------------------------------------------------- */

/* Guests see one physical address bit less: contract 1.1, recipe 1. */
#define SEV_EBX_REDUCTION	(1u << 6)

static void leaf_sev(struct host *h, u32 regs[4])
{
	u64 allowed = h->config.allowed_features;

	regs[EAX] = CPUID_SEV_EAX_SEV | CPUID_SEV_EAX_ES | CPUID_SEV_EAX_SNP |
		    CPUID_SEV_EAX_VMPL | CPUID_SEV_EAX_RMPQUERY |
		    CPUID_SEV_EAX_ALLOWED_FEATURES;
	if (allowed & SEV_FEATURE_RESTRICTED)
		regs[EAX] |= CPUID_SEV_EAX_RESTRICTED;
	if (allowed & SEV_FEATURE_ALTERNATE)
		regs[EAX] |= CPUID_SEV_EAX_ALTERNATE;
	if (allowed & SEV_FEATURE_DEBUG_SWAP)
		regs[EAX] |= CPUID_SEV_EAX_DEBUG_SWAP;
	if (allowed & SEV_FEATURE_SECURE_AVIC)
		regs[EAX] |= CPUID_SEV_EAX_SECURE_AVIC;
	regs[EBX] = SNP_C_BIT | SEV_EBX_REDUCTION | SNP_VMPLS << 12 |
		    CPUID_SEV_EBX_COHERENT;
	regs[ECX] = 1;		/* guests at a time */
	regs[EDX] = 1;		/* first ASID without SEV-ES */
}

/* ---- ranges ------------------------------------------------------------- */

static void basic(struct host *h, unsigned int cpu, u32 leaf, u32 subleaf,
		  u64 xcr0, u32 regs[4])
{
	u32 id = h->vcpu[cpu].apic_id;
	bool xsave = host_has_xsave(h, cpu);

	switch (leaf) {
	case 0:
		if (!xsave && regs[EAX] >= CPUID_XSAVE_LEAF)
			regs[EAX] = CPUID_XSAVE_LEAF - 1;
		else if (regs[EAX] < 0xb)
			regs[EAX] = 0xb;
		break;
	case 1:
		leaf_1(h, id, regs, xsave);
		break;
	case 5:
	case 0xa:
		memset(regs, 0, 4 * sizeof(regs[0]));
		break;
	case 7:
		if (subleaf)
			break;
		regs[EBX] &= ~(L7_EBX_OFF | (xsave ? 0 : L7_EBX_AVX2));
		regs[ECX] &= ~L7_ECX_OFF;
		regs[EDX] &= ~L7_EDX_OFF;
		break;
	case 0xb:
		leaf_b(h, id, subleaf, regs);
		break;
	case CPUID_XSAVE_LEAF:
		if (xsave)
			leaf_d(h, cpu, subleaf, xcr0, regs);
		else
			memset(regs, 0, 4 * sizeof(regs[0]));
		break;
	}
}

static void extended(struct host *h, unsigned int cpu, u32 leaf, u32 regs[4])
{
	u32 id = h->vcpu[cpu].apic_id;
	unsigned int cpus = h->config.vcpus;

	switch (leaf) {
	case LEAF_EXT:
		regs[EAX] = LEAF_EXT_MAX;
		break;
	case 0x80000001:
		regs[ECX] &= ~(E1_ECX_OFF | E1_ECX_CMP);
		if (!host_has_xsave(h, cpu))
			regs[ECX] &= ~E1_ECX_XOP;
		regs[ECX] |= E1_ECX_TOPOEXT | (cpus > 1 ? E1_ECX_CMP : 0);
		break;
	case 0x80000007:
		regs[EDX] |= E7_EDX_INVARIANT;
		break;
	case 0x80000008:
		regs[ECX] = core_bits(h) << 12 | ((cpus - 1) & 0xff);
		break;
	case 0x8000000a:
		memset(regs, 0, 4 * sizeof(regs[0]));
		break;
	case 0x8000001e:
		regs[EAX] = id;
		regs[EBX] = id & 0xff;
		regs[ECX] = 0;
		regs[EDX] = 0;
		break;
	case CPUID_SEV_LEAF:
		leaf_sev(h, regs);
		break;
	}
}

/*
 * KVM's name keeps Linux in x2APIC mode without interrupt remapping; no
 * feature bit keeps it from anything else of KVM's (docs/linux.md).
 */
static void hypervisor(u32 leaf, u32 regs[4])
{
	memset(regs, 0, 4 * sizeof(regs[0]));
	if (leaf != CPUID_HV_LEAF)
		return;
	regs[EAX] = CPUID_HV_LEAF + 1;
	regs[EBX] = 0x4b4d564b;		/* "KVMKVMKVM\0\0\0" */
	regs[ECX] = 0x564b4d56;
	regs[EDX] = 0x4d;
}

void host_cpuid(struct host *h, unsigned int cpu, u32 leaf, u32 subleaf,
		u64 xcr0, u32 regs[4])
{
	u32 max[4];

	memset(regs, 0, 4 * sizeof(regs[0]));
	if (leaf >> 8 == CPUID_HV_LEAF >> 8)
		return hypervisor(leaf, regs);
	if (leaf >= LEAF_EXT && leaf <= LEAF_EXT_MAX) {
		native(h, cpu, leaf, subleaf, regs);
		return extended(h, cpu, leaf, regs);
	}
	native(h, cpu, 0, 0, max);
	basic(h, cpu, 0, 0, 0, max);
	if (leaf > max[EAX])
		return;
	native(h, cpu, leaf, subleaf, regs);
	basic(h, cpu, leaf, subleaf, xcr0, regs);
}
