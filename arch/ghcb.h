/* SPDX-License-Identifier: MIT */
/*
 * GHCB: the shared page and the MSR through which a guest asks its host.
 * Source: SEV-ES GHCB Standardization (56421). The codes 1Ah-1Dh and feature
 * bit 9 are known from implementations, not from a published revision.
 */
#ifndef ARCH_GHCB_H
#define ARCH_GHCB_H

#include "types.h"

struct ghcb {
	u8 reserved_000[0xcb];
	u8 cpl;				/* 0cb */
	u8 reserved_0cc[0x140 - 0xcc];
	u64 xss;			/* 140 */
	u8 reserved_148[0x160 - 0x148];
	u64 dr7;			/* 160 */
	u8 reserved_168[0x1f8 - 0x168];
	u64 rax;			/* 1f8 */
	u8 reserved_200[0x308 - 0x200];
	u64 rcx;			/* 308 */
	u64 rdx;			/* 310 */
	u64 rbx;			/* 318 */
	u64 reserved_320;
	u64 rbp;			/* 328 */
	u64 rsi;			/* 330 */
	u64 rdi;			/* 338 */
	u64 r8_15[8];			/* 340 */
	u8 reserved_380[16];
	u64 exit_code;			/* 390 */
	u64 exit_info1;			/* 398 */
	u64 exit_info2;			/* 3a0 */
	u64 scratch;			/* 3a8 */
	u8 reserved_3b0[0x3e8 - 0x3b0];
	u64 xcr0;			/* 3e8 */
	u64 valid[2];			/* 3f0: bit n is the qword at 8n */
	u64 x87_state_gpa;		/* 400 */
	u8 reserved_408[0x800 - 0x408];
	u8 buffer[0xff0 - 0x800];	/* 800 */
	u8 reserved_ff0[10];
	u16 version;			/* ffa */
	u32 usage;			/* ffc */
};
ASSERT_OFFSET(struct ghcb, xss, 0x140);
ASSERT_OFFSET(struct ghcb, rax, 0x1f8);
ASSERT_OFFSET(struct ghcb, rcx, 0x308);
ASSERT_OFFSET(struct ghcb, exit_code, 0x390);
ASSERT_OFFSET(struct ghcb, scratch, 0x3a8);
ASSERT_OFFSET(struct ghcb, xcr0, 0x3e8);
ASSERT_OFFSET(struct ghcb, valid, 0x3f0);
ASSERT_OFFSET(struct ghcb, buffer, 0x800);
ASSERT_OFFSET(struct ghcb, version, 0xffa);
ASSERT_SIZE(struct ghcb, 4096);

#define GHCB_VERSION_MIN		1
#define GHCB_VERSION_MAX		2

/* Number of a field's bit in the valid bitmap. */
#define GHCB_FIELD(field)	(offsetof(struct ghcb, field) / 8)

/* MSR protocol: low 12 bits are the code. */
#define GHCB_MSR_CODE			0xfffull
#define GHCB_MSR_INFO			0x001
#define GHCB_MSR_INFO_REQ		0x002
#define GHCB_MSR_CPUID_REQ		0x004
#define GHCB_MSR_CPUID			0x005
#define GHCB_MSR_AP_HOLD_REQ		0x006
#define GHCB_MSR_AP_HOLD		0x007
#define GHCB_MSR_PREFERRED_REQ		0x010
#define GHCB_MSR_PREFERRED		0x011
#define GHCB_MSR_REGISTER_REQ		0x012
#define GHCB_MSR_REGISTER		0x013
#define GHCB_MSR_PSC_REQ		0x014
#define GHCB_MSR_PSC			0x015
#define GHCB_MSR_RUN_VMPL_REQ		0x016
#define GHCB_MSR_RUN_VMPL		0x017
#define GHCB_MSR_UNREGISTER_REQ		0x018
#define GHCB_MSR_UNREGISTER		0x019
#define GHCB_MSR_FEATURES_REQ		0x080
#define GHCB_MSR_FEATURES		0x081
#define GHCB_MSR_TERMINATE		0x100

