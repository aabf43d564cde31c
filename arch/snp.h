/* SPDX-License-Identifier: MIT */
/*
 * SEV-SNP: features, MSRs, VMPL permissions, result codes of the RMP
 * instructions. Source: AMD64 APM vol. 2 (24593) section 15.36.
 */
#ifndef ARCH_SNP_H
#define ARCH_SNP_H

#include "types.h"

#define SNP_VMPLS			4	/* CPUID 8000001F EBX[15:12] */
#define SNP_C_BIT			51	/* CPUID 8000001F EBX[5:0] */
#define SNP_C_MASK			BIT_ULL(SNP_C_BIT)

/* VMSA.SEV_FEATURES, APM vol. 2 table B-4. */
#define SEV_FEATURE_SNP			BIT_ULL(0)
#define SEV_FEATURE_VTOM		BIT_ULL(1)
#define SEV_FEATURE_REFLECT_VC		BIT_ULL(2)
#define SEV_FEATURE_RESTRICTED		BIT_ULL(3)
#define SEV_FEATURE_ALTERNATE		BIT_ULL(4)
#define SEV_FEATURE_DEBUG_SWAP		BIT_ULL(5)
#define SEV_FEATURE_NO_HOST_IBS		BIT_ULL(6)
#define SEV_FEATURE_BTB_ISOLATION	BIT_ULL(7)
#define SEV_FEATURE_VMPL_SSS		BIT_ULL(8)
#define SEV_FEATURE_SECURE_TSC		BIT_ULL(9)
#define SEV_FEATURE_VMGEXIT_PARAM	BIT_ULL(10)
#define SEV_FEATURE_IBS_VIRT		BIT_ULL(12)
#define SEV_FEATURE_GUEST_INTERCEPT	BIT_ULL(13)
#define SEV_FEATURE_VMSA_REG_PROT	BIT_ULL(14)
#define SEV_FEATURE_SMT_PROTECT		BIT_ULL(15)
#define SEV_FEATURE_SECURE_AVIC		BIT_ULL(16)

/* The three ways to present interrupts exclude each other in one VMSA. */
#define SEV_FEATURES_INJECTION						\
	(SEV_FEATURE_RESTRICTED | SEV_FEATURE_ALTERNATE |		\
	 SEV_FEATURE_SECURE_AVIC)

/* MSR SEV_STATUS: SEV, SEV-ES, then SEV_FEATURES bit n at bit n + 2. */
#define MSR_SEV_STATUS			0xc0010131
#define SEV_STATUS_SEV			BIT_ULL(0)
#define SEV_STATUS_ES			BIT_ULL(1)
#define SEV_STATUS_FEATURE_SHIFT	2

#define MSR_GHCB			0xc0010130
#define MSR_SAVIC_CONTROL		0xc0010138
#define MSR_SVSM_CAA			0xc001f000

/* CPUID 8000001F. */
#define CPUID_SEV_LEAF			0x8000001f
#define CPUID_SEV_EAX_SEV		BIT(1)
#define CPUID_SEV_EAX_ES		BIT(3)
#define CPUID_SEV_EAX_SNP		BIT(4)
#define CPUID_SEV_EAX_VMPL		BIT(5)
#define CPUID_SEV_EAX_RMPQUERY		BIT(6)
#define CPUID_SEV_EAX_RESTRICTED	BIT(12)
#define CPUID_SEV_EAX_ALTERNATE		BIT(13)
#define CPUID_SEV_EAX_DEBUG_SWAP	BIT(14)
#define CPUID_SEV_EAX_SECURE_AVIC	BIT(26)
#define CPUID_SEV_EAX_ALLOWED_FEATURES	BIT(27)
#define CPUID_SEV_EAX_SVSM		BIT(28)
#define CPUID_SEV_EBX_COHERENT		BIT(31)

/* VMPL permission byte of RMPADJUST and RMPQUERY (APM 15.36.7). */
#define VMPL_PERM_R			BIT(0)
#define VMPL_PERM_W			BIT(1)
#define VMPL_PERM_UX			BIT(2)
#define VMPL_PERM_SX			BIT(3)
#define VMPL_PERM_SSS			BIT(4)
#define VMPL_PERM_ALL			0x1f

/* PVALIDATE and RMPADJUST return codes in EAX (APM vol. 3). */
#define RMP_OK				0
#define RMP_FAIL_INPUT			1
#define RMP_FAIL_PERMISSION		2
#define RMP_FAIL_INUSE			3
#define RMP_FAIL_SIZEMISMATCH		6

/* RDX of RMPADJUST, and what RMPQUERY returns there. */
#define RMPADJUST_VMPL			0xffull
#define RMPADJUST_PERM_SHIFT		8
#define RMPADJUST_VMSA			BIT_ULL(16)

/* Secrets page, SEV-SNP firmware ABI (56860) and SVSM (58019) section 4. */
struct snp_secrets {
	u32 version;			/* 000 */
	u32 flags;			/* 004 */
	u32 fms;			/* 008 */
	u32 reserved_00c;
	u8 gosvw[16];			/* 010 */
	u8 vmpck[SNP_VMPLS][32];	/* 020 */
	u8 os_area[96];			/* 0a0 */
	u8 vmsa_tweak[64];		/* 100 */
	u64 svsm_base;			/* 140 */
	u64 svsm_size;			/* 148 */
	u64 svsm_caa;			/* 150 */
	u32 svsm_max_version;		/* 158 */
	u8 svsm_guest_vmpl;		/* 15c */
	u8 reserved_15d[3];
	u32 tsc_factor;			/* 160 */
	u8 reserved_164[4096 - 0x164];
};
ASSERT_OFFSET(struct snp_secrets, vmpck, 0x20);
ASSERT_OFFSET(struct snp_secrets, svsm_base, 0x140);
ASSERT_OFFSET(struct snp_secrets, tsc_factor, 0x160);
ASSERT_SIZE(struct snp_secrets, 4096);

/* CPUID page, SEV-SNP firmware ABI (56860) section 7.1. */
#define SNP_CPUID_ROWS			64

struct snp_cpuid_row {
	u32 eax_in;
	u32 ecx_in;
	u64 xcr0_in;
	u64 xss_in;
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
	u64 reserved;
};
ASSERT_SIZE(struct snp_cpuid_row, 48);

struct snp_cpuid_page {
	u32 count;
	u32 reserved_4;
	u64 reserved_8;
	struct snp_cpuid_row row[SNP_CPUID_ROWS];
	u8 reserved_c10[4096 - 16 - 64 * 48];
};
ASSERT_SIZE(struct snp_cpuid_page, 4096);

/* Confidential-computing blob that tells Linux where both pages are. */
#define CC_BLOB_MAGIC			0x45444d41

struct cc_blob {
	u32 magic;
	u16 version;
	u16 reserved_6;
	u64 secrets_phys;
	u32 secrets_len;
	u32 reserved_14;
	u64 cpuid_phys;
	u32 cpuid_len;
	u32 reserved_24;
};
ASSERT_SIZE(struct cc_blob, 40);

#endif
