/* SPDX-License-Identifier: MIT */
/*
 * #HV doorbell page: how a host tells a VMPL that runs under Restricted
 * Injection what is pending, and, through it, VMPL 0 what is pending for the
 * VMPLs below. Shared memory; both sides write it, by atomic operations only.
 * Source: 56421 section 5.5; the extended part is known from
 * implementations, not from a published revision (56421 section 5.5).
 */
#ifndef ARCH_DOORBELL_H
#define ARCH_DOORBELL_H

#include "types.h"

/* One per VMPL 1..3: what is pending for it. */
struct doorbell_ext {
	u32 status;
	u32 irr[7];		/* word i holds vectors 32 * (i + 1) + bit */
	u32 isr[8];		/* at Disable Alternate Injection only */
};
ASSERT_OFFSET(struct doorbell_ext, irr, 0x04);
ASSERT_OFFSET(struct doorbell_ext, isr, 0x20);
ASSERT_SIZE(struct doorbell_ext, 0x40);

struct doorbell {
	union {
		u16 pending;		/* both bytes, for compare-exchange */
		struct {
			u8 vector;	/* 00: 0 is none */
			u8 flags;	/* 01 */
		};
	};
	u8 no_eoi_required;		/* 02: the host writes 0 or 1 */
	u8 per_vmpl_events;		/* 03: bit n - 1 is VMPL n */
	u8 reserved_04[0x40 - 4];
	struct doorbell_ext ext[3];	/* 40: of VMPL 1, 2, 3 */
	u8 software[4096 - 0x100];
};
ASSERT_OFFSET(struct doorbell, flags, 0x01);
ASSERT_OFFSET(struct doorbell, no_eoi_required, 0x02);
ASSERT_OFFSET(struct doorbell, per_vmpl_events, 0x03);
ASSERT_OFFSET(struct doorbell, ext[0], 0x40);
ASSERT_OFFSET(struct doorbell, ext[1], 0x80);
ASSERT_OFFSET(struct doorbell, ext[2], 0xc0);
ASSERT_OFFSET(struct doorbell, software, 0x100);
ASSERT_SIZE(struct doorbell, 4096);

/* doorbell.pending; doorbell.flags has the upper byte. */
#define DOORBELL_VECTOR			0x00ff
#define DOORBELL_NMI			0x0100
#define DOORBELL_MC			0x0200
#define DOORBELL_NO_FURTHER_SIGNAL	0x8000

#define DOORBELL_FLAG_NMI		(DOORBELL_NMI >> 8)
#define DOORBELL_FLAG_MC		(DOORBELL_MC >> 8)
#define DOORBELL_FLAG_NO_FURTHER_SIGNAL	(DOORBELL_NO_FURTHER_SIGNAL >> 8)

/* doorbell_ext.status */
#define DOORBELL_EXT_VECTOR		0xffu
#define DOORBELL_EXT_NMI		BIT(8)
#define DOORBELL_EXT_MC			BIT(9)
#define DOORBELL_EXT_LEVEL		BIT(10)
#define DOORBELL_EXT_MULTIPLE		BIT(14)
#define DOORBELL_EXT_IPI_REQUESTED	BIT(27)
#define DOORBELL_EXT_VECTOR_31		BIT(31)

/* Below it a vector is an exception's: no host presents one to a VMPL. */
#define DOORBELL_EXT_FIRST_VECTOR	31

/* doorbell.per_vmpl_events */
#define DOORBELL_EVENTS_VMPL(vmpl)	BIT((vmpl) - 1)

/* EVENTINJ of #HV: exception, vector 28, no error code. */
#define EVENT_HV			0x8000031cull

/* HV timer, 80000016h: SW_EXITINFO1. A layout of this project's own. */
#define HV_TIMER_VECTOR			0xffull
#define HV_TIMER_MODE_SHIFT		8
#define HV_TIMER_MODE			(3ull << HV_TIMER_MODE_SHIFT)
#define HV_TIMER_VMPL_SHIFT		16
#define HV_TIMER_VMPL			(0xfull << HV_TIMER_VMPL_SHIFT)

#define HV_TIMER_STOP			0
#define HV_TIMER_ONE_SHOT		1	/* SW_EXITINFO2: nanoseconds */
#define HV_TIMER_PERIODIC		2	/* SW_EXITINFO2: nanoseconds */
#define HV_TIMER_DEADLINE		3	/* SW_EXITINFO2: a TSC value */

/* Disable Alternate Injection, 8000001Ch: SW_EXITINFO1. */
#define DISABLE_ALTERNATE_IF		BIT_ULL(0)
#define DISABLE_ALTERNATE_SHADOW	BIT_ULL(1)
#define DISABLE_ALTERNATE_TPR_SHIFT	8
#define DISABLE_ALTERNATE_VMPL_SHIFT	16

/* Specific EOI, 8000001Dh: SW_EXITINFO1[7:0] is the vector. */
#define SPECIFIC_EOI_VMPL_SHIFT		16

#endif