/* Non-automatic exits that have no SVM exit code of their own. */
enum ghcb_event {
	GHCB_MMIO_READ = 0x80000001,
	GHCB_MMIO_WRITE = 0x80000002,
	GHCB_NMI_COMPLETE = 0x80000003,
	GHCB_AP_HOLD = 0x80000004,
	GHCB_AP_JUMP_TABLE = 0x80000005,
	GHCB_PSC = 0x80000010,
	GHCB_GUEST_REQUEST = 0x80000011,
	GHCB_EXT_GUEST_REQUEST = 0x80000012,
	GHCB_AP_CREATION = 0x80000013,
	GHCB_DOORBELL = 0x80000014,
	GHCB_HV_IPI = 0x80000015,
	GHCB_HV_TIMER = 0x80000016,
	GHCB_APIC_ID_LIST = 0x80000017,
	GHCB_RUN_VMPL = 0x80000018,
	GHCB_SAVIC = 0x8000001a,
	GHCB_CONFIGURE_INJECTION = 0x8000001b,
	GHCB_DISABLE_ALTERNATE = 0x8000001c,
	GHCB_SPECIFIC_EOI = 0x8000001d,
	GHCB_FEATURES = 0x8000fffd,
	GHCB_TERMINATE = 0x8000fffe,
	GHCB_UNSUPPORTED = 0x8000ffff,
};

/* Hypervisor feature bitmap. */
#define GHCB_FEATURE_SNP		BIT_ULL(0)
#define GHCB_FEATURE_AP_CREATION	BIT_ULL(1)
#define GHCB_FEATURE_RESTRICTED		BIT_ULL(2)
#define GHCB_FEATURE_TIMER		BIT_ULL(3)
#define GHCB_FEATURE_APIC_ID_LIST	BIT_ULL(4)
#define GHCB_FEATURE_MULTI_VMPL		BIT_ULL(5)
#define GHCB_FEATURE_PSC		BIT_ULL(6)
#define GHCB_FEATURE_EXT_INTERRUPTS	BIT_ULL(9)
#define GHCB_FEATURE_RIDE		BIT_ULL(48)	/* ours: Run VMPL */

/* SW_EXITINFO1[31:0] on return, and SW_EXITINFO2 when it is MALFORMED. */
#define GHCB_RESULT_OK			0
#define GHCB_RESULT_EXCEPTION		1
#define GHCB_RESULT_MALFORMED		2

enum ghcb_error {
	GHCB_ERR_NOT_REGISTERED = 1,
	GHCB_ERR_USAGE = 2,
	GHCB_ERR_SCRATCH = 3,
	GHCB_ERR_MISSING_INPUT = 4,
	GHCB_ERR_INVALID_INPUT = 5,
	GHCB_ERR_INVALID_EVENT = 6,
};

/* Page state change: MSR operation [55:52] and the buffer of the event. */
#define PSC_OP_PRIVATE			1
#define PSC_OP_SHARED			2
#define PSC_OP_PSMASH			3
#define PSC_OP_UNSMASH			4
#define PSC_ENTRIES			253

#define PSC_ENTRY_CUR			0xfffull
#define PSC_ENTRY_GFN			0xffffffffff000ull
#define PSC_ENTRY_OP_SHIFT		52
#define PSC_ENTRY_OP			(0xfull << PSC_ENTRY_OP_SHIFT)
#define PSC_ENTRY_2M			BIT_ULL(56)

#define PSC_ERR_HEADER			(1ull << 32 | 1)
#define PSC_ERR_ENTRY			(1ull << 32 | 2)
#define PSC_ERR_GENERIC			(0x100ull << 32)

struct psc_buffer {
	u16 cur_entry;
	u16 end_entry;
	u32 reserved;
	u64 entry[PSC_ENTRIES];
};
ASSERT_SIZE(struct psc_buffer, 2032);

/* AP creation, SW_EXITINFO1. */
#define AP_CREATE_ON_INIT		0
#define AP_CREATE			1
#define AP_DESTROY			2

/* Doorbell page, SW_EXITINFO1. */
#define DOORBELL_GET_PREFERRED		0
#define DOORBELL_SET			1
#define DOORBELL_QUERY			2
#define DOORBELL_CLEAR			3

/*
 * Run VMPL, SW_EXITINFO1: [31:0] VMPL. Ours (GHCB_FEATURE_RIDE): [39:32] the
 * low byte of an event that is served first, 0 none; [63:40] and SW_EXITINFO2
 * are its two words, for HV IPI the other way round.
 */
#define RUN_VMPL_RIDE_SHIFT		32
#define RUN_VMPL_WORD_SHIFT		40

/* Secure AVIC, SW_EXITINFO1; RAX names the vCPU. */
#define GHCB_SAVIC_REGISTER		0
#define GHCB_SAVIC_UNREGISTER		1
#define GHCB_SAVIC_SELF			(~0ull)

#endif
