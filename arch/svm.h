/* SPDX-License-Identifier: MIT */
/*
 * SVM: the VMCB control area as an SEV-SNP host uses it, and exit codes.
 * Source: AMD64 APM vol. 2 (24593) table B-1 and appendix C.
 */
#ifndef ARCH_SVM_H
#define ARCH_SVM_H

#include "types.h"
#include "vmsa.h"

struct vmcb {
	u32 intercept[24];		/* 000 */
	u32 int_ctl;			/* 060 */
	u32 int_vector;			/* 064 */
	u64 int_state;			/* 068 */
	u64 exit_code;			/* 070 */
	u64 exit_info1;			/* 078 */
	u64 exit_info2;			/* 080 */
	u64 exit_int_info;		/* 088 */
	u64 np_enable;			/* 090 */
	u64 avic_bar;			/* 098 */
	u64 ghcb_gpa;			/* 0a0: the GHCB MSR of this VMPL */
	u64 event_inj;			/* 0a8 */
	u64 nested_cr3;			/* 0b0 */
	u8 reserved_0b8[0x108 - 0xb8];
	u64 vmsa_pa;			/* 108 */
	u8 reserved_110[0x134 - 0x110];
	u32 update_irr;			/* 134 */
	u64 allowed_sev_features;	/* 138 */
	u64 guest_sev_features;		/* 140 */
	u64 reserved_148;
	u32 requested_irr[8];		/* 150 */
	u8 reserved_170[4096 - 0x170];
};
ASSERT_OFFSET(struct vmcb, int_ctl, 0x60);
ASSERT_OFFSET(struct vmcb, int_state, 0x68);
ASSERT_OFFSET(struct vmcb, exit_code, 0x70);
ASSERT_OFFSET(struct vmcb, ghcb_gpa, 0xa0);
ASSERT_OFFSET(struct vmcb, event_inj, 0xa8);
ASSERT_OFFSET(struct vmcb, vmsa_pa, 0x108);
ASSERT_OFFSET(struct vmcb, update_irr, 0x134);
ASSERT_OFFSET(struct vmcb, allowed_sev_features, 0x138);
ASSERT_OFFSET(struct vmcb, guest_sev_features, 0x140);
ASSERT_OFFSET(struct vmcb, requested_irr, 0x150);
ASSERT_SIZE(struct vmcb, 4096);

#define ALLOWED_FEATURES_ENABLE		BIT_ULL(63)

#define INT_STATE_SHADOW		BIT_ULL(0)
#define INT_STATE_GUEST_IF		BIT_ULL(1)

/* Bits of intercept[] are numbered from VMCB offset 0 (APM table B-1). */
#define INTERCEPT_IDLE_HLT		(5 * 32 + 6)

enum svm_exit {
	EXIT_DR7_READ = 0x27,
	EXIT_DR7_WRITE = 0x37,
	EXIT_EXCEPTION = 0x40,		/* + vector */
	EXIT_INTR = 0x60,
	EXIT_NMI = 0x61,
	EXIT_SMI = 0x62,
	EXIT_INIT = 0x63,
	EXIT_VINTR = 0x64,
	EXIT_RDTSC = 0x6e,
	EXIT_RDPMC = 0x6f,
	EXIT_CPUID = 0x72,
	EXIT_SWINT = 0x75,
	EXIT_INVD = 0x76,
	EXIT_PAUSE = 0x77,
	EXIT_HLT = 0x78,
	EXIT_INVLPGA = 0x7a,
	EXIT_IOIO = 0x7b,
	EXIT_MSR = 0x7c,
	EXIT_TASK_SWITCH = 0x7d,
	EXIT_SHUTDOWN = 0x7f,
	EXIT_VMRUN = 0x80,
	EXIT_VMMCALL = 0x81,
	EXIT_VMLOAD = 0x82,
	EXIT_VMSAVE = 0x83,
	EXIT_STGI = 0x84,
	EXIT_CLGI = 0x85,
	EXIT_SKINIT = 0x86,
	EXIT_RDTSCP = 0x87,
	EXIT_ICEBP = 0x88,
	EXIT_WBINVD = 0x89,
	EXIT_MONITOR = 0x8a,
	EXIT_MWAIT = 0x8b,
	EXIT_MWAIT_ARMED = 0x8c,
	EXIT_XSETBV = 0x8d,
	EXIT_RDPRU = 0x8e,
	EXIT_IDLE_HLT = 0xa6,
	EXIT_NPF = 0x400,
	EXIT_AVIC_INCOMPLETE_IPI = 0x401,
	EXIT_AVIC_NOACCEL = 0x402,
	EXIT_VMGEXIT = 0x403,
	EXIT_PAGE_NOT_VALIDATED = 0x404,
	EXIT_NOT_RESTARTABLE = 0x406,
};

/* 64-bit codes that VMRUN itself returns (APM 15.36.20, appendix C). */
#define EXIT_INVALID			(~0ull)
#define EXIT_BUSY			(~0ull - 1)
#define EXIT_IDLE_REQUIRED		(~0ull - 2)

/*
 * What the host learns of a reflected exception: only that one happened.
 * The code is #VC's own exception intercept (APM 15.36.9: VMEXIT_VC).
 */
#define EXIT_VC				(EXIT_EXCEPTION + VECTOR_VC)

/* EXITINFO1 of a nested page fault (APM 15.25.6 and 15.36.10). */
#define NPF_PRESENT			BIT_ULL(0)
#define NPF_WRITE			BIT_ULL(1)
#define NPF_USER			BIT_ULL(2)
#define NPF_RESERVED			BIT_ULL(3)
#define NPF_FETCH			BIT_ULL(4)
#define NPF_RMP				BIT_ULL(31)
#define NPF_FINAL			BIT_ULL(32)
#define NPF_TABLE			BIT_ULL(33)
#define NPF_ENC				BIT_ULL(34)
#define NPF_SIZEM			BIT_ULL(35)
#define NPF_VMPL			BIT_ULL(36)
#define NPF_NOT_RESTARTABLE		BIT_ULL(63)

/* EXITINFO1 of IOIO (APM 15.10.2). */
#define IOIO_IN				BIT(0)
#define IOIO_STRING			BIT(2)
#define IOIO_REP			BIT(3)
#define IOIO_SIZE_SHIFT			4	/* one-hot: 1, 2, 4 bytes */
#define IOIO_ADDR_SHIFT			7	/* one-hot: 16, 32, 64 bits */
#define IOIO_SEG_SHIFT			10
#define IOIO_PORT_SHIFT			16

/* EXITINFO of the two Secure AVIC exits (APM 15.29.9, 15.36.21). */
#define AVIC_NOACCEL_OFFSET		0xff0ull
#define AVIC_NOACCEL_WRITE		BIT_ULL(32)
#define AVIC_IPI_ID_SHIFT		32

enum avic_ipi_failure {
	AVIC_IPI_INVALID_TYPE = 0,
	AVIC_IPI_NOT_RUNNING = 1,
	AVIC_IPI_INVALID_TARGET = 2,
	AVIC_IPI_INVALID_PAGE = 3,
	AVIC_IPI_INVALID_VECTOR = 4,
	AVIC_IPI_UNACCELERATED = 5,
};

#endif
