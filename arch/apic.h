/* SPDX-License-Identifier: MIT */
/*
 * Local APIC registers. Offsets are those of the xAPIC page and of the
 * Secure AVIC backing page; an x2APIC register's MSR is 0x800 + offset / 16.
 * Source: AMD64 APM vol. 2 (24593) chapter 16 and section 15.36.21.
 */
#ifndef ARCH_APIC_H
#define ARCH_APIC_H

#include "types.h"

#define MSR_APIC_BASE			0x1b
#define APIC_BASE_BSP			BIT_ULL(8)
#define APIC_BASE_EXTD			BIT_ULL(10)
#define APIC_BASE_ENABLE		BIT_ULL(11)
#define APIC_BASE_ADDR			0xffffff000ull
#define APIC_DEFAULT_BASE		0xfee00000ull
#define MSR_TSC_DEADLINE		0x6e0

#define MSR_X2APIC_FIRST		0x800
#define MSR_X2APIC_LAST			0x8ff
#define X2APIC_MSR(offset)		(MSR_X2APIC_FIRST + ((offset) >> 4))
#define X2APIC_OFFSET(msr)		(((msr) - MSR_X2APIC_FIRST) << 4)

#define APIC_ID				0x020
#define APIC_VERSION			0x030
#define APIC_TPR			0x080
#define APIC_APR			0x090
#define APIC_PPR			0x0a0
#define APIC_EOI			0x0b0
#define APIC_RRR			0x0c0
#define APIC_LDR			0x0d0
#define APIC_DFR			0x0e0
#define APIC_SVR			0x0f0
#define APIC_ISR			0x100	/* eight, 0x10 apart */
#define APIC_TMR			0x180
#define APIC_IRR			0x200
#define APIC_ESR			0x280
#define APIC_LVT_CMCI			0x2f0
#define APIC_ICR			0x300
#define APIC_ICR2			0x310
#define APIC_LVT_TIMER			0x320
#define APIC_LVT_THERMAL		0x330
#define APIC_LVT_PERF			0x340
#define APIC_LVT_LINT0			0x350
#define APIC_LVT_LINT1			0x360
#define APIC_LVT_ERROR			0x370
#define APIC_TMICT			0x380
#define APIC_TMCCT			0x390
#define APIC_TDCR			0x3e0
#define APIC_SELF_IPI			0x3f0
#define APIC_EFEAT			0x400
#define APIC_ECTRL			0x410
#define APIC_SEOI			0x420
#define APIC_IER			0x480
#define APIC_EXT_LVT			0x500

#define APIC_SVR_ENABLE			BIT(8)
#define APIC_SVR_FOCUS			BIT(9)

#define APIC_LVT_VECTOR			0xffu
#define APIC_LVT_MODE			0x700u
#define APIC_LVT_PENDING		BIT(12)
#define APIC_LVT_POLARITY		BIT(13)
#define APIC_LVT_REMOTE_IRR		BIT(14)
#define APIC_LVT_LEVEL			BIT(15)
#define APIC_LVT_MASKED			BIT(16)
#define APIC_LVT_TIMER_MODE		(3u << 17)
#define APIC_LVT_TIMER_ONESHOT		(0u << 17)
#define APIC_LVT_TIMER_PERIODIC		(1u << 17)
#define APIC_LVT_TIMER_DEADLINE		(2u << 17)

#define APIC_ICR_VECTOR			0xffull
#define APIC_ICR_MODE_SHIFT		8
#define APIC_ICR_MODE			(7ull << APIC_ICR_MODE_SHIFT)
#define APIC_ICR_LOGICAL		BIT_ULL(11)
#define APIC_ICR_BUSY			BIT_ULL(12)
#define APIC_ICR_ASSERT			BIT_ULL(14)
#define APIC_ICR_LEVEL			BIT_ULL(15)
#define APIC_ICR_SHORTHAND_SHIFT	18
#define APIC_ICR_SHORTHAND		(3ull << APIC_ICR_SHORTHAND_SHIFT)
#define APIC_ICR_DEST_SHIFT		32

enum apic_mode {
	APIC_FIXED = 0,
	APIC_LOWEST = 1,
	APIC_SMI = 2,
	APIC_NMI = 4,
	APIC_INIT = 5,
	APIC_SIPI = 6,
	APIC_EXTINT = 7,
};

enum apic_shorthand {
	APIC_DEST_NONE = 0,
	APIC_DEST_SELF = 1,
	APIC_DEST_ALL = 2,
	APIC_DEST_OTHERS = 3,
};

#define APIC_ESR_SEND_CHECKSUM		BIT(0)
#define APIC_ESR_SEND_ACCEPT		BIT(2)
#define APIC_ESR_SEND_VECTOR		BIT(5)
#define APIC_ESR_RECV_VECTOR		BIT(6)
#define APIC_ESR_REGISTER		BIT(7)

#define APIC_VERSION_VALUE		0x00050014u	/* 6 LVTs, 14h */
#define APIC_BROADCAST			0xffffffffu

/* Logical ID that hardware derives from an x2APIC ID (APM 16.14). */
static inline u32 x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | BIT(id & 15);
}

/* Secure AVIC additions to the page (APM 15.36.21). */
#define SAVIC_ALLOWED_IRR		0x204	/* eight, 0x10 apart */
#define SAVIC_NMI_REQ			0x278

#define SAVIC_CONTROL_EN		BIT_ULL(0)
#define SAVIC_CONTROL_ALLOWED_NMI	BIT_ULL(1)
#define SAVIC_CONTROL_PAGE		0xffffffffff000ull
#define SAVIC_CONTROL_MBZ						\
	(~(SAVIC_CONTROL_PAGE | SAVIC_CONTROL_EN | SAVIC_CONTROL_ALLOWED_NMI))

#endif
