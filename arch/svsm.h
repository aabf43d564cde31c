/* SPDX-License-Identifier: MIT */
/*
 * SVSM: the calls that a guest below VMPL 0 makes to its monitor.
 * Source: Secure VM Service Module for SEV-SNP Guests (58019); call numbers
 * and results as implemented (docs/monitor.md).
 */
#ifndef ARCH_SVSM_H
#define ARCH_SVSM_H

#include "types.h"

/* Calling area, in guest memory; 58019 section 4 "calling convention". */
struct svsm_ca {
	u8 call_pending;		/* 0: exchanged to 0 by whoever acts */
	u8 mem_available;		/* 1 */
	u8 no_eoi_required;		/* 2: APIC protocol only */
	u8 reserved_3[5];
};
ASSERT_OFFSET(struct svsm_ca, no_eoi_required, 2);
ASSERT_SIZE(struct svsm_ca, 8);

#define SVSM_MAX_VERSION		1	/* in the secrets page */

/* RAX[63:32]: protocol, RAX[31:0]: call. */
#define SVSM_PROTOCOL_CORE		0
#define SVSM_PROTOCOL_ATTESTATION	1
#define SVSM_PROTOCOL_VTPM		2
#define SVSM_PROTOCOL_APIC		3

#define SVSM_CORE_VERSION		1

enum svsm_core_call {
	SVSM_CORE_REMAP_CA = 0,
	SVSM_CORE_PVALIDATE = 1,
	SVSM_CORE_CREATE_VCPU = 2,
	SVSM_CORE_DELETE_VCPU = 3,
	SVSM_CORE_DEPOSIT_MEM = 4,
	SVSM_CORE_WITHDRAW_MEM = 5,
	SVSM_CORE_QUERY_PROTOCOL = 6,
	SVSM_CORE_CONFIGURE_VTOM = 7,
};

#define SVSM_APIC_VERSION		1

enum svsm_apic_number {
	SVSM_APIC_QUERY_FEATURES = 0,
	SVSM_APIC_CONFIGURE = 1,
	SVSM_APIC_READ_REGISTER = 2,
	SVSM_APIC_WRITE_REGISTER = 3,
	SVSM_APIC_CONFIGURE_VECTOR = 4,
};

/* RCX of APIC_CONFIGURE. */
#define SVSM_APIC_QUERY			0
#define SVSM_APIC_DEREGISTER		1
#define SVSM_APIC_REGISTER		2

/* RCX of APIC_CONFIGURE_VECTOR. */
#define SVSM_APIC_VECTOR		0xffull
#define SVSM_APIC_VECTOR_ENABLE		BIT_ULL(8)
#define SVSM_APIC_VECTOR_ALL		BIT_ULL(9)

/* RAX on return. A caller repeats on INCOMPLETE and BUSY. */
#define SVSM_SUCCESS			0ull
#define SVSM_ERR_INCOMPLETE		0x80000000ull
#define SVSM_ERR_UNSUPPORTED_PROTOCOL	0x80000001ull
#define SVSM_ERR_UNSUPPORTED_CALL	0x80000002ull
#define SVSM_ERR_INVALID_ADDRESS	0x80000003ull
#define SVSM_ERR_INVALID_FORMAT		0x80000004ull
#define SVSM_ERR_INVALID_PARAMETER	0x80000005ull
#define SVSM_ERR_INVALID_REQUEST	0x80000006ull
#define SVSM_ERR_BUSY			0x80000007ull

/* Protocol specific: PVALIDATE and RMPADJUST results of the core protocol. */
#define SVSM_ERR_PROTOCOL		0x80001000ull
#define SVSM_ERR_RMP(eax)		(SVSM_ERR_PROTOCOL + (eax))
#define SVSM_ERR_RMP_UNCHANGED		SVSM_ERR_RMP(0x10)

/* RCX of CORE_PVALIDATE: 8-byte aligned; entries follow, within one page. */
struct svsm_pvalidate {
	u16 entries;
	u16 next;			/* in: first one; out: first not done */
	u32 reserved;
};
ASSERT_OFFSET(struct svsm_pvalidate, next, 2);
ASSERT_SIZE(struct svsm_pvalidate, 8);

#define SVSM_PVALIDATE_SIZE		3ull		/* 0: 4 KiB, 1: 2 MiB */
#define SVSM_PVALIDATE_2M		1ull
#define SVSM_PVALIDATE_VALIDATE		BIT_ULL(2)
#define SVSM_PVALIDATE_IGNORE_CF	BIT_ULL(3)
#define SVSM_PVALIDATE_RESERVED		0xff0ull
#define SVSM_PVALIDATE_GPA		PAGE_MASK

/* RCX of CORE_CONFIGURE_VTOM. */
#define SVSM_VTOM_QUERY			BIT_ULL(0)

#endif
